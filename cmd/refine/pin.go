package main

import (
	"maps"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) pinCommand() *cobra.Command {
	off := false
	cmd := &cobra.Command{
		Use:   "pin ID...",
		Short: "Put memories into every prompt",
		Long: `Pins memories: they stand in every prompt before what is recalled, within the tokens of
recall.pinned. So do memories of the kind persona. --off takes them out again, a persona
too. Each makes a new version, which refine history ID --undo takes back.`,
		Example: `  refine pin 01JC... --user mara
  refine list --pinned --user mara`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.writing(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			ids := []memory.ID{}
			for _, arg := range args {
				old, err := p.Store.Record(cmd.Context(), p.Scope, memory.ID(arg))
				if err != nil {
					return err
				}
				if !old.Superseded.IsZero() {
					return ui.Fail(ui.ExitError, "pin the version that is live: `refine history "+arg+"` shows it", "%s is superseded", arg)
				}
				id := old.ID
				if r := pinned(old, !off); r.Pinned() != old.Pinned() {
					if id, err = p.Store.Supersede(cmd.Context(), old.Scope, r, old.ID); err != nil {
						return err
					}
				}
				ids = append(ids, id)
			}
			if a.json {
				return a.term.JSON(struct {
					IDs []memory.ID `json:"ids"`
				}{ids})
			}
			for _, id := range ids {
				a.term.Printf("%s\n", id)
			}
			return nil
		}),
	}
	cmd.Flags().BoolVar(&off, "off", false, "take them out of the prompts")
	return cmd
}

// pinned is another version of a record, which is pinned or is not.
func pinned(r memory.Record, pin bool) memory.Record {
	r.ID, r.Key, r.Embedding, r.Meta = "", "", nil, maps.Clone(r.Meta)
	if delete(r.Meta, memory.MetaPinned); r.Pinned() != pin {
		if r.Meta == nil {
			r.Meta = map[string]string{}
		}
		r.Meta[memory.MetaPinned] = map[bool]string{true: "true", false: "false"}[pin]
	}
	return r
}
