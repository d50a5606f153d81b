package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) addCommand() *cobra.Command {
	var at, from, until moment
	var supersedes []string
	r := memory.Record{Position: -1}
	pin := false
	cmd := &cobra.Command{
		Use:   "add TEXT|-",
		Short: "Remember one text; - reads it from stdin",
		Example: `  refine add "Mara is allergic to walnuts." --user mara --kind fact
  refine add "Mara moved to Porto." --user mara --supersedes 01JC...
  pbpaste | refine add - --role user --speaker Mara --at 2025-03-09`,
		Args: cobra.ExactArgs(1),
		RunE: a.writing(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			r.Text = args[0]
			if r.Text == "-" {
				text, err := io.ReadAll(io.LimitReader(a.term.In, memory.MaxText+1))
				if err != nil {
					return fmt.Errorf("read stdin: %w", err)
				}
				r.Text = strings.TrimSpace(string(text))
			}
			if r.Created = at.Time; at.IsZero() {
				r.Created = time.Now().UTC()
			}
			if pin {
				r = pinned(r, true)
			}
			r.Origin, r.ValidFrom, r.ValidUntil = memory.Observed, from.Time, until.Time
			added := memory.Added{Count: 1}
			var err error
			if len(supersedes) > 0 {
				var id memory.ID
				id, err = p.Supersede(cmd.Context(), p.Scope, r, as[memory.ID](supersedes)...)
				added.IDs = []memory.ID{id}
			} else {
				added, err = p.Remember(cmd.Context(), p.Scope, r)
			}
			if err != nil {
				return err
			}
			id, isNew := added.IDs[0], added.Count == 1
			result := struct {
				ID    memory.ID `json:"id"`
				Added bool      `json:"added"` // false: a record with this key was there already
			}{id, isNew}
			return a.show(result, func() {
				if !isNew {
					a.term.Notef("a record with the key %q was there already; nothing was added", ui.Clean(r.Key))
				}
				a.term.Printf("%s\n", id)
			})
		}),
	}
	flags := cmd.Flags()
	flags.BoolVar(&pin, "pin", false, "put it into every prompt")
	flags.StringVar((*string)(&r.Kind), "kind", string(memory.KindTurn), "turn, fact, summary, persona or faq")
	flags.StringVar(&r.Role, "role", "user", "user, assistant, system or tool")
	flags.StringVar(&r.Speaker, "speaker", "", "the name of who said it")
	flags.Var(&at, "at", "when it was said; now if it is not given")
	flags.Var(&from, "valid-from", "from when it is true")
	flags.Var(&until, "valid-until", "until when it is true")
	flags.Var((*timeToLive)(&until), "ttl", "for how long it is true from now on, like 4h, 90m, 7d or 2w, in place of --valid-until")
	cmd.MarkFlagsMutuallyExclusive("ttl", "valid-until")
	flags.StringVar(&r.Key, "key", "", "a key of your own; adding it twice adds nothing")
	flags.IntVar(&r.Position, "position", -1, "place in the session's order; negative: none")
	flags.Float64Var(&r.Importance, "importance", 0.5, "0 to 1")
	flags.Float64Var(&r.Confidence, "confidence", 1, "0 to 1")
	flags.StringToStringVar(&r.Meta, "meta", nil, "metadata, like city=Porto,source=mail")
	flags.StringSliceVar(&supersedes, "supersedes", nil, "ids of the records it takes the place of; they stay readable")
	return cmd
}

// timeToLive is a flag's span of time from now on: as Go writes them, or in days or weeks.
type timeToLive moment

func (l *timeToLive) Set(s string) error {
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	span, err := time.ParseDuration(s)
	if n := len(s) - 1; n > 0 && units[s[n]] > 0 {
		var count int
		count, err = strconv.Atoi(s[:n])
		span = time.Duration(min(count, 36500/7)) * units[s[n]]
	}
	if err != nil || span <= 0 {
		return ui.Fail(ui.ExitUsage, "", "%q is no span of time: use 4h, 90m, 7d or 2w", s)
	}
	l.Time = time.Now().UTC().Add(span)
	return nil
}

func (l *timeToLive) String() string { return "" }

func (l *timeToLive) Type() string { return "span" }

func (a *app) editCommand() *cobra.Command {
	var from, until moment
	cmd := &cobra.Command{
		Use:   "edit ID TEXT...",
		Short: "Correct a memory; the old version stays in its history",
		Long: `Writes a new version of a memory with another text. The old version is superseded and
stays in the history: refine history NEW-ID --undo takes the correction back.`,
		Example: `  refine edit 01JC... "Mara is allergic to hazelnuts." --user mara`,
		Args:    cobra.MinimumNArgs(2),
		RunE: a.writing(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			old, err := live(cmd, p, args[0])
			if err != nil {
				return err
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
			return a.show(map[string]memory.ID{"id": id}, func() { a.term.Printf("%s\n", id) })
		}),
	}
	cmd.Flags().Var(&from, "valid-from", "from when it is true")
	cmd.Flags().Var(&until, "valid-until", "until when it is true")
	return cmd
}

func (a *app) pinCommand() *cobra.Command {
	off := false
	cmd := &cobra.Command{
		Use:   "pin ID...",
		Short: "Put memories into every prompt",
		Long: `Pins memories: they stand in every prompt before what is recalled, within the tokens of
recall.pinned. So do memories of the kind persona. --off takes them out again, a persona
too. Each makes a new version, which refine history NEW-ID --undo takes back.`,
		Example: `  refine pin 01JC... --user mara
  refine list --pinned --user mara`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.writing(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			ids := []memory.ID{}
			for _, arg := range args {
				old, err := live(cmd, p, arg)
				if err != nil {
					return err
				}
				id := old.ID
				if r := pinned(old, !off); r.Pinned() != old.Pinned() {
					if id, err = p.Store.Supersede(cmd.Context(), old.Scope, r, old.ID); err != nil {
						return err
					}
				}
				ids = append(ids, id)
			}
			return a.show(map[string][]memory.ID{"ids": ids}, func() {
				for _, id := range ids {
					a.term.Printf("%s\n", id)
				}
			})
		}),
	}
	cmd.Flags().BoolVar(&off, "off", false, "take them out of the prompts")
	return cmd
}

// live is a memory that is not superseded, so that it can have a new version.
func live(cmd *cobra.Command, p *integration.Plugin, id string) (memory.Record, error) {
	r, err := p.Store.Record(cmd.Context(), p.Scope, memory.ID(id))
	if err == nil && !r.Superseded.IsZero() {
		err = ui.Fail(ui.ExitError, "name the version that is live: `refine history "+id+"` shows it", "%s is superseded", id)
	}
	return r, err
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

func (a *app) historyCommand() *cobra.Command {
	undo := false
	cmd := &cobra.Command{
		Use:   "history ID",
		Short: "Show what became of a memory, or take its replacement back",
		Long: `Shows all versions of the memory that a record belongs to: what it replaced and what
replaced it. With --undo, what the record replaced is live again, and the record is
not. Both stay in the history.`,
		Args: cobra.ExactArgs(1),
		RunE: a.writingIf(&undo, func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			id := memory.ID(args[0])
			if undo {
				if err := p.Store.Undo(cmd.Context(), p.Scope, id); errors.Is(err, memory.ErrInvalid) {
					return ui.Fail(ui.ExitError, fmt.Sprintf("only a live version that replaced another can be taken back: `refine history %s` shows which", ui.Clean(args[0])), "%w", err)
				} else if err != nil {
					return err
				}
			}
			h, err := p.Store.History(cmd.Context(), p.Scope, id)
			if err != nil {
				return err
			}
			return a.show(h, func() {
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
			})
		}),
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
