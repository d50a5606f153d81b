package memory

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/internal/query"
)

func TestHostileRecords(t *testing.T) {
	s := newStore(t, &Options{Embedder: letters{}})
	nan, zero := make([]float32, 384), make([]float32, 384)
	nan[7] = float32(math.NaN())
	inf := make([]float32, 384)
	inf[0] = float32(math.Inf(1))
	model := s.Embedder().Model()
	for name, c := range map[string]struct {
		change  func(*Record)
		want    error
		mention string
	}{
		"NUL":               {func(r *Record) { r.Text = "a\x00b" }, ErrInvalid, "NUL"},
		"invalid UTF-8":     {func(r *Record) { r.Text = "a\xffb" }, ErrInvalid, "UTF-8"},
		"empty":             {func(r *Record) { r.Text = " \n\t" }, ErrInvalid, "empty"},
		"huge":              {func(r *Record) { r.Text = strings.Repeat("x", MaxText+1) }, ErrInvalid, "split it"},
		"NUL in the scope":  {func(r *Record) { r.Scope.Agent = "a\x00b" }, ErrInvalid, "agent"},
		"UTF-8 in the key":  {func(r *Record) { r.Key = "\xc3\x28" }, ErrInvalid, "key"},
		"NUL in metadata":   {func(r *Record) { r.Meta = map[string]string{"a\x00": "b"} }, ErrInvalid, "metadata"},
		"long speaker":      {func(r *Record) { r.Speaker = strings.Repeat("x", 5000) }, ErrInvalid, "speaker"},
		"NaN importance":    {func(r *Record) { r.Importance = math.NaN() }, ErrInvalid, "importance"},
		"year 10000":        {func(r *Record) { r.Created = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, ErrInvalid, "year"},
		"unknown kind":      {func(r *Record) { r.Kind = "dream" }, ErrInvalid, "dream"},
		"made of nothing":   {func(r *Record) { r.Origin = Reconstructed }, ErrInvalid, "derived"},
		"its own source":    {func(r *Record) { r.DerivedFrom = []ID{"01ARZ3NDEKTSV4RRFFQ69G5FAV"} }, ErrInvalid, "derived from"},
		"no ULID":           {func(r *Record) { r.ID = "'; DROP TABLE records; --" }, ErrInvalid, "ULID"},
		"NaN vector":        {func(r *Record) { r.Embedding, r.Model = nan, model }, ErrDimension, "NaN"},
		"infinite vector":   {func(r *Record) { r.Embedding, r.Model = inf, model }, ErrDimension, "infinity"},
		"zero vector":       {func(r *Record) { r.Embedding, r.Model = zero, model }, ErrDimension, "zeros"},
		"wrong dimension":   {func(r *Record) { r.Embedding, r.Model = zero[:9], model }, ErrDimension, "9 dimensions"},
		"vector of unknown": {func(r *Record) { r.Embedding = zero }, ErrModel, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := turn("good")
			c.change(&r)
			_, err := s.Add(t.Context(), ann, turn("a good one before it"), r)
			wantErr(t, err, c.want, c.mention)
		})
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Records != 0 {
		t.Errorf("%d records were written, %v", st.Records, err)
	}
	// What is odd but text is kept as it is.
	odd := []string{"'; DROP TABLE records; --", `"`, "NEAR(a b) AND NOT c*", "!!! ...", "🥐", "\u202eright to left", "a\r\nb", strings.Repeat("long ", 200_000)}
	add(t, s, ann, talk(odd...)...)
	var got []string
	for r, err := range s.All(t.Context(), ann, nil) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Text)
	}
	diff(t, "odd texts", odd, got)
	sound(t, s)
}

func TestHostileQueries(t *testing.T) {
	s := newStore(t, &Options{Embedder: letters{}})
	add(t, s, ann, talk("the kettle is blue", "NEAR the AND gate", `he said "no" to me`)...)
	for _, q := range []string{`"`, `""`, `"""`, `kettle"`, `"kettle`, `-"`, `-""`, `*`, `**`, `a*`, `k*`, `kettle* AND`, `AND`, `NOT kettle`, `kettle NEAR/2 blue`,
		`text:kettle`, `{text}:kettle`, `^kettle`, `kettle + blue`, `(kettle`, `kettle)`, `'; DROP TABLE records; --`, `"kettle' OR 1=1"`, "-kettle", "- - -", "\u0301", "\"\u0301\"",
		strings.Repeat(`"a" `, 500), strings.Repeat("-b ", 500), "日本語*", `"日本語"`, "?1 :x @y $z", strings.Repeat("(", 5000)} {
		if _, err := search(t.Context(), s, ann, Query{Text: q}); err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", q, err)
		}
	}
	for _, c := range []struct {
		query   Query
		want    error
		mention string
	}{
		{Query{Text: "a\x00b"}, ErrInvalid, "NUL"},
		{Query{Text: "\xff"}, ErrInvalid, "UTF-8"},
		{Query{Text: strings.Repeat("x ", query.Max)}, ErrInvalid, "bytes"},
		{Query{Text: "x", Vector: []float32{1}}, ErrDimension, "1 dimensions"},
		{Query{Vector: make([]float32, 384)}, ErrDimension, "zeros"},
	} {
		_, err := search(t.Context(), s, ann, c.query)
		wantErr(t, err, c.want, c.mention)
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Records != 3 {
		t.Errorf("%d records, %v", st.Records, err)
	}
}

func TestCancelledContext(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, turn("here"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := search(ctx, s, ann, Query{Text: "here"}); !errors.Is(err, context.Canceled) {
		t.Errorf("search: %v", err)
	}
	if _, err := s.Add(ctx, ann, turn("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("add: %v", err)
	}
	diff(t, "afterwards", []string{"here"}, texts(t, s, ann, Query{Text: "here"}))
}

// A disk that is full, as SQLite sees it: the file may not grow.
func TestFullDisk(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, turn("written before"))
	var pages int
	if err := s.writer.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+3)); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = s.Add(t.Context(), ann, talk(strings.Repeat("much text ", 1000), strings.Repeat("more text ", 1000))...)
	}
	wantErr(t, err, ErrFull, "make room")
	st, err := s.Stats(t.Context())
	if err != nil || st.Records%2 != 1 {
		t.Errorf("%d records: a half of a pair was written, %v", st.Records, err)
	}
	if _, err := s.writer.Exec("PRAGMA max_page_count = 1073741823"); err != nil {
		t.Fatal(err)
	}
	add(t, s, ann, turn("a zeppelin landed"))
	diff(t, "with room again", []string{"a zeppelin landed"}, texts(t, s, ann, Query{Text: "zeppelin", Limit: 1}))
	sound(t, s)
}

// The same on a small file system, where the test may make one.
func TestFullFileSystem(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small file system: %s", out)
	}
	defer func() { _ = exec.Command("umount", dir).Run() }()
	s, err := Create(t.Context(), filepath.Join(dir, "m.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for err == nil && kept < 10000 {
		if _, err = s.Add(t.Context(), ann, turn(strings.Repeat("words fill the disk ", 50))); err == nil {
			kept++
		}
	}
	wantErr(t, err, ErrFull, "make room")
	_, err = s.Snapshot(t.Context(), filepath.Join(dir, "snap.db"))
	if !errors.Is(err, ErrFull) {
		t.Errorf("snapshot on a full disk: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*snap*")); len(left) > 0 {
		t.Errorf("half a snapshot was left: %v", left)
	}
	if err := s.Close(); err != nil {
		t.Logf("close on a full disk: %v", err)
	}
	s, err = Open(t.Context(), filepath.Join(dir, "m.db"), &Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Records != kept {
		t.Errorf("%d of %d acknowledged records are there, %v", st.Records, kept, err)
	}
	_ = s.Close()
}

func TestReadOnly(t *testing.T) {
	ctx := t.Context()
	s := rich(t, nil)
	want := content(t, s)
	r, err := Open(ctx, s.Path(), &Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	diff(t, "read", want, content(t, r))
	_, err = r.Add(ctx, ann, turn("x"))
	wantErr(t, err, ErrReadOnly, "Options.ReadOnly")
	wantErr(t, r.Undo(ctx, ann, "x"), ErrReadOnly, "")
	_, err = Create(ctx, s.Path()+"2", &Options{ReadOnly: true})
	wantErr(t, err, ErrReadOnly, "")
	// It sees what another writes.
	add(t, s, ann, turn("a fresh zeppelin"))
	diff(t, "after a write", []string{"a fresh zeppelin"}, texts(t, r, ann, Query{Text: "zeppelin", Limit: 1}))
	if report, err := r.Check(ctx, true); err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %v, %v", report.Problems, err)
	}
	if _, err := r.Snapshot(ctx, filepath.Join(t.TempDir(), "snap.db")); err != nil {
		t.Errorf("snapshot of a store that is read only: %v", err)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	ctx := t.Context()
	s := rich(t, nil)
	want := content(t, s)
	_ = s.Close()
	dir := filepath.Dir(s.Path())
	if out, err := exec.Command("sh", "-c", fmt.Sprintf("mount --bind '%s' '%s' && mount -o remount,ro,bind '%s'", dir, dir, dir)).CombinedOutput(); err != nil {
		if os.Geteuid() == 0 {
			t.Skipf("cannot mount: %s", out)
		}
		if err := os.Chmod(dir, 0o500); err != nil { // not enough for root
			t.Fatal(err)
		}
		defer func() { _ = os.Chmod(dir, 0o700) }()
	} else {
		defer func() { _ = exec.Command("umount", dir).Run() }()
	}
	_, err := Open(ctx, s.Path(), nil)
	wantErr(t, err, ErrReadOnly, "Options.ReadOnly")
	_, err = Create(ctx, filepath.Join(dir, "new.db"), nil)
	wantErr(t, err, ErrReadOnly, "new.db")
	r, err := Open(ctx, s.Path(), &Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "content", want, content(t, r))
	if got := texts(t, r, ann, Query{Text: "Oslo", Limit: 1}); len(got) != 1 {
		t.Errorf("found %v", got)
	}
	_ = r.Close()
}

// broken is an embedder that returns what no embedder should.
type broken struct {
	letters
	vectors [][]float32
}

func (b *broken) Model() string                                        { return "broken" }
func (b *broken) Embed(context.Context, []string) ([][]float32, error) { return b.vectors, nil }
func (b *broken) EmbedQuery(context.Context, string) ([]float32, error) {
	return b.vectors[0], nil
}

func TestBrokenEmbedder(t *testing.T) {
	b := &broken{letters: letters{4}}
	s := newStore(t, &Options{Embedder: b})
	for name, c := range map[string]struct {
		vectors [][]float32
		mention string
	}{
		"too few": {nil, "0 vectors for 1 texts"},
		"short":   {[][]float32{{1, 2}}, "2 dimensions"},
		"NaN":     {[][]float32{{1, 2, 3, float32(math.NaN())}}, "NaN"},
		"zeros":   {[][]float32{{0, 0, 0, 0}}, "zeros"},
	} {
		b.vectors = c.vectors
		if _, err := s.Add(t.Context(), ann, turn("x")); err == nil || !strings.Contains(err.Error(), c.mention) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.vectors = [][]float32{{1, 2}}
	if _, err := search(t.Context(), s, ann, Query{Text: "x"}); !errors.Is(err, ErrDimension) {
		t.Errorf("search: %v", err)
	}
}
