package consolidate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/trmcore"
)

// Reader is what a plan is made from; a [memory.Store] is one.
type Reader interface {
	// All yields the records of a scope, with History also the superseded ones.
	All(ctx context.Context, scope memory.Scope, o *memory.AllOptions) iter.Seq2[memory.Record, error]
	// Sign signs a plan with a key that only the store and its copies have.
	Sign(ctx context.Context, text []byte) (string, error)
}

// Options say how a plan is made. Nil is the same as a zero Options.
type Options struct {
	Policy Policy
	// Since leaves records alone that were created before. Zero: none.
	Since time.Time
	// Now is the time that ages are measured against. Zero: time.Now.
	Now time.Time
	// Writer words the summaries anew, shorter than their quotes, under the same checks. Nil: they consist of quotes.
	Writer Writer
	// Judge says how facts stand to each other that the rules leave apart, of Judgements pairs at most: those that share most
	// words. Nil: they stand.
	Judge Judge
	// Judgements is how many pairs the judge is asked about. Zero: DefaultJudgements.
	Judgements int
	// OnePass believes every summary as it is first written, without looking for what it lost: what the recursion is
	// measured against.
	OnePass bool
	// Progress is called now and then with how many records have been looked at of how many, in New's goroutine.
	Progress func(done, total int)
}

// New plans the consolidation of a scope. It reads only, and the same store, scope and options make the same plan.
func New(ctx context.Context, store Reader, scope memory.Scope, o *Options) (*Plan, error) {
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
	w := &writer{plan: p, all: all, stands: map[memory.ID]bool{}, now: now, single: o.OnePass, total: len(live), words: o.Writer, judge: o.Judge, judgements: cmp.Or(o.Judgements, DefaultJudgements)}
	if w.progress = o.Progress; w.progress == nil {
		w.progress = func(_, _ int) {}
	} else if o.Writer != nil {
		w.progress = func(done, total int) { o.Progress(done/10, total) } // most of the time goes to the writer
		w.worded = func(done, of int) { o.Progress(len(live)/10+len(live)*9/10*done/of, len(live)) }
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
	w.demote(live, taken)
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
func (w *writer) measure(live []*memory.Record) {
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

// writer turns what the recursion and the rules have found into changes.
type writer struct {
	plan *Plan
	all  map[memory.ID]*memory.Record
	now  time.Time

	stands map[memory.ID]bool // the turns that a live summary stands for
	stale  []*memory.Record   // live summaries that stand for nothing any more: one of their turns does not hold

	single     bool
	words      Writer
	judge      Judge
	judgements int
	progress   func(done, total int)
	worded     func(done, of int) // nil: nobody asks
	total      int
}

// id names the record of a change: by what it replaces and what it says, so that the same plan has the same names, and by a
// number, so that a plan that was undone is made again under others.
func (w *writer) id(c *Change) memory.ID {
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
func (w *writer) summaries(ctx context.Context, live []*memory.Record, ripe func(*memory.Record) bool, taken map[memory.ID]bool) error {
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
	for i, u := range y {
		if w.worded != nil {
			w.worded(i, len(y))
		}
		// A turn that is alone in its conversation and keeps every word is its own best summary.
		if u.fresh && !(len(u.sources) == 1 && len(u.replaces) == 0 && m.alone(u)) {
			if err := w.summarise(ctx, m, u, fresh); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole reports whether all that a summary rests on is still there and holds.
func (w *writer) whole(s *memory.Record) bool {
	for _, id := range s.DerivedFrom {
		if r := w.all[id]; r == nil || r.Kind != memory.KindTurn || !r.Superseded.IsZero() {
			return false
		}
	}
	return len(s.DerivedFrom) > 0
}

// summarise makes the change that writes a unit.
func (w *writer) summarise(ctx context.Context, m *material, u unit, loose map[memory.ID]bool) error {
	c := Change{Op: Summarise, Level: levels[u.level]}
	var agents, sessions []string
	r := memory.Record{Kind: memory.KindSummary, Origin: memory.Reconstructed, Position: -1, Confidence: 1, Text: render(m.quotes(u))}
	had := map[int32]bool{}
	for _, p := range u.picks {
		for _, f := range m.passages[p].facts {
			had[f] = true
		}
	}
	var dropped []int32
	asked := map[int32]bool{}
	for _, i := range u.sources {
		s := &m.sources[i]
		t := s.record
		r.Scope.Tenant, r.Scope.User = t.Scope.Tenant, t.Scope.User
		agents, sessions = append(agents, t.Scope.Agent), append(sessions, t.Scope.Session)
		r.Importance, r.Confidence = max(r.Importance, t.Importance), min(r.Confidence, t.Confidence)
		if r.ValidFrom.IsZero() || t.Created.Before(r.ValidFrom) {
			r.ValidFrom = t.Created
		}
		if t.Created.After(r.Created) {
			r.Created = t.Created
		}
		r.DerivedFrom = append(r.DerivedFrom, t.ID)
		for _, f := range s.facts {
			switch {
			case s.asks:
				asked[f] = true
				w.plan.Coverage.Asked++
				if had[f] {
					w.plan.Coverage.Kept++
				}
			case !had[f]:
				w.plan.Coverage.Dropped++
				dropped = append(dropped, f)
			}
		}
		if loose[t.ID] {
			c.Replaces = append(c.Replaces, t.ID)
			c.Before += packedTokens(t)
		}
	}
	c.Dropped = m.named(distinct(dropped))
	for _, id := range u.replaces {
		c.Replaces = append(c.Replaces, id)
		c.Before += packedTokens(w.all[id])
	}
	w.takeStale(&c, r.DerivedFrom)
	r.Scope.Agent, r.Scope.Session = only(agents), only(sessions)
	for _, p := range u.picks {
		r.Quotes = append(r.Quotes, memory.Quote{Source: m.sources[m.passages[p].source].record.ID, Text: m.passages[p].text})
	}
	r.Meta = map[string]string{"level": string(c.Level), "turns": strconv.Itoa(len(u.sources))}
	if len(u.sources) == 1 {
		r.Meta["single_source"] = "true"
	}
	c.After = packedTokens(&r)
	c.Why = plural(len(c.Replaces)-len(u.replaces), "turn")
	if len(u.replaces) > 0 {
		c.Why = plural(len(u.replaces), "summary") + " that speak of the same"
		if n := len(c.Replaces) - len(u.replaces); n > 0 {
			c.Why = plural(len(u.replaces), "summary") + " and " + plural(n, "turn") + " that speak of the same"
		}
	}
	c.Write = r
	if w.words != nil {
		var facts []string
		for _, f := range slices.Sorted(maps.Keys(asked)) {
			if had[f] {
				facts = append(facts, m.facts[f])
			}
		}
		if err := reword(ctx, w.words, &c, m.quotes(u), facts); err != nil {
			return err
		}
	}
	w.plan.Changes = append(w.plan.Changes, c)
	return nil
}

// takeStale lets a change replace the summaries of some of its turns that stand for nothing any more.
func (w *writer) takeStale(c *Change, turns []memory.ID) {
	w.stale = slices.DeleteFunc(w.stale, func(s *memory.Record) bool {
		of := slices.ContainsFunc(s.DerivedFrom, func(id memory.ID) bool { return slices.Contains(turns, id) })
		if of {
			c.Replaces = append(c.Replaces, s.ID)
		}
		return of
	})
}

// named are the names of facts, sorted.
func (m *material) named(facts []int32) (names []string) {
	for _, f := range facts {
		names = append(names, m.facts[f])
	}
	slices.Sort(names)
	return names
}

// only is the one value that all have, or "".
func only(values []string) string {
	for _, v := range values {
		if v != values[0] {
			return ""
		}
	}
	return values[0]
}
