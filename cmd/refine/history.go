package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) historyCommand() *cobra.Command {
	undo := false
	cmd := &cobra.Command{
		Use:   "history ID",
		Short: "Show what became of a memory, or take its replacement back",
		Long: `Shows all versions of the memory that a record belongs to: what it replaced and what
replaced it. With --undo, what the record replaced is live again, and the record is
not. Both stay in the history.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			open := a.look
			if undo {
				open = a.open
			}
			p, err := open(cmd)
			if err != nil {
				return err
			}
			defer p.Close()
			id := memory.ID(args[0])
			if undo {
				if err := p.Store.Undo(cmd.Context(), p.Scope, id); err != nil {
					return err
				}
			}
			h, err := p.Store.History(cmd.Context(), p.Scope, id)
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(h)
			}
			table := &ui.Table{Columns: []string{"id", "said", "state", "text"}}
			for _, r := range h.Records {
				state := "live"
				switch {
				case r.SupersededBy != "":
					state = "superseded by " + string(r.SupersededBy)
				case !r.Superseded.IsZero():
					state = "taken back"
				}
				table.Add(string(r.ID), r.Created.Format(time.DateOnly), state, ui.Short(r.Text, a.room(80)))
			}
			table.Print(a.term)
			a.term.Printf("\n")
			events := &ui.Table{Columns: []string{"when", "what", "id", "by"}}
			for _, e := range h.Events {
				events.Add(e.At.Format(time.RFC3339), e.What, string(e.ID), string(e.By))
			}
			events.Print(a.term)
			return nil
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "take the replacement back")
	return cmd
}

// room is how many columns are left on the terminal's line once used ones are taken; 0, which does not cut, if there is
// no terminal.
func (a *app) room(used int) int {
	if a.term.Width == 0 {
		return 0
	}
	return max(20, a.term.Width-used)
}
