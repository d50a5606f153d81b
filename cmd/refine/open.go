package main

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

// open reads the settings and opens the store to read and write it.
func (a *app) open(cmd *cobra.Command) (*integration.Plugin, error) {
	return a.plugin(cmd, integration.Options{})
}

// look reads the settings and opens the store to read it only.
func (a *app) look(cmd *cobra.Command) (*integration.Plugin, error) {
	return a.plugin(cmd, integration.Options{ReadOnly: true})
}

// loaded runs a command with the settings read.
func (a *app) loaded(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := a.load(cmd); err != nil {
			return err
		}
		return f(cmd, args)
	}
}

// command is what a command does with the store open.
type command func(cmd *cobra.Command, args []string, p *integration.Plugin) error

// reading runs a command with the store open to read it only.
func (a *app) reading(f command) func(*cobra.Command, []string) error { return using(a.look, f) }

// writing runs a command with the store open to read and write it.
func (a *app) writing(f command) func(*cobra.Command, []string) error { return using(a.open, f) }

// writingIf is writing where the flag is set, else reading.
func (a *app) writingIf(flag *bool, f command) func(*cobra.Command, []string) error {
	return using(func(cmd *cobra.Command) (*integration.Plugin, error) {
		return a.plugin(cmd, integration.Options{ReadOnly: !*flag})
	}, f)
}

func using(open func(*cobra.Command) (*integration.Plugin, error), f command) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		p, err := open(cmd)
		if err != nil {
			return err
		}
		defer p.Close()
		return f(cmd, args, p)
	}
}

func (a *app) plugin(cmd *cobra.Command, o integration.Options) (*integration.Plugin, error) {
	if err := a.load(cmd); err != nil {
		return nil, err
	}
	o.Log = a.log
	return integration.New(cmd.Context(), a.settings.Config, &o)
}

// show prints a result: as JSON where that is asked for, else as people prints it.
func (a *app) show(result any, people func()) error {
	if a.json {
		return a.term.JSON(result)
	}
	people()
	return nil
}

// as are the strings of a flag as values of another type of string.
func as[T ~string](list []string) []T {
	out := make([]T, len(list))
	for i, s := range list {
		out[i] = T(strings.TrimSpace(s))
	}
	return out
}

// inFile is the plugin's store as a file, for the commands that look after one.
func (a *app) inFile(cmd *cobra.Command, p *integration.Plugin) (*memory.Store, error) {
	s, _ := p.Store.(*memory.Store)
	return s, a.onlyFile(cmd)
}

// onlyFile refuses a store that is no file.
func (a *app) onlyFile(cmd *cobra.Command) error {
	if integration.IsFile(a.settings.Store.Path) {
		return nil
	}
	return ui.Fail(ui.ExitUsage, "a database is looked after with its own tools; `refine migrate` copies it into a file (docs/engines.md)",
		"`%s` works on a store that is a file", cmd.CommandPath())
}

// named is how a person is told of a store: its file, and of an engine the address without a password.
func named(path string, p *integration.Plugin) string {
	if u, err := url.Parse(path); err == nil && !integration.IsFile(path) {
		return u.Redacted()
	}
	return p.Store.Path()
}

// chosen is the configured scope, or none if none is configured: commands that look after a store mean all of it then.
func (a *app) chosen() []memory.Scope {
	if scope := integration.Scope(a.settings.Config); scope != (memory.Scope{}) {
		return []memory.Scope{scope}
	}
	return nil
}

// wholeStore refuses a scope for a command that works on all of the store: a flag that is accepted must hold.
func wholeStore(cmd *cobra.Command) error {
	if !anyChanged(cmd, "tenant", "user", "agent", "session") {
		return nil
	}
	return ui.Fail(ui.ExitUsage, "leave --tenant, --user, --agent and --session out", "`%s` works on the whole store", cmd.CommandPath())
}

// moment is a flag's time.
type moment struct{ time.Time }

func (m *moment) Set(s string) error {
	if t, ok := text.ParsePeriod(s); ok {
		m.Time = t
		return nil
	}
	if t, ok := before(strings.ToLower(strings.TrimSpace(s)), time.Now()); ok {
		m.Time = t
		return nil
	}
	return ui.Fail(ui.ExitUsage, "", "%q is no time: use 2025-03-09, 2025-03-09T18:30:00+01:00, yesterday, 7d, 3 weeks or last month", s)
}

// ago is a span of time before now: 7d, 12h, 3 weeks, last month.
var ago = regexp.MustCompile(`^(last|\d{1,4})\s*(h|hours?|d|days?|w|weeks?|months?|y|years?)(?: ago)?$`)

// before reads a time that is given from now on backwards. A day begins at midnight of the local clock.
func before(s string, now time.Time) (time.Time, bool) {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch s {
	case "now":
		return now.UTC(), true
	case "today":
		return today.UTC(), true
	case "yesterday":
		return today.AddDate(0, 0, -1).UTC(), true
	}
	m := ago.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	n := 1
	if m[1] != "last" {
		n, _ = strconv.Atoi(m[1])
	}
	switch m[2][0] {
	case 'h':
		return now.Add(-time.Duration(n) * time.Hour).UTC(), true
	case 'd':
		return today.AddDate(0, 0, -n).UTC(), true
	case 'w':
		return today.AddDate(0, 0, -7*n).UTC(), true
	case 'm':
		return today.AddDate(0, -n, 0).UTC(), true
	}
	return today.AddDate(-n, 0, 0).UTC(), true
}

func (m *moment) String() string {
	if m.IsZero() {
		return ""
	}
	return m.Format(time.RFC3339)
}

func (m *moment) Type() string { return "time" }
