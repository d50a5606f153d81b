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
	w := &planner{all: map[memory.ID]*memory.Record{}, stands: map[memory.ID]bool{}}
	if o != nil {
		w.options = *o
	}
	policy, err := w.options.Policy.filled()
	if err != nil {
		return nil, err
	}
	w.plan = &Plan{Version: planVersion, Scope: scope, Policy: policy, Changes: []Change{}}
	if err := w.make(ctx, store); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return w.plan, nil
}

// planner turns what the recursion and the rules have found into changes.
type planner struct {
	options Options
	plan    *Plan
	all     map[memory.ID]*memory.Record
	ripe    []*memory.Record   // the live records that may be consolidated
	stands  map[memory.ID]bool // the turns that a live summary stands for
	stale   []*memory.Record   // live summaries that stand for nothing any more: one of their turns does not hold
	total   int                // live records
}

func (w *planner) progress(done, total int) {
	if w.options.Progress != nil {
		w.options.Progress(done, total)
	}
}

func (w *planner) make(ctx context.Context, store refine.Store) error {
	p := w.plan
	if err := w.read(ctx, store); err != nil {
		return err
	}
	gone := map[memory.ID]bool{}
	for _, s := range w.stale {
		gone[s.ID] = true // it was shown no more
	}
	if err := w.facts(ctx); err != nil {
		return err
	}
	if p.Before.Tokens > p.Policy.Size {
		if err := w.summaries(ctx); err != nil {
			return err
		}
	}
	p.After = p.Before
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
	var err error
	p.Signature, err = store.Sign(ctx, []byte(p.Hash))
	return err
}

// read reads the scope, finds out which turns a summary stands for already, and counts what recall shows: those summaries, and
// all else.
func (w *planner) read(ctx context.Context, store refine.Store) error {
	var live []*memory.Record
	for r, err := range store.All(ctx, w.plan.Scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return err
		}
		w.all[r.ID] = &r
		if r.Superseded.IsZero() {
			live = append(live, &r)
		}
	}
	w.total = len(live)
	for _, r := range live {
		switch {
		case !isSummary(r):
		case !w.whole(r):
			w.stale = append(w.stale, r)
		default:
			for _, id := range r.DerivedFrom {
				w.stands[id] = true
			}
		}
	}
	now := w.options.Now
	if now.IsZero() {
		now = time.Now()
	}
	for _, r := range live {
		if !w.stands[r.ID] && !slices.Contains(w.stale, r) {
			w.plan.Before.Records++
			w.plan.Before.Tokens += packedTokens(r)
		}
		if !r.Created.Before(w.options.Since) && now.Sub(r.Created) >= w.plan.Policy.Age && r.ValidUntil.IsZero() {
			w.ripe = append(w.ripe, r)
		}
	}
	return nil
}

func isSummary(r *memory.Record) bool {
	return r.Kind == memory.KindSummary && r.Origin == memory.Reconstructed
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
func (w *planner) summaries(ctx context.Context) error {
	var turns, standing []*memory.Record // turns are loose ones, and those that summaries stand for
	loose, known := map[memory.ID]bool{}, map[memory.ID]bool{}
	for _, r := range w.ripe {
		switch {
		case w.stands[r.ID]:
		case r.Kind == memory.KindTurn && r.Origin == memory.Observed:
			turns, loose[r.ID], known[r.ID] = append(turns, r), true, true
		case r.Kind == memory.KindSummary && level(r) != "" && w.whole(r):
			standing = append(standing, r)
		}
	}
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
	slices.SortFunc(turns, func(a, b *memory.Record) int {
		return cmp.Or(strings.Compare(a.Scope.Agent, b.Scope.Agent), strings.Compare(a.Scope.Session, b.Scope.Session),
			a.Created.Truncate(24*time.Hour).Compare(b.Created.Truncate(24*time.Hour)), cmp.Compare(a.Position, b.Position),
			a.Created.Compare(b.Created), strings.Compare(string(a.ID), string(b.ID)))
	})
	m := prepare(turns, w.plan.Policy)
	number := make(map[memory.ID]int32, len(turns))
	for i, t := range turns {
		number[t.ID] = int32(i)
		if loose[t.ID] {
			m.loose = append(m.loose, int32(i))
		}
	}
	for _, s := range standing {
		if u, ok := m.adopt(s, number); ok {
			m.standing = append(m.standing, u)
		}
	}
	y, err := settle(ctx, m, net{top: slices.Index(levels, w.plan.Policy.Level), single: w.options.OnePass}, func(s trmcore.Step[draft, notes]) {
		w.plan.Steps = s.N
		w.progress(w.total-len(loose)/(s.N+1), w.total) // how many steps follow is not known
	})
	if err != nil {
		return err
	}
	for _, u := range y {
		// A turn that is alone in its conversation and keeps every word is its own best summary.
		if u.fresh && !(len(u.sources) == 1 && len(u.replaces) == 0 && m.alone(u)) {
			w.plan.Changes = append(w.plan.Changes, w.summarise(m, u, loose))
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
func (w *planner) summarise(m *material, u unit, loose map[memory.ID]bool) Change {
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
			case s.asks:
				w.plan.Coverage.Asked++
				if have[f] {
					w.plan.Coverage.Kept++
				}
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
	return c
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
