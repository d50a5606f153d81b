package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

func (a *app) consolidateCommand() *cobra.Command {
	auto, dryRun := false, false
	var policy policyFlags
	var remote remoteFlags
	cmd := &cobra.Command{
		Use:   "consolidate",
		Short: "Refine old memories into fewer, without losing what matters; can be undone",
		Long: `Turns become summaries of a day, and where they speak of the same, of a week and a
month: exact quotes, with every name, number, date and negation of what is important.
Repeated facts become one, and a fact that a later one updates is true until then.

Look at a plan, then apply it; the store is copied first, and an interrupted run can
be finished or undone. --auto does all of it, for cron and systemd timers
(docs/consolidate.md); with nothing to do it changes nothing.

--chroma and --jsonl name a store of somebody else: it is read into a mirror, where
plans are made, applied and undone in the same way, and what changed is written back.`,
		Example: `  refine consolidate plan --user ada -o plan.json
  refine consolidate apply plan.json
  refine consolidate undo
  refine consolidate --auto --user ada --age 720h
  refine consolidate plan --jsonl notes.jsonl`,
		Args:    cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error { return policy.check(cmd) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !auto {
				return cmd.Help()
			}
			if dryRun {
				return a.planConsolidation(cmd, &policy, &remote, "", 0)
			}
			return a.runConsolidation(cmd, &remote, "applying", func(p *consolidated, changed func(done, total int)) (run consolidate.Run, err error) {
				o, err := a.planOptions(cmd, &policy)
				if err != nil {
					return run, err
				}
				looked, planned := a.watch("planning", "records")
				defer planned()
				o.Progress = looked
				return consolidate.Auto(cmd.Context(), p.Store, p.Scope, o, &consolidate.RunOptions{NoSnapshot: policy.noSnapshot, OnChange: func(done, total int) {
					planned()
					changed(done, total)
				}})
			})
		},
	}
	cmd.Flags().BoolVar(&auto, "auto", false, "plan and apply, or finish what was interrupted")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "with --auto: show the plan and apply nothing")
	policy.register(cmd, true)
	remote.register(cmd)
	cmd.AddCommand(a.consolidatePlanCommand(&remote), a.consolidateApplyCommand(&remote), a.consolidateUndoCommand(&remote), a.consolidateLogCommand(&remote))
	return cmd
}

// policyFlags are the flags of a policy.
type policyFlags struct {
	consolidate.Policy
	level      string
	since      moment
	noSnapshot bool
	judge      bool
}

func (f *policyFlags) register(cmd *cobra.Command, applies bool) {
	flags := cmd.Flags()
	flags.StringVar(&f.level, "level", string(consolidate.Month), "highest level of summaries: day, week or month")
	flags.DurationVar(&f.Age, "age", 0, "leave alone what is younger, for example 720h")
	flags.IntVar(&f.Size, "size", 0, "summarise nothing while what is remembered has no more tokens than this")
	flags.Var(&f.since, "since", "leave alone what is older")
	flags.Float64Var(&f.Share, "share", consolidate.DefaultShare, "share of the tokens that a summary may have before what is lost is put back; a quarter more at the level of weeks, half more of days")
	flags.IntVar(&f.Unit, "unit", consolidate.DefaultUnit, "tokens of turns that one summary stands for, about")
	flags.Float64Var(&f.Keep, "keep", consolidate.DefaultKeep, "importance from which on every name, number, date and negation is kept")
	flags.BoolVar(&f.judge, "judge", false, "let the configured language model say how facts stand to each other that the rules leave apart")
	if applies {
		flags.BoolVar(&f.noSnapshot, "no-snapshot", false, "do not copy the store first")
	}
}

// check refuses a policy that would keep nothing: zero means the default.
func (f *policyFlags) check(cmd *cobra.Command) error {
	for flag, zero := range map[string]bool{"keep": f.Keep == 0, "share": f.Share == 0, "unit": f.Unit == 0} {
		if zero && cmd.Flags().Changed(flag) {
			return ui.Fail(ui.ExitUsage, "leave --"+flag+" out for its default", "--%s 0 would keep nothing", flag)
		}
	}
	return nil
}

// planOptions are those that the flags ask for, with the configured model as the judge if that is wanted.
func (a *app) planOptions(cmd *cobra.Command, f *policyFlags) (*consolidate.Options, error) {
	o := &consolidate.Options{Policy: f.Policy, Since: f.since.Time}
	o.Policy.Level = consolidate.Level(f.level)
	if !f.judge {
		return o, nil
	}
	model, err := integration.Model(cmd.Context(), a.settings.Config)
	if err != nil {
		return nil, err
	}
	if model == nil {
		return nil, ui.Fail(ui.ExitUsage, "name one: `refine config` shows the settings of model", "--judge needs a language model, and none is configured")
	}
	o.Judge, o.JudgeName = model, a.settings.Model.Model
	return o, nil
}

// runConsolidation opens what is to be consolidated, shows how far a run is, writes back what it changed, and says what it did.
func (a *app) runConsolidation(cmd *cobra.Command, remote *remoteFlags, label string, do func(p *consolidated, changed func(done, total int)) (consolidate.Run, error)) error {
	p, err := a.openConsolidated(cmd, remote, true)
	if err != nil {
		return err
	}
	defer p.Close()
	changed, done := a.watch(label, "changes")
	run, err := do(p, changed)
	done()
	if err != nil {
		return planFailure(err)
	}
	return a.finish(cmd, p, run)
}

// within are the scopes whose plans and runs may be touched: the one that is given, or any if none is.
func (a *app) within(cmd *cobra.Command, remote *remoteFlags) []memory.Scope {
	scopes := a.chosen()
	switch {
	case remote.given():
		return nil // a mirror has a scope of its own
	case scopes == nil && anyChanged(cmd, "tenant", "user", "agent", "session"):
		return []memory.Scope{{}}
	}
	return scopes
}

// planFailure adds to the errors of plans what to do about them.
func planFailure(err error) error {
	switch {
	case errors.Is(err, consolidate.ErrPolicy):
		return ui.Fail(ui.ExitUsage, "run `refine consolidate plan --help`", "%w", err)
	case errors.Is(err, consolidate.ErrStale), errors.Is(err, consolidate.ErrTampered), errors.Is(err, consolidate.ErrUngrounded), errors.Is(err, consolidate.ErrPlan):
		return ui.Fail(ui.ExitError, "make a new plan: `refine consolidate plan -o plan.json`; nothing was changed", "%w", err)
	case errors.Is(err, consolidate.ErrScope):
		return ui.Fail(ui.ExitError, "leave --tenant, --user, --agent and --session out, or name that scope; nothing was changed", "%w", err)
	case errors.Is(err, consolidate.ErrNoRun), errors.Is(err, consolidate.ErrLater):
		return ui.Fail(ui.ExitError, "see what was applied: `refine consolidate log`", "%w", err)
	}
	return err
}

func (a *app) consolidatePlanCommand(remote *remoteFlags) *cobra.Command {
	var policy policyFlags
	out, limit := "", 0
	cmd := &cobra.Command{
		Use:     "plan",
		Short:   "Show what a consolidation would do; reads only",
		Args:    cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error { return policy.check(cmd) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.planConsolidation(cmd, &policy, remote, out, limit)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "write the plan to this file, for apply")
	cmd.Flags().IntVar(&limit, "show", 20, "changes to show; 0: all")
	policy.register(cmd, false)
	return cmd
}

func (a *app) planConsolidation(cmd *cobra.Command, policy *policyFlags, remote *remoteFlags, out string, limit int) error {
	p, err := a.openConsolidated(cmd, remote, false)
	if err != nil {
		return err
	}
	defer p.Close()
	o, err := a.planOptions(cmd, policy)
	if err != nil {
		return err
	}
	looked, planned := a.watch("planning", "records")
	o.Progress = looked
	plan, err := consolidate.New(cmd.Context(), p.Store, p.Scope, o)
	planned()
	if err != nil {
		return planFailure(err)
	}
	if out != "" {
		if err := writePlan(out, plan); err != nil {
			return err
		}
	}
	if a.json {
		return plan.Write(a.term.Out)
	}
	if err := a.showPlan(cmd, p, plan, limit); err != nil {
		return err
	}
	if out != "" {
		a.term.Notef("apply it with `refine consolidate apply %s`", out)
	}
	return nil
}

// watch shows a bar with the time left once it is told how much there is to do, until it is told to stop.
func (a *app) watch(label, unit string) (set func(done, total int), stop func()) {
	var bar *ui.Progress
	set = func(done, total int) {
		if bar == nil {
			bar = a.term.Progress(label, unit, int64(total))
		}
		bar.Set(int64(done))
	}
	return set, func() {
		if bar != nil {
			bar.Done()
		}
	}
}

// showPlan prints what a plan does, what goes in red and what is new in green.
func (a *app) showPlan(cmd *cobra.Command, p *consolidated, plan *consolidate.Plan, limit int) error {
	var b bytes.Buffer
	err := plan.Diff(&b, limit, func(id memory.ID) (memory.Record, bool) {
		r, err := p.Store.Record(cmd.Context(), plan.Scope, id)
		return r, err == nil
	})
	if err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		text := strings.TrimLeft(line, " ")
		line = line[:len(line)-len(text)] + ui.Clean(strings.TrimSuffix(text, "\n"))
		switch {
		case strings.HasPrefix(line, "  - "):
			line = a.term.Paint(ui.Red, line)
		case strings.HasPrefix(line, "  + "):
			line = a.term.Paint(ui.Green, line)
		case line != "" && line[0] != ' ':
			line = a.term.Paint(ui.Bold, line)
		}
		a.term.Printf("%s\n", line)
	}
	return nil
}

// writePlan writes the plan beside its place first, so that no half plan is ever found there.
func writePlan(path string, plan *consolidate.Plan) error {
	if err := beside.Write(path, 0o600, func(f *os.File) error { return plan.Write(f) }); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	return nil
}

func (a *app) consolidateApplyCommand(remote *remoteFlags) *cobra.Command {
	dryRun, noSnapshot := false, false
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Apply a plan, after a snapshot; finishes an interrupted run of it",
		Long: `Applies a plan that ` + "`refine consolidate plan -o PLAN`" + ` has written; "-" reads it from
the standard input. A plan that was changed is refused, and so is one that names a
record which has changed since. The store is copied first. If it is interrupted, apply
the same plan again, or undo it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := io.Reader(cmd.InOrStdin())
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return fmt.Errorf("read the plan: %w", err)
				}
				defer func() { _ = f.Close() }()
				in = f
			}
			plan, err := consolidate.Read(in)
			if err != nil {
				return planFailure(err)
			}
			if dryRun {
				if a.json {
					return plan.Write(a.term.Out)
				}
				p, err := a.openConsolidated(cmd, remote, false)
				if err != nil {
					return err
				}
				defer p.Close()
				return a.showPlan(cmd, p, plan, 0)
			}
			return a.runConsolidation(cmd, remote, "applying", func(p *consolidated, changed func(done, total int)) (consolidate.Run, error) {
				return consolidate.Apply(cmd.Context(), p.Store, plan, &consolidate.RunOptions{NoSnapshot: noSnapshot, OnChange: changed, Scopes: a.within(cmd, remote)})
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show the plan and apply nothing")
	cmd.Flags().BoolVar(&noSnapshot, "no-snapshot", false, "do not copy the store first")
	return cmd
}

func (a *app) consolidateUndoCommand(remote *remoteFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "undo [RUN]",
		Short: "Take back the last run, or the one that is named",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return a.runConsolidation(cmd, remote, "undoing", func(p *consolidated, changed func(done, total int)) (consolidate.Run, error) {
				return consolidate.Undo(cmd.Context(), p.Store, name, &consolidate.RunOptions{OnChange: changed, Scopes: a.within(cmd, remote)})
			})
		},
	}
}

// ran is what apply, undo and --auto did. Its JSON is a contract: docs/cli-json.md.
type ran struct {
	consolidate.Run
	Pushed *mirror.Pushed `json:"pushed,omitempty"` // to the store of somebody else
}

// finish writes back what a run changed, and shows it.
func (a *app) finish(cmd *cobra.Command, p *consolidated, run consolidate.Run) error {
	pushed, err := p.push(cmd.Context())
	if err != nil {
		return err
	}
	if a.json {
		return a.term.JSON(ran{run, pushed})
	}
	if pushed != nil && *pushed != (mirror.Pushed{}) {
		a.term.Notef("written back: %s, %s marked, %s removed, %s put back", counted(pushed.Written, "derived document"),
			thousands(pushed.Marked), thousands(pushed.Removed), thousands(pushed.Restored))
	}
	if run.Name == "" {
		a.term.Notef("nothing to consolidate")
		return nil
	}
	from, to := run.Before, run.After
	if run.State == consolidate.Undone {
		from, to = to, from
	}
	a.term.Notef("%s %s: %s, records %s → %s, tokens %s → %s", run.State, run.Name, counted(run.Changes, "change"),
		thousands(from.Records), thousands(to.Records), thousands(from.Tokens), thousands(to.Tokens))
	if run.Skipped > 0 {
		a.term.Notef("left as somebody else has changed it meanwhile: %s", counted(run.Skipped, "change"))
	}
	if run.State == consolidate.Applied {
		a.term.Notef("take it back with `refine consolidate undo %s`", run.Name)
		if run.Snapshot != "" {
			a.term.Notef("the store as it was: %s", run.Snapshot)
		}
	}
	return nil
}

func (a *app) consolidateLogCommand(remote *remoteFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "log",
		Short: "Show the runs, oldest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(cmd); err != nil {
				return err
			}
			path := a.settings.Store.Path
			if !integration.IsFile(path) {
				p, err := a.look(cmd)
				if err != nil {
					return err
				}
				path = p.Store.Path()
				if err := p.Close(); err != nil {
					return err
				}
			}
			if remote.given() {
				var err error
				if path, err = a.mirrorPath(remote); err != nil {
					return err
				}
			}
			runs, err := consolidate.Runs(path, a.within(cmd, remote)...)
			if err != nil {
				return err
			}
			if a.json {
				if runs == nil {
					runs = []consolidate.Run{}
				}
				return a.term.JSON(runs)
			}
			table := &ui.Table{Columns: []string{"run", "state", "changed", "changes", "tokens", "scope"}, Right: []string{"changes", "tokens"}}
			for _, r := range runs {
				scope := "no user"
				if r.Scope != (memory.Scope{}) {
					scope = strings.TrimPrefix(described(r.Scope), "of ")
				}
				table.Add(r.Name, r.State, r.Changed.Format("2006-01-02 15:04"), thousands(r.Changes), thousands(r.Before.Tokens)+" → "+thousands(r.After.Tokens), scope)
			}
			table.Print(a.term)
			return nil
		},
	}
}
