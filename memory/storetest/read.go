package storetest

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

// testRecords: everything of a record comes back as it was given.
func testRecords(f *fixture) {
	source := f.add(turn(1, "The kettle is blue and costs £25."))[0]
	want := memory.Record{
		ID: "01JC0000000000000000000000", Scope: memory.Scope{Tenant: "acme", User: "ann", Agent: "bot", Session: "s2"}, Kind: memory.KindFact,
		Role: "assistant", Speaker: "Dr Miller", Text: "The kettle is blue.\n\tIt's “new”, 100% sure: {\"a\": [1]} \\ 'x'", Position: 7, Key: "k/1",
		Created: day(2).Add(123456 * time.Microsecond), ValidFrom: day(1), ValidUntil: day(9), Importance: .25, Confidence: .75,
		Origin: memory.Reconstructed, DerivedFrom: []memory.ID{source}, Quotes: []memory.Quote{{Source: source, Text: "kettle is blue"}},
		Meta: map[string]string{"topic": "kitchen", "empty": "", "ünï": "日本語\n"},
	}
	f.same("the ID", f.add(want)[0], want.ID)
	got, model := f.record(want.ID), letters{dim}.Model()
	if len(got.Embedding) != dim || got.Model != model {
		f.Errorf("the embedding has %d dimensions of %q", len(got.Embedding), got.Model)
	}
	f.same("recorded", got.Recorded, f.clock)
	vector := got.Embedding
	got.Embedding, got.Model, got.Recorded = nil, "", time.Time{}
	if !reflect.DeepEqual(got, want) {
		f.Errorf("\n got %+v\nwant %+v", got, want)
	}
	again := turn(3, "It came with its own vector.")
	again.Embedding, again.Model = vector, letters{dim}.Model()
	if id := f.add(again)[0]; !slices.Equal(f.record(id).Embedding, vector) {
		f.Error("a given vector is not the one that comes back")
	}
	c, err := f.Candidates(ctx(), ann, memory.Query{Text: "kettle"})
	f.must(err)
	var rows []int64
	for _, x := range slices.Backward(c.List) {
		rows = append(rows, x.Row)
	}
	fetched, err := f.Fetch(ctx(), ann, append(rows, 1<<40)...)
	f.must(err)
	f.same("fetched", len(fetched), len(rows))
	for _, r := range fetched {
		if len(r.Embedding) > 0 {
			f.Error("Fetch brings an embedding")
		}
	}
}

// testScopes: nobody sees what is another's, and agent and session narrow.
func testScopes(f *fixture) {
	scopes := []memory.Scope{ann, {Tenant: "acme", User: "bob"}, {Tenant: "other", User: "ann"}, {User: "ann"}, {}, {Tenant: "acme"},
		{Tenant: "acme", User: "ann", Agent: "bot"}, {Tenant: "acme", User: "ann", Session: "one"}, {Tenant: "acme", User: "ann", Agent: "bot", Session: "one"}}
	var ids []memory.ID
	for i, s := range scopes {
		added, err := f.Add(ctx(), s, memory.Record{Text: fmt.Sprintf("kettle %d", i), Created: day(1)})
		f.must(err)
		ids = append(ids, added.IDs...)
	}
	for i, s := range scopes {
		want := []string{}
		for j, other := range scopes {
			if s.Contains(other) {
				want = append(want, fmt.Sprintf("kettle %d", j))
			}
			_, err := f.Record(ctx(), s, ids[j])
			if s.Contains(other) != (err == nil) || err != nil && !errors.Is(err, memory.ErrNotFound) {
				f.Errorf("record %d in scope %s: %v", j, s, err)
			}
			if s.Contains(other) {
				continue
			}
			for what, err := range map[string]error{"mark": f.MarkUsed(ctx(), s, ids[j]), "undo": f.Undo(ctx(), s, ids[j]),
				"history": second(f.History(ctx(), s, ids[j])), "delete": second(f.Delete(ctx(), s, []memory.ID{ids[j]}, nil)),
				"supersede": second(f.Supersede(ctx(), s, memory.Record{Text: "stolen", Created: day(2)}, ids[j]))} {
				if !errors.Is(err, memory.ErrNotFound) {
					f.Errorf("%s record %d in scope %s: %v, want ErrNotFound", what, j, s, err)
				}
			}
		}
		f.same(fmt.Sprintf("all of %s", s), f.all(s, true), want)
		f.same(fmt.Sprintf("search in %s", s), sorted(f.found(s, memory.Query{Text: "kettle"})), want)
		list, _, err := f.List(ctx(), s, &memory.ListOptions{Limit: 100})
		f.must(err)
		f.same(fmt.Sprintf("list of %s", s), len(list), len(want))
		st, err := f.Stats(ctx(), s)
		f.must(err)
		f.same(fmt.Sprintf("stats of %s: %d", s, i), st.Live, len(want))
		c, err := f.Candidates(ctx(), s, memory.Query{Text: "kettle"})
		f.must(err)
		f.same(fmt.Sprintf("what is counted in %s", s), c.Len, len(want))
	}
	if _, err := f.Add(ctx(), ann, memory.Record{Scope: memory.Scope{Tenant: "acme", User: "bob"}, Text: "for bob", Created: day(1)}); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("a record outside of the scope: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// testVectors: only vectors that can be compared are taken.
func testVectors(f *fixture) {
	model := letters{dim}.Model()
	good := make([]float32, dim)
	good[3] = 1
	for name, v := range map[string][]float32{"short": good[:dim-1], "long": append(slices.Clone(good), 0), "zeros": make([]float32, dim),
		"NaN": with(good, float32(math.NaN())), "infinity": with(good, float32(math.Inf(1)))} {
		r := turn(1, "a record with a vector")
		r.Embedding, r.Model = v, model
		if _, err := f.Add(ctx(), ann, r); !errors.Is(err, memory.ErrDimension) {
			f.Errorf("a record's vector, %s: %v", name, err)
		}
		if _, err := f.Candidates(ctx(), ann, memory.Query{Text: "x", Vector: v}); !errors.Is(err, memory.ErrDimension) {
			f.Errorf("a query's vector, %s: %v", name, err)
		}
	}
	r := turn(1, "a record of another model")
	r.Embedding, r.Model = good, "other"
	if _, err := f.Add(ctx(), ann, r); !errors.Is(err, memory.ErrModel) {
		f.Errorf("another model: %v", err)
	}
	f.same("what was written", f.all(ann, true), []string{})
	for i, x := range []float32{1, .5, 0} {
		r := turn(i+1, fmt.Sprintf("vector %d", i))
		r.Embedding, r.Model = make([]float32, dim), model
		r.Embedding[0], r.Embedding[1] = x, 1-x
		f.add(r)
	}
	query := make([]float32, dim)
	query[0] = 2
	f.same("by vector", f.found(ann, memory.Query{Vector: query}), []string{"vector 0", "vector 1"})
	c, err := f.Candidates(ctx(), ann, memory.Query{Vector: query})
	f.must(err)
	if len(c.List) != 3 || math.Abs(c.List[0].Vector-1) > 1e-2 || math.Abs(c.List[1].Vector-math.Sqrt(.5)) > 1e-2 {
		f.Errorf("cosines: %+v", c.List)
	}
}

func with(v []float32, x float32) []float32 {
	v = slices.Clone(v)
	v[1] = x
	return v
}

// testOrder: better first, and what is as good in the order in which it was written.
func testOrder(f *fixture) {
	f.add(turn(1, "tea"), turn(2, "tea"), turn(3, "tea tea kettle"), turn(4, "nothing of it"), turn(5, "tea"), turn(6, "far away"))
	f.same("the order", f.found(ann, memory.Query{Text: "tea kettle"}), []string{"tea tea kettle", "tea", "tea", "tea"})
	c, err := f.Candidates(ctx(), ann, memory.Query{Text: "kettle"})
	f.must(err)
	var positions []int32
	for _, x := range c.List {
		positions = append(positions, x.Position)
	}
	f.same("by session and position", positions, []int32{1, 2, 3, 4, 5, 6})
}

// testEmpty: nothing is no error.
func testEmpty(f *fixture) {
	for _, s := range []memory.Scope{ann, {}} {
		f.same("search", f.found(s, memory.Query{Text: "anything"}), []string{})
		f.same("all", f.all(s, true), []string{})
		list, next, err := f.List(ctx(), s, nil)
		f.must(err)
		f.same("list", []any{len(list), next}, []any{0, 0})
		rows, err := f.Fetch(ctx(), s)
		f.must(err)
		f.same("fetch", len(rows), 0)
		last, err := f.LastPosition(ctx(), s)
		f.must(err)
		f.same("last position", last, -1)
		places, err := f.Places(ctx(), s, true)
		f.must(err)
		f.same("places", len(places), 0)
		c, err := f.Candidates(ctx(), s, memory.Query{Text: `"no such phrase"`})
		f.must(err)
		f.same("candidates", len(c.List), 0)
		d, err := f.Forget(ctx(), s, nil)
		f.must(err)
		f.same("forget", len(d.IDs), 0)
		f.must(f.MarkShown(ctx(), s))
	}
	if _, err := f.Candidates(ctx(), ann, memory.Query{Text: "  "}); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("an empty query: %v", err)
	}
	if _, err := f.Delete(ctx(), ann, nil, nil); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("a deletion of nothing: %v", err)
	}
	added, err := f.Add(ctx(), ann)
	f.must(err)
	f.same("nothing added", added.Count, 0)
}

// testFilters: kinds, metadata, and the times of the world.
func testFilters(f *fixture) {
	fact := turn(2, "tea: a fact")
	fact.Kind, fact.Meta = memory.KindFact, map[string]string{"topic": "drinks", "lang": "en"}
	past := turn(3, "tea: no longer")
	past.ValidUntil = day(4)
	future := turn(4, "tea: not yet")
	future.ValidFrom = day(20)
	f.clock = day(10)
	f.reopen(day(10))
	f.add(turn(1, "tea: a turn"), fact, past, future)
	for name, x := range map[string]struct {
		query memory.Query
		want  []string
	}{
		"now":           {memory.Query{}, []string{"tea: a fact", "tea: a turn"}},
		"kind":          {memory.Query{Kinds: []memory.Kind{memory.KindFact, memory.KindFAQ}}, []string{"tea: a fact"}},
		"no such kind":  {memory.Query{Kinds: []memory.Kind{memory.KindFAQ}}, []string{}},
		"metadata":      {memory.Query{Where: map[string]string{"topic": "drinks", "lang": "en"}}, []string{"tea: a fact"}},
		"other value":   {memory.Query{Where: map[string]string{"topic": "drinks", "lang": "de"}}, []string{}},
		"no such value": {memory.Query{Where: map[string]string{"none": "x"}}, []string{}},
		"since":         {memory.Query{Since: day(2).Add(-time.Hour)}, []string{"tea: a fact"}},
		"until":         {memory.Query{Until: day(2).Add(-time.Hour)}, []string{"tea: a turn"}},
		"a later time":  {memory.Query{At: day(21)}, []string{"tea: a fact", "tea: a turn", "tea: not yet"}},
		"an earlier":    {memory.Query{At: day(3)}, []string{"tea: a fact", "tea: a turn", "tea: no longer"}},
	} {
		x.query.Text = "tea"
		f.same(name, sorted(f.found(ann, x.query)), x.want)
	}
}

// testOperators: phrases, beginnings of words and exclusions hold exactly.
func testOperators(f *fixture) {
	f.add(turn(1, "The blue kettle whistles."), turn(2, "A kettle, blue and loud."), turn(3, "Blue kettles whistling in cafés."), turn(4, "Nothing here: tea."),
		turn(5, `He said "stop" twice; it's o'clock. a-b x_y 3.5`), turn(6, "ΑΒΓ Straße 日本語の本"))
	for query, want := range map[string][]int{
		`"blue kettle"`: {1, 3}, `"kettle blue"`: {2}, `"KETTLE"`: {1, 2, 3}, `whist*`: {1, 3}, `blue -loud`: {1, 3}, `-"blue kettle" kettle`: {2},
		`"cafe"`: {3}, `"nothing here tea"`: {4}, `blue -kettle*`: {}, `"he said stop"`: {5}, `"a b"`: {5}, `"αβγ"`: {6}, `"strasse"`: {},
		`"straße"`: {6}, `"the the"`: {}, `"o'clock"`: {5}, `"blue ket" *`: {}, `tea -tea`: {}, `"x y"`: {5}, `"whistled"`: {1, 3}, `"stop" "twice"`: {5},
		`"in cafe"`: {3}, `日本*`: {6},
	} {
		got := []int{}
		for _, r := range f.records(f.Store, ann, memory.Query{Text: query}) {
			got = append(got, r.Position)
		}
		slices.Sort(got)
		f.same(query, got, want)
	}
}

// testUnicode: any text is kept as it is, and found.
func testUnicode(f *fixture) {
	texts := []string{"naïve café — “quotes”", "日本語のテキスト", "مرحبا بالعالم", "👩‍👩‍👧‍👦 family 🏳️‍🌈", "e\u0301 combining", "\u200bzero width\ufeff", "line\r\nbreak\u2028sep", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "ﬁ ligature", "a\x01b\x7f"}
	var records []memory.Record
	for i, s := range texts {
		records = append(records, turn(i+1, s))
	}
	f.add(records...)
	f.same("as written", f.all(ann, false), texts)
	for query, want := range map[string]string{"NAIVE": texts[0], "テキスト": texts[1], "بالعالم": texts[2], "combining": texts[4]} {
		if got := f.found(ann, memory.Query{Text: query}); len(got) == 0 || got[0] != want {
			f.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	scope := memory.Scope{Tenant: "Ünï/x", User: "日本'; DROP TABLE records; --", Agent: `a\b%_`, Session: "\U0001f600"}
	added, err := f.Add(ctx(), scope, memory.Record{Text: "scoped", Key: `k'"\`, Created: day(1), Meta: map[string]string{`"'`: `\u0000`}})
	f.must(err)
	r, err := f.Record(ctx(), scope, added.IDs[0])
	f.must(err)
	f.same("a scope", r.Scope, scope)
	f.same("metadata", r.Meta, map[string]string{`"'`: `\u0000`})
	f.same("another user of that tenant", f.all(memory.Scope{Tenant: "Ünï/x", User: "日本"}, true), []string{})
}

// testLong: the longest texts, names and metadata are kept, and what is longer is refused.
func testLong(f *fixture) {
	word := strings.Repeat("a", 5000)
	texts := []string{strings.Repeat("long text number "+word+" ", 200), strings.Repeat("é", memory.MaxText/2), distinct(memory.MaxText)}
	name := strings.Repeat("n", memory.MaxName)
	for i, text := range texts {
		r := turn(i+1, text)
		r.Speaker, r.Role, r.Key, r.Scope.Session, r.Scope.Agent = name, name, name[:memory.MaxName-1]+fmt.Sprint(i), name, name
		r.Meta = map[string]string{"m": strings.Repeat("m", memory.MaxMeta-1)}
		id := f.add(r)[0]
		if got := f.record(id); got.Text != text || got.Speaker != name || got.Key != r.Key || got.Meta["m"] != r.Meta["m"] {
			f.Errorf("record %d comes back changed", i)
		}
	}
	f.same("found", len(f.found(ann, memory.Query{Text: `"long text number"`})), 1)
	f.same("beginning of a long word", len(f.found(ann, memory.Query{Text: `"text number aaaa" long aaaa*`})), 0)
	for _, r := range []memory.Record{turn(1, strings.Repeat("x", memory.MaxText+1)), {Text: "x", Key: name + "n", Created: day(1)}} {
		if _, err := f.Add(ctx(), ann, r); !errors.Is(err, memory.ErrInvalid) {
			f.Errorf("too long: %v", err)
		}
	}
	if _, err := f.Candidates(ctx(), ann, memory.Query{Text: strings.Repeat("q ", memory.MaxQuery)}); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("a query that is too long: %v", err)
	}
}

// distinct is a text of distinct words.
func distinct(bytes int) string {
	var b strings.Builder
	for i := 0; b.Len() < bytes-8; i++ {
		fmt.Fprintf(&b, "w%x ", i)
	}
	return b.String()
}
