package main

import (
	"fmt"
	"io"
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
	kind, pin := "", false
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
			r.Kind, r.Origin, r.ValidFrom, r.ValidUntil = memory.Kind(kind), memory.Observed, from.Time, until.Time
			result := struct {
				ID    memory.ID `json:"id"`
				Added bool      `json:"added"` // false: a record with this key was there already
			}{Added: true}
			if len(supersedes) > 0 {
				old := make([]memory.ID, len(supersedes))
				for i, id := range supersedes {
					old[i] = memory.ID(id)
				}
				id, err := p.Store.Supersede(cmd.Context(), p.Scope, r, old...)
				if err != nil {
					return err
				}
				result.ID = id
			} else {
				added, err := p.Remember(cmd.Context(), p.Scope, r)
				if err != nil {
					return err
				}
				result.ID, result.Added = added.IDs[0], added.Count == 1
			}
			if a.json {
				return a.term.JSON(result)
			}
			if !result.Added {
				a.term.Notef("a record with the key %q was there already; nothing was added", ui.Clean(r.Key))
			}
			a.term.Printf("%s\n", result.ID)
			return nil
		}),
	}
	flags := cmd.Flags()
	flags.BoolVar(&pin, "pin", false, "put it into every prompt")
	flags.StringVar(&kind, "kind", string(memory.KindTurn), "turn, fact, summary, persona or faq")
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
