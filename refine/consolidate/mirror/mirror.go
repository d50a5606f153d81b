package mirror

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/refine/consolidate"
)

// Document is one entry of a remote.
type Document struct {
	ID   string `json:"id"`
	Text string `json:"text"`
	// Meta are its other members: strings, numbers (json.Number) and truth values, and whatever else the remote knows.
	Meta map[string]any `json:"meta,omitempty"`
	// Embedding is given by Remote.Fetch where the remote has any.
	Embedding []float32 `json:"embedding,omitempty"`
	// Raw, Place and After are for remotes that keep bytes and an order: the document as it stands there, its number and
	// the ID of the one before it.
	Raw   string `json:"raw,omitempty"`
	Place int    `json:"place,omitempty"`
	After string `json:"after,omitempty"`
	// Round counts the pushes that took documents out; those of the last are put back first, each to where it was.
	Round int `json:"round,omitempty"`
}

// Changes are what a push asks of a remote.
type Changes struct {
	Put []Document // written, whether they are there or not
	// Mark says for documents that are there what supersedes them; "" takes the mark away. Nothing else of them changes.
	Mark   map[string]string
	Remove []string // taken out; one that is not there is no error
}

// Remote is a store that somebody else owns.
type Remote interface {
	// All yields every document, without embeddings.
	All(ctx context.Context) iter.Seq2[Document, error]
	// Fetch returns those documents that are there, with their embeddings, in any order.
	Fetch(ctx context.Context, ids []string) ([]Document, error)
	// Write makes the changes: it has put before it marks, and marked before it removes.
	Write(ctx context.Context, c Changes) error
	// Record reads a document as a memory. The Key is set by the caller.
	Record(d Document) (memory.Record, error)
	// Document writes a derived memory as a document with the given ID, from the documents that it quotes.
	Document(ctx context.Context, id string, r *memory.Record, from []Document) (Document, error)
}

// The members by which a document tells what consolidation did. They are scalars, and additive.
const (
	MetaRecord       = "refiner_record" // of a derived document: its record in the mirror
	MetaSupersededBy = "superseded_by"  // of a document that a derived one stands for

	metaDerived = "derived_from"   // of a derived document: the documents it rests on, with commas
	metaMirror  = "refiner_mirror" // of a derived document: the mirror that wrote it
	metaOrigin  = "origin"         // of a derived document: "reconstructed"
)

// Options say how a mirror writes back. Nil is the same as a zero Options.
type Options struct {
	// Remove takes what is superseded out of the remote instead of marking it.
	Remove bool
	// Shrink lets a pull follow the deletion of more than half of what the mirror knows, which is more often a wrong
	// address than a wish.
	Shrink bool
}

// folderOf is the folder beside a mirror's store in which it keeps its name, what it took out of the remote, and its lock.
func folderOf(store string) string { return store + ".mirror" }

// Mirror is a store that follows a remote.
type Mirror struct {
	Store  refine.Store
	Scope  memory.Scope
	Remote Remote

	options Options
}

// New makes the mirror of a remote in a store, in a scope that is its own.
func New(store refine.Store, scope memory.Scope, remote Remote, o *Options) *Mirror {
	m := &Mirror{Store: store, Scope: scope, Remote: remote}
	if o != nil {
		m.options = *o
	}
	return m
}

// Pulled is what a pull found.
type Pulled struct {
	Documents int `json:"documents"` // of the owner's, in the remote
	Added     int `json:"added"`
	Changed   int `json:"changed"` // of those added: what the mirror had under the same ID was another text
	Deleted   int `json:"deleted"` // gone from the remote, and so from the mirror
	Derived   int `json:"derived"` // derived memories that went with them
	// Foreign are documents that another mirror has derived.
	Foreign int `json:"foreign"`
}

// Errors of a remote that does not fit its mirror.
var (
	// ErrForeign is returned when documents of the remote were consolidated by a mirror that is not this one.
	ErrForeign = errors.New("consolidated by another mirror")
	// ErrShrunk is returned when more than half of what the mirror knows is gone; nothing was deleted.
	ErrShrunk = errors.New("most of it is gone")
)

// state is what a pull or a push begins with.
type state struct {
	name   string                       // of the mirror, in what it writes: a random one
	away   map[string]*Document         // the documents that were taken out of the remote
	byKey  map[string]*memory.Record    // observed, by the document's ID
	byID   map[memory.ID]*memory.Record // all
	stands map[memory.ID]*memory.Record // the summary that stands for a live record
	next   map[string]int               // position after the last, by session
}

// locked calls f with the state of the mirror, while nobody else pulls or pushes.
func (m *Mirror) locked(ctx context.Context, f func(*state) error) error {
	unlock, err := consolidate.Lock(folderOf(m.Store.Path()))
	if err != nil {
		return err
	}
	defer unlock()
	s := &state{byKey: map[string]*memory.Record{}, byID: map[memory.ID]*memory.Record{}, stands: map[memory.ID]*memory.Record{}, next: map[string]int{}}
	path := filepath.Join(folderOf(m.Store.Path()), "name")
	data, err := os.ReadFile(path)
	if s.name = string(data); s.name == "" && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		s.name = rand.Text()
		err = os.WriteFile(path, []byte(s.name), 0o600)
	}
	if err != nil {
		return err
	}
	if s.away, err = m.readAway(); err != nil {
		return err
	}
	for r, err := range m.Store.All(ctx, m.Scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return err
		}
		s.byID[r.ID] = &r
		if r.Origin == memory.Observed && r.Key != "" {
			s.byKey[r.Key] = &r
			s.next[r.Scope.Session] = max(s.next[r.Scope.Session], r.Position+1)
		}
		if r.Kind == memory.KindSummary && r.Origin == memory.Reconstructed && r.Superseded.IsZero() {
			for _, id := range r.DerivedFrom {
				s.stands[id] = &r
			}
		}
	}
	return f(s)
}

// Pull brings the mirror up to date with the remote. With nothing new it writes nothing.
func (m *Mirror) Pull(ctx context.Context) (p Pulled, err error) {
	if err = m.locked(ctx, func(s *state) error { return m.pull(ctx, s, &p) }); err != nil {
		err = fmt.Errorf("pull: %w", err)
	}
	return p, err
}

func (m *Mirror) pull(ctx context.Context, s *state, p *Pulled) error {
	fresh, gone, err := m.compare(ctx, s, p)
	if err != nil {
		return err
	}
	if len(gone) > 0 {
		// The owner deleted or rewrote it: no copy may keep it, derived ones included.
		d, err := m.Store.Delete(ctx, m.Scope, gone, &memory.DeleteOptions{Derived: true})
		if err != nil {
			return err
		}
		p.Derived = d.Derived
	}
	if p.Added = len(fresh); p.Added == 0 {
		return nil
	}
	slices.SortStableFunc(fresh, func(a, b memory.Record) int {
		return cmp.Or(strings.Compare(a.Scope.Session, b.Scope.Session), a.Created.Compare(b.Created))
	})
	_, err = m.Store.AddAll(ctx, m.Scope, func(yield func(memory.Record, error) bool) {
		for _, r := range fresh {
			r.Position = s.next[r.Scope.Session]
			s.next[r.Scope.Session]++
			if !yield(r, nil) {
				return
			}
		}
	}, &memory.AddOptions{Deleted: true}) // what the owner has written again under the same ID is wanted
	return err
}

// compare finds what the remote has that the mirror lacks, and what the mirror has that is gone or rewritten there.
func (m *Mirror) compare(ctx context.Context, s *state, p *Pulled) (fresh []memory.Record, gone []memory.ID, err error) {
	seen := map[string]bool{}
	for d, err := range m.Remote.All(ctx) {
		if err != nil {
			return nil, nil, err
		}
		if _, derived := d.Meta[MetaRecord].(string); derived {
			if d.Meta[metaMirror] != s.name {
				p.Foreign++
			}
			continue
		}
		r, err := m.Remote.Record(d)
		if err != nil {
			return nil, nil, fmt.Errorf("document %q: %w", d.ID, err)
		}
		seen[d.ID], r.Key = true, d.ID
		p.Documents++
		before := s.byKey[d.ID]
		if before != nil && before.Text == r.Text {
			continue
		}
		if before != nil {
			p.Changed++
			gone = append(gone, before.ID)
		}
		fresh = append(fresh, r)
	}
	if p.Foreign > 0 {
		return nil, nil, fmt.Errorf("%w: %d documents: use the store that consolidated them, or delete what it wrote", ErrForeign, p.Foreign)
	}
	for id, r := range s.byKey {
		if !seen[id] && s.away[id] == nil {
			p.Deleted++
			gone = append(gone, r.ID)
		}
	}
	if p.Deleted > 1 && p.Deleted > len(s.byKey)/2 && !m.options.Shrink {
		return nil, nil, fmt.Errorf("%w: %d of the %d documents that the mirror knows are not there any more", ErrShrunk, p.Deleted, len(s.byKey))
	}
	slices.Sort(gone)
	return fresh, gone, nil
}

// Pushed is what a push changed in the remote.
type Pushed struct {
	Written  int `json:"written"`  // derived documents
	Restored int `json:"restored"` // put back after an undo
	Marked   int `json:"marked"`   // as superseded, or no longer so
	Removed  int `json:"removed"`
}

// Push makes the remote agree with the mirror. It may be interrupted and repeated; with nothing to do it writes nothing.
func (m *Mirror) Push(ctx context.Context) (p Pushed, err error) {
	if err = m.locked(ctx, func(s *state) error { return m.push(ctx, s, &p) }); err != nil && !errors.Is(err, memory.ErrLocked) {
		err = fmt.Errorf("nothing is lost, push again: %w", err)
	}
	if err != nil {
		err = fmt.Errorf("push: %w", err)
	}
	return p, err
}

func (m *Mirror) push(ctx context.Context, s *state, p *Pushed) error {
	there := map[string]*Document{}
	for d, err := range m.Remote.All(ctx) {
		if err != nil {
			return err
		}
		there[d.ID] = &d
	}
	// What the mirror forgot for privacy must not be kept, nor what is in the remote and stands.
	n := len(s.away)
	maps.DeleteFunc(s.away, func(id string, _ *Document) bool {
		r := s.byKey[id]
		return r == nil || there[id] != nil && s.standsFor(r) == nil
	})
	if len(s.away) < n {
		if err := m.writeAway(s.away); err != nil {
			return err
		}
	}
	c, leave := m.changes(s, there, p)
	put, err := m.derived(ctx, s, there)
	if err != nil {
		return err
	}
	c.Put, p.Written = append(c.Put, put...), len(put)
	if err := m.takeOut(ctx, s, leave); err != nil {
		return err
	}
	c.Remove = append(c.Remove, leave...)
	slices.Sort(c.Remove)
	p.Removed = len(c.Remove)
	if len(c.Put)+len(c.Mark)+len(c.Remove) > 0 {
		if err := m.Remote.Write(ctx, c); err != nil {
			return err
		}
	}
	if p.Restored == 0 {
		return nil
	}
	for _, d := range c.Put {
		delete(s.away, d.ID)
	}
	return m.writeAway(s.away)
}

// changes are what is to be put back, marked and removed; leave are the owner's documents that are to be taken out.
func (m *Mirror) changes(s *state, there map[string]*Document, p *Pushed) (c Changes, leave []string) {
	c.Mark = map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(s.byKey)) {
		by, d := s.standsFor(s.byKey[id]), there[id]
		switch {
		case by == nil && d == nil: // it stands again
			if s.away[id] != nil {
				c.Put = append(c.Put, *s.away[id])
				p.Restored++
			}
		case d == nil:
		case by == nil || !m.options.Remove:
			want := ""
			if by != nil {
				want = string(by.ID)
			}
			if mark, _ := d.Meta[MetaSupersededBy].(string); mark != want {
				c.Mark[id] = want
				p.Marked++
			}
		default:
			leave = append(leave, id)
		}
	}
	slices.SortFunc(c.Put, func(a, b Document) int {
		return cmp.Or(cmp.Compare(b.Round, a.Round), cmp.Compare(a.Place, b.Place), strings.Compare(a.ID, b.ID))
	})
	for id, d := range there {
		if of, derived := d.Meta[MetaRecord].(string); derived && d.Meta[metaMirror] == s.name {
			// One that no record is known of was deleted for privacy, with its sources.
			if r := s.byID[memory.ID(of)]; r == nil || !r.Superseded.IsZero() {
				c.Remove = append(c.Remove, id)
			}
		}
	}
	return c, leave
}

// takeOut keeps documents, whole, before they are removed from where they are.
func (m *Mirror) takeOut(ctx context.Context, s *state, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	documents, err := m.Remote.Fetch(ctx, ids)
	if err != nil {
		return err
	}
	round := 1
	for _, d := range s.away {
		round = max(round, d.Round+1)
	}
	for _, d := range documents {
		delete(d.Meta, MetaSupersededBy) // it comes back when it stands again
		d.Round = round
		s.away[d.ID] = &d
	}
	return m.writeAway(s.away)
}

// standsFor is the live record that took the place of r, directly or not, or stands for it; nil if r stands for itself, or
// was undone.
func (s *state) standsFor(r *memory.Record) *memory.Record {
	if r.Superseded.IsZero() {
		return s.stands[r.ID]
	}
	for !r.Superseded.IsZero() {
		if r = s.byID[r.SupersededBy]; r == nil {
			return nil
		}
		if r.Superseded.IsZero() {
			return r
		}
	}
	return nil
}

// derived makes the documents of the live derived records that the remote lacks.
func (m *Mirror) derived(ctx context.Context, s *state, there map[string]*Document) ([]Document, error) {
	var missing []*memory.Record
	sources, ask := map[string]Document{}, map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(s.byID)) {
		r := s.byID[id]
		if r.Origin != memory.Reconstructed || !r.Superseded.IsZero() || there[string(id)] != nil {
			continue
		}
		missing = append(missing, r)
		for _, key := range s.rests(r) {
			if d := s.away[key]; d != nil {
				sources[key] = *d
			} else {
				ask[key] = true
			}
		}
	}
	if len(ask) > 0 {
		found, err := m.Remote.Fetch(ctx, slices.Sorted(maps.Keys(ask)))
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			sources[d.ID] = d
		}
	}
	var documents []Document
	for _, r := range missing {
		keys := s.rests(r)
		var from []Document
		for _, key := range keys {
			if d, ok := sources[key]; ok {
				from = append(from, d)
			}
		}
		d, err := m.Remote.Document(ctx, string(r.ID), r, from)
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", r.ID, err)
		}
		d.ID, d.Text = string(r.ID), r.Text
		if d.Meta == nil {
			d.Meta = map[string]any{}
		}
		d.Meta[MetaRecord], d.Meta[metaMirror] = string(r.ID), s.name
		d.Meta[metaOrigin], d.Meta[metaDerived] = string(memory.Reconstructed), strings.Join(keys, ",")
		documents = append(documents, d)
	}
	return documents, nil
}

// rests are the documents of the owner that a derived record rests on, through whatever was derived in between, sorted.
func (s *state) rests(r *memory.Record) []string {
	keys, seen := map[string]bool{}, map[memory.ID]bool{}
	for todo := []*memory.Record{r}; len(todo) > 0; todo = todo[1:] {
		for _, id := range todo[0].DerivedFrom {
			switch of := s.byID[id]; {
			case of == nil || seen[id]:
			case of.Origin == memory.Observed:
				keys[of.Key] = true
			default:
				seen[id] = true
				todo = append(todo, of)
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// awayFile is the file of the documents that were taken out of the remote, one in each line. It is replaced as a whole.
func (m *Mirror) awayFile() string { return filepath.Join(folderOf(m.Store.Path()), "removed.jsonl") }

func (m *Mirror) readAway() (map[string]*Document, error) {
	all := map[string]*Document{}
	data, err := os.ReadFile(m.awayFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range bytes.Lines(data) {
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		var d Document
		if err := decoder.Decode(&d); err != nil || d.ID == "" {
			return nil, fmt.Errorf("what was taken out, in %s: %w: %w", m.awayFile(), memory.ErrCorrupt, err)
		}
		all[d.ID] = &d
	}
	return all, nil
}

// writeAway replaces the file, and overwrites what was in it: it may hold what somebody deleted for privacy.
func (m *Mirror) writeAway(all map[string]*Document) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if err := e.Encode(all[id]); err != nil {
			return err
		}
	}
	old, oldErr := os.OpenFile(m.awayFile(), os.O_WRONLY, 0)
	if oldErr == nil {
		defer func() { _ = old.Close() }()
	}
	if err := beside.WriteFile(m.awayFile(), b.Bytes()); err != nil || oldErr != nil {
		return err
	}
	info, err := old.Stat() // nobody finds it by its name any more
	if err != nil {
		return err
	}
	_, err = old.Write(make([]byte, info.Size()))
	return errors.Join(err, old.Sync())
}
