package memory

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trm-go/refiner/memory/internal/disk"
)

func TestSupersedeUndoAndAsOf(t *testing.T) {
	ctx := t.Context()
	c := &clock{at: t0}
	s := newStore(t, &Options{Now: c.now})
	old := add(t, s, ann, turn("Ann lives in Bern"))[0]
	c.move(time.Hour)
	fact := turn("Ann lives in Oslo")
	fact.Kind, fact.Created = KindFact, c.now()
	id, err := s.Supersede(ctx, ann, fact, old)
	if err != nil {
		t.Fatal(err)
	}
	query := Query{Text: "Where does Ann live?"}
	diff(t, "after superseding", []string{"Ann lives in Oslo"}, texts(t, s, ann, query))
	r, err := s.Record(ctx, ann, old)
	if err != nil || r.SupersededBy != id || !r.Superseded.Equal(t0.Add(time.Hour)) || r.Text != "Ann lives in Bern" {
		t.Errorf("the old record is %+v, %v", r, err)
	}
	_, err = s.Supersede(ctx, ann, turn("again"), old)
	wantErr(t, err, ErrInvalid, "was superseded by "+string(id))

	c.move(time.Hour)
	if err := s.Undo(ctx, ann, id); err != nil {
		t.Fatal(err)
	}
	diff(t, "after the undo", []string{"Ann lives in Bern"}, texts(t, s, ann, query))
	wantErr(t, s.Undo(ctx, ann, id), ErrInvalid, "superseded itself")
	wantErr(t, s.Undo(ctx, ann, old), ErrInvalid, "supersedes nothing")

	c.move(time.Hour)
	for _, at := range []struct {
		hours float64
		want  []string
	}{{-1, []string{}}, {.5, []string{"Ann lives in Bern"}}, {1.5, []string{"Ann lives in Oslo"}}, {2.5, []string{"Ann lives in Bern"}}, {9, []string{"Ann lives in Bern"}}} {
		q := query
		q.At = t0.Add(time.Duration(at.hours * float64(time.Hour)))
		diff(t, fmt.Sprintf("as of %v hours", at.hours), at.want, texts(t, s, ann, q))
	}
	for _, from := range []ID{old, id} {
		h, err := s.History(ctx, ann, from)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "events", []Event{
			{At: t0, What: "recorded", ID: old},
			{At: t0.Add(time.Hour), What: "recorded", ID: id},
			{At: t0.Add(time.Hour), What: "superseded", ID: old, By: id},
			{At: t0.Add(2 * time.Hour), What: "revived", ID: old, By: id},
			{At: t0.Add(2 * time.Hour), What: "superseded", ID: id},
		}, sortedEvents(h.Events, old))
		if len(h.Records) != 2 || h.Records[0].ID != old {
			t.Errorf("versions %v", h.Records)
		}
	}
	sound(t, s)
}

// What was said by a moment is known then, though it was imported later.
func TestAsOfImported(t *testing.T) {
	c := &clock{at: t0.AddDate(1, 0, 0)}
	s := newStore(t, &Options{Now: c.now})
	late := turn("Ann lives in Oslo")
	late.Created = t0.Add(time.Hour)
	add(t, s, ann, turn("Ann lives in Bern"), late)
	for hours, want := range map[float64][]string{-1: {}, .5: {"Ann lives in Bern"}, 2: {"Ann lives in Bern", "Ann lives in Oslo"}} {
		found := texts(t, s, ann, Query{Text: "Where does Ann live?", At: t0.Add(time.Duration(hours * float64(time.Hour)))})
		slices.Sort(found)
		diff(t, fmt.Sprintf("as of %v hours", hours), want, found)
	}
}

// sortedEvents orders events of one moment so that a test can name them: those of first first.
func sortedEvents(events []Event, first ID) []Event {
	for i := 1; i < len(events); i++ {
		a, b := events[i-1], events[i]
		rank := func(e Event) int {
			n := 0
			if e.ID != first {
				n++
			}
			if e.What == "recorded" {
				n -= 2
			}
			return n
		}
		if a.At.Equal(b.At) && rank(b) < rank(a) {
			events[i-1], events[i] = b, a
		}
	}
	return events
}

// sound fails the test if a full check finds anything.
func sound(t testing.TB, s *Store) {
	t.Helper()
	report, err := s.Check(context.Background(), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range report.Problems {
		t.Errorf("check: %s", p)
	}
}

// rich is a store with a bit of everything.
func rich(t testing.TB, o *Options) *Store {
	t.Helper()
	if o == nil {
		o = &Options{Embedder: letters{}}
	}
	s := newStore(t, o)
	records := talk("Ann: I moved to Bern in May 2024.", "Bob: Congratulations! <b>&\u2028\"quoted\"</b>", "Ann: 你好, naïve café — 🥐", "Ann: I moved to Oslo.")
	records[0].Key, records[0].Meta = "k/0", map[string]string{"lang": "en", "": "empty key"}
	records[1].ValidFrom, records[1].ValidUntil = time.Unix(0, 0), t0.Add(1e6*time.Hour)
	records[2].Role, records[2].Position = "user", -1
	records[3].Created = time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)
	ids := add(t, s, ann, records...)
	add(t, s, Scope{User: "zoe"}, turn("another's memory"))
	sum := turn("Ann lives in Oslo, before in Bern.")
	sum.Kind, sum.Origin, sum.DerivedFrom = KindSummary, Reconstructed, []ID{ids[0], ids[3]}
	sum.Quotes = []Quote{{Source: ids[3], Text: "moved to Oslo"}}
	sum.Importance, sum.Confidence = 1/3., .1
	id, err := s.Supersede(t.Context(), ann, sum, ids[0], ids[3])
	if err != nil {
		t.Fatal(err)
	}
	wrong := turn("Ann lives in Rome.")
	wid, err := s.Supersede(t.Context(), ann, wrong, ids[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Undo(t.Context(), ann, wid); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.MarkShown(t.Context(), ann, id, ids[2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.MarkUsed(t.Context(), ann, id); err != nil {
		t.Fatal(err)
	}
	return s
}

// content is all that a store holds, as its export says it.
func content(t testing.TB, s *Store, scopes ...Scope) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.Export(context.Background(), &b, scopes...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExportImportIsLossless(t *testing.T) {
	s := rich(t, nil)
	want := content(t, s)
	into := newStore(t, &Options{Embedder: letters{}})
	a, err := into.Import(t.Context(), strings.NewReader(want), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.Count != 7 || a.Skipped != 0 {
		t.Errorf("imported %d, skipped %d", a.Count, a.Skipped)
	}
	diff(t, "the export of the import", strings.Split(want, "\n"), strings.Split(content(t, into), "\n"))
	a, err = into.Import(t.Context(), strings.NewReader(want), nil)
	if err != nil || a.Count != 0 || a.Skipped != 7 {
		t.Errorf("importing twice added %d and skipped %d, %v", a.Count, a.Skipped, err)
	}
	sound(t, s)
	sound(t, into)
	// Record by record, with history and embedding.
	var before, after []Record
	for _, c := range []struct {
		s    *Store
		into *[]Record
	}{{s, &before}, {into, &after}} {
		for r, err := range c.s.All(t.Context(), ann, &AllOptions{History: true, Embeddings: true}) {
			if err != nil {
				t.Fatal(err)
			}
			*c.into = append(*c.into, r)
		}
	}
	diff(t, "records", before, after)
	if len(before) != 6 || len(before[0].Embedding) != 384 {
		t.Errorf("%d records, %d dimensions", len(before), len(before[0].Embedding))
	}
	h1, err1 := s.History(t.Context(), ann, before[0].ID)
	h2, err2 := into.History(t.Context(), ann, before[0].ID)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	diff(t, "history", h1, h2)
	if part := content(t, s, Scope{User: "zoe"}); strings.Count(part, "\n") != 2 || strings.Contains(part, "Bern") {
		t.Errorf("the export of one scope is %s", part)
	}
}

func TestImportRefuses(t *testing.T) {
	good := content(t, rich(t, nil))
	lines := strings.SplitAfter(good, "\n")
	for name, c := range map[string]struct {
		text    string
		want    error
		mention string
	}{
		"nothing":         {"", ErrInvalid, "empty"},
		"no export":       {`{"hello": 1}` + "\n", ErrInvalid, "line 1"},
		"newer":           {strings.Replace(good, `"version":1`, `"version":2`, 1), ErrSchema, "version 2"},
		"another model":   {strings.Replace(good, `"letters"`, `"numbers"`, 1), ErrModel, "numbers"},
		"torn":            {good[:len(good)/2], ErrInvalid, "line"},
		"unknown field":   {lines[0] + `{"record":{"text":"x","colour":"red"}}`, ErrInvalid, "colour"},
		"neither":         {lines[0] + `{}`, ErrInvalid, "line 2: invalid: it is neither"},
		"bad vector":      {lines[0] + strings.Replace(lines[1], `"vector":"`, `"vector":"!`, 1), ErrInvalid, "base64"},
		"short vector":    {lines[0] + `{"record":{"kind":"turn","origin":"observed","text":"x","created":"2025-01-01T00:00:00Z"},"vector":"AACAPw=="}`, ErrDimension, "384"},
		"NaN in a vector": {lines[0] + `{"record":{"kind":"turn","origin":"observed","text":"x","created":"2025-01-01T00:00:00Z"},"vector":"` + strings.Repeat("AADAfwAAwH8AAMB/", 128) + `"}`, ErrDimension, "NaN"},
		"NUL":             {lines[0] + `{"record":{"kind":"turn","origin":"observed","text":"a\u0000b","created":"2025-01-01T00:00:00Z"}}`, ErrInvalid, "NUL"},
		"bad event":       {lines[0] + `{"event":{"at":"2025-01-01T00:00:00Z","what":"exploded","id":"x"}}`, ErrInvalid, "event"},
		"missing source":  {lines[0] + lines[6], ErrInvalid, "derived from"},
		"no ULID":         {lines[0] + `{"record":{"id":"7","kind":"turn","origin":"observed","text":"x","created":"2025-01-01T00:00:00Z"}}`, ErrInvalid, "ULID"},
		"a line too long": {lines[0] + `{"record":{"text":"` + strings.Repeat("x", maxLine) + `"}}`, ErrInvalid, "line 2: invalid: it is longer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, &Options{Embedder: letters{}})
			_, err := s.Import(t.Context(), strings.NewReader(c.text), nil)
			wantErr(t, err, c.want, c.mention)
			if st, _ := s.Stats(t.Context()); st.Records != 0 {
				t.Errorf("%d records were half imported", st.Records)
			}
		})
	}
	other := newStore(t, &Options{Embedder: letters{512}})
	if a, err := other.Import(t.Context(), strings.NewReader(good), &ImportOptions{Reembed: true}); err != nil || a.Count != 7 {
		t.Errorf("with Reembed: %+v, %v", a, err)
	}
}

func TestSnapshotAndRestore(t *testing.T) {
	ctx := t.Context()
	c := &clock{at: t0}
	s := rich(t, &Options{Now: c.now})
	dir := t.TempDir()
	path := filepath.Join(dir, "snap.db")
	want := content(t, s)
	snap, err := s.Snapshot(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	gen, _ := s.Generation(ctx)
	if snap.Records != 7 || snap.Generation != gen || snap.Bytes == 0 || snap.Path != path {
		t.Errorf("snapshot %+v", snap)
	}
	_, err = s.Snapshot(ctx, path)
	wantErr(t, err, ErrExists, "snap.db")
	if left, _ := filepath.Glob(filepath.Join(dir, "*partial*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	report, err := CheckFile(ctx, path, true)
	if err != nil || len(report.Problems) != 0 || report.Records != 7 {
		t.Errorf("check of the snapshot: %+v, %v", report, err)
	}

	add(t, s, ann, turn("written after the snapshot"))
	later := content(t, s)
	res, err := Restore(ctx, s.Path(), path, &Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	// The store stayed open, and sees it.
	diff(t, "restored", want, content(t, s))
	diff(t, "a search", []string{}, texts(t, s, ann, Query{Text: `"after the snapshot"`}))
	sound(t, s)
	if after, _ := s.Generation(ctx); after <= gen+1 {
		t.Errorf("the generation %d is not new", after)
	}
	aside, err := Open(ctx, res.Aside, nil)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "put aside", later, content(t, aside))
	_ = aside.Close()
	add(t, s, ann, turn("life goes on"))
	diff(t, "written after", []string{"life goes on"}, texts(t, s, ann, Query{Text: "life", Limit: 1}))
	sound(t, s)

	// To a place where nothing is, and over what is damaged.
	fresh := filepath.Join(dir, "fresh.db")
	if res, err := Restore(ctx, fresh, path, nil); err != nil || res.Aside != "" || res.Records != 7 {
		t.Errorf("restored %+v, %v", res, err)
	}
	damaged := filepath.Join(dir, "damaged.db")
	junk := []byte(strings.Repeat("junk", 5000))
	if err := os.WriteFile(damaged, junk, 0o600); err != nil {
		t.Fatal(err)
	}
	res, err = Restore(ctx, damaged, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(res.Aside); err != nil || !bytes.Equal(kept, junk) {
		t.Errorf("what was damaged is not aside: %v", err)
	}
	for _, p := range []string{fresh, damaged} {
		r, err := Open(ctx, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, p, want, content(t, r))
		_ = r.Close()
	}
}

func TestRestoreRefusesADamagedSnapshot(t *testing.T) {
	s := rich(t, nil)
	want := content(t, s)
	dir := t.TempDir()
	path := filepath.Join(dir, "snap.db")
	if _, err := s.Snapshot(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string][]byte{
		"torn":     whole[:len(whole)/2],
		"empty":    nil,
		"flipped":  append(append(bytes.Clone(whole[:4096*3]), bytes.Repeat([]byte{0xff}, 4096)...), whole[4096*4:]...),
		"no store": []byte(strings.Repeat("x", 9000)),
	} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, damage, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), s.Path(), bad, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
		diff(t, name+": the store", want, content(t, s))
	}
	_, err = Restore(t.Context(), s.Path(), s.Path(), nil)
	wantErr(t, err, ErrInvalid, "itself")
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(s.Path()), "*before*")); len(left) != 0 {
		t.Errorf("copies of an unchanged store were left: %v", left)
	}
}

// failing is an embedder that fails after some texts.
type failing struct {
	letters
	name  string
	after int
}

func (f *failing) Model() string { return f.name }

func (f *failing) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if f.after -= len(texts); f.after < 0 {
		return nil, fmt.Errorf("the embedding service is down")
	}
	return f.letters.Embed(ctx, texts)
}

func TestReembed(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, &Options{Embedder: letters{}})
	records := make([]Record, 600)
	for i := range records {
		records[i] = turn(fmt.Sprintf("memory %d of the lighthouse", i))
	}
	add(t, s, ann, records...)
	want := content(t, s)
	next := &failing{letters{64}, "tiny-64", 400}
	if err := s.Reembed(ctx, next, nil); err == nil || !strings.Contains(err.Error(), "service is down") {
		t.Fatalf("error %v", err)
	}
	diff(t, "after a failure", want, content(t, s))
	sound(t, s)
	next.after = 344 // what is left: it goes on where it stopped
	var last, total int
	if err := s.Reembed(ctx, next, func(d, n int) { last, total = d, n }); err != nil {
		t.Fatal(err)
	}
	if last != 600 || total != 600 {
		t.Errorf("progress ended at %d of %d", last, total)
	}
	next.after = 1 << 30
	diff(t, "found", 10, len(texts(t, s, ann, Query{Text: "lighthouse"})))
	sound(t, s)
	_ = s.Close()

	_, err := Open(ctx, s.Path(), &Options{Embedder: letters{}})
	wantErr(t, err, ErrModel, `"tiny-64"`)
	s, err = Open(ctx, s.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	diff(t, "by words alone", []string{"memory 7 of the lighthouse"}, texts(t, s, ann, Query{Text: `"memory 7"`, Limit: 1}))
	_, err = s.Add(ctx, ann, turn("no vector"))
	wantErr(t, err, ErrModel, "tiny-64")
	_, err = search(ctx, s, ann, Query{Vector: make([]float32, 384)})
	wantErr(t, err, ErrDimension, "64")
	own := turn("its own vector")
	own.Embedding, own.Model = make([]float32, 64), "tiny-64"
	_, err = s.Add(ctx, ann, own)
	wantErr(t, err, ErrDimension, "zeros")
	own.Embedding[3] = 1
	add(t, s, ann, own)
	own.Model = "other"
	_, err = s.Add(ctx, ann, own)
	wantErr(t, err, ErrModel, "other")
	if err := s.Reembed(ctx, letters{}, nil); err != nil {
		t.Fatal(err)
	}
	sound(t, s)
}

func TestStats(t *testing.T) {
	s := rich(t, nil)
	got, err := s.Stats(t.Context(), Scope{Tenant: "acme", User: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	want := Stats{Records: 6, Live: 5, Superseded: 1, Derived: 1, Kinds: map[Kind]int{KindTurn: 4, KindSummary: 1}, Tenants: 1, Users: 1, Sessions: 1,
		Shown: 4, Used: 1, Model: "letters", Dim: 384, Schema: disk.SchemaVersion, Path: s.Path()}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Stats{}, "Generation", "Bytes")); d != "" {
		t.Errorf("stats (-want +got):\n%s", d)
	}
	if got.Generation == 0 || got.Bytes == 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	for name, c := range map[string]struct{ damage, mention string }{
		"vector":     {"UPDATE vectors SET data = zeroblob(1536) WHERE row = 1", "checksum"},
		"short":      {"UPDATE vectors SET data = x'00' WHERE row = 2", "bytes"},
		"digest":     {"UPDATE records SET position = position + 7 WHERE row = 3", "checksum"},
		"text":       {"UPDATE records SET text = 'something else' WHERE row = 3", "checksum"},
		"missing":    {"PRAGMA foreign_keys = 0; DELETE FROM vectors WHERE row = 1", "vectors"},
		"importance": {"UPDATE records SET importance = 7 WHERE row = 1", "importance"},
		"successor":  {"UPDATE records SET superseded_by = 'nobody' WHERE row = 1", "nobody"},
		"source":     {"PRAGMA foreign_keys = 0; INSERT INTO sources (source, row) VALUES ('nothing', 1)", "nothing"},
		"event":      {"INSERT INTO events (row, at, what, by) VALUES (3, 1, 'superseded', '')", "last event"},
		"scope":      {"UPDATE vectors SET scope = 99 WHERE row = 1", "another scope"},
		"quote":      {"UPDATE records SET quotes = replace(quotes, 'Oslo', 'Rome')", "does not say so"},
		"recorded":   {"UPDATE records SET superseded = 5 WHERE row = 1", "before it was recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			s := rich(t, nil)
			sound(t, s)
			if _, err := s.writer.Exec(c.damage); err != nil {
				t.Fatal(err)
			}
			report, err := s.Check(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, p := range report.Problems {
				all = append(all, p.String())
			}
			if !strings.Contains(strings.Join(all, "\n"), c.mention) {
				t.Errorf("problems %q do not mention %q", all, c.mention)
			}
		})
	}
}

func TestCheckFileOfADamagedFile(t *testing.T) {
	s := newStore(t, nil)
	records := corpusOf(300, 9)
	if _, err := s.Add(t.Context(), Scope{Tenant: "bench", User: "ann"}, records...); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	b, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	for i := len(b) / 2; i < len(b)/2+20000; i++ {
		b[i] = byte(i * 7)
	}
	if err := os.WriteFile(s.Path(), b, 0o600); err != nil {
		t.Fatal(err)
	}
	report, err := CheckFile(t.Context(), s.Path(), false)
	if err != nil || len(report.Problems) == 0 {
		t.Errorf("report %+v, %v", report, err)
	}
}
