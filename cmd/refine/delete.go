package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) deleteCommand() *cobra.Command {
	var ids, more []string
	var before moment
	all, yes, derived := false, false, false
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete records for privacy, from indices and snapshots too",
		Long: `Really deletes: from the records, the indices, the history, the store's log and free
pages, the snapshots beside the store, and what restores have put aside. Exports and
backups made by other means are out of reach. It cannot be undone; to replace a
memory and keep its history, use refine add --supersedes.`,
		Example: `  refine delete --user ada --id 01JC...
  refine delete --user ada --session 2025-03-09 --all
  refine delete --user ada --before 2023-01-01 --yes
  refine delete --user ada --all --yes`,
		Args: cobra.NoArgs,
		RunE: a.writing(func(cmd *cobra.Command, _ []string, p *integration.Plugin) (err error) {
			if len(ids) == 0 && p.Scope == (memory.Scope{}) && !anyChanged(cmd, "tenant", "user", "agent", "session") {
				return ui.Fail(ui.ExitUsage, `name the scope with --user, or mean the records of nobody with --user ""`, "--all and --before need a scope")
			}
			var copies []memory.Copy
			if integration.IsFile(a.settings.Store.Path) {
				if copies, err = memory.Copies(cmd.Context(), p.Store.Path()); err != nil {
					return err
				}
			}
			what := counted(len(ids), "record")
			if all {
				s, err := p.Store.Stats(cmd.Context(), p.Scope)
				if err != nil {
					return err
				}
				what = fmt.Sprintf("all %s %s", counted(s.Records, "record"), described(p.Scope))
			}
			if !before.IsZero() {
				what = "everything " + described(p.Scope) + " from before " + before.String() + ", and what was derived from it,"
			}
			if !yes && !a.term.Confirm(fmt.Sprintf("Delete %s for good, also from %s?", what, plural(len(copies)+len(more), "copy", "copies"))) {
				return ui.Fail(ui.ExitError, "agree at a terminal, or with --yes", "nothing was deleted: deleting %s has to be agreed to", what)
			}
			o := &memory.DeleteOptions{Derived: derived, Snapshots: more}
			var deleted memory.Deleted
			switch {
			case !before.IsZero():
				deleted, err = p.Store.Retain(cmd.Context(), p.Scope, before.Time, o)
			case all:
				deleted, err = p.Store.Forget(cmd.Context(), p.Scope, o)
			default:
				deleted, err = p.Store.Delete(cmd.Context(), p.Scope, as[memory.ID](ids), o)
			}
			if errors.Is(err, memory.ErrDerived) {
				return ui.Fail(ui.ExitError, "nothing was deleted; delete what rests on them too with --derived", "%w", err)
			}
			if err != nil {
				return err
			}
			return a.reportDeleted(deleted)
		}),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&ids, "id", nil, "ids of the records, within the scope")
	flags.BoolVar(&all, "all", false, "every record of the scope")
	flags.Var(&before, "before", "everything that was said before this day, with what was derived from it: the end of a retention period")
	flags.BoolVar(&derived, "derived", false, "also what was derived from them")
	flags.StringSliceVar(&more, "snapshot", nil, "delete from this copy of the store, too")
	flags.BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.MarkFlagsOneRequired("id", "all", "before")
	cmd.MarkFlagsMutuallyExclusive("id", "all", "before")
	return cmd
}

// reportDeleted tells what was deleted, and what could not be reached.
func (a *app) reportDeleted(d memory.Deleted) error {
	err := a.show(d, func() {
		a.term.Notef("deleted %s", counted(len(d.IDs), "record"))
		for _, path := range slices.Sorted(maps.Keys(d.Snapshots)) {
			a.term.Notef("deleted %s from %s", counted(d.Snapshots[path], "record"), path)
		}
		for _, path := range d.Missing {
			a.term.Notef("a copy was written to %s and is not there any more: if it was moved, delete from it with --snapshot", path)
		}
	})
	if err != nil || len(d.Pending) == 0 {
		return err
	}
	return ui.Fail(ui.ExitThreshold, "the deletion is kept and goes on when the store is opened next: `refine doctor` shows what is left",
		"%s could not be reached yet: %s", plural(len(d.Pending), "copy", "copies"), strings.Join(d.Pending, "; "))
}

func anyChanged(cmd *cobra.Command, flags ...string) bool {
	for _, name := range flags {
		if f := cmd.Flag(name); f != nil && f.Changed {
			return true
		}
	}
	return false
}
