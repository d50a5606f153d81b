package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/trm-go/refiner/memory"
)

// testMany: more records than any batch, in one go.
func testMany(f *fixture) {
	const many = 3000
	added, err := f.AddAll(ctx(), ann, func(yield func(memory.Record, error) bool) {
		for n := range many {
			if !yield(turn(n%1000, fmt.Sprintf("word%d of many, number%d", n%7, n)), nil) {
				return
			}
		}
	}, nil)
	f.must(err)
	f.same("added", []any{added.Count, len(added.IDs)}, []any{many, many})
	f.same("their order", slices.IsSorted(added.IDs), true)
	f.same("one of them", f.found(ann, memory.Query{Text: "number1234"}), []string{"word2 of many, number1234"})
	c, err := f.Candidates(ctx(), ann, memory.Query{Text: "word3"})
	f.must(err)
	f.same("what is counted", c.Len, many)
}

// testWriters: eight write at once through stores of their own, and nothing is lost or doubled.
func testWriters(f *fixture) {
	const writers, each = 8, 12
	var working sync.WaitGroup
	for w := range writers {
		s := f.open("store")
		working.Go(func() {
			for n := range each {
				own, shared := turn(w*each+n, fmt.Sprintf("writer%d wrote number%d", w, n)), turn(n, fmt.Sprintf("everybody wrote number%d", n))
				shared.Key = fmt.Sprint("shared", n)
				for _, r := range []memory.Record{own, shared} {
					if _, err := s.Add(ctx(), ann, r); err != nil {
						f.Errorf("writer %d: %v", w, err)
						return
					}
				}
				c, err := s.Candidates(ctx(), ann, memory.Query{Text: fmt.Sprintf(`"%s"`, own.Text)})
				if err != nil || !slices.ContainsFunc(c.List, func(c memory.Candidate) bool { return c.Lexical > 0 }) {
					f.Errorf("writer %d does not see what it wrote: %v", w, err)
				}
			}
		})
	}
	working.Wait()
	texts := sorted(f.all(ann, true))
	f.same("records", []any{len(texts), len(slices.Compact(texts))}, []any{writers*each + each, writers*each + each})
	f.same("found by who was open all the time", len(f.found(ann, memory.Query{Text: "wrote"})), writers*each+each)
}

// testRaces: of eight that replace one record or raise one count at once, one replaces it, and each is counted.
func testRaces(f *fixture) {
	id := f.add(turn(1, "The kettle is blue."))[0]
	counted := f.add(turn(2, "tea"))[0]
	var working sync.WaitGroup
	var won atomic.Int32
	for w := range 8 {
		s := f.open("store")
		working.Go(func() {
			if _, err := s.Supersede(ctx(), ann, turn(3, fmt.Sprintf("The kettle is of colour %d.", w)), id); err == nil {
				won.Add(1)
			} else if !errors.Is(err, memory.ErrInvalid) {
				f.Errorf("the losers are told that it is superseded: %v", err)
			}
			for range 5 {
				if err := s.MarkShown(ctx(), ann, counted); err != nil {
					f.Error(err)
				}
			}
		})
	}
	working.Wait()
	f.same("winners", won.Load(), 1)
	f.same("live", len(f.found(ann, memory.Query{Text: "kettle"})), 1)
	f.same("counts", f.record(counted).Shown, 40)
}

// testCancelled: who is told to stop does, and writes nothing.
func testCancelled(f *fixture) {
	id := f.add(turn(1, "The kettle is blue."))[0]
	stopped, stop := context.WithCancel(ctx())
	stop()
	for what, err := range map[string]error{
		"add": second(f.Add(stopped, ann, turn(2, "new"))), "candidates": second(f.Candidates(stopped, ann, memory.Query{Text: "kettle"})), "record": second(f.Record(stopped, ann, id)),
		"supersede": second(f.Supersede(stopped, ann, turn(2, "new"), id)), "delete": second(f.Delete(stopped, ann, []memory.ID{id}, nil)),
		"mark": f.MarkUsed(stopped, ann, id), "undo": f.Undo(stopped, ann, id), "stats": second(f.Stats(stopped)), "export": second(f.Export(stopped, new(bytes.Buffer))),
	} {
		if !errors.Is(err, context.Canceled) {
			f.Errorf("%s: %v", what, err)
		}
	}
	for _, err := range f.All(stopped, ann, nil) {
		if !errors.Is(err, context.Canceled) {
			f.Errorf("all: %v", err)
		}
	}
	late, stopLate := context.WithCancel(ctx())
	_, err := f.AddAll(late, ann, func(yield func(memory.Record, error) bool) {
		for n := range 2000 {
			if n == 1500 {
				stopLate()
			}
			if !yield(turn(n, "one of many"), nil) {
				return
			}
		}
	}, nil)
	if !errors.Is(err, context.Canceled) {
		f.Errorf("cancelled in between: %v", err)
	}
	f.same("all", f.all(ann, true), []string{"The kettle is blue."})
}

// testRestart: a store that is opened again ranks as it did.
func testRestart(f *fixture) {
	for n := range 40 {
		f.add(turn(n, fmt.Sprintf("Turn %d is about tea%d and the kettle%s.", n, n%4, strings.Repeat(" again", n%5))))
	}
	_, err := f.Delete(ctx(), ann, f.add(turn(50, "tea0 that was deleted")), nil)
	f.must(err)
	look := func() string {
		c, err := f.Candidates(ctx(), ann, memory.Query{Text: "tea2 kettle", At: day(30)})
		f.must(err)
		now, err := f.Candidates(ctx(), ann, memory.Query{Text: "tea2 kettle"})
		f.must(err)
		slices.SortFunc(now.List, func(a, b memory.Candidate) int { return cmp.Compare(a.Row, b.Row) })
		for _, list := range [][]memory.Candidate{c.List, now.List} {
			for i := range list {
				list[i].Terms = nil // their numbers mean something within one answer only
			}
		}
		return fmt.Sprintf("%+v %+v %v", now.List, c.List, f.found(ann, memory.Query{Text: "tea2 again"}))
	}
	sign, err := f.Sign(ctx(), []byte("text"))
	f.must(err)
	before := look()
	f.reopen(f.clock)
	f.same("what is found", look(), before)
	again, err := f.Sign(ctx(), []byte("text"))
	f.must(err)
	f.same("the signature", again, sign)
}

// testModel: a store keeps to the model that it was made with.
func testModel(f *fixture) {
	f.add(turn(1, "The kettle is blue."))
	o := f.options()
	o.Embedder = letters{2 * dim}
	if _, err := f.backend.Open(f.T, f.Name()+"/store", o); !errors.Is(err, memory.ErrModel) {
		f.Errorf("another model: %v", err)
	}
	o.Embedder = nil
	s, err := f.backend.Open(f.T, f.Name()+"/store", o)
	f.must(err)
	defer func() { _ = s.Close() }()
	f.same("without the model at hand", []any{s.Embedder(), len(f.records(s, ann, memory.Query{Text: "kettle"}))}, []any{nil, 1})
	if _, err := s.Add(ctx(), ann, turn(2, "no vector")); !errors.Is(err, memory.ErrModel) {
		f.Errorf("a record without a vector, and nothing to embed it: %v", err)
	}
	o.Embedder = memory.None{}
	none, err := f.backend.Open(f.T, f.Name()+"/none", o)
	f.must(err)
	defer func() { _ = none.Close() }()
	_, err = none.Add(ctx(), ann, turn(1, "words only"))
	f.must(err)
	f.same("a store without vectors", len(f.records(none, ann, memory.Query{Text: "words"})), 1)
	if _, err := none.Candidates(ctx(), ann, memory.Query{Text: "words", Vector: []float32{1}}); !errors.Is(err, memory.ErrDimension) {
		f.Errorf("a vector for a store without: %v", err)
	}
	o = f.options()
	o.ReadOnly = true
	reader, err := f.backend.Open(f.T, f.Name()+"/store", o)
	f.must(err)
	defer func() { _ = reader.Close() }()
	f.same("read only", len(f.records(reader, ann, memory.Query{Text: "kettle"})), 1)
	if _, err := reader.Add(ctx(), ann, turn(2, "new")); !errors.Is(err, memory.ErrReadOnly) {
		f.Errorf("a write to what was opened to be read: %v", err)
	}
}

// testClosed: a closed store says so.
func testClosed(f *fixture) {
	id := f.add(turn(1, "The kettle is blue."))[0]
	f.must(f.Close())
	f.must(f.Close())
	for what, err := range map[string]error{"add": second(f.Add(ctx(), ann, turn(2, "new"))), "candidates": second(f.Candidates(ctx(), ann, memory.Query{Text: "kettle"})),
		"record": second(f.Record(ctx(), ann, id)), "stats": second(f.Stats(ctx())), "mark": f.MarkShown(ctx(), ann, id)} {
		if !errors.Is(err, memory.ErrClosed) {
			f.Errorf("%s: %v", what, err)
		}
	}
}
