package memory

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// naive is what a store must behave like: a map.
type naive struct {
	records map[ID]Record
	dead    map[ID]bool
}

// TestAgainstAMap runs random operations on a store, over two handles, and on a map, and compares them.
func TestAgainstAMap(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	run := 0
	words := strings.Fields("anchor basil cedar delta ember fjord garnet harbor iris jasper")
	scopes := []Scope{{User: "a", Session: "1"}, {User: "a", Session: "2"}, {User: "b"}, {Tenant: "x", User: "a", Agent: "bot"}}
	asked := append(slices.Clone(scopes), Scope{User: "a"}, Scope{Tenant: "x", User: "a"}, Scope{User: "nobody"})
	rapid.Check(t, func(rt *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprintf("%d.db", run))
		c := &clock{at: t0}
		must := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		one, err := Create(ctx, path, &Options{Now: c.now})
		must(err)
		two, err := Open(ctx, path, &Options{Now: c.now})
		must(err)
		handles := []*Store{one, two}
		defer func() { _, _ = handles[0].Close(), handles[1].Close() }()
		m := naive{map[ID]Record{}, map[ID]bool{}}
		live := func(scope Scope) []ID {
			var ids []ID
			for id, r := range m.records {
				if scope.Contains(r.Scope) && r.Superseded.IsZero() {
					ids = append(ids, id)
				}
			}
			slices.Sort(ids)
			return ids
		}
		pick := func(ids []ID) ID { return rapid.SampledFrom(ids).Draw(rt, "id") }
		store := func() *Store { return handles[rapid.IntRange(0, 1).Draw(rt, "handle")] }
		scope := func() Scope { return rapid.SampledFrom(scopes).Draw(rt, "scope") }
		record := func() Record {
			r := turn(strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 1, 5).Draw(rt, "words"), " "))
			r.Position = rapid.IntRange(-1, 20).Draw(rt, "position")
			return r
		}
		note := func(s *Store, scope Scope, id ID) {
			r, err := s.Record(ctx, scope, id)
			must(err)
			m.records[id] = r
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(*rapid.T) {
				s, sc, r := store(), scope(), record()
				if rapid.Bool().Draw(rt, "keyed") {
					r.Key = rapid.StringMatching("[a-c]").Draw(rt, "key")
				}
				known := ID("")
				for id, o := range m.records {
					if o.Scope == sc && o.Key == r.Key && r.Key != "" {
						known = id
					}
				}
				a, err := s.AddAll(ctx, sc, func(yield func(Record, error) bool) { yield(r, nil) }, &AddOptions{Deleted: true})
				must(err)
				if known != "" && (a.Skipped != 1 || a.IDs[0] != known) {
					rt.Fatalf("key %q was there as %s, added %+v", r.Key, known, a)
				}
				if known == "" {
					if a.Count != 1 {
						rt.Fatalf("added %+v", a)
					}
					note(s, sc, a.IDs[0])
				}
			},
			"supersede": func(*rapid.T) {
				s, sc := store(), scope()
				ids := live(sc)
				if len(ids) == 0 {
					return
				}
				old := pick(ids)
				id, err := s.Supersede(ctx, sc, record(), old)
				must(err)
				note(s, sc, id)
				note(s, sc, old)
				if r := m.records[old]; r.SupersededBy != id {
					rt.Fatalf("%s is superseded by %q", old, r.SupersededBy)
				}
			},
			"undo": func(*rapid.T) {
				s, sc := store(), scope()
				ids := live(sc)
				if len(ids) == 0 {
					return
				}
				id := pick(ids)
				var replaced []ID
				for o, r := range m.records {
					if r.SupersededBy == id {
						replaced = append(replaced, o)
					}
				}
				err := s.Undo(ctx, sc, id)
				if (err == nil) != (len(replaced) > 0) {
					rt.Fatalf("undo of %s, which replaced %v: %v", id, replaced, err)
				}
				for _, o := range append(replaced, id) {
					note(s, sc, o)
				}
			},
			"mark": func(*rapid.T) {
				s, sc := store(), scope()
				if ids := live(sc); len(ids) > 0 {
					id := pick(ids)
					must(s.MarkShown(ctx, sc, id))
					r := m.records[id]
					r.Shown, r.LastShown = r.Shown+1, c.now()
					m.records[id] = r
				}
			},
			"delete": func(*rapid.T) {
				s, sc := store(), scope()
				if ids := live(sc); len(ids) > 0 {
					id := pick(ids)
					_, err := s.Delete(ctx, sc, []ID{id}, nil)
					must(err)
					delete(m.records, id)
					m.dead[id] = true
					for o, r := range m.records {
						if r.SupersededBy == id {
							r.SupersededBy = ""
							m.records[o] = r
						}
					}
				}
			},
			"open again": func(*rapid.T) {
				i := rapid.IntRange(0, 1).Draw(rt, "which")
				must(handles[i].Close())
				s, err := Open(ctx, path, &Options{Now: c.now})
				must(err)
				handles[i] = s
			},
			"export and import": func(*rapid.T) {
				var b bytes.Buffer
				_, err := store().Export(ctx, &b)
				must(err)
				a, err := store().Import(ctx, &b, nil)
				must(err)
				if a.Count != 0 {
					rt.Fatalf("a store's own export added %d", a.Count)
				}
			},
			"": func(*rapid.T) {
				c.move(time.Minute)
				s := store()
				sc := rapid.SampledFrom(asked).Draw(rt, "asked")
				for id, want := range m.records {
					r, err := s.Record(ctx, want.Scope, id)
					must(err)
					if r.Text != want.Text || r.Shown != want.Shown || !r.Superseded.Equal(want.Superseded) || r.SupersededBy != want.SupersededBy {
						rt.Fatalf("record %+v, want %+v", r, want)
					}
				}
				word := rapid.SampledFrom(words).Draw(rt, "word")
				cs, err := s.candidates(ctx, sc, Query{Text: word}, 0)
				must(err)
				rows := map[int64]float64{}
				var all []int64
				for _, x := range cs.List {
					rows[x.Row] = x.Lexical
					all = append(all, x.Row)
				}
				got, err := s.Fetch(ctx, sc, all...)
				must(err)
				found := map[ID]bool{}
				for i, r := range got {
					if has := slices.Contains(strings.Fields(r.Text), word); has != (rows[all[i]] > 0) {
						rt.Fatalf("%q has a lexical score of %v for %q", r.Text, rows[all[i]], word)
					}
					found[r.ID] = rows[all[i]] > 0 // others are there for their subject
				}
				ids := live(sc)
				if cs.Len != len(ids) {
					rt.Fatalf("%d records in %s, want %v", cs.Len, sc, ids)
				}
				for _, id := range ids {
					if has := slices.Contains(strings.Fields(m.records[id].Text), word); found[id] != has {
						rt.Fatalf("%s is found in %s: %v, want %v", id, sc, found[id], has)
					}
				}
			},
		})
		for _, s := range handles {
			report, err := s.Check(ctx, true)
			must(err)
			if len(report.Problems) > 0 {
				rt.Fatalf("check: %v", report.Problems)
			}
		}
	})
}
