package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/config/settings"
	"github.com/trm-go/refiner/internal/ui"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

// The page of all commands is made from the commands, so that it cannot drift from them:
//
//	go test ./cmd/refine -run TestPage -update
func TestPage(t *testing.T) {
	const path = "../../docs/cli.md"
	got := page((&app{term: &ui.Terminal{}}).root())
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/cli.md is out of date, write it anew with -update (-want +got):\n%s", diff)
	}
}

func page(root *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The refine command\n\nMade from the command itself by `go test ./cmd/refine -run TestPage -update`.\n\n%s\n", root.Long)
	b.WriteString("\nSee also [exit codes](exit-codes.md), [JSON output](cli-json.md) and [import formats](import-formats.md).\n\n## Flags of every command\n\n")
	fmt.Fprintf(&b, "```\n%s```\n", root.PersistentFlags().FlagUsages())
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" {
				continue
			}
			long := sub.Long
			if long == "" {
				long = sub.Short + "."
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```\n%s\n", sub.CommandPath(), long, sub.UseLine())
			if flags := sub.LocalNonPersistentFlags(); flags.HasAvailableFlags() {
				fmt.Fprintf(&b, "\n%s", flags.FlagUsages())
			}
			if flags := sub.PersistentFlags(); flags.HasAvailableFlags() {
				fmt.Fprintf(&b, "\n%s", flags.FlagUsages())
			}
			if sub.Example != "" {
				fmt.Fprintf(&b, "\nExamples:\n%s\n", sub.Example)
			}
			b.WriteString("```\n")
			visit(sub)
		}
	}
	visit(root)
	b.WriteString("\n## Settings\n\nFlags win over variables, variables over the folder's `refine.yaml`, that over the user's `config.yaml`, that over the defaults.\n\n")
	b.WriteString("| setting | variable | default | meaning |\n|---|---|---|---|\n")
	for _, key := range settings.Keys() {
		value := fmt.Sprint(key.Default)
		if key.Name == "store.path" {
			value = "in the user's data folder"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", key.Name, key.Env, value, key.Help)
	}
	return b.String()
}

// Every command has a line of help, and none promises what is not there.
func TestHelpIsWhole(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no help", cmd.CommandPath())
		}
		if cmd.HasSubCommands() == false && cmd.Runnable() && cmd.Args == nil && cmd.Name() != "help" && cmd.Name() != "import" {
			t.Errorf("%s takes any arguments", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit((&app{term: &ui.Terminal{}}).root())

	var out bytes.Buffer
	if code := run(t.Context(), &ui.Terminal{Out: &out, Err: &out, In: strings.NewReader("")}, []string{"help", "search"}); code != ui.ExitOK || !strings.Contains(out.String(), "Exit codes:") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
}
