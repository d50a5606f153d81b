package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) editCommand() *cobra.Command {
	var from, until moment
	cmd := &cobra.Command{
		Use:   "edit ID TEXT...",
		Short: "Correct a memory; the old version stays in its history",
		Long: `Writes a new version of a memory with another text. The old version is superseded and
stays in the history: refine history ID --undo takes the correction back.`,
		Example: `  refine edit 01JC... "Mara is allergic to hazelnuts." --user mara`,
		Args:    cobra.MinimumNArgs(2),
		RunE: a.writing(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			old, err := p.Store.Record(cmd.Context(), p.Scope, memory.ID(args[0]))
			if err != nil {
				return err
			}
			if !old.Superseded.IsZero() {
				return ui.Fail(ui.ExitError, "edit the version that is live: `refine history "+args[0]+"` shows it", "%s is superseded", args[0])
			}
			r := old
			r.ID, r.Key, r.Embedding = "", "", nil
			r.Text, r.Created = strings.Join(args[1:], " "), time.Now().UTC()
			r.Origin, r.DerivedFrom, r.Quotes = memory.Observed, nil, nil
			if !from.IsZero() {
				r.ValidFrom = from.Time
			}
			if !until.IsZero() {
				r.ValidUntil = until.Time
			}
			id, err := p.Store.Supersede(cmd.Context(), old.Scope, r, old.ID)
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(struct {
					ID memory.ID `json:"id"`
				}{id})
			}
			a.term.Printf("%s\n", id)
			return nil
		}),
	}
	cmd.Flags().Var(&from, "valid-from", "from when it is true")
	cmd.Flags().Var(&until, "valid-until", "until when it is true")
	return cmd
}
