// Package storetest is what every engine that keeps memories must hold, as tests that run against a real one.
//
// A [Backend] opens stores; [Run] puts one through all of it: scopes, filters, order and ties, keys, superseding and undoing,
// history, deletion, empty results, limits, unusable vectors, Unicode, many writers at once, cancelled contexts, and what is
// there after a restart.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, storetest.Backend{Open: func(t testing.TB, name string, o *memory.Options) (storetest.Store, error) { … }})
//	}
package storetest

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Store is what is tested: refine.Store, as far as it does not depend on where the store lies.
type Store interface {
	Add(ctx context.Context, scope memory.Scope, records ...memory.Record) (memory.Added, error)
	AddAll(ctx context.Context, scope memory.Scope, records iter.Seq2[memory.Record, error], o *memory.AddOptions) (memory.Added, error)
	All(ctx context.Context, scope memory.Scope, o *memory.AllOptions) iter.Seq2[memory.Record, error]
	Bury(ctx context.Context, tombstones ...memory.Tombstone) error
	Candidates(ctx context.Context, scope memory.Scope, query memory.Query) (*memory.Candidates, error)
	Close() error
	Delete(ctx context.Context, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error)
	Embedder() memory.Embedder
	Export(ctx context.Context, w io.Writer, scopes ...memory.Scope) (int, error)
	Fetch(ctx context.Context, scope memory.Scope, rows ...int64) ([]memory.Record, error)
	Forget(ctx context.Context, scope memory.Scope, o *memory.DeleteOptions) (memory.Deleted, error)
	Generation(ctx context.Context) (int64, error)
	History(ctx context.Context, scope memory.Scope, id memory.ID) (memory.History, error)
	Import(ctx context.Context, r io.Reader, o *memory.ImportOptions) (memory.Added, error)
	LastPosition(ctx context.Context, scope memory.Scope) (int, error)
	List(ctx context.Context, scope memory.Scope, o *memory.ListOptions) ([]memory.Record, int64, error)
	MarkShown(ctx context.Context, scope memory.Scope, ids ...memory.ID) error
	MarkUsed(ctx context.Context, scope memory.Scope, ids ...memory.ID) error
	Pending(ctx context.Context) ([]memory.PendingDeletion, error)
	Pinned(ctx context.Context, scope memory.Scope, limit int) ([]memory.Record, error)
	Places(ctx context.Context, within memory.Scope, all bool) ([]memory.Place, error)
	Record(ctx context.Context, scope memory.Scope, id memory.ID) (memory.Record, error)
	Retain(ctx context.Context, scope memory.Scope, from time.Time, o *memory.DeleteOptions) (memory.Deleted, error)
	Sign(ctx context.Context, text []byte) (string, error)
	Stats(ctx context.Context, scopes ...memory.Scope) (memory.Stats, error)
	Supersede(ctx context.Context, scope memory.Scope, record memory.Record, old ...memory.ID) (memory.ID, error)
	Tombstones(ctx context.Context) ([]memory.Tombstone, error)
	Undo(ctx context.Context, scope memory.Scope, id memory.ID) error
}

// Backend is a kind of engine.
type Backend struct {
	// Open opens the store of a name, and makes it if it is not there. Names are distinct where stores are; of each test they
	// begin with that of t. Opening one again shows what was written before.
	Open func(t testing.TB, name string, o *memory.Options) (Store, error)
}

// Run puts a backend through everything.
func Run(t *testing.T, b Backend) {
	for _, test := range []struct {
		name string
		run  func(*fixture)
	}{
		{"Records", testRecords}, {"Scopes", testScopes}, {"Keys", testKeys}, {"Invalid", testInvalid}, {"Vectors", testVectors}, {"Order", testOrder},
		{"Empty", testEmpty}, {"Filters", testFilters}, {"Operators", testOperators}, {"Unicode", testUnicode}, {"Long", testLong},
		{"Supersede", testSupersede}, {"Past", testPast}, {"Summaries", testSummaries}, {"Delete", testDelete}, {"Derived", testDerived}, {"Forget", testForget},
		{"Counts", testCounts}, {"Lists", testLists}, {"Pinned", testPinned}, {"Export", testExport}, {"Many", testMany}, {"Writers", testWriters}, {"Races", testRaces},
		{"Cancelled", testCancelled}, {"Restart", testRestart}, {"Model", testModel}, {"Closed", testClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fixture{T: t, backend: b, clock: day(1)}
			f.Store = f.open("store")
			test.run(f)
		})
	}
}

// dim is that of the vectors.
const dim = 32

// fixture is a fresh store, whose clock advances by a second with every look at it.
type fixture struct {
	*testing.T
	Store
	backend Backend
	clock   time.Time
}

// letters embeds a text by the hashes of its words, so that the same words are the same vector.
type letters struct{ dim int }

func (l letters) Model() string { return fmt.Sprint("letters-", l.dim) }
func (l letters) Dim() int      { return l.dim }
func (l letters) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, l.dim)
		v[0] = .1
		for word := range strings.FieldsSeq(strings.ToLower(text)) {
			h := fnv.New32a()
			_, _ = h.Write([]byte(word))
			v[h.Sum32()%uint32(l.dim)]++
		}
		vectors[i] = v
	}
	return vectors, ctx.Err()
}

// ann is the scope of most tests.
var ann = memory.Scope{Tenant: "acme", User: "ann"}

func ctx() context.Context { return context.Background() }

// day is the n-th of March 2025, at noon.
func day(n int) time.Time { return time.Date(2025, 3, n, 12, 0, 0, 0, time.UTC) }

func (f *fixture) options() *memory.Options {
	now := f.clock
	return &memory.Options{Embedder: letters{dim}, Now: func() time.Time { return now }}
}

func (f *fixture) open(name string) Store {
	f.Helper()
	s, err := f.backend.Open(f.T, f.Name()+"/"+name, f.options())
	if err != nil {
		f.Fatalf("open the store: %v", err)
	}
	f.Cleanup(func() { _ = s.Close() })
	return s
}

// reopen closes the store and opens it again, with the clock at a day.
func (f *fixture) reopen(at time.Time) {
	f.Helper()
	f.must(f.Close())
	f.clock = at
	f.Store = f.open("store")
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// turn is a record of ann's session, said on a day at a position.
func turn(n int, text string) memory.Record {
	return memory.Record{Scope: memory.Scope{Session: "s"}, Role: "user", Text: text, Position: n, Created: day(n).Add(-time.Hour)}
}

// add writes records and returns their IDs.
func (f *fixture) add(records ...memory.Record) []memory.ID {
	f.Helper()
	added, err := f.Add(ctx(), ann, records...)
	f.must(err)
	if len(added.IDs) != len(records) {
		f.Fatalf("%d IDs for %d records", len(added.IDs), len(records))
	}
	return added.IDs
}

// found are the records that hold a word of the query, or for a query without text are near its vector: the best first, and what
// is as good in the order in which it was written. Where a summary stands for some, it has the place of the best.
func (f *fixture) found(scope memory.Scope, q memory.Query) []string {
	f.Helper()
	texts := []string{}
	for _, r := range f.records(f.Store, scope, q) {
		texts = append(texts, r.Text)
	}
	return texts
}

func (f *fixture) records(s Store, scope memory.Scope, q memory.Query) []memory.Record {
	f.Helper()
	c, err := s.Candidates(ctx(), scope, q)
	f.must(err)
	score := func(c memory.Candidate) float64 {
		if q.Text == "" {
			return c.Vector
		}
		return c.Lexical
	}
	list := slices.DeleteFunc(slices.Clone(c.List), func(c memory.Candidate) bool { return score(c) <= 1e-6 })
	slices.SortFunc(list, func(a, b memory.Candidate) int {
		return cmp.Or(cmp.Compare(score(b), score(a)), cmp.Compare(a.Row, b.Row))
	})
	var rows []int64
	for _, x := range list {
		if row := cmp.Or(x.Summary, x.Row); !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	records, err := s.Fetch(ctx(), scope, rows...)
	f.must(err)
	return records
}

// all are the texts of a scope in the order in which they were written.
func (f *fixture) all(scope memory.Scope, history bool) []string {
	f.Helper()
	texts := []string{}
	for r, err := range f.All(ctx(), scope, &memory.AllOptions{History: history}) {
		f.must(err)
		texts = append(texts, r.Text)
	}
	return texts
}

func (f *fixture) record(id memory.ID) memory.Record {
	f.Helper()
	r, err := f.Record(ctx(), ann, id)
	f.must(err)
	return r
}

// same compares by what is printed, so that a nil list is the same as an empty one.
func (f *fixture) same(what string, got, want any) {
	f.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		f.Errorf("%s:\n got %.2000s\nwant %.2000s", what, g, w)
	}
}
