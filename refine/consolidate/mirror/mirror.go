package mirror

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
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
	MetaMirror       = "refiner_mirror" // of a derived document: the mirror that wrote it
	MetaOrigin       = "origin"         // of a derived document: "reconstructed"
	MetaDerivedFrom  = "derived_from"   // of a derived document: the documents it rests on, with commas
	MetaSupersededBy = "superseded_by"  // of a document that a derived one stands for
)

// Store is what a mirror is kept in; a [memory.Store] is one.
type Store interface {
	consolidate.Store
	Delete(ctx context.Context, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error)
	AddAll(ctx context.Context, scope memory.Scope, records iter.Seq2[memory.Record, error], o *memory.AddOptions) (memory.Added, error)
}

// Options say how a mirror writes back. Nil is the same as a zero Options.
type Options struct {
	// Remove takes what is superseded out of the remote instead of marking it.
	Remove bool
	// Shrink lets a pull follow the deletion of more than half of what the mirror knows, which is more often a wrong
	// address than a wish.
	Shrink bool
}

// Dir is the folder beside a mirror's store in which it keeps its name, what it took out of the remote, and its lock.
func Dir(store string) string { return store + ".mirror" }

// Mirror is a store that follows a remote.
type Mirror struct {
	Store  Store
	Scope  memory.Scope
	Remote Remote

	remove, shrink bool
	aside          aside
}

// New makes the mirror of a remote in a store, in a scope that is its own.
func New(store Store, scope memory.Scope, remote Remote, o *Options) *Mirror {
	if o == nil {
		o = &Options{}
	}
	return &Mirror{Store: store, Scope: scope, Remote: remote, remove: o.Remove, shrink: o.Shrink, aside: aside{filepath.Join(Dir(store.Path()), "removed.jsonl")}}
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

// Pull brings the mirror up to date with the remote. With nothing new it writes nothing.
func (m *Mirror) Pull(ctx context.Context) (Pulled, error) {
	unlock, err := consolidate.Lock(Dir(m.Store.Path()))
	if err != nil {
		return Pulled{}, fmt.Errorf("pull: %w", err)
	}
	defer unlock()
	p, err := m.pull(ctx)
	if err != nil {
		return p, fmt.Errorf("pull: %w", err)
	}
	return p, nil
}

// mirrored is what the mirror holds.
type mirrored struct {
	byKey  map[string]*memory.Record // observed, by the document's ID
	byID   map[memory.ID]*memory.Record
	stands map[memory.ID]*memory.Record // the summary that stands for a live record
	next   map[string]int               // position after the last, by session
}

func (m *Mirror) read(ctx context.Context) (mirrored, error) {
	all := mirrored{map[string]*memory.Record{}, map[memory.ID]*memory.Record{}, map[memory.ID]*memory.Record{}, map[string]int{}}
	for r, err := range m.Store.All(ctx, m.Scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return all, err
		}
		record := r
		all.byID[r.ID] = &record
		if r.Origin == memory.Observed && r.Key != "" {
			all.byKey[r.Key] = &record
			all.next[r.Scope.Session] = max(all.next[r.Scope.Session], r.Position+1)
		}
		if r.Kind == memory.KindSummary && r.Origin == memory.Reconstructed && r.Superseded.IsZero() {
			for _, id := range r.DerivedFrom {
				all.stands[id] = &record
			}
		}
	}
	return all, nil
}

func (m *Mirror) pull(ctx context.Context) (Pulled, error) {
	var p Pulled
	have, err := m.read(ctx)
	if err != nil {
		return p, err
	}
	aside, err := m.aside.read()
	if err != nil {
		return p, err
	}
	name, err := m.name()
	if err != nil {
		return p, err
	}
	seen := map[string]bool{}
	var fresh []memory.Record
	var gone []memory.ID
	for d, err := range m.Remote.All(ctx) {
		if err != nil {
			return p, err
		}
		if _, derived := d.Meta[MetaRecord].(string); derived {
			if d.Meta[MetaMirror] != name {
				p.Foreign++
			}
			continue
		}
		r, err := m.Remote.Record(d)
		if err != nil {
			return p, fmt.Errorf("document %q: %w", d.ID, err)
		}
		seen[d.ID] = true
		before := have.byKey[d.ID]
		p.Documents++
		r.Key = d.ID
		switch {
		case before == nil:
		case before.Text == r.Text:
			continue
		default:
			p.Changed++
			gone = append(gone, before.ID)
		}
		fresh = append(fresh, r)
	}
	if p.Foreign > 0 {
		return p, fmt.Errorf("%w: %d documents: use the store that consolidated them, or delete what it wrote", ErrForeign, p.Foreign)
	}
	for id, r := range have.byKey {
		if _, away := aside[id]; !seen[id] && !away {
			p.Deleted++
			gone = append(gone, r.ID)
		}
	}
	if p.Deleted > 1 && p.Deleted > len(have.byKey)/2 && !m.shrink {
		return p, fmt.Errorf("%w: %d of the %d documents that the mirror knows are not there any more", ErrShrunk, p.Deleted, len(have.byKey))
	}
	if len(gone) > 0 {
		slices.Sort(gone)
		// The owner deleted or rewrote it: no copy may keep it, derived ones included.
		d, err := m.Store.Delete(ctx, m.Scope, gone, &memory.DeleteOptions{Derived: true})
		if err != nil {
			return p, err
		}
		p.Derived = d.Derived
	}
	if p.Added = len(fresh); p.Added == 0 {
		return p, nil
	}
	slices.SortStableFunc(fresh, func(a, b memory.Record) int {
		return cmp.Or(strings.Compare(a.Scope.Session, b.Scope.Session), a.Created.Compare(b.Created))
	})
	_, err = m.Store.AddAll(ctx, m.Scope, func(yield func(memory.Record, error) bool) {
		for _, r := range fresh {
			r.Position = have.next[r.Scope.Session]
			have.next[r.Scope.Session]++
			if !yield(r, nil) {
				return
			}
		}
	}, &memory.AddOptions{Deleted: true}) // what the owner has written again under the same ID is wanted
	return p, err
}

// Pushed is what a push changed in the remote.
type Pushed struct {
	Written  int `json:"written"`  // derived documents
	Restored int `json:"restored"` // put back after an undo
	Marked   int `json:"marked"`   // as superseded, or no longer so
	Removed  int `json:"removed"`
}

// name identifies the mirror in what it writes: a random name, kept beside its store.
func (m *Mirror) name() (string, error) {
	path := filepath.Join(Dir(m.Store.Path()), "name")
	data, err := os.ReadFile(path)
	if err == nil && len(data) > 0 {
		return string(data), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	name := rand.Text()
	return name, os.WriteFile(path, []byte(name), 0o600)
}

// Push makes the remote agree with the mirror. It may be interrupted and repeated; with nothing to do it writes nothing.
func (m *Mirror) Push(ctx context.Context) (Pushed, error) {
	unlock, err := consolidate.Lock(Dir(m.Store.Path()))
	if err != nil {
		return Pushed{}, fmt.Errorf("push: %w", err)
	}
	defer unlock()
	p, err := m.push(ctx)
	if err != nil {
		return p, fmt.Errorf("push: %w: nothing is lost, push again", err)
	}
	return p, nil
}

func (m *Mirror) push(ctx context.Context) (Pushed, error) {
	var p Pushed
	have, err := m.read(ctx)
	if err != nil {
		return p, err
	}
	away, err := m.aside.read()
	if err != nil {
		return p, err
	}
	there := map[string]*Document{}
	for d, err := range m.Remote.All(ctx) {
		if err != nil {
			return p, err
		}
		there[d.ID] = &d
	}
	// What the mirror forgot for privacy must not lie aside, nor what is in the remote and stands.
	if n := len(away); n > 0 {
		maps.DeleteFunc(away, func(id string, _ *Document) bool {
			r := have.byKey[id]
			return r == nil || there[id] != nil && have.standsFor(r) == nil
		})
		if len(away) < n {
			if err := m.aside.write(away); err != nil {
				return p, err
			}
		}
	}
	name, err := m.name()
	if err != nil {
		return p, err
	}
	c := Changes{Mark: map[string]string{}}
	var leave []string // to be put aside and removed
	for _, id := range slices.Sorted(maps.Keys(have.byKey)) {
		r := have.byKey[id]
		by := have.standsFor(r)
		d := there[id]
		switch {
		case by == nil && d == nil: // it stands again
			if away[id] != nil {
				c.Put = append(c.Put, *away[id])
				p.Restored++
			}
		case d == nil:
		case by == nil || !m.remove:
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
	put, err := m.derived(ctx, have, there, away)
	if err != nil {
		return p, err
	}
	c.Put, p.Written = append(c.Put, put...), len(put)
	if len(leave) > 0 {
		documents, err := m.Remote.Fetch(ctx, leave)
		if err != nil {
			return p, err
		}
		round := 1
		for _, d := range away {
			round = max(round, d.Round+1)
		}
		for _, d := range documents {
			delete(d.Meta, MetaSupersededBy) // it comes back when it stands again
			d.Round = round
			away[d.ID] = &d
		}
		if err := m.aside.write(away); err != nil { // before it is gone from where it was
			return p, err
		}
		c.Remove = leave
	}
	for id, d := range there {
		if of, derived := d.Meta[MetaRecord].(string); derived && d.Meta[MetaMirror] == name {
			// One that no record is known of was deleted for privacy, with its sources.
			if r := have.byID[memory.ID(of)]; r == nil || !r.Superseded.IsZero() {
				c.Remove = append(c.Remove, id)
			}
		}
	}
	slices.Sort(c.Remove)
	p.Removed = len(c.Remove)
	if len(c.Put)+len(c.Mark)+len(c.Remove) > 0 {
		if err := m.Remote.Write(ctx, c); err != nil {
			return p, err
		}
	}
	if p.Restored > 0 {
		for _, d := range c.Put {
			delete(away, d.ID)
		}
		return p, m.aside.write(away)
	}
	return p, nil
}

// standsFor is the live record that took the place of r, directly or not, or stands for it; nil if r stands for itself, or
// was undone.
func (h *mirrored) standsFor(r *memory.Record) *memory.Record {
	if r.Superseded.IsZero() {
		return h.stands[r.ID]
	}
	for !r.Superseded.IsZero() {
		if r = h.byID[r.SupersededBy]; r == nil {
			return nil
		}
		if r.Superseded.IsZero() {
			return r
		}
	}
	return nil
}

// derived makes the documents of the live derived records that the remote lacks.
func (m *Mirror) derived(ctx context.Context, have mirrored, there, away map[string]*Document) ([]Document, error) {
	var missing []*memory.Record
	wanted := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(have.byID)) {
		r := have.byID[id]
		if r.Origin != memory.Reconstructed || !r.Superseded.IsZero() || there[string(id)] != nil {
			continue
		}
		missing = append(missing, r)
		for _, key := range have.rests(r) {
			wanted[key] = true
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	sources := map[string]Document{}
	var ask []string
	for key := range wanted {
		if d := away[key]; d != nil {
			sources[key] = *d
		} else {
			ask = append(ask, key)
		}
	}
	slices.Sort(ask)
	found, err := m.Remote.Fetch(ctx, ask)
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		sources[d.ID] = d
	}
	name, err := m.name()
	if err != nil {
		return nil, err
	}
	documents := make([]Document, 0, len(missing))
	for _, r := range missing {
		keys := have.rests(r)
		from := make([]Document, 0, len(keys))
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
		d.Meta[MetaRecord], d.Meta[MetaMirror] = string(r.ID), name
		d.Meta[MetaOrigin], d.Meta[MetaDerivedFrom] = string(memory.Reconstructed), strings.Join(keys, ",")
		documents = append(documents, d)
	}
	return documents, nil
}

// rests are the documents of the owner that a derived record rests on, through whatever was derived in between, sorted.
func (h *mirrored) rests(r *memory.Record) []string {
	keys := map[string]bool{}
	seen := map[memory.ID]bool{}
	var walk func(*memory.Record)
	walk = func(r *memory.Record) {
		for _, id := range r.DerivedFrom {
			s := h.byID[id]
			switch {
			case s == nil || seen[id]:
			case s.Origin == memory.Observed:
				keys[s.Key] = true
			default:
				seen[id] = true
				walk(s)
			}
		}
	}
	walk(r)
	return slices.Sorted(maps.Keys(keys))
}
