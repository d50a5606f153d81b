package memory

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// A store without vectors finds by words, has no vectors on disk, and can be given some and lose them again.
func TestAStoreWithoutVectors(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, &Options{Embedder: None{}})
	first := turn("the boat lies in the harbour")
	first.Scope = Scope{User: "ann", Session: "1"}
	same, other := first, first
	same.Position, other.Position = 1, 2
	same.Text, other.Text = "the boat lies in the harbour", "Ruth likes her piano"
	added, err := s.Add(ctx, Scope{User: "ann"}, first, same, other)
	if err != nil {
		t.Fatal(err)
	}
	rows := func(s *Store) (n int) {
		t.Helper()
		if err := s.reader.QueryRow("SELECT count(*) FROM vectors").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := rows(s); n != 0 {
		t.Errorf("it has %d vectors", n)
	}
	hits, err := search(ctx, s, Scope{User: "ann"}, Query{Text: "where is the boat?"})
	if err != nil || len(hits) == 0 || hits[0].Vector != 0 {
		t.Errorf("it finds %v, %v", hits, err)
	}
	c, err := s.Candidates(ctx, Scope{User: "ann"}, Query{Text: "boat piano"})
	if err != nil || len(c.List) != 3 || c.List[0].Surprise != 1 || c.List[1].Surprise > 1e-6 || c.List[2].Surprise < .5 {
		t.Errorf("what repeats a turn surprises: %+v, %v", c, err)
	}
	if _, err := s.Candidates(ctx, Scope{}, Query{Vector: []float32{1}}); !errors.Is(err, ErrDimension) {
		t.Errorf("a query by vector: %v", err)
	}
	r, err := s.Record(ctx, Scope{User: "ann"}, added.IDs[0])
	if err != nil || r.Model != "" || r.Embedding != nil {
		t.Errorf("a record is %+v, %v", r, err)
	}
	if report, err := s.Check(ctx, true); err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %v, %v", report.Problems, err)
	}

	// Its export goes into a store with vectors, and back.
	var out bytes.Buffer
	if _, err := s.Export(ctx, &out); err != nil {
		t.Fatal(err)
	}
	with := newStore(t, &Options{Embedder: letters{32}})
	if _, err := with.Import(ctx, bytes.NewReader(out.Bytes()), nil); err != nil {
		t.Fatal(err)
	}
	if n := rows(with); n != 3 {
		t.Errorf("imported, it has %d vectors", n)
	}
	out.Reset()
	if _, err := with.Export(ctx, &out); err != nil {
		t.Fatal(err)
	}
	again := newStore(t, &Options{Embedder: None{}})
	if _, err := again.Import(ctx, &out, nil); err != nil || rows(again) != 0 {
		t.Errorf("the way back: %v, %d vectors", err, rows(again))
	}

	for _, step := range []struct {
		e    Embedder
		want int
	}{{letters{48}, 3}, {None{}, 0}} {
		if err := s.Reembed(ctx, step.e, nil); err != nil {
			t.Fatal(err)
		}
		stats, err := s.Stats(ctx)
		if err != nil || rows(s) != step.want || stats.Model != step.e.Model() || stats.Dim != step.e.Dim() {
			t.Errorf("re-embedded with %s: %d vectors, %+v, %v", step.e.Model(), rows(s), stats, err)
		}
	}
}

func TestTheEmbedderIsFoundForTheStoresModel(t *testing.T) {
	var asked []string
	var has Embedder
	o := &Options{EmbedderFor: func(model string) (Embedder, error) {
		asked = append(asked, model)
		return has, nil
	}}
	has = &failing{letters{64}, "mine@1", 1 << 30}
	s := newStore(t, o)
	path := s.Path()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open := func() *Store {
		t.Helper()
		s, err := Open(context.Background(), path, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	if e := open().Embedder(); e == nil || e.Model() != "mine@1" {
		t.Errorf("the embedder is %v", e)
	}
	has = &failing{letters{64}, "mine@2", 1 << 30} // another model of that name: not the store's
	if e := open().Embedder(); e != nil {
		t.Errorf("the embedder is %v, want none", e.Model())
	}
	if asked[0] != "" || asked[len(asked)-1] != "mine@1" {
		t.Errorf("asked for %q", asked)
	}
	failed := errors.New("no disk")
	o.EmbedderFor = func(string) (Embedder, error) { return nil, failed }
	if _, err := Open(t.Context(), path, o); !errors.Is(err, failed) {
		t.Errorf("open: %v, want the error of the search", err)
	}
}
