package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) snapshotCommand() *cobra.Command {
	list := false
	cmd := &cobra.Command{
		Use:   "snapshot [FILE]",
		Short: "Copy the store to a file, checked, while it is in use",
		Long: `Copies the store to FILE, or into the folder "snapshots" beside the store. The copy is
checked and appears under its name once it is whole. --list shows the known copies.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.wholeFile(cmd); err != nil {
				return err
			}
			if list {
				return a.listCopies(cmd)
			}
			p, err := a.open(cmd) // SQLite copies only what it may write
			if err != nil {
				return err
			}
			defer p.Close()
			path := strings.Join(args, "")
			if path == "" {
				base, folder := filepath.Base(p.Store.Path()), beside.Snapshots(p.Store.Path())
				if err := os.MkdirAll(folder, 0o700); err != nil {
					return fmt.Errorf("snapshot: %w", err)
				}
				path = filepath.Join(folder, strings.TrimSuffix(base, filepath.Ext(base))+"-"+time.Now().UTC().Format("20060102T150405.000Z")+".db")
			}
			s, err := p.Store.Snapshot(cmd.Context(), path)
			if err != nil {
				return err
			}
			return a.show(s, func() {
				a.term.Notef("copied %s, %s", counted(s.Records, "record"), bytesText(s.Bytes))
				a.term.Printf("%s\n", s.Path)
			})
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "show the known copies instead")
	return cmd
}

func (a *app) listCopies(cmd *cobra.Command) error {
	list, err := memory.Copies(cmd.Context(), a.settings.Store.Path)
	if err != nil {
		return err
	}
	table := &ui.Table{Columns: []string{"made", "size", "file"}, Right: []string{"size"}}
	for _, k := range list {
		if k.Missing {
			table.Add("missing", "", k.Path)
			continue
		}
		table.Add(k.Made.Format(time.DateTime), bytesText(k.Bytes), k.Path)
	}
	return a.show(append([]memory.Copy{}, list...), func() { table.Print(a.term) })
}

// wholeFile reads the settings for a command that works on the whole of a store that is a file.
func (a *app) wholeFile(cmd *cobra.Command) error {
	if err := errors.Join(wholeStore(cmd), a.load(cmd)); err != nil {
		return err
	}
	return a.onlyFile(cmd)
}

func (a *app) restoreCommand() *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the store what a snapshot holds; what is there is copied aside first",
		Long: `Makes the store what a snapshot holds. The snapshot is checked, the present store is
copied aside, and its contents are replaced at once: other processes may have it
open. What was deleted for privacy since does not come back. A store that is there is
replaced only with --force, or when asked at a terminal.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.wholeFile(cmd); err != nil {
				return err
			}
			path := a.settings.Store.Path
			if _, err := os.Stat(args[0]); err != nil {
				return ui.Fail(ui.ExitNoStore, "nothing was changed; `refine snapshot --list` shows the known copies", "restore: %w", err)
			}
			if info, err := os.Stat(path); err == nil && info.Size() > 0 && !force &&
				!a.term.Confirm(fmt.Sprintf("Replace the store %s? It is copied aside first.", path)) {
				return ui.Fail(ui.ExitError, "replace it with --force: it is copied aside first", "there is a store at %s", path)
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			r, err := memory.Restore(cmd.Context(), path, args[0], &memory.Options{Wait: a.settings.Store.Wait, Log: a.log})
			const hint = "nothing was changed; `refine snapshot --list` shows the known copies"
			switch {
			case errors.Is(err, memory.ErrCorrupt):
				return ui.Fail(ui.ExitCorrupt, hint, "%w", err)
			case errors.Is(err, memory.ErrNoStore):
				return ui.Fail(ui.ExitNoStore, hint, "%w", err)
			case err != nil:
				return err
			}
			return a.show(r, func() {
				a.term.Notef("restored %s", counted(r.Records, "record"))
				if r.Withheld > 0 {
					a.term.Notef("%s deleted since stay deleted", counted(r.Withheld, "record"))
				}
				if r.Aside != "" {
					a.term.Notef("the store as it was: %s", r.Aside)
				}
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the store that is there without asking")
	return cmd
}

func (a *app) checkCommand() *cobra.Command {
	full := false
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look for damage; exits with 12 if there is any",
		Long: `Looks for damage. The quick check, which is the default, reads the structure of the
file and counts. The full one reads everything: every page, text, vector, source and
event, and compares the indices with the records.`,
		Args: cobra.NoArgs,
		RunE: a.loaded(func(cmd *cobra.Command, _ []string) error {
			path := a.settings.Store.Path
			report, err := a.check(cmd, path, full)
			if err != nil {
				return err
			}
			err = a.show(report, func() {
				for _, p := range report.Problems {
					a.term.Printf("%s\n", ui.Clean(p.String()))
				}
			})
			if err != nil {
				return err
			}
			if n := len(report.Problems); n > 0 {
				return ui.Fail(ui.ExitCorrupt, "go back to a snapshot: `refine snapshot --list`, `refine restore FILE --force`", "%s in %s", counted(n, "problem"), path)
			}
			if n := len(report.Pending); n > 0 {
				a.term.Notef("%s for privacy not carried out in every copy yet: see `refine doctor`", counted(n, "deletion"))
			}
			if !a.json {
				a.term.Notef("sound: %s", counted(report.Records, "record"))
			}
			return nil
		}),
	}
	cmd.Flags().Bool("quick", false, "read the structure and count (the default)")
	cmd.Flags().BoolVar(&full, "full", false, "read everything")
	cmd.MarkFlagsMutuallyExclusive("quick", "full")
	return cmd
}

// check checks the store, or its file alone if it is too damaged to be opened.
func (a *app) check(cmd *cobra.Command, path string, full bool) (memory.Report, error) {
	p, err := integration.New(cmd.Context(), a.settings.Config, &integration.Options{Log: a.log, AnyModel: true})
	if errors.Is(err, memory.ErrReadOnly) {
		p, err = integration.New(cmd.Context(), a.settings.Config, &integration.Options{Log: a.log, AnyModel: true, ReadOnly: true})
	}
	if errors.Is(err, memory.ErrCorrupt) {
		return memory.CheckFile(cmd.Context(), path, full)
	}
	if err != nil {
		return memory.Report{}, err
	}
	defer p.Close()
	store, err := a.inFile(cmd, p)
	if err != nil {
		return memory.Report{}, err
	}
	return store.Check(cmd.Context(), full)
}
