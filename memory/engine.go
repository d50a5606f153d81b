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
	"github.com/trm-go/refiner/memory/internal/index"
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
	// Texts calls f with the text of each of some rows of the scope.
	Texts(ctx context.Context, scope Scope, rows []int64, f func(row int64, text string)) error
	// Fetch returns the records of rows, in that order. Rows that are not there, or not in the scope, are left out.
	Fetch(ctx context.Context, scope Scope, rows ...int64) ([]Record, error)
}

// FindCandidates is [Store.Candidates] for the records of another engine.
func FindCandidates(ctx context.Context, e Engine, scope Scope, q Query) (*Candidates, error) {
	return candidates(ctx, e, scope, q, DefaultRadius)
}

// engine is a Store as an Engine.
type engine struct{ s *Store }

func (e engine) Embedder() Embedder { return e.s.embed() }
func (e engine) Now() time.Time     { return e.s.now() }

func (e engine) View(ctx context.Context, scope Scope, at time.Time) (*View, error) {
	return e.s.viewAt(ctx, scope, at)
}

func (e engine) Fetch(ctx context.Context, scope Scope, rows ...int64) ([]Record, error) {
	return e.s.Fetch(ctx, scope, rows...)
}

// Incoming is a record on its way into an engine: filled, checked, analysed and embedded.
type Incoming struct {
	Record
	Digest   []byte   // all that a View reads of it; [Novelty.Add] completes it
	Surprise *float64 // how new it is, in [0, 1]; nil until Novelty.Add measures it
	Known    ID       // the record that is there in its place; all else is empty then
	in       *incoming
}

// Preparation says for what engine records are made ready.
type Preparation struct {
	Model    string   // of the engine's vectors
	Dim      int      // 0: it has none
	Embedder Embedder // nil: the records must bring their vectors
	Now      time.Time
	Imported bool // keep the engine's times and counts, as an import does
	// Known finds the record with the key of the given one; empty: there is none. The last word has the insertion.
	Known func(ctx context.Context, r *Record) (ID, error)
}

// Prepare makes records ready, as [Store.Add] does; surprise is empty, or tells of each imported record how new it was. first is
// the number of the first record, from 1, for messages.
func (p *Preparation) Prepare(ctx context.Context, scope Scope, first int, records []Record, surprise []*float64) ([]Incoming, error) {
	list := make([]incoming, len(records))
	for i, r := range records {
		list[i] = incoming{Record: r, number: first + i, imported: p.Imported}
	}
	err := p.prepare(ctx, scope, list)
	ready := make([]Incoming, len(list))
	for i := range list {
		ready[i] = Incoming{Record: list[i].Record, Digest: list[i].digest, Known: list[i].known, in: &list[i]}
		if len(surprise) > 0 {
			ready[i].Surprise = surprise[i]
		}
	}
	return ready, err
}

// Novelty remembers what one tenant and user had last, and tells how new a record is beside it.
type Novelty struct{ n *index.Novelty }

// NewNovelty makes one of nothing. It is to be told of the last Remembered live records, oldest first.
func NewNovelty() *Novelty { return &Novelty{index.NewNovelty()} }

// Remembered is with how many records a Novelty begins.
const Remembered = index.ReadAgain

// Remember takes note of a record that is there.
func (n *Novelty) Remember(digest []byte, text string) {
	n.n.Put(index.DigestTerms(digest), index.Lookalike(text))
}

// Add measures how new a record is, unless it says so itself, and completes its digest. It takes note of a live one.
func (n *Novelty) Add(r *Incoming) {
	if r.Surprise == nil {
		s := n.n.Surprise(r.in.terms, r.in.look)
		r.Surprise = &s
	}
	index.SetSurprise(r.Digest, *r.Surprise)
	if r.Superseded.IsZero() {
		n.n.Put(r.in.terms, r.in.look)
	}
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

// Analysis names how this version reads texts. Digests that another has made are to be made anew with [Record.Digest].
func Analysis() string { return index.Fingerprint() }

// Digest is [Incoming].Digest of a record that is there, complete.
func (r *Record) Digest(surprise float64) []byte {
	_, digest := analyse(r)
	index.SetSurprise(digest, surprise)
	return digest
}
