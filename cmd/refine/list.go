package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// listed is a page of memories. Its JSON is a contract: docs/cli-json.md.
type listed struct {
	Memories []memory.Record `json:"memories"`
	Next     int64           `json:"next"` // for --before; 0 at the end
}

func (a *app) listCommand() *cobra.Command {
	var since, until moment
	var kinds []string
	o := memory.ListOptions{}
	pinned := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List memories, the last written first",
		Long:  "Lists the memories of the scope, the last written first. refine users lists the scopes.",
		Example: `  refine list --user mara --last 5
  refine list --user mara --kind fact --since 7d
  refine list --user mara --state superseded --json`,
		Args: cobra.NoArgs,
		RunE: a.reading(func(cmd *cobra.Command, _ []string, p *integration.Plugin) (err error) {
			o.Kinds, o.Since, o.Until = as[memory.Kind](kinds), since.Time, until.Time
			for _, kind := range o.Kinds {
				if !slices.Contains(recordKinds, kind) {
					return ui.Fail(ui.ExitUsage, "use turn, fact, summary, persona or faq", "there is no kind %q", kind)
				}
			}
			page := listed{Memories: []memory.Record{}}
			if pinned {
				page.Memories, err = p.Store.Pinned(cmd.Context(), p.Scope, o.Limit)
			} else {
				page.Memories, page.Next, err = p.Store.List(cmd.Context(), p.Scope, &o)
			}
			if err != nil {
				return err
			}
			if len(page.Memories) == 0 && !a.json {
				return a.noneIn(cmd, p.Store, p.Scope)
			}
			return a.show(page, func() {
				narrow := a.term.Width > 0 && a.term.Width < 110 // too narrow for every column and a text
				table := &ui.Table{Columns: []string{"id", "said", "session", "kind", "who", "text"}}
				if narrow {
					table = &ui.Table{Columns: []string{"id", "said", "who", "text"}, Wrap: true}
				}
				for _, r := range page.Memories {
					id, day, who, text := string(r.ID), r.Created.Format(time.DateOnly), ui.Short(cmp.Or(r.Speaker, r.Role), 12), ui.Short(r.Text, a.room(90))
					if narrow {
						table.Add(id, day, who, ui.Short(r.Text, 120)) // on further lines
						continue
					}
					table.Add(id, day, ui.Short(r.Scope.Session, 16), string(r.Kind), who, text)
				}
				table.Print(a.term)
				if page.Next > 0 {
					a.term.Notef("there are more: go on with --before %d", page.Next)
				}
			})
		}),
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Limit, "last", 20, "how many")
	flags.BoolVar(&pinned, "pinned", false, "only what stands in every prompt; of the other filters the scope holds")
	flags.Int64Var(&o.Before, "before", 0, "go on where the list before ended")
	flags.StringSliceVar(&kinds, "kind", nil, "only these kinds: turn, fact, summary, persona, faq")
	flags.StringVar(&o.Role, "role", "", "only this role: user, assistant, system or tool")
	flags.StringVar((*string)(&o.State), "state", "live", "live, superseded or any")
	flags.Var(&since, "since", "only what was said from then on: 2025-03-09, yesterday, 7d")
	flags.Var(&until, "until", "only what was said before then")
	return cmd
}

var recordKinds = []memory.Kind{memory.KindTurn, memory.KindFact, memory.KindSummary, memory.KindPersona, memory.KindFAQ}

func (a *app) usersCommand() *cobra.Command {
	sessions := false
	cmd := &cobra.Command{
		Use:   "users",
		Short: "List whose memories the store holds",
		Long: `Lists the tenants and users of the whole store, or of --tenant and --user, with the
number of their sessions and memories. With --sessions each session has a line.`,
		Args: cobra.NoArgs,
		RunE: a.reading(func(cmd *cobra.Command, _ []string, p *integration.Plugin) error {
			places, err := p.Store.Places(cmd.Context(), p.Scope, len(a.chosen()) == 0)
			if err != nil {
				return err
			}
			if sessions {
				table := &ui.Table{Columns: []string{"tenant", "user", "agent", "session", "memories", "first", "last"}}
				for _, p := range places {
					s := p.Scope
					table.Add(ui.Clean(s.Tenant), ui.Clean(s.User), ui.Clean(s.Agent), ui.Clean(s.Session), thousands(p.Live), p.First.Format(time.DateOnly), p.Last.Format(time.DateOnly))
				}
				return a.show(places, func() { table.Print(a.term) })
			}
			users := perUser(places)
			table := &ui.Table{Columns: []string{"tenant", "user", "sessions", "memories", "first", "last"}}
			for _, u := range users {
				table.Add(ui.Clean(u.Tenant), ui.Clean(u.User), thousands(u.Sessions), thousands(u.Live), u.First.Format(time.DateOnly), u.Last.Format(time.DateOnly))
			}
			return a.show(users, func() { table.Print(a.term) })
		}),
	}
	cmd.Flags().BoolVar(&sessions, "sessions", false, "a line for each session")
	return cmd
}

// user is one user with what the store holds of them. Its JSON is a contract: docs/cli-json.md.
type user struct {
	Tenant   string    `json:"tenant"`
	User     string    `json:"user"`
	Sessions int       `json:"sessions"`
	Live     int       `json:"live"`
	Records  int       `json:"records"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// perUser sums places, which are in the order of tenant and user.
func perUser(places []memory.Place) []user {
	users := []user{}
	for _, p := range places {
		if n := len(users); n == 0 || users[n-1].Tenant != p.Scope.Tenant || users[n-1].User != p.Scope.User {
			users = append(users, user{Tenant: p.Scope.Tenant, User: p.Scope.User, First: p.First})
		}
		u := &users[len(users)-1]
		u.Sessions++
		u.Live += p.Live
		u.Records += p.Records
		u.First = slices.MinFunc([]time.Time{u.First, p.First}, time.Time.Compare)
		u.Last = slices.MaxFunc([]time.Time{u.Last, p.Last}, time.Time.Compare)
	}
	return users
}

// noneIn says that a scope holds nothing, and which users there are: a name that is written otherwise is the usual cause.
func (a *app) noneIn(cmd *cobra.Command, store refine.Records, scope memory.Scope) error {
	places, err := store.Places(cmd.Context(), memory.Scope{}, true)
	if err != nil {
		return err
	}
	var names []string
	for _, u := range perUser(places) {
		if u.Tenant == scope.Tenant && u.User == scope.User {
			a.term.Notef("no memory %s fits", described(scope))
			return nil
		}
		if u.Tenant == scope.Tenant {
			name := "user " + ui.Clean(u.User)
			if u.User == "" {
				name = "memories without a user"
			}
			names = append(names, name)
		}
	}
	hint := ""
	switch n := len(names); {
	case n > 8:
		hint = fmt.Sprintf("; this store has %s, and %d more: `refine users`", strings.Join(names[:8], ", "), n-8)
	case n > 0:
		hint = "; this store has " + strings.Join(names, ", ")
	}
	a.term.Notef("the store has no memories %s%s", described(scope), hint)
	return nil
}

// described names a scope in words.
func described(s memory.Scope) string {
	var parts []string
	for _, p := range []struct{ name, value string }{{"tenant", s.Tenant}, {"user", s.User}, {"agent", s.Agent}, {"session", s.Session}} {
		if p.value != "" {
			parts = append(parts, p.name+" "+ui.Clean(p.value))
		}
	}
	if len(parts) == 0 {
		return "without a user"
	}
	return "of " + strings.Join(parts, ", ")
}
