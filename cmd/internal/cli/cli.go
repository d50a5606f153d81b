// Package cli is the shell that the commands refine and trm share: the root command with its usage errors and its version,
// what an error means for a person, and files that appear under their name once they are whole.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/internal/ui"
)

// Main runs a command until it ends or is interrupted, and exits with its code.
func Main(run func(ctx context.Context, term *ui.Terminal, args []string) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	code := run(ctx, ui.Std(), os.Args[1:])
	stop()
	os.Exit(code)
}

// Root gives a root command what every root has: the streams, usage errors with a hint, --json, which the page of that
// name documents, the exit codes at the end of each help text, and the version as a command and as a flag.
func Root(root *cobra.Command, term *ui.Terminal, json *bool, jsonPage, exitCodes string) *cobra.Command {
	name := root.Name()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SuggestionsMinimumDistance = 2
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		hint := fmt.Sprintf("run `%s --help` for the commands", name)
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			hint = fmt.Sprintf("did you mean `%s %s`?", name, like[0])
		}
		return ui.Fail(ui.ExitUsage, hint, "there is no command %q", args[0])
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.SetOut(term.Out)
	root.SetErr(term.Err)
	root.SetIn(term.In)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return Usagef(cmd, "%w", err) })
	root.SetUsageTemplate(root.UsageTemplate() + "\nExit codes: " + exitCodes + "\n")
	root.PersistentFlags().BoolVar(json, "json", false, "print JSON ("+jsonPage+")")
	root.Version = Info().String()
	root.SetVersionTemplate(name + " {{.Version}}\n")
	return root
}

// UsageErrors makes a wrong number of arguments, and flags that are missing or do not go together, usage errors in the commands
// beneath a root.
func UsageErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil && cmd.HasParent() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(check(cmd, args), cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
				return ui.Fail(ui.ExitUsage, "usage: "+cmd.UseLine(), "%s", plain(err))
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		UsageErrors(sub)
	}
}

var (
	counts   = regexp.MustCompile(`(\d+) arg\(s\)`)
	needOne  = regexp.MustCompile(`at least one of the flags in the group \[(.*)\] is required`)
	excluded = regexp.MustCompile(`if any flags in the group \[.*\] are set none of the others can be; \[(.*)\] were all set`)
)

// plain says what cobra finds wrong with arguments and flags in plainer words.
func plain(err error) string {
	flags := func(names string) []string {
		list := strings.Fields(names)
		for i, name := range list {
			list[i] = "--" + name
		}
		return list
	}
	said := counts.ReplaceAllStringFunc(err.Error(), func(s string) string {
		if n := counts.FindStringSubmatch(s)[1]; n != "1" {
			return n + " arguments"
		}
		return "1 argument"
	})
	if m := needOne.FindStringSubmatch(said); m != nil {
		return "one of these is needed: " + strings.Join(flags(m[1]), ", ")
	}
	if m := excluded.FindStringSubmatch(said); m != nil {
		return strings.Join(flags(m[1]), " and ") + " do not go together"
	}
	return said
}

// Group is a command that only holds others.
func Group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(commands...)
	return cmd
}

// Usagef is an error of the command line.
func Usagef(cmd *cobra.Command, format string, args ...any) error {
	return ui.Fail(ui.ExitUsage, fmt.Sprintf("run `%s --help`", cmd.CommandPath()), format, args...)
}

// Fix says how a command exits on an error, and what a person can do about it.
type Fix struct {
	Is   error
	Code int // zero: ui.ExitError
	Hint string
}

// Explain gives an error its exit code and its hint, of the first fix that fits. When ctx has ended, whatever failed failed of
// that.
func Explain(ctx context.Context, err error, fixes []Fix) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ui.Fail(ui.ExitInterrupted, "", "interrupted; nothing is half done")
	}
	if failure := (*ui.Failure)(nil); errors.As(err, &failure) {
		return err
	}
	for _, f := range fixes {
		if errors.Is(err, f.Is) {
			return &ui.Failure{Err: err, Hint: f.Hint, Code: max(f.Code, ui.ExitError)}
		}
	}
	return err
}
