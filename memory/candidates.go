package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trm-go/refiner/internal/query"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory/internal/disk"
	"github.com/trm-go/refiner/memory/internal/index"
)

// How many candidates there are: the best matches by words, the same number by vector, and the records of their sessions at most so many
// positions away. With 100, recall@10 falls by .002 on LoCoMo and .015 on BEAM; 400 change nothing (bench/LOG.md).
const (
	DefaultCandidates = 200
	DefaultRadius     = 2
)

// MaxQuery is the longest text of a query, in bytes.
const MaxQuery = query.Max

// Candidates returns the records a query may be answered from: the best by words (BM25), the best by vector, and the
// neighbours of both. Query.Limit does not bound them. Neighbours pass the query's filters too.
func (s *Store) Candidates(ctx context.Context, scope Scope, q Query) (*Candidates, error) {
	c, err := s.candidates(ctx, scope, q, DefaultRadius)
	return c, s.fail("search", err)
}

func (s *Store) candidates(ctx context.Context, scope Scope, q Query, radius int) (*Candidates, error) {
	return candidates(ctx, engine{s}, scope, q, radius)
}

func candidates(ctx context.Context, from Engine, scope Scope, q Query, radius int) (*Candidates, error) {
	parsed, err := query.Parse(q.Text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if parsed.Plain == "" && len(q.Vector) == 0 {
		return nil, fmt.Errorf("%w: the query is empty", ErrInvalid)
	}
	question := &index.Question{Remark: index.IsRemark(parsed.Plain), Place: placeOf(scope), Limit: DefaultCandidates, Radius: radius, Vector: q.Vector,
		Filter: q.filter()}
	question.Terms, question.Weights = text.Weighted(parsed.Plain)
	now := from.Now()
	if !q.At.IsZero() {
		now = q.At
	}
	question.Moment = micros(now)
	view, err := from.View(ctx, scope, q.At)
	if err != nil {
		return nil, err
	}
	if question.Must, question.Not, err = operators(ctx, from, view, scope, parsed); err != nil {
		return nil, err
	}
	// Hashed vectors were likeness of letters, which the words have already; a store that holds some finds by words alone.
	if e := from.Embedder(); len(q.Vector) == 0 && e != nil && e.Dim() > 0 && parsed.Plain != "" {
		said := parsed.Plain
		if question.Remark {
			said = index.Spoken(said)
		}
		// No lock is held while the query is embedded: the embedder may be another machine.
		if question.Vector, err = embedQuery(ctx, e, said); err != nil {
			return nil, fmt.Errorf("embed the query: %w", err)
		}
	}
	view.mu.RLock()
	defer view.mu.RUnlock()
	if len(question.Vector) > 0 {
		if err := checkVector(question.Vector, view.dim); err != nil {
			return nil, fmt.Errorf("the query's vector: %w", err)
		}
	}
	answer, err := view.index.Ask(ctx, question)
	if err != nil {
		return nil, err
	}
	return view.candidates(question, answer), nil
}

func placeOf(s Scope) index.Place { return index.Place{Agent: s.Agent, Session: s.Session} }

// filter is what a query asks of a record beside its scope; nil for nothing.
func (q *Query) filter() *index.Filter {
	if q.Since.IsZero() && q.Until.IsZero() && len(q.Kinds) == 0 && len(q.Where) == 0 {
		return nil
	}
	f := &index.Filter{Since: index.Always, Until: index.Never, Where: q.Where}
	if !q.Since.IsZero() {
		f.Since = micros(q.Since)
	}
	if !q.Until.IsZero() {
		f.Until = micros(q.Until)
	}
	for _, k := range q.Kinds {
		f.Kinds = append(f.Kinds, string(k))
	}
	return f
}

func embedQuery(ctx context.Context, e Embedder, query string) ([]float32, error) {
	if qe, ok := e.(QueryEmbedder); ok {
		return qe.EmbedQuery(ctx, query)
	}
	vectors, err := embedAll(ctx, e, []string{query})
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}

// operators are the rows that a query's operators ask for, and those they exclude; nil where it has none.
func operators(ctx context.Context, from Engine, v *View, scope Scope, p query.Query) (must, not map[int64]bool, err error) {
	for _, phrase := range p.Must {
		rows, err := holding(ctx, from, v, scope, phrase, must)
		if err != nil {
			return nil, nil, err
		}
		must = rows
	}
	for _, phrase := range p.Not {
		rows, err := holding(ctx, from, v, scope, phrase, nil)
		if err != nil {
			return nil, nil, err
		}
		if not == nil {
			not = rows
		}
		maps.Copy(not, rows)
	}
	return must, not, nil
}

// holding are the rows of a scope whose text holds a phrase, if of is not nil only of those. The index tells which may hold it, and
// their texts which do: what is looked through belongs to the one who asks.
func holding(ctx context.Context, from Engine, v *View, scope Scope, phrase query.Phrase, of map[int64]bool) (map[int64]bool, error) {
	v.mu.RLock()
	may := v.index.MayHold(placeOf(scope), phrase.Terms(), phrase.Prefix)
	v.mu.RUnlock()
	found := map[int64]bool{}
	if of != nil {
		may = slices.DeleteFunc(may, func(row int64) bool { return !of[row] })
	}
	err := from.Texts(ctx, scope, may, func(row int64, text string) {
		if phrase.In(text) {
			found[row] = true
		}
	})
	return found, err
}

// Texts implements [Engine].
func (e engine) Texts(ctx context.Context, _ Scope, rows []int64, f func(row int64, text string)) error {
	for batch := range slices.Chunk(rows, 500) {
		where, args := disk.Among("row", batch)
		if err := disk.Each(ctx, e.s.reader, "SELECT row, text FROM records WHERE "+where, args, func(scan func(...any) error) error {
			var row int64
			var text string
			err := scan(&row, &text)
			f(row, text)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// candidates are what the index has found, as others may keep it. The lock is held for reading.
func (v *View) candidates(q *index.Question, a *index.Answer) *Candidates {
	c := &Candidates{List: make([]Candidate, len(a.Hits)), Query: a.Query, Weights: a.Weights, Missing: a.Missing, Speakers: a.Speakers,
		Now: seconds(q.Moment), Len: a.Live, MeanTerms: a.Terms, Remark: q.Remark, Mean: a.Mean}
	for i, hit := range a.Hits {
		d := hit.Doc
		c.List[i] = Candidate{
			Row: d.Row, Lexical: hit.Lexical, Vector: hit.Vector, Tie: hit.Tie,
			Kind: Kind(d.Kind()), Session: d.Session, Speaker: d.Speaker, Position: d.Position, Role: Unknown,
			Created: seconds(d.Created), LastShown: seconds(d.LastShown), LastUsed: seconds(d.LastUsed), Shown: d.Shown, Used: d.Used,
			Importance: d.Importance, Surprise: d.Surprise,
			Asks: d.Asks, Terms: a.TermsOf(d), Information: hit.Information, Meant: hit.Meant, Subject: hit.Subject,
		}
		switch human, assistant := v.index.Speaks(d); {
		case human:
			c.List[i].Role = Human
		case assistant:
			c.List[i].Role = Assistant
		}
		if hit.Summary != nil {
			c.List[i].stand(hit.Summary)
		}
	}
	c.Word = func(t Term) string {
		v.mu.RLock()
		defer v.mu.RUnlock()
		return v.index.Word(t)
	}
	return c
}

// stand lets a summary be shown for a candidate: showing and using it counts for what it stands for.
func (c *Candidate) stand(summary *index.Doc) {
	c.Summary = summary.Row
	c.Shown, c.LastShown = c.Shown+summary.Shown, max(c.LastShown, seconds(summary.LastShown))
	c.Used, c.LastUsed = c.Used+summary.Used, max(c.LastUsed, seconds(summary.LastUsed))
}

func seconds(us int64) int64 {
	if us < 0 && us%1e6 != 0 {
		return us/1e6 - 1
	}
	return us / 1e6
}

// MetaPinned is the metadata that puts a record into every prompt: "true" pins it, "false" keeps a persona out.
const MetaPinned = "pinned"

// Pinned reports whether a record stands in every prompt: it is pinned, or says who the user or the assistant is.
func (r *Record) Pinned() bool {
	return r.Meta[MetaPinned] == "true" || r.Kind == KindPersona && r.Meta[MetaPinned] != "false"
}

// Pinned returns the live records of a scope that are pinned and hold now, the last written first, at most limit of them.
func (s *Store) Pinned(ctx context.Context, scope Scope, limit int) ([]Record, error) {
	records, err := FindPinned(ctx, engine{s}, scope, limit)
	return records, s.fail("read what is pinned", err)
}

// FindPinned is [Store.Pinned] for the records of another engine.
func FindPinned(ctx context.Context, e Engine, scope Scope, limit int) ([]Record, error) {
	view, err := e.View(ctx, scope, time.Time{})
	if err != nil {
		return nil, err
	}
	view.mu.RLock()
	rows := view.index.OfKindOrMeta(placeOf(scope), micros(e.Now()), string(KindPersona), MetaPinned, "true")
	view.mu.RUnlock()
	slices.Sort(rows)
	slices.Reverse(rows)
	records, err := e.Fetch(ctx, scope, rows[:min(limit, len(rows))]...)
	return slices.DeleteFunc(records, func(r Record) bool { return !r.Pinned() }), err
}
