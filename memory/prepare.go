package memory

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"github.com/trm-go/refiner/memory/internal/index"
)

// Incoming is a record on its way into an engine.
type Incoming struct {
	Record
	Surprise *float64 // how new it is, in [0, 1]; nil: [Novelty.Add] measures it
	// What Prepare makes of it.
	Digest []byte // all that a View reads of it; Novelty.Add completes it
	Known  ID     // the record that is there in its place; all else is as it was then

	number int       // of the record in its sequence, for messages
	terms  []string  // distinct, sorted
	look   []float32 // what tells whether it is new
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

// preparation is that for the store.
func (s *Store) preparation(ctx context.Context) (*Preparation, error) {
	if s.readOnly {
		return nil, errReadOnly
	}
	h, err := s.head(ctx)
	return &Preparation{Model: h.model, Dim: h.dim, Embedder: s.Embedder(), Now: s.now(), Known: s.holds}, err
}

// Prepare fills, checks, analyses and embeds records, as [Store.Add] does; first is the number of the first of them, for messages.
func (p *Preparation) Prepare(ctx context.Context, scope Scope, first int, records []Incoming) error {
	var missing []*Incoming
	var texts []string
	for i := range records {
		r := &records[i]
		r.number = first + i
		err := p.fill(&r.Record, scope)
		if err == nil && r.Key != "" {
			r.Known, err = p.Known(ctx, &r.Record)
		}
		if err == nil && r.Known == "" {
			err = p.checkEmbedding(&r.Record)
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", r.number, err)
		}
		if r.Known != "" {
			continue
		}
		r.terms, r.Digest = analyse(&r.Record)
		r.look = index.Lookalike(r.Text)
		if p.Dim > 0 && len(r.Embedding) == 0 {
			missing, texts = append(missing, r), append(texts, r.Text)
		}
	}
	if len(missing) == 0 {
		return ctx.Err()
	}
	vectors, err := embedAll(ctx, p.Embedder, texts)
	if err != nil {
		return fmt.Errorf("embed records: %w", err)
	}
	for i, r := range missing {
		if err := checkVector(vectors[i], p.Dim); err != nil {
			return fmt.Errorf("record %d: the embedder's vector: %w", r.number, err)
		}
		r.Embedding = vectors[i]
	}
	return nil
}

// checkEmbedding reports an embedding that the engine cannot keep, or one that nothing can make.
func (p *Preparation) checkEmbedding(r *Record) error {
	switch {
	case len(r.Embedding) == 0 && p.Embedder == nil:
		return fmt.Errorf("%w: it has no embedding, and the store was opened without the embedder of its model %q", ErrModel, p.Model)
	case len(r.Embedding) == 0:
		return nil
	case r.Model != p.Model:
		return fmt.Errorf("%w: its embedding was made by %q, the store's by %q: leave it out, or re-embed the store", ErrModel, r.Model, p.Model)
	}
	if err := checkVector(r.Embedding, p.Dim); err != nil {
		return fmt.Errorf("its embedding: %w", err)
	}
	return nil
}

func embedAll(ctx context.Context, e Embedder, texts []string) ([][]float32, error) {
	vectors, err := e.Embed(ctx, texts)
	if err == nil && len(vectors) != len(texts) {
		err = fmt.Errorf("the embedder %q returned %d vectors for %d texts", e.Model(), len(vectors), len(texts))
	}
	return vectors, err
}

// holds tells which record with the same key is there already. The last word has the insertion; this spares the embedding.
func (s *Store) holds(ctx context.Context, r *Record) (ID, error) {
	var id ID
	err := s.reader.QueryRowContext(ctx, `SELECT r.id FROM records r JOIN scopes c ON c.scope = r.scope
		WHERE c.tenant = ? AND c.user = ? AND c.agent = ? AND c.session = ? AND r.key = ?`,
		r.Scope.Tenant, r.Scope.User, r.Scope.Agent, r.Scope.Session, r.Key).Scan((*string)(&id))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// fill sets what was left open and checks the record.
func (p *Preparation) fill(r *Record, scope Scope) error {
	for _, part := range []struct {
		name string
		of   *string
		from string
	}{{"tenant", &r.Scope.Tenant, scope.Tenant}, {"user", &r.Scope.User, scope.User}, {"agent", &r.Scope.Agent, scope.Agent},
		{"session", &r.Scope.Session, scope.Session}, {"key", &r.Key, ""}} {
		if *part.of == "" {
			*part.of = part.from
		}
		if strings.ContainsFunc(*part.of, unicode.IsControl) {
			return fmt.Errorf("%w: the %s %q holds a control character", ErrInvalid, part.name, *part.of)
		}
	}
	if !p.Imported && !scope.Contains(r.Scope) {
		return fmt.Errorf("%w: its scope %s lies outside of %s", ErrInvalid, r.Scope, scope)
	}
	// A name stands on one line of a prompt, and must not begin another.
	r.Speaker, r.Role = foldName(r.Speaker), foldName(r.Role)
	r.Kind, r.Origin = cmp.Or(r.Kind, KindTurn), cmp.Or(r.Origin, Observed)
	if r.Created.IsZero() && !p.Imported {
		r.Created = p.Now
	}
	if r.ID != "" {
		if _, err := ulid.ParseStrict(string(r.ID)); err != nil {
			return fmt.Errorf("%w: the ID %q is not a ULID: leave it empty, and use the key for an ID of your own", ErrInvalid, r.ID)
		}
	}
	return r.Validate()
}

// foldName leaves one space where a name has white space, and nothing where it has characters that are not seen.
func foldName(s string) string {
	fold := func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\u0085':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}
	if s == "" || !utf8.ValidString(s) {
		return s // which is refused
	}
	return strings.Join(strings.Fields(strings.Map(fold, s)), " ")
}

// Novelty remembers what one tenant and user had last, and tells how new a record is beside it.
type Novelty struct{ n *index.Novelty }

// NewNovelty makes one of nothing. Begin it with the last Remembered live records, oldest first.
func NewNovelty() *Novelty { return &Novelty{index.NewNovelty()} }

// Remembered is with how many records a Novelty begins.
const Remembered = index.ReadAgain

// Remember takes note of a record that is there.
func (n *Novelty) Remember(digest []byte, text string) {
	n.n.Put(index.DigestTerms(digest), index.Lookalike(text))
}

// Add measures how new a record is, unless it says so itself, and completes its digest. It takes note of a live one.
func (n *Novelty) Add(r *Incoming) {
	n.measure(r)
	n.note(r)
}

func (n *Novelty) measure(r *Incoming) {
	if r.Surprise == nil {
		s := n.n.Surprise(r.terms, r.look)
		r.Surprise = &s
	}
	index.SetSurprise(r.Digest, *r.Surprise)
}

func (n *Novelty) note(r *Incoming) {
	if r.Superseded.IsZero() {
		n.n.Put(r.terms, r.look)
	}
}
