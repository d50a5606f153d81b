package memory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"time"

	terms "github.com/trm-go/refiner/internal/query"
	"github.com/trm-go/refiner/internal/text"
)

// CandidateOptions say how many candidates to bring. Nil is the same as a zero CandidateOptions.
type CandidateOptions struct {
	// Limit is the number of best matches by words, and the same number by vector. Zero means [DefaultCandidates].
	Limit int
	// Radius brings the neighbours of each match: the records of its session at most so many positions away. Zero means
	// [DefaultRadius], a negative radius none.
	Radius int
}

// The usual number of candidates, of each kind. With 100, recall@10 falls by .002 on LoCoMo and .015 on BEAM; 400 change
// nothing (bench/LOG.md).
const (
	DefaultCandidates = 200
	DefaultRadius     = 2
)

// Candidates returns the records a query may be answered from: the best by words (BM25), the best by vector, and the
// neighbours of both. Query.Limit does not bound them. Neighbours pass the query's filters too.
func (s *Store) Candidates(ctx context.Context, scope Scope, query Query, o *CandidateOptions) (*Candidates, error) {
	c, err := candidates(ctx, engine{s}, scope, query, o)
	return c, fail("search", err)
}

func candidates(ctx context.Context, e Engine, scope Scope, query Query, o *CandidateOptions) (*Candidates, error) {
	if o == nil {
		o = &CandidateOptions{}
	}
	radius := o.Radius
	if radius == 0 {
		radius = DefaultRadius
	}
	var c *Candidates
	err := ask(ctx, e, scope, query, o, func(v *shard, q *question) error {
		var err error
		c, err = v.candidates(ctx, q, radius)
		return err
	})
	return c, err
}

// ask makes a question of a query and hands it to f together with the shard that answers it, read-locked.
func ask(ctx context.Context, from Engine, scope Scope, query Query, o *CandidateOptions, f func(*shard, *question) error) error {
	parsed, err := terms.Parse(query.Text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if parsed.Plain == "" && len(query.Vector) == 0 {
		return fmt.Errorf("%w: the query is empty", ErrInvalid)
	}
	now := from.Now()
	if !query.At.IsZero() {
		now = query.At
	}
	q := &question{remark: isRemark(parsed.Plain), scope: scope, limit: o.Limit, vector: query.Vector, moment: micros(now)}
	q.terms, q.weights = text.Weighted(parsed.Plain)
	if q.limit <= 0 {
		q.limit = DefaultCandidates
	}
	if !query.Since.IsZero() || !query.Until.IsZero() || len(query.Kinds) > 0 || len(query.Where) > 0 {
		q.filter = &filter{since: always, until: never, kinds: query.Kinds, where: query.Where}
		if !query.Since.IsZero() {
			q.filter.since = micros(query.Since)
		}
		if !query.Until.IsZero() {
			q.filter.until = micros(query.Until)
		}
	}
	if q.must, q.not, err = from.Operators(ctx, scope, parsed.Must, parsed.Not); err != nil {
		return err
	}
	view, err := from.View(ctx, scope, query.At)
	if err != nil {
		return err
	}
	m := view.shard
	// Hashed vectors are likeness of letters, which the words have already: stores that hold them are searched without.
	if e := from.Embedder(); len(q.vector) == 0 && e != nil && e.Dim() > 0 && parsed.Plain != "" && hashedModel(e.Model()) == nil {
		// The lock is not held while the query is embedded: the embedder may be another machine.
		m.mu.RLock()
		c := &corpus{mu: &m.mu, p: m.p, area: m.p.area(scope)}
		m.mu.RUnlock()
		said := parsed.Plain
		if q.remark {
			said = spoken(said)
		}
		if q.vector, err = embedQuery(ctx, e, said, c); err != nil {
			return fmt.Errorf("embed the query: %w", err)
		}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(q.vector) > 0 {
		if err := checkVector(q.vector, m.dim); err != nil {
			return fmt.Errorf("the query's vector: %w", err)
		}
	}
	return f(m, q)
}

func embedQuery(ctx context.Context, e Embedder, query string, c Corpus) ([]float32, error) {
	if qe, ok := e.(QueryEmbedder); ok {
		return qe.EmbedQuery(ctx, query, c)
	}
	vectors, err := e.Embed(ctx, []string{query})
	if err != nil {
		return nil, err
	}
	if len(vectors) != 1 {
		return nil, fmt.Errorf("the embedder returned %d vectors for one text", len(vectors))
	}
	return vectors[0], nil
}

// corpus tells an embedder how common terms are in a question's scope.
type corpus struct {
	mu   *sync.RWMutex
	p    *partition
	area area
}

func (c *corpus) Len() int { return c.area.live }

func (c *corpus) DocFreq(term string) int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	t, ok := c.p.numbers[term]
	if !ok {
		return 0
	}
	return c.p.docFreq(c.area, t)
}

// candidates answers a question. The lock is held for reading.
func (m *shard) candidates(ctx context.Context, q *question, radius int) (*Candidates, error) {
	p := m.p
	a := p.area(q.scope)
	s := borrow(len(p.docs))
	list, allowed, err := p.match(ctx, q, a, m.index, s)
	if err != nil {
		return nil, err // the scratch is dirty: leave it to the collector
	}
	if radius > 0 {
		for i := range len(list) {
			list = p.neighbours(list, list[i].doc, radius, a, allowed, s)
		}
	}
	slices.SortFunc(list, func(x, y matched) int {
		dx, dy := &p.docs[x.doc], &p.docs[y.doc]
		switch {
		case dx.leaf != dy.leaf:
			return int(dx.leaf) - int(dy.leaf)
		case dx.position != dy.position:
			return int(dx.position) - int(dy.position)
		}
		return int(x.doc) - int(y.doc)
	})
	var mean float64
	if flat, ok := m.index.(*Flat); ok && len(q.vector) > 0 {
		rows := make([]int64, len(list))
		for i, x := range list {
			rows[i] = p.docs[x.doc].row
		}
		var cosines []float64
		cosines, mean = flat.cosines(q.vector, rows)
		for i := range list {
			list[i].vector = cosines[i]
		}
	}
	c := &Candidates{List: make([]Candidate, len(list)), Len: a.live, MeanTerms: a.mean(), Mean: mean, Now: seconds(q.moment), Speakers: p.speakersIn(q, a)}
	c.Remark = q.remark
	ties := m.ties(q, c.Speakers, list)
	frequency := p.frequencies(a)
	for i, x := range list {
		d := &p.docs[x.doc]
		c.List[i] = Candidate{
			Row: d.row, Lexical: x.lexical, Vector: x.vector, Tie: ties[x.doc],
			Kind: d.kind, Session: d.leaf, Speaker: d.speaker, Role: p.role(d.speaker), Position: d.position,
			Created: seconds(d.created), LastShown: seconds(d.lastShown), LastUsed: seconds(d.lastUsed), Shown: d.shown, Used: d.used,
			Importance: d.importance, Confidence: d.confidence, Surprise: d.surprise, Origin: d.origin,
			Asks: d.asks, Terms: d.terms, Information: a.information(d.terms, frequency),
		}
		if summary := p.shownFor(x.doc, q, a); summary != nil {
			c.List[i].stand(summary)
		}
	}
	s.finish(list)
	for i, w := range q.terms {
		t, share := p.spelled(w, q.weights[i], a)
		switch {
		case share == 0:
			c.Missing += q.weights[i] * idf(a.live, 0)
		case !slices.Contains(c.Query, t):
			c.Query, c.Weights = append(c.Query, t), append(c.Weights, share*q.weights[i]*idf(a.live, p.docFreq(a, t)))
		}
	}
	c.Word = func(t Term) string {
		m.mu.RLock()
		defer m.mu.RUnlock()
		if int(t) >= len(p.words) {
			return ""
		}
		return p.words[t]
	}
	return c, nil
}

// information is the mean inverse document frequency of terms in an area.
func (a area) information(terms []Term, frequency func(Term) int) float32 {
	sum := 0.0
	for _, t := range terms {
		sum += idf(a.live, min(a.live, frequency(t)))
	}
	return float32(sum / float64(max(1, len(terms))))
}

// stand lets a summary be shown for a candidate: showing and using it counts for what it stands for.
func (c *Candidate) stand(summary *doc) {
	c.Summary = summary.row
	c.Shown, c.LastShown = c.Shown+summary.shown, max(c.LastShown, seconds(summary.lastShown))
	c.Used, c.LastUsed = c.Used+summary.used, max(c.LastUsed, seconds(summary.lastUsed))
}

func seconds(us int64) int64 {
	if us < 0 && us%1e6 != 0 {
		return us/1e6 - 1
	}
	return us / 1e6
}

// neighbours adds the documents of the same session within radius positions. A record without a position has none.
func (p *partition) neighbours(list []matched, at uint32, radius int, a area, allowed []bool, s *scratch) []matched {
	d := &p.docs[at]
	if d.position < 0 {
		return list
	}
	docs := p.leaves[d.leaf].docs
	here, _ := slices.BinarySearchFunc(docs, at, p.before)
	add := func(i int) bool {
		n := docs[i]
		gap := int(p.docs[n].position) - int(d.position)
		if gap > radius || gap < -radius || p.docs[n].position < 0 {
			return false
		}
		if s.place[n] == 0 && (allowed == nil || allowed[n]) {
			list = append(list, matched{doc: n})
			s.place[n] = int32(len(list))
		}
		return true
	}
	for i := here - 1; i >= 0 && add(i); i-- {
	}
	for i := here + 1; i < len(docs) && add(i); i++ {
	}
	return list
}

// shardAt is the shard that answers for a moment: the live one, or one that is built of what was said by then and not
// superseded yet, whenever it was written down. That reads all records of the tenant and user, about 10 µs each.
func (s *Store) shardAt(ctx context.Context, scope Scope, at time.Time) (*shard, error) {
	if at.IsZero() {
		return s.shard(ctx, scope)
	}
	t, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = t.Rollback() }()
	h, err := readHead(ctx, t)
	if err != nil {
		return nil, err
	}
	moment := micros(at)
	if moment >= h.clock {
		_ = t.Rollback()
		return s.shard(ctx, scope)
	}
	sh := &shard{dim: h.dim}
	sh.p, sh.index, err = s.build(ctx, t, ownerOf(scope), h.dim, &moment)
	return sh, err
}
