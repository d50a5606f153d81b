package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

// testKeys: a key or an ID that is there already adds nothing.
func testKeys(f *fixture) {
	keyed := turn(1, "the first text")
	keyed.Key = "k"
	id := f.add(keyed)[0]
	keyed.Text = "another text"
	added, err := f.Add(ctx(), ann, keyed, turn(2, "a new one"), keyed)
	f.must(err)
	f.same("added", []any{added.Count, added.New, added.Skipped, added.IDs[0], added.IDs[2]}, []any{1, added.IDs[1:2], 2, id, id})
	f.same("the text", f.record(id).Text, "the first text")
	elsewhere := keyed
	elsewhere.Scope.Session = "t"
	added, err = f.Add(ctx(), ann, elsewhere)
	f.must(err)
	f.same("the key in another session", added.Count, 1)
	given := turn(3, "with an ID")
	given.ID = "01JC0000000000000000000001"
	f.add(given)
	added, err = f.Add(ctx(), ann, given)
	f.must(err)
	f.same("the same again", []any{len(added.New), added.Skipped, added.IDs}, []any{0, 1, []memory.ID{given.ID}})
	given.Text = "another record"
	if _, err := f.Add(ctx(), ann, given); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("an ID that is taken: %v", err)
	}
	if _, err := f.Supersede(ctx(), ann, keyed, given.ID); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("superseding with a key that is taken: %v", err)
	}
	f.same("all", f.all(ann, true), []string{"the first text", "a new one", "another text", "with an ID"})
}

// testInvalid: a bad record is refused, and with it all that came along.
func testInvalid(f *fixture) {
	id := f.add(turn(1, "what is there"))[0]
	for name, change := range map[string]func(*memory.Record){
		"no text":      func(r *memory.Record) { r.Text = " \n" },
		"NUL":          func(r *memory.Record) { r.Text = "a\x00b" },
		"UTF-8":        func(r *memory.Record) { r.Text = "a\xffb" },
		"kind":         func(r *memory.Record) { r.Kind = "wish" },
		"importance":   func(r *memory.Record) { r.Importance = math.NaN() },
		"ID":           func(r *memory.Record) { r.ID = "mine" },
		"no source":    func(r *memory.Record) { r.Origin = memory.Reconstructed },
		"unknown":      func(r *memory.Record) { r.DerivedFrom = []memory.ID{"01JC0000000000000000000009"} },
		"quote":        func(r *memory.Record) { r.Quotes = []memory.Quote{{Source: id, Text: "what is not there"}} },
		"validity":     func(r *memory.Record) { r.ValidFrom, r.ValidUntil = day(3), day(2) },
		"key":          func(r *memory.Record) { r.Key = "a\nb" },
		"metadata NUL": func(r *memory.Record) { r.Meta = map[string]string{"a": "\x00"} },
	} {
		bad := turn(3, "bad in one way")
		change(&bad)
		if _, err := f.Add(ctx(), ann, turn(2, "good"), bad); !errors.Is(err, memory.ErrInvalid) {
			f.Errorf("%s: %v", name, err)
		}
		if _, err := f.Supersede(ctx(), ann, bad, id); !errors.Is(err, memory.ErrInvalid) {
			f.Errorf("superseding, %s: %v", name, err)
		}
	}
	stop := errors.New("the source broke off")
	_, err := f.AddAll(ctx(), ann, func(yield func(memory.Record, error) bool) {
		for n := range 1000 {
			if !yield(turn(n, "one of many"), nil) {
				return
			}
		}
		yield(memory.Record{}, stop)
	}, nil)
	if !errors.Is(err, stop) {
		f.Errorf("a sequence that breaks off: %v", err)
	}
	f.same("all", f.all(ann, true), []string{"what is there"})
}

// testSupersede: what is replaced is found no more, stays readable, and comes back.
func testSupersede(f *fixture) {
	old := f.add(turn(1, "The kettle is blue."))[0]
	before, err := f.Generation(ctx())
	f.must(err)
	mid, err := f.Supersede(ctx(), ann, turn(2, "The kettle is red."), old)
	f.must(err)
	last, err := f.Supersede(ctx(), ann, turn(3, "The kettle is green."), mid)
	f.must(err)
	if after, err := f.Generation(ctx()); err != nil || after <= before {
		f.Errorf("the generation went from %d to %d: %v", before, after, err)
	}
	f.same("found", f.found(ann, memory.Query{Text: "kettle"}), []string{"The kettle is green."})
	f.same("live", f.all(ann, false), []string{"The kettle is green."})
	r := f.record(old)
	f.same("superseded", []any{r.SupersededBy, r.Superseded.IsZero()}, []any{mid, false})
	for what, err := range map[string]error{"what is replaced": second(f.Supersede(ctx(), ann, turn(4, "again"), old)), "nothing": second(f.Supersede(ctx(), ann, turn(4, "again"))),
		"undo of what is replaced": f.Undo(ctx(), ann, mid), "undo of what replaces nothing": f.Undo(ctx(), ann, f.add(turn(9, "tea"))[0])} {
		if !errors.Is(err, memory.ErrInvalid) {
			f.Errorf("%s: %v", what, err)
		}
	}
	if _, err := f.Supersede(ctx(), ann, turn(4, "again"), last, "01JC0000000000000000000009"); !errors.Is(err, memory.ErrNotFound) {
		f.Errorf("one that is not there: %v", err)
	}
	f.same("after what failed", f.found(ann, memory.Query{Text: "kettle"}), []string{"The kettle is green."})
	f.must(f.Undo(ctx(), ann, last))
	f.same("undone", f.found(ann, memory.Query{Text: "kettle"}), []string{"The kettle is red."})
	h, err := f.History(ctx(), ann, old)
	f.must(err)
	var versions []string
	for _, r := range h.Records {
		versions = append(versions, r.Text)
	}
	f.same("versions", versions, []string{"The kettle is blue.", "The kettle is red.", "The kettle is green."})
	var events []string
	for _, e := range h.Events {
		events = append(events, fmt.Sprint(e.What, slices.Index([]memory.ID{old, mid, last}, e.ID), slices.Index([]memory.ID{old, mid, last}, e.By)))
	}
	f.same("events", sorted(events), sorted([]string{"recorded0 -1", "recorded1 -1", "recorded2 -1", "superseded0 1", "superseded1 2", "revived1 2", "superseded2 -1"}))
	other, err := f.History(ctx(), ann, last)
	f.must(err)
	f.same("the history from its other end", len(other.Records), 3)
}

// testPast: what was true at a moment is found as of then.
func testPast(f *fixture) {
	old := f.add(turn(1, "The kettle is blue."))[0]
	f.reopen(day(5))
	id, err := f.Supersede(ctx(), ann, turn(5, "The kettle is red."), old)
	f.must(err)
	f.reopen(day(8))
	f.must(f.Undo(ctx(), ann, id))
	for at, want := range map[int][]string{0: {}, 3: {"The kettle is blue."}, 6: {"The kettle is red."}, 9: {"The kettle is blue."}} {
		f.same(fmt.Sprintf("on day %d", at), f.found(ann, memory.Query{Text: "kettle", At: day(at)}), want)
	}
	f.same("now", f.found(ann, memory.Query{Text: "kettle"}), []string{"The kettle is blue."})
}

// testSummaries: a summary is shown for its turns, which stay found by their own words.
func testSummaries(f *fixture) {
	ids := f.add(turn(1, "The kettle is blue."), turn(2, "It whistles in the morning."), turn(3, "Tea is at four."))
	summary := memory.Record{Scope: memory.Scope{Session: "s"}, Kind: memory.KindSummary, Origin: memory.Reconstructed, Text: "A blue kettle that whistles.", Position: -1,
		Created: day(4), DerivedFrom: ids[:2], Quotes: []memory.Quote{{Source: ids[0], Text: "blue"}}}
	id, err := f.Supersede(ctx(), ann, summary, ids[:2]...)
	f.must(err)
	f.same("still live", f.record(ids[0]).Superseded.IsZero(), true)
	f.same("shown", f.found(ann, memory.Query{Text: "morning kettle"}), []string{summary.Text})
	f.same("others", f.found(ann, memory.Query{Text: "tea"}), []string{"Tea is at four."})
	c, err := f.Candidates(ctx(), ann, memory.Query{Text: "kettle"})
	f.must(err)
	if len(c.List) != 3 || c.List[0].Summary == 0 || c.List[2].Summary != 0 {
		f.Fatalf("candidates: %+v", c.List)
	}
	rows, err := f.Fetch(ctx(), ann, c.List[0].Row, c.List[0].Summary)
	f.must(err)
	f.same("rows", []any{rows[0].ID, rows[1].ID}, []any{ids[0], id})
	f.must(f.Undo(ctx(), ann, id))
	f.same("undone", f.found(ann, memory.Query{Text: "morning kettle"}), []string{"The kettle is blue.", "It whistles in the morning."})
}

// testDelete: what is deleted is nowhere any more, and does not come back.
func testDelete(f *fixture) {
	secret := turn(1, "The secret is 4711.")
	secret.Key = "secret"
	id := f.add(secret)[0]
	kept := f.add(turn(2, "The kettle is blue."))[0]
	f.found(ann, memory.Query{Text: "secret"}) // so that an index in memory knows of it
	var export bytes.Buffer
	if _, err := f.Export(ctx(), &export); err != nil {
		f.Fatal(err)
	}
	if _, err := f.Delete(ctx(), ann, []memory.ID{kept, "01JC0000000000000000000009"}, nil); !errors.Is(err, memory.ErrNotFound) {
		f.Errorf("one that is not there: %v", err)
	}
	d, err := f.Delete(ctx(), ann, []memory.ID{id}, nil)
	f.must(err)
	f.same("deleted", []any{d.IDs, d.Derived, len(d.Pending)}, []any{[]memory.ID{id}, 0, 0})
	f.gone(id, "4711")
	pending, err := f.Pending(ctx())
	f.must(err)
	f.same("pending", len(pending), 0)
	added, err := f.Add(ctx(), ann, secret)
	f.must(err)
	f.same("added again by its key", []any{added.Count, added.Skipped, added.Deleted}, []any{0, 1, 1})
	imported, err := f.Import(ctx(), bytes.NewReader(export.Bytes()), nil)
	f.must(err)
	f.same("imported again", []any{imported.Count, imported.Deleted}, []any{0, 1})
	f.gone(id, "4711")
	f.buried(id, secret, kept, export.Bytes())
	imported, err = f.Import(ctx(), bytes.NewReader(export.Bytes()), &memory.ImportOptions{Deleted: true})
	f.must(err)
	f.same("imported on purpose", imported.Count, 1)
	f.same("found", f.found(ann, memory.Query{Text: "secret"}), []string{secret.Text})
}

// buried checks that another store which takes in the tombstones of this one does not take in what was deleted here.
func (f *fixture) buried(id memory.ID, deleted memory.Record, kept memory.ID, export []byte) {
	f.Helper()
	tombstones, err := f.Tombstones(ctx())
	f.must(err)
	scope := ann
	scope.Agent, scope.Session = deleted.Scope.Agent, deleted.Scope.Session
	f.same("tombstones", tombstones, []memory.Tombstone{{ID: id, Key: memory.KeyHash(scope, deleted.Key)}})
	other := f.open("other")
	f.must(other.Bury(ctx(), tombstones...))
	f.must(other.Bury(ctx(), tombstones...)) // again
	imported, err := other.Import(ctx(), bytes.NewReader(export), nil)
	f.must(err)
	f.same("imported elsewhere", []any{imported.Count, imported.Deleted}, []any{1, 1})
	added, err := other.Add(ctx(), ann, deleted)
	f.must(err)
	f.same("added elsewhere by its key", []any{added.Count, added.Deleted}, []any{0, 1})
	f.must(other.Bury(ctx(), memory.Tombstone{ID: kept}))
	_, err = other.Record(ctx(), ann, kept)
	f.must(err)
	passed, err := other.Tombstones(ctx())
	f.must(err)
	f.same("passed on", passed, tombstones)
	if err := other.Bury(ctx(), memory.Tombstone{ID: "a", Key: []byte("short")}); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("a hash that is none: %v", err)
	}
}

// gone checks that nothing tells of a record any more.
func (f *fixture) gone(id memory.ID, word string) {
	f.Helper()
	if _, err := f.Record(ctx(), ann, id); !errors.Is(err, memory.ErrNotFound) {
		f.Errorf("the record: %v", err)
	}
	var export bytes.Buffer
	_, err := f.Export(ctx(), &export)
	f.must(err)
	if strings.Contains(export.String(), word) || strings.Contains(export.String(), string(id)) {
		f.Error("an export still tells of it")
	}
	for _, q := range []string{word, `"` + word + `"`} {
		if got := f.found(ann, memory.Query{Text: q}); strings.Contains(fmt.Sprint(got), word) {
			f.Errorf("%s finds %q", q, got)
		}
	}
	if got := fmt.Sprint(f.all(ann, true)); strings.Contains(got, word) {
		f.Errorf("it is still among all: %s", got)
	}
}

// testDerived: what rests on a record is deleted with it, if that is said, and what gave way to that is live again.
func testDerived(f *fixture) {
	ids := f.add(turn(1, "She lives in Oslo."), turn(2, "She lives in Rome."))
	fact := memory.Record{Kind: memory.KindFact, Origin: memory.Reconstructed, Text: "She moved to Rome.", Position: -1, Created: day(3), DerivedFrom: ids[1:]}
	made, err := f.Supersede(ctx(), ann, fact, ids[0])
	f.must(err)
	if _, err := f.Delete(ctx(), ann, ids[1:], nil); !errors.Is(err, memory.ErrDerived) {
		f.Errorf("something rests on it: %v", err)
	}
	d, err := f.Delete(ctx(), ann, ids[1:], &memory.DeleteOptions{Derived: true})
	f.must(err)
	f.same("deleted", []any{d.IDs, d.Derived}, []any{[]memory.ID{ids[1], made}, 1})
	f.same("live again", f.found(ann, memory.Query{Text: "lives"}), []string{"She lives in Oslo."})
	old := f.add(turn(4, "tea at four"))[0]
	byHand, err := f.Supersede(ctx(), ann, turn(5, "tea at five"), old)
	f.must(err)
	_, err = f.Delete(ctx(), ann, []memory.ID{byHand}, nil)
	f.must(err)
	r := f.record(old)
	f.same("replaced by what was observed: it stays replaced", []any{r.Superseded.IsZero(), r.SupersededBy}, []any{false, ""})
}

// testForget: a whole scope goes, or what is older than a day, and nothing else.
func testForget(f *fixture) {
	one, two := turn(1, "in session s"), turn(2, "in session t")
	two.Scope.Session = "t"
	f.add(one, two, turn(3, "in session s, later"))
	_, err := f.Add(ctx(), memory.Scope{Tenant: "acme", User: "bob"}, memory.Record{Text: "of bob", Created: day(1)})
	f.must(err)
	d, err := f.Retain(ctx(), ann, day(1), nil)
	f.must(err)
	f.same("retained", len(d.IDs), 1)
	f.same("left", f.all(ann, true), []string{"in session t", "in session s, later"})
	d, err = f.Forget(ctx(), memory.Scope{Tenant: "acme", User: "ann", Session: "t"}, nil)
	f.must(err)
	f.same("forgotten", len(d.IDs), 1)
	f.same("left", f.all(ann, true), []string{"in session s, later"})
	_, err = f.Forget(ctx(), ann, nil)
	f.must(err)
	f.same("left", f.all(ann, true), []string{})
	f.same("of another", f.all(memory.Scope{Tenant: "acme", User: "bob"}, true), []string{"of bob"})
	places, err := f.Places(ctx(), memory.Scope{}, true)
	f.must(err)
	f.same("places", len(places), 1)
}

// testCounts: showing and using is counted, and changes no generation.
func testCounts(f *fixture) {
	ids := f.add(turn(1, "tea"), turn(2, "coffee"))
	before, err := f.Generation(ctx())
	f.must(err)
	f.must(f.MarkShown(ctx(), ann, ids[0], ids[1], ids[0]))
	f.must(f.MarkUsed(ctx(), ann, ids[0]))
	if err := f.MarkUsed(ctx(), ann, ids[1], "01JC0000000000000000000009"); !errors.Is(err, memory.ErrNotFound) {
		f.Errorf("one that is not there: %v", err)
	}
	check := func() {
		f.Helper()
		r := f.record(ids[0])
		f.same("counts", []any{r.Shown, r.Used, r.LastShown.IsZero(), f.record(ids[1]).Used}, []any{2, 1, false, 0})
		c, err := f.Candidates(ctx(), ann, memory.Query{Text: "tea"})
		f.must(err)
		f.same("counts of the candidate", []any{c.List[0].Shown, c.List[0].Used, c.List[0].LastUsed > 0}, []any{2, 1, true})
	}
	check()
	after, err := f.Generation(ctx())
	f.must(err)
	f.same("the generation", after, before)
	f.reopen(day(2))
	check()
}

// testLists: paging, places, positions and statistics.
func testLists(f *fixture) {
	var records []memory.Record
	for n := range 25 {
		r := turn(n, fmt.Sprintf("number %d", n))
		if n%5 == 0 {
			r.Kind, r.Role, r.Scope.Session = memory.KindFact, "assistant", "facts"
		}
		records = append(records, r)
	}
	ids := f.add(records...)
	_, err := f.Supersede(ctx(), ann, turn(24, "number 24 again"), ids[24])
	f.must(err)
	var pages [][]string
	for o := (memory.ListOptions{Limit: 10}); ; {
		list, next, err := f.List(ctx(), ann, &o)
		f.must(err)
		var page []string
		for _, r := range list {
			page = append(page, strings.TrimPrefix(r.Text, "number "))
		}
		pages = append(pages, page)
		if o.Before = next; next == 0 {
			break
		}
	}
	f.same("pages", pages, "[[24 again 23 22 21 20 19 18 17 16 15] [14 13 12 11 10 9 8 7 6 5] [4 3 2 1 0]]")
	for want, o := range map[int]memory.ListOptions{5: {Kinds: []memory.Kind{memory.KindFact}}, 1: {State: memory.StateSuperseded}, 26: {State: memory.StateAny},
		20: {Role: "user"}, 3: {Since: day(4).Add(-time.Hour), Until: day(7).Add(-time.Hour)}, 0: {Kinds: []memory.Kind{memory.KindFAQ}}} {
		o.Limit = 100
		list, _, err := f.List(ctx(), ann, &o)
		f.must(err)
		f.same(fmt.Sprintf("listed by %+v", o), len(list), want)
	}
	if _, _, err := f.List(ctx(), ann, &memory.ListOptions{State: "odd"}); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("an unknown state: %v", err)
	}
	places, err := f.Places(ctx(), ann, false)
	f.must(err)
	var told []string
	for _, p := range places {
		told = append(told, fmt.Sprint(p.Scope.Session, p.Live, p.Records, p.First.Day(), p.Last.Day()))
	}
	f.same("places", told, []string{fmt.Sprint("facts", 5, 5, records[0].Created.Day(), 20), fmt.Sprint("s", 20, 21, 1, 24)})
	last, err := f.LastPosition(ctx(), memory.Scope{Tenant: "acme", User: "ann", Session: "s"})
	f.must(err)
	f.same("the last position", last, 24)
	last, err = f.LastPosition(ctx(), ann)
	f.must(err)
	f.same("the last position without a session", last, -1)
	st, err := f.Stats(ctx())
	f.must(err)
	f.same("statistics", []any{st.Records, st.Live, st.Superseded, st.Derived, st.Kinds[memory.KindFact], st.Tenants, st.Users, st.Sessions, st.Model, st.Dim, st.Bytes > 0},
		[]any{26, 25, 1, 0, 5, 1, 1, 2, letters{dim}.Model(), dim, true})
}

// testPinned: what is pinned and holds now, the last written first.
func testPinned(f *fixture) {
	pinned, persona, over := turn(1, "no nuts"), turn(2, "a nurse"), turn(3, "on crutches")
	pinned.Meta, persona.Kind = map[string]string{memory.MetaPinned: "true"}, memory.KindPersona
	over.Meta, over.ValidUntil = pinned.Meta, f.clock.Add(-time.Hour)
	f.add(pinned, turn(9, "said by the way"), persona, over)
	_, err := f.Add(ctx(), memory.Scope{User: "eve"}, memory.Record{Text: "Eve's", Meta: pinned.Meta, Created: day(1)})
	f.must(err)
	for limit, want := range map[int][]string{1: {"a nurse"}, 9: {"a nurse", "no nuts"}} {
		records, err := f.Pinned(ctx(), ann, limit)
		f.must(err)
		var texts []string
		for _, r := range records {
			texts = append(texts, r.Text)
		}
		f.same("pinned", texts, want)
	}
}

// testExport: an export makes the same store of an empty one, to the byte.
func testExport(f *fixture) {
	ids := f.add(turn(1, "The kettle is blue."), turn(2, "It costs £25."))
	_, err := f.Supersede(ctx(), ann, turn(3, "The kettle is red."), ids[0])
	f.must(err)
	f.must(f.MarkShown(ctx(), ann, ids[1]))
	_, err = f.Add(ctx(), memory.Scope{User: "bob"}, memory.Record{Text: "of bob", Created: day(1), Key: "b"})
	f.must(err)
	var first, second, part bytes.Buffer
	n, err := f.Export(ctx(), &first)
	f.must(err)
	f.same("exported", n, 4)
	other := &fixture{T: f.T, backend: f.backend, clock: day(9)}
	other.Store = other.open("other")
	added, err := other.Import(ctx(), bytes.NewReader(first.Bytes()), nil)
	f.must(err)
	f.same("imported", added.Count, 4)
	_, err = other.Export(ctx(), &second)
	f.must(err)
	f.same("exported again", second.String(), first.String())
	again, err := other.Import(ctx(), bytes.NewReader(first.Bytes()), nil)
	f.must(err)
	f.same("imported twice", []any{again.Count, again.Skipped}, []any{0, 4})
	for _, q := range []string{"kettle", "costs 25"} {
		f.same(q, other.found(ann, memory.Query{Text: q}), f.found(ann, memory.Query{Text: q}))
	}
	_, err = f.Export(ctx(), &part, memory.Scope{User: "bob"})
	f.must(err)
	f.same("of one scope", strings.Contains(part.String(), "kettle"), false)
	for name, bad := range map[string]string{"empty": "", "no head": `{"record":{}}`, "torn": first.String()[:first.Len()-40], "unknown field": strings.Replace(first.String(), `"record"`, `"rekord"`, 1)} {
		if _, err := other.Import(ctx(), strings.NewReader(bad), nil); !errors.Is(err, memory.ErrInvalid) {
			f.Errorf("an export that is %s: %v", name, err)
		}
	}
	if _, err := other.Import(ctx(), bytes.NewReader(first.Bytes()), &memory.ImportOptions{Scopes: []memory.Scope{ann}}); !errors.Is(err, memory.ErrInvalid) {
		f.Errorf("an export of another scope: %v", err)
	}
}
