package memory

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"iter"
	"time"

	"github.com/trm-go/refiner/internal/vector"
)

// An engine keeps records elsewhere than in one SQLite file. What is here is what it shares with the [Store]: how a record is
// made ready, how new it is, how a question is answered and what an export looks like. The engine brings rows; the ranking is
// computed from them by the same code, so that every engine ranks alike.

// Engine is what a question asks of the place where records live.
type Engine interface {
	// Embedder makes the vector of a question; nil: there is none.
	Embedder() Embedder
	// Now is the clock.
	Now() time.Time
	// View is what the records of the scope's tenant and user are found by, at a moment or, if it is zero, now.
	View(ctx context.Context, scope Scope, at time.Time) (*View, error)
	// Operators are the rows of the scope whose text holds all that is asked, and those whose text holds anything that is
	// excluded; nil where nothing is. Each is a phrase in double quotes, within which a quote is doubled; of one that " *"
	// follows, the last word may go on.
	Operators(ctx context.Context, scope Scope, asked, excluded []string) (must, not map[int64]bool, err error)
	// Rows are the records of rows, without their embeddings. What is not in the scope is left out.
	Rows(ctx context.Context, scope Scope, rows []int64) (map[int64]Record, error)
}

// FindCandidates is [Store.Candidates] for the records of another engine.
func FindCandidates(ctx context.Context, e Engine, scope Scope, query Query, o *CandidateOptions) (*Candidates, error) {
	return candidates(ctx, e, scope, query, o)
}

// FindHits is [Store.Search] for the records of another engine.
func FindHits(ctx context.Context, e Engine, scope Scope, query Query) ([]Hit, error) {
	return hits(ctx, e, scope, query)
}

// engine is a Store as an Engine.
type engine struct{ s *Store }

func (e engine) Embedder() Embedder { return e.s.embed() }
func (e engine) Now() time.Time     { return e.s.now() }

func (e engine) View(ctx context.Context, scope Scope, at time.Time) (*View, error) {
	m, err := e.s.shardAt(ctx, scope, at)
	return &View{shard: m}, err
}

func (e engine) Operators(ctx context.Context, scope Scope, asked, excluded []string) (must, not map[int64]bool, err error) {
	if e.s.closed.Load() {
		return nil, nil, ErrClosed
	}
	return e.s.operators(ctx, scope, asked, excluded)
}

func (e engine) Rows(ctx context.Context, scope Scope, rows []int64) (map[int64]Record, error) {
	return e.s.fetch(ctx, scope, rows)
}

// View is what the records of one tenant and user are found by: their words, their order and their vectors, in memory. It is
// safe for concurrent use, but for Apply, which one goroutine calls at a time.
type View struct {
	shard  *shard
	places map[Scope]int64
}

// Row is a record as a View is told of it.
type Row struct {
	Row                 int64
	Scope               Scope
	Live                bool
	Stands              []int64 // of a derived summary: the rows that it was made of
	Shown, Used         int64
	LastShown, LastUsed int64     // microseconds since 1970; 0: never
	Digest              []byte    // [Incoming].Digest
	Vector              []float32 // nil: unchanged, or none
}

// NewView makes an empty view for vectors of dim dimensions.
func NewView(scope Scope, dim int) *View {
	return &View{shard: &shard{p: newPartition(ownerOf(scope)), index: NewFlat(dim), dim: dim}, places: map[Scope]int64{}}
}

// Apply takes over rows that were written, in ascending order. It is not ok where an old row has come to life again: the view
// must then be made anew of all rows.
func (v *View) Apply(ctx context.Context, rows []Row) (ok bool, err error) {
	changed := make([]change, len(rows))
	vectors := make(map[int64]*Row, len(rows))
	for i := range rows {
		r := &rows[i]
		number, known := v.places[r.Scope]
		if !known {
			number = int64(len(v.places) + 1)
			v.places[r.Scope] = number
		}
		changed[i] = change{light: light{row: r.Row, scope: number, shown: clamp32(r.Shown), used: clamp32(r.Used), lastShown: r.LastShown, lastUsed: r.LastUsed, digest: r.Digest},
			place: r.Scope, stands: r.Stands}
		if !r.Live {
			changed[i].superseded = 1
		}
		vectors[r.Row] = r
	}
	v.shard.mu.Lock()
	defer v.shard.mu.Unlock()
	fresh, hidden, ok, err := v.shard.p.follow(changed)
	if err != nil || !ok {
		return false, err
	}
	numbers, places, found := make([]int64, 0, len(fresh)), make([]Scope, 0, len(fresh)), make([][]float32, 0, len(fresh))
	for _, row := range fresh {
		if r := vectors[row]; len(r.Vector) > 0 {
			numbers, places, found = append(numbers, row), append(places, r.Scope), append(found, r.Vector)
		}
	}
	if err := v.shard.index.Upsert(ctx, numbers, places, found); err != nil {
		return false, err
	}
	return true, v.shard.index.Delete(ctx, hidden...)
}

// Holds reports whether the view knows a row.
func (v *View) Holds(row int64) bool {
	_, known := v.shard.p.at(row)
	return known || v.shard.p.summary(row) != nil
}

// Bytes is about how much memory the view takes.
func (v *View) Bytes() int64 {
	v.shard.mu.RLock()
	defer v.shard.mu.RUnlock()
	return v.shard.p.bytes(v.shard.dim)
}

// Incoming is a record on its way into an engine: filled, checked, analysed and embedded.
type Incoming struct {
	Record
	Digest []byte // all that a View reads of it; [Novelty.Add] completes it
	Known  ID     // the record that is there in its place; all else is empty then
	in     *incoming
}

// Surprise is how new the record is, in [0, 1], of an import what the export says; Novelty.Add sets it.
func (r *Incoming) Surprise() float64 { return *r.in.surprise }

// Preparation says for what engine records are made ready.
type Preparation struct {
	Model    string   // of the engine's vectors
	Dim      int      // 0: it has none
	Embedder Embedder // nil: the records must bring their vectors
	Now      time.Time
	Imported bool // keep the engine's times and counts, as an import does
	// Known are the records with the keys of the given ones; nil: none are. The last word has the insertion.
	Known func(ctx context.Context, r *Record) (ID, error)
}

// Prepare makes records ready, as [Store.Add] does. surprise is nil, or tells of imported records how new they were.
func (p *Preparation) Prepare(ctx context.Context, scope Scope, records []Record, surprise []*float64) ([]Incoming, error) {
	list := make([]incoming, len(records))
	for i, r := range records {
		list[i] = incoming{Record: r, number: i + 1, imported: p.Imported}
		if surprise != nil {
			list[i].surprise = surprise[i]
		}
	}
	err := prepare(ctx, p.Model, p.Dim, p.Embedder, scope, p.Now, list, func(ctx context.Context, r *incoming) (ID, error) {
		if r.Key == "" || p.Known == nil {
			return "", nil
		}
		return p.Known(ctx, &r.Record)
	})
	ready := make([]Incoming, len(list))
	for i := range list {
		ready[i] = Incoming{list[i].Record, list[i].digest, list[i].known, &list[i]}
	}
	return ready, err
}

// Novelty remembers what one tenant and user had last, and tells how new a record is beside it.
type Novelty struct {
	n    *novelty
	unit []float32
}

// NewNovelty makes one of nothing, for vectors of dim dimensions. It is to be told of the last Remembered records, oldest first.
func NewNovelty(dim int) *Novelty {
	n := newNovelty(dim)
	return &Novelty{n, make([]float32, n.dim)}
}

// Remembered is how many of the last live records a Novelty begins with.
const Remembered = readAgain

// Remember takes note of a record that is there: its digest, and its vector or, in an engine without vectors, its text.
func (n *Novelty) Remember(digest []byte, embedding []float32, text string) {
	v := make([]float32, n.n.dim)
	if len(embedding) == len(v) {
		vector.Unit(v, embedding)
	} else if len(embedding) == 0 {
		v = lookalike.look(text)
	}
	n.n.put(digestTerms(digest), v)
}

// Add measures how new a record is, unless it says so itself, and completes its digest. keep takes note of it.
func (n *Novelty) Add(r *Incoming, keep bool) {
	vector.Unit(n.unit, r.in.look)
	if r.in.surprise == nil {
		s := n.n.surprise(r.in.terms, n.unit)
		r.in.surprise = &s
	}
	setSurprise(r.Digest, *r.in.surprise)
	if keep {
		n.n.put(r.in.terms, n.unit)
	}
}

// ChooseEmbedder settles the embedder of an engine whose vectors were made by a model, or, if model is empty, of a new one, as
// opening a [Store] does. It is nil where the model's is not at hand.
func ChooseEmbedder(o *Options, model string, dim int) (Embedder, error) {
	if o == nil {
		o = &Options{}
	}
	return choose(o.Embedder, o.EmbedderFor, model, dim)
}

// Sources are the records that r rests on.
func (r *Record) Sources() []ID { return r.sources() }

// StandsFor reports whether r is a summary of another record, which stays live beside it.
func (r *Record) StandsFor(of *Record) bool { return stands(r, of) }

// Exported is one line of an export: a record, with how new it was when it was written, or an event of one before it.
type Exported struct {
	Record   *Record
	Surprise *float64
	Event    *Event
}

// WriteExport writes the lines of an export of an engine whose vectors are a model's, and returns how many records it wrote.
func WriteExport(w io.Writer, model string, dim int, lines iter.Seq2[Exported, error]) (int, error) {
	out := bufio.NewWriterSize(w, 1<<16)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(exportHead{exportFormat, exportVersion, model, dim}); err != nil {
		return 0, err
	}
	n := 0
	for l, err := range lines {
		if err != nil {
			return n, err
		}
		line := exportLine{Record: l.Record, Surprise: l.Surprise, Event: l.Event}
		if r := l.Record; r != nil {
			line.Vector = base64.StdEncoding.EncodeToString(vector.Encode(r.Embedding))
			r.Embedding, r.Model = nil, ""
			n++
		}
		if err := encoder.Encode(line); err != nil {
			return n, err
		}
	}
	return n, out.Flush()
}

// ReadExport reads the lines of an export into an engine whose vectors are a model's. reembed leaves the embeddings out.
func ReadExport(r io.Reader, model string, dim int, reembed bool) iter.Seq2[Exported, error] {
	return func(yield func(Exported, error) bool) {
		for l, err := range readExport(r, model, dim, reembed || dim == 0) {
			if !yield(Exported{l.Record, l.Surprise, l.Event}, err) {
				return
			}
		}
	}
}
