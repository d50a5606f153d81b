package chromem

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/trm-go/refiner/memory"
)

var ann = memory.Scope{User: "ann", Session: "1"}

func makeIndex(t testing.TB, vectors ...[]float32) memory.Index {
	t.Helper()
	x, err := New(len(vectors[0]))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vectors {
		if err := x.Upsert(t.Context(), []int64{int64(i + 1)}, []memory.Scope{ann}, [][]float32{v}); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func search(t testing.TB, x memory.Index, scope memory.Scope, q []float32, k int) []int64 {
	t.Helper()
	found, err := x.Search(t.Context(), scope, q, k)
	if err != nil {
		t.Fatal(err)
	}
	rows := []int64{}
	for _, m := range found {
		rows = append(rows, m.Row)
	}
	return rows
}

func diff[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestDeletingNothingDeletesNothing(t *testing.T) {
	x := makeIndex(t, []float32{1, 0}, []float32{0, 1})
	for _, rows := range [][]int64{nil, {}, {99}, {-1}} {
		if err := x.Delete(t.Context(), rows...); err != nil {
			t.Fatal(err)
		}
	}
	diff(t, "vectors", 2, size(x))
	if err := x.Delete(t.Context(), 1, 1, 99); err != nil {
		t.Fatal(err)
	}
	diff(t, "left", []int64{2}, search(t, x, ann, []float32{1, 1}, 5))
}

func TestCancelledSearchIsAnError(t *testing.T) {
	x := makeIndex(t, []float32{1, 0})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Search(ctx, ann, []float32{1, 0}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("search: %v", err)
	}
	if err := x.Upsert(ctx, []int64{2}, []memory.Scope{ann}, [][]float32{{1, 0}}); !errors.Is(err, context.Canceled) {
		t.Errorf("upsert: %v", err)
	}
	if err := x.Delete(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: %v", err)
	}
	diff(t, "vectors", 1, size(x))
}

func TestMoreThanThereAre(t *testing.T) {
	x := makeIndex(t, []float32{1, 0}, []float32{0, 1})
	diff(t, "of two", []int64{1, 2}, search(t, x, ann, []float32{1, 0}, 100))
	diff(t, "of another's", []int64{}, search(t, x, memory.Scope{User: "bob"}, []float32{1, 0}, 100))
	diff(t, "none", []int64{}, search(t, x, ann, []float32{1, 0}, 0))
	if err := x.Delete(t.Context(), 1, 2); err != nil {
		t.Fatal(err)
	}
	diff(t, "of an empty collection", []int64{}, search(t, x, ann, []float32{1, 0}, 1))
}

func TestUnusableVectors(t *testing.T) {
	x := makeIndex(t, []float32{1, 0}, []float32{0, 1})
	for _, v := range [][]float32{nil, {}, {1}, {1, 2, 3}, {0, 0}, {float32(math.NaN()), 1}, {float32(math.Inf(1)), 1}} {
		if err := x.Upsert(t.Context(), []int64{8, 9}, []memory.Scope{ann, ann}, [][]float32{{1, 1}, v}); !errors.Is(err, memory.ErrDimension) {
			t.Errorf("upsert of %v: %v", v, err)
		}
		if _, err := x.Search(t.Context(), ann, v, 1); !errors.Is(err, memory.ErrDimension) {
			t.Errorf("search for %v: %v", v, err)
		}
	}
	diff(t, "vectors", 2, size(x)) // not the good ones of a bad batch either
	if _, err := New(0); !errors.Is(err, memory.ErrDimension) {
		t.Errorf("no dimensions: %v", err)
	}
	// Numbers whose square is no float32.
	if err := x.Upsert(t.Context(), []int64{3}, []memory.Scope{ann}, [][]float32{{3e38, 3e38}}); err != nil {
		t.Fatal(err)
	}
	diff(t, "a long vector", []int64{3}, search(t, x, ann, []float32{1e-30, 1e-30}, 1))
}

func TestTiesAreOrderedByRow(t *testing.T) {
	var same [][]float32
	for range 60 {
		same = append(same, []float32{1, 2, 3})
	}
	x := makeIndex(t, same...)
	for range 30 {
		diff(t, "the first of equals", []int64{1, 2, 3}, search(t, x, ann, []float32{1, 2, 3}, 3))
	}
}

func TestVectorsAreCopied(t *testing.T) {
	v := []float32{1, 0}
	x := makeIndex(t, v, []float32{0, 1})
	v[0], v[1] = 0, 1
	diff(t, "after a change outside", []int64{1}, search(t, x, ann, []float32{1, 0}, 1))
}

func TestScopes(t *testing.T) {
	x := makeIndex(t, []float32{1, 0})
	places := []memory.Scope{{User: "ann"}, {User: "ann", Agent: "a", Session: "1"}, {User: "ann", Agent: "a"}, {Tenant: "t", User: "ann"}, {}, {Tenant: `a"/"b`}, {Tenant: "a", User: "b"}}
	for i, p := range places {
		if err := x.Upsert(t.Context(), []int64{int64(i + 2)}, []memory.Scope{p}, [][]float32{{1, 0}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		scope memory.Scope
		want  []int64
	}{
		{memory.Scope{User: "ann"}, []int64{1, 2, 3, 4}},
		{memory.Scope{User: "ann", Session: "1"}, []int64{1, 3}},
		{memory.Scope{User: "ann", Agent: "a"}, []int64{3, 4}},
		{memory.Scope{User: "ann", Agent: "a", Session: "1"}, []int64{3}},
		{memory.Scope{User: "ann", Agent: "b"}, []int64{}},
		{memory.Scope{}, []int64{6}},
		{memory.Scope{Tenant: `a"/"b`}, []int64{7}},
		{memory.Scope{Tenant: "a", User: "b"}, []int64{8}},
	} {
		diff(t, c.scope.String(), c.want, search(t, x, c.scope, []float32{1, 0}, 10))
	}
	// A row that moves to another user leaves the first.
	if err := x.Upsert(t.Context(), []int64{1}, []memory.Scope{{User: "bob"}}, [][]float32{{1, 0}}); err != nil {
		t.Fatal(err)
	}
	diff(t, "before the move", []int64{2, 3, 4}, search(t, x, memory.Scope{User: "ann"}, []float32{1, 0}, 10))
	diff(t, "after the move", []int64{1}, search(t, x, memory.Scope{User: "bob"}, []float32{1, 0}, 10))
}

func TestNothingIsWrittenOrSent(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("OPENAI_API_KEY", "not to be used")
	x := makeIndex(t, []float32{1, 0})
	if _, err := noText(t.Context(), "text"); !errors.Is(err, errNoText) {
		t.Errorf("embedding a text: %v", err)
	}
	search(t, x, ann, []float32{1, 0}, 1)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("files were written: %v", left)
	}
}

func TestConcurrentUse(t *testing.T) {
	x := makeIndex(t, []float32{1, 0})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 100 {
				row := int64(i % 7)
				if err := x.Upsert(t.Context(), []int64{row}, []memory.Scope{ann}, [][]float32{{float32(w + 1), float32(i)}}); err != nil {
					t.Error(err)
				}
				if _, err := x.Search(t.Context(), ann, []float32{1, 1}, 100); err != nil {
					t.Error(err)
				}
				if err := x.Delete(t.Context(), row+1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	diff(t, "as many as it says", size(x), len(search(t, x, ann, []float32{1, 1}, 100)))
}

// Both indexes must say the same, whatever is done to them.
func TestSameAsFlat(t *testing.T) {
	ctx := context.Background()
	scopes := []memory.Scope{{User: "a", Session: "1"}, {User: "a", Session: "2"}, {User: "b"}, {User: "a", Agent: "x"}}
	asked := append(slices.Clone(scopes), memory.Scope{User: "a"}, memory.Scope{User: "c"})
	rapid.Check(t, func(rt *rapid.T) {
		const dim = 6
		x, err := New(dim)
		if err != nil {
			rt.Fatal(err)
		}
		flat := &naive{vectors: map[int64][]float32{}, places: map[int64]memory.Scope{}}
		both := []memory.Index{x, flat}
		vector := func() []float32 {
			v := make([]float32, dim)
			for i := range v {
				v[i] = float32(rapid.IntRange(-2, 2).Draw(rt, "component"))
			}
			v[0] += .5
			return v
		}
		rt.Repeat(map[string]func(*rapid.T){
			"upsert": func(*rapid.T) {
				var rows []int64
				var in []memory.Scope
				var vs [][]float32
				for range rapid.IntRange(0, 6).Draw(rt, "n") {
					rows = append(rows, rapid.Int64Range(1, 30).Draw(rt, "row"))
					in = append(in, rapid.SampledFrom(scopes).Draw(rt, "scope"))
					vs = append(vs, vector())
				}
				for _, i := range both {
					if err := i.Upsert(ctx, rows, in, vs); err != nil {
						rt.Fatal(err)
					}
				}
			},
			"delete": func(*rapid.T) {
				rows := rapid.SliceOfN(rapid.Int64Range(1, 35), 0, 9).Draw(rt, "rows")
				for _, i := range both {
					if err := i.Delete(ctx, rows...); err != nil {
						rt.Fatal(err)
					}
				}
			},
			"": func(*rapid.T) {
				scope, q, k := rapid.SampledFrom(asked).Draw(rt, "asked"), vector(), rapid.IntRange(0, 12).Draw(rt, "k")
				got, err1 := x.Search(ctx, scope, q, k)
				want, err2 := flat.Search(ctx, scope, q, k)
				if err1 != nil || err2 != nil || size(x) != size(flat) {
					rt.Fatal(err1, err2, size(x), size(flat))
				}
				if d := cmp.Diff(scores(want), scores(got), cmpopts.EquateApprox(0, .01)); d != "" {
					rt.Fatalf("flat and chromem (-flat +chromem):\n%s", d)
				}
			},
		})
	})
}

// naive compares with every vector.
type naive struct {
	vectors map[int64][]float32
	places  map[int64]memory.Scope
}

func (n *naive) Len() int { return len(n.vectors) }

func (n *naive) Upsert(_ context.Context, rows []int64, scopes []memory.Scope, vectors [][]float32) error {
	for i, row := range rows {
		n.vectors[row], n.places[row] = vectors[i], scopes[i]
	}
	return nil
}

func (n *naive) Delete(_ context.Context, rows ...int64) error {
	for _, row := range rows {
		delete(n.vectors, row)
	}
	return nil
}

func (n *naive) Search(_ context.Context, scope memory.Scope, query []float32, k int) ([]memory.Match, error) {
	var all []memory.Match
	for row, v := range n.vectors {
		if scope.Contains(n.places[row]) {
			dot, a, b := 0.0, 0.0, 0.0
			for i := range v {
				dot, a, b = dot+float64(v[i]*query[i]), a+float64(v[i]*v[i]), b+float64(query[i]*query[i])
			}
			all = append(all, memory.Match{Row: row, Score: dot / math.Sqrt(a*b)})
		}
	}
	slices.SortFunc(all, func(a, b memory.Match) int { return cmpOrder(b.Score, a.Score, a.Row, b.Row) })
	return all[:min(k, len(all))], nil
}

func cmpOrder(a, b float64, x, y int64) int {
	switch {
	case a != b && a < b, a == b && x < y:
		return -1
	case a == b && x == y:
		return 0
	}
	return 1
}

// letters counts the letters of a text.
type letters struct{}

func (letters) Model() string { return "letters" }
func (letters) Dim() int      { return 26 }
func (letters) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, s := range texts {
		vectors[i] = make([]float32, 26)
		vectors[i][0] = .01
		for _, c := range s {
			if c >= 'a' && c <= 'z' {
				vectors[i][c-'a']++
			}
		}
	}
	return vectors, nil
}

// scores are those of matches: another sum rounds otherwise, so that which of two near ones comes first may differ.
func scores(matches []memory.Match) []float64 {
	s := make([]float64, len(matches))
	for i, m := range matches {
		s[i] = m.Score
	}
	return s
}

// A store finds the same over either index, with filters and after changes too.
func TestStoreFindsTheSame(t *testing.T) {
	open := func(name string, newIndex func(dim, count int) (memory.Index, error)) *memory.Store {
		s, err := memory.Create(t.Context(), filepath.Join(t.TempDir(), name), &memory.Options{NewIndex: newIndex, Embedder: letters{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	flat := open("flat.db", nil)
	other := open("chromem.db", func(dim, _ int) (memory.Index, error) { return New(dim) })
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"boat", "river", "train", "piano", "garden", "bread", "winter", "doctor", "lamp", "island", "letter", "market"}
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 400 {
		rec := memory.Record{Text: fmt.Sprintf("%s and %s near the %s %d", words[r.IntN(12)], words[r.IntN(12)], words[r.IntN(12)], i), Created: at,
			Position: i, Meta: map[string]string{"even": fmt.Sprint(i%2 == 0)}}
		for _, s := range []*memory.Store{flat, other} {
			if _, err := s.Add(t.Context(), ann, rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, q := range []memory.Query{{Text: "a boat on the river"}, {Text: "gardn"}, {Text: "piano -bread"}, {Text: "letter", Where: map[string]string{"even": "true"}}} {
		q.Limit = 20
		var found [2][]string
		for i, s := range []*memory.Store{flat, other} {
			c, err := s.Candidates(t.Context(), ann, q)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(c.List, func(a, b memory.Candidate) int { return cmpOrder(b.Vector, a.Vector, a.Row, b.Row) })
			for _, x := range c.List[:min(20, len(c.List))] {
				found[i] = append(found[i], fmt.Sprintf("%.1f", x.Vector))
			}
		}
		if len(found[0]) == 0 {
			t.Errorf("%q finds nothing", q.Text)
		}
		diff(t, q.Text, found[0], found[1])
	}
}

func BenchmarkSearch(b *testing.B) {
	const dim = 384
	for _, n := range []int{1_000, 10_000, 100_000} {
		x, err := New(dim)
		if err != nil {
			b.Fatal(err)
		}
		r := rand.New(rand.NewPCG(3, 4))
		v := make([]float32, dim)
		for row := range n {
			for i := range v {
				v[i] = r.Float32() - .5
			}
			if err := x.Upsert(b.Context(), []int64{int64(row + 1)}, []memory.Scope{ann}, [][]float32{v}); err != nil {
				b.Fatal(err)
			}
		}
		for name, scope := range map[string]memory.Scope{"user": {User: "ann"}, "session": ann} {
			b.Run(fmt.Sprintf("n=%d/%s", n, name), func(b *testing.B) {
				for b.Loop() {
					if _, err := x.Search(b.Context(), scope, v, 200); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "chromem")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store, err := memory.Create(ctx, filepath.Join(dir, "ann.db"), &memory.Options{
		NewIndex: func(dim, count int) (memory.Index, error) { return New(dim) },
	})
	if err != nil {
		panic(err)
	}
	defer store.Close()
	scope := memory.Scope{User: "ann"}
	_, err = store.Add(ctx, scope, memory.Record{Text: "The greenhouse needs new panes.", Created: time.Now()})
	if err != nil {
		panic(err)
	}
	found, err := store.Candidates(ctx, scope, memory.Query{Text: "broken pane in the greenhuose"})
	if err != nil {
		panic(err)
	}
	best, err := store.Fetch(ctx, scope, found.List[0].Row)
	if err != nil {
		panic(err)
	}
	fmt.Println(best[0].Text)
	// Output: The greenhouse needs new panes.
}

// size is the number of vectors of an index.
func size(x memory.Index) int { return x.(interface{ Len() int }).Len() }
