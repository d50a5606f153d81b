package consolidate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/refine/internal/excerpt"
	"github.com/trm-go/refiner/specialists"
	"github.com/trm-go/refiner/trmcore"
)

// Options say how a plan is made. Nil is the same as a zero Options.
type Options struct {
	Policy Policy
	// Since leaves records alone that were created before. Zero: none.
	Since time.Time
	// Now is the time that ages are measured against. Zero: time.Now.
	Now time.Time
	// Judge is a language model that says how facts stand to each other that the rules leave apart, of the 200 pairs that share
	// most words, and JudgeName is its name in the plan. Nil: they stand.
	Judge     specialists.Model
	JudgeName string
	// OnePass believes every summary as it is first written, without looking for what it lost: what the recursion is
	// measured against.
	OnePass bool
	// Progress is called now and then with how many records have been looked at of how many, in New's goroutine.
	Progress func(done, total int)
}

// New plans the consolidation of a scope. It reads only, and the same store, scope and options make the same plan.
func New(ctx context.Context, store refine.Store, scope memory.Scope, o *Options) (*Plan, error) {
	if o == nil {
		o = &Options{}
	}
	policy, err := o.Policy.filled()
	if err != nil {
		return nil, err
	}
	now := o.Now
	if now.IsZero() {
		now = time.Now()
	}
	p := &Plan{Version: planVersion, Scope: scope, Policy: policy, Changes: []Change{}}
	var live []*memory.Record
	all := map[memory.ID]*memory.Record{}
	for r, err := range store.All(ctx, scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
		record := r
		all[r.ID] = &record
		if r.Superseded.IsZero() {
			live = append(live, &record)
		}
	}
	ripe := func(r *memory.Record) bool {
		return !r.Created.Before(o.Since) && now.Sub(r.Created) >= policy.Age
	}
	w := &planner{plan: p, all: all, stands: map[memory.ID]bool{}, now: now, single: o.OnePass, total: len(live), judge: o.Judge, judgeName: o.JudgeName, progress: o.Progress}
	if w.progress == nil {
		w.progress = func(_, _ int) {}
	}
	w.measure(live)
	stale := slices.Clone(w.stale)
	taken, err := w.facts(ctx, live, ripe)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if p.Before.Tokens > policy.Size {
		if err := w.summaries(ctx, live, ripe, taken); err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
	}
	p.After = p.Before
	gone := map[memory.ID]bool{}
	for _, s := range stale {
		gone[s.ID] = true // it was shown no more
	}
	for i := range p.Changes {
		c := &p.Changes[i]
		c.Write.ID = w.id(c)
		p.After.Records++
		for _, id := range c.Replaces {
			if !gone[id] {
				p.After.Records--
			}
		}
		p.After.Tokens += c.After - c.Before
	}
	p.Hash = p.sum()
	if p.Signature, err = store.Sign(ctx, []byte(p.Hash)); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return p, nil
}

// measure finds out which turns a summary stands for already, and counts what recall shows: those summaries, and all else.
func (w *planner) measure(live []*memory.Record) {
	for _, r := range live {
		if !isSummary(r) {
			continue
		}
		if !w.whole(r) {
			w.stale = append(w.stale, r)
			continue
		}
		for _, id := range r.DerivedFrom {
			w.stands[id] = true
		}
	}
	for _, r := range live {
		if !w.stands[r.ID] && !slices.Contains(w.stale, r) {
			w.plan.Before.Records++
			w.plan.Before.Tokens += packedTokens(r)
		}
	}
}

func isSummary(r *memory.Record) bool {
	return r.Kind == memory.KindSummary && r.Origin == memory.Reconstructed
}

// planner turns what the recursion and the rules have found into changes.
type planner struct {
	plan *Plan
	all  map[memory.ID]*memory.Record
	now  time.Time

	stands map[memory.ID]bool // the turns that a live summary stands for
	stale  []*memory.Record   // live summaries that stand for nothing any more: one of their turns does not hold

	single    bool
	judge     specialists.Model
	judgeName string
	progress  func(done, total int)
	total     int
}

// id names the record of a change: by what it replaces and what it says, so that the same plan has the same names, and by a
// number, so that a plan that was undone is made again under others.
func (w *planner) id(c *Change) memory.ID {
	for n := range uint64(1 << 32) {
		h := sha256.New()
		h.Write(binary.BigEndian.AppendUint64([]byte(c.Op), n))
		for _, r := range append(c.Replaces, c.Write.DerivedFrom...) {
			h.Write([]byte(r))
		}
		h.Write([]byte(c.Write.Text))
		var made ulid.ULID
		_ = made.SetTime(uint64(max(0, c.Write.Created.UnixMilli()))) // fits until the year 10889
		_ = made.SetEntropy(h.Sum(nil)[:10])
		if id := memory.ID(made.String()); w.all[id] == nil {
			return id
		}
	}
	return ""
}

// level of a summary, as its metadata tells; "" for one that was not made here.
func level(r *memory.Record) Level { return Level(r.Meta["level"]) }

// summaries runs the recursion over the turns and summaries that are ripe.
func (w *planner) summaries(ctx context.Context, live []*memory.Record, ripe func(*memory.Record) bool, taken map[memory.ID]bool) error {
	var turns []*memory.Record // loose ones, and those that summaries stand for
	known := map[memory.ID]bool{}
	var standing []*memory.Record
	for _, r := range live {
		switch {
		case taken[r.ID] || w.stands[r.ID] || !ripe(r) || !r.ValidUntil.IsZero():
		case r.Kind == memory.KindTurn && r.Origin == memory.Observed:
			turns, known[r.ID] = append(turns, r), true
		case r.Kind == memory.KindSummary && level(r) != "" && w.whole(r):
			standing = append(standing, r)
		}
	}
	loose := len(turns)
	for _, s := range standing {
		for _, id := range s.DerivedFrom {
			if !known[id] {
				turns, known[id] = append(turns, w.all[id]), true
			}
		}
	}
	if len(turns) == 0 {
		return nil
	}
	fresh := map[memory.ID]bool{}
	for _, t := range turns[:loose] {
		fresh[t.ID] = true
	}
	slices.SortFunc(turns, func(a, b *memory.Record) int {
		return cmp.Or(strings.Compare(a.Scope.Agent, b.Scope.Agent), strings.Compare(a.Scope.Session, b.Scope.Session),
			a.Created.Truncate(24*time.Hour).Compare(b.Created.Truncate(24*time.Hour)), cmp.Compare(a.Position, b.Position),
			a.Created.Compare(b.Created), strings.Compare(string(a.ID), string(b.ID)))
	})
	m := prepare(turns, w.plan.Policy)
	number := make(map[memory.ID]int32, len(turns))
	for i, t := range turns {
		number[t.ID] = int32(i)
		if fresh[t.ID] {
			m.loose = append(m.loose, int32(i))
		}
	}
	for _, s := range standing {
		if u, ok := m.adopt(s, number); ok {
			m.standing = append(m.standing, u)
		}
	}
	y, err := settle(ctx, m, net{top: slices.Index(levels, w.plan.Policy.Level), single: w.single}, func(s trmcore.Step[draft, notes]) {
		w.plan.Steps = s.N
		w.progress(w.total-loose/(s.N+1), w.total) // nobody knows how many steps are to come
	})
	if err != nil {
		return err
	}
	for _, u := range y {
		// A turn that is alone in its conversation and keeps every word is its own best summary.
		if u.fresh && !(len(u.sources) == 1 && len(u.replaces) == 0 && m.alone(u)) {
			w.summarise(m, u, fresh)
		}
	}
	return nil
}

// whole reports whether all that a summary rests on is still there and holds.
func (w *planner) whole(s *memory.Record) bool {
	for _, id := range s.DerivedFrom {
		if r := w.all[id]; r == nil || r.Kind != memory.KindTurn || !r.Superseded.IsZero() {
			return false
		}
	}
	return len(s.DerivedFrom) > 0
}

// summarise makes the change that writes a unit.
func (w *planner) summarise(m *material, u unit, loose map[memory.ID]bool) {
	first := m.sources[u.sources[0]].record
	c := Change{Op: Summarise, Level: levels[u.level], Write: memory.Record{
		Kind: memory.KindSummary, Origin: memory.Reconstructed, Position: -1, Text: excerpt.Render(m.quotes(u)),
		Scope: first.Scope, Confidence: 1, ValidFrom: first.Created, Created: first.Created,
		Meta: map[string]string{"level": string(levels[u.level]), "turns": strconv.Itoa(len(u.sources))},
	}}
	r := &c.Write
	if len(u.sources) == 1 {
		r.Meta["single_source"] = "true"
	}
	have := m.held(u.picks)
	dropped := map[string]bool{}
	for _, i := range u.sources {
		s := &m.sources[i]
		t := s.record
		if t.Scope.Agent != r.Scope.Agent {
			r.Scope.Agent = "" // one value that all have, or none
		}
		if t.Scope.Session != r.Scope.Session {
			r.Scope.Session = ""
		}
		r.Importance, r.Confidence = max(r.Importance, t.Importance), min(r.Confidence, t.Confidence)
		if t.Created.Before(r.ValidFrom) {
			r.ValidFrom = t.Created
		}
		if t.Created.After(r.Created) {
			r.Created = t.Created
		}
		r.DerivedFrom = append(r.DerivedFrom, t.ID)
		for _, f := range s.facts {
			switch {
			case s.asks && have[f]:
				w.plan.Coverage.Asked, w.plan.Coverage.Kept = w.plan.Coverage.Asked+1, w.plan.Coverage.Kept+1
			case s.asks:
				w.plan.Coverage.Asked++
			case !have[f]:
				w.plan.Coverage.Dropped++
				dropped[m.facts[f]] = true
			}
		}
		if loose[t.ID] {
			c.Replaces = append(c.Replaces, t.ID)
			c.Before += packedTokens(t)
		}
	}
	c.Dropped = slices.Sorted(maps.Keys(dropped))
	for _, p := range u.picks {
		r.Quotes = append(r.Quotes, memory.Quote{Source: m.sources[m.passages[p].source].record.ID, Text: m.passages[p].text})
	}
	turns := len(c.Replaces)
	for _, id := range u.replaces {
		c.Replaces = append(c.Replaces, id)
		c.Before += packedTokens(w.all[id])
	}
	w.takeStale(&c)
	c.After = packedTokens(r)
	switch summaries := plural(len(u.replaces), "summary"); {
	case len(u.replaces) == 0:
		c.Why = plural(turns, "turn")
	case turns == 0:
		c.Why = summaries + " that speak of the same"
	default:
		c.Why = summaries + " and " + plural(turns, "turn") + " that speak of the same"
	}
	w.plan.Changes = append(w.plan.Changes, c)
}

// takeStale lets a change replace the summaries of some of its turns that stand for nothing any more.
func (w *planner) takeStale(c *Change) {
	w.stale = slices.DeleteFunc(w.stale, func(s *memory.Record) bool {
		of := slices.ContainsFunc(s.DerivedFrom, func(id memory.ID) bool { return slices.Contains(c.Write.DerivedFrom, id) })
		if of {
			c.Replaces = append(c.Replaces, s.ID)
		}
		return of
	})
}
