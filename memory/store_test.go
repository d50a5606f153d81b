package memory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory/internal/disk"
)

var t0 = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

var ann = Scope{Tenant: "acme", User: "ann", Session: "one"}

func newStore(t testing.TB, o *Options) *Store {
	t.Helper()
	s, err := Create(t.Context(), filepath.Join(t.TempDir(), "m.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func turn(text string) Record {
	return Record{Kind: KindTurn, Origin: Observed, Text: text, Created: t0, Importance: .5, Confidence: 1}
}

// talk is a conversation: one record for each line.
func talk(lines ...string) []Record {
	records := make([]Record, len(lines))
	for i, l := range lines {
		records[i] = turn(l)
		records[i].Position = i
		records[i].Created = t0.Add(time.Duration(i) * time.Minute)
		if who, what, ok := strings.Cut(l, ": "); ok {
			records[i].Speaker, records[i].Text = who, what
		}
	}
	return records
}

func add(t testing.TB, s *Store, scope Scope, records ...Record) []ID {
	t.Helper()
	a, err := s.Add(t.Context(), scope, records...)
	if err != nil {
		t.Fatal(err)
	}
	return a.IDs
}

// texts are the texts that a search finds.
func texts(t testing.TB, s *Store, scope Scope, q Query) []string {
	t.Helper()
	hits, err := search(t.Context(), s, scope, q)
	if err != nil {
		t.Fatal(err)
	}
	found := []string{}
	for _, h := range hits {
		found = append(found, h.Text)
	}
	return found
}

func diff[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func wantErr(t testing.TB, err, want error, mention string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want one that is %v", err, want)
	}
	if !strings.Contains(err.Error(), mention) {
		t.Errorf("error %q does not mention %q", err, mention)
	}
}

func TestPragmas(t *testing.T) {
	s := newStore(t, nil)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1", "busy_timeout": "5000"} {
		var got string
		if err := s.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
	var mode string
	if err := s.reader.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("the reader's journal mode is %q (%v)", mode, err)
	}
	if _, err := s.reader.Exec("DELETE FROM records"); err == nil {
		t.Error("the reader can write")
	}
	info, err := os.Stat(s.Path())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v (%v): memories are private", info.Mode(), err)
	}
}

func TestOpenAndCreate(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	path := filepath.Join(dir, "sub folder?", "a#b%20.db")
	_, err := Open(ctx, path, nil)
	wantErr(t, err, ErrNoStore, "a#b%20.db")
	s, err := Create(ctx, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, ann, turn("the kettle is blue"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the store lies elsewhere: %v", err)
	}
	_, err = Create(ctx, path, nil)
	wantErr(t, err, ErrExists, "")
	_, err = s.Candidates(ctx, ann, Query{Text: "kettle"})
	wantErr(t, err, ErrClosed, "search")
	_, err = s.Add(ctx, ann, turn("x"))
	wantErr(t, err, ErrClosed, "")

	s, err = Open(ctx, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	diff(t, "after opening again", []string{"the kettle is blue"}, texts(t, s, ann, Query{Text: "kettle"}))

	junk := filepath.Join(dir, "junk.db")
	if err := os.WriteFile(junk, []byte(strings.Repeat("this is no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, junk, nil)
	wantErr(t, err, ErrCorrupt, "junk.db")
	_, err = Open(ctx, dir, nil)
	wantErr(t, err, ErrNoStore, "folder")
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(ctx, empty, nil)
	wantErr(t, err, ErrNoStore, "empty")
	e, err := Create(ctx, empty, nil)
	if err != nil {
		t.Fatalf("an empty file, as a killed Create leaves it: %v", err)
	}
	_ = e.Close()
}

func TestNewerSchemaIsRefused(t *testing.T) {
	s := newStore(t, nil)
	if _, err := s.writer.Exec(fmt.Sprintf("PRAGMA user_version = %d", disk.SchemaVersion+1)); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	_, err := Open(t.Context(), s.Path(), nil)
	wantErr(t, err, ErrSchema, "newer")
}

// A store of version 2 of the schema is brought up to date when it is opened; one of version 1 is refused.
func TestOlderSchemas(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, turn("kept from an earlier version"))
	for _, statement := range []string{"CREATE VIRTUAL TABLE words USING fts5 (text, content = 'records', content_rowid = 'row')", "DROP TABLE imports", "PRAGMA user_version = 2"} {
		if _, err := s.writer.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Close()
	s, err := Open(t.Context(), s.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "found", []string{"kept from an earlier version"}, texts(t, s, ann, Query{Text: "earlier"}))
	sound(t, s)
	if _, err := s.writer.Exec("PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	_, err = Open(t.Context(), s.Path(), nil)
	wantErr(t, err, ErrSchema, "version 1")
}

func TestAddIsIdempotentByKey(t *testing.T) {
	s := newStore(t, nil)
	a, b := turn("first"), turn("second")
	a.Key, b.Key = "k1", "k2"
	first, err := s.Add(t.Context(), ann, a, b, a)
	if err != nil {
		t.Fatal(err)
	}
	if first.Count != 2 || first.Skipped != 1 || first.IDs[0] != first.IDs[2] {
		t.Errorf("added %+v", first)
	}
	before, _ := s.Generation(t.Context())
	again, err := s.Add(t.Context(), ann, b, a)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "the same records again", Added{IDs: []ID{first.IDs[1], first.IDs[0]}, Skipped: 2}, again)
	if after, _ := s.Generation(t.Context()); after != before {
		t.Errorf("the generation went from %d to %d without a change", before, after)
	}
	// The same key in another session is another record.
	other := ann
	other.Session = "two"
	if n, err := s.Add(t.Context(), other, a); err != nil || n.Count != 1 {
		t.Errorf("in another session: %+v, %v", n, err)
	}
}

func TestAddIsAllOrNothing(t *testing.T) {
	s := newStore(t, nil)
	_, err := s.AddAll(t.Context(), ann, func(yield func(Record, error) bool) {
		for range 1000 {
			if !yield(turn("good"), nil) {
				return
			}
		}
		yield(Record{}, errors.New("the file is torn"))
	}, nil)
	if err == nil || !strings.Contains(err.Error(), "the file is torn") {
		t.Errorf("error %v", err)
	}
	records := talk(strings.Split(strings.Repeat("fine\n", 700), "\n")[:700]...)
	records[699].Importance = 2
	_, err = s.Add(t.Context(), ann, records...)
	wantErr(t, err, ErrInvalid, "record 700: invalid: importance is 2")
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.AddAll(ctx, ann, func(yield func(Record, error) bool) {
		for i := range 1000 {
			if i == 600 {
				cancel()
			}
			if !yield(turn("good"), nil) {
				return
			}
		}
	}, nil)
	wantErr(t, err, context.Canceled, "")
	if st, err := s.Stats(t.Context()); err != nil || st.Records != 0 {
		t.Errorf("%d records are there, %v", st.Records, err)
	}
}

func TestScopeIsAWall(t *testing.T) {
	s := newStore(t, nil)
	bob := Scope{Tenant: "acme", User: "bob", Session: "one"}
	evil := Scope{Tenant: "acme' OR '1'='1", User: "ann\" --", Session: "%"}
	ids := add(t, s, ann, turn("the vault code is 4711"))
	add(t, s, bob, turn("the vault is green"))
	add(t, s, evil, turn("the vault is red"))
	for _, c := range []struct {
		scope Scope
		want  []string
	}{
		{ann, []string{"the vault code is 4711"}},
		{Scope{Tenant: "acme", User: "ann"}, []string{"the vault code is 4711"}},
		{bob, []string{"the vault is green"}},
		{evil, []string{"the vault is red"}},
		{Scope{}, []string{}},
		{Scope{Tenant: "acme"}, []string{}},
		{Scope{User: "ann"}, []string{}},
		{Scope{Tenant: "acme", User: "ann", Agent: "x"}, []string{}},
		{Scope{Tenant: "acme", User: "ann", Session: "two"}, []string{}},
		{Scope{Tenant: "%", User: "%"}, []string{}},
		{Scope{Tenant: "acme", User: "ann' OR 1=1 --"}, []string{}},
	} {
		for _, text := range []string{"vault", `"vault"`, "vaul*"} {
			diff(t, fmt.Sprintf("%s in %s", text, c.scope), c.want, texts(t, s, c.scope, Query{Text: text}))
		}
	}
	ctx := t.Context()
	_, err := s.Record(ctx, bob, ids[0])
	wantErr(t, err, ErrNotFound, string(ids[0]))
	wantErr(t, s.MarkShown(ctx, bob, ids[0]), ErrNotFound, "")
	_, err = s.Supersede(ctx, bob, turn("mine now"), ids[0])
	wantErr(t, err, ErrNotFound, "")
	_, err = s.Delete(ctx, bob, ids, nil)
	wantErr(t, err, ErrNotFound, "")
	_, err = s.History(ctx, bob, ids[0])
	wantErr(t, err, ErrNotFound, "")
	if got, err := s.Fetch(ctx, bob, 1, 2, 3); err != nil || len(got) != 1 || got[0].Scope != bob {
		t.Errorf("bob fetches %v, %v", got, err)
	}
	outside := turn("x")
	outside.Scope.User = "bob"
	_, err = s.Add(ctx, ann, outside)
	wantErr(t, err, ErrInvalid, "outside")
	derived := turn("ann's code")
	derived.Kind, derived.Origin, derived.DerivedFrom = KindFact, Reconstructed, ids
	_, err = s.Add(ctx, bob, derived)
	wantErr(t, err, ErrInvalid, "derived from")
}

// Another tenant's records must not even change a score: how common a word is there would show.
func TestOthersDoNotChangeScores(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, talk("the cat sat", "a dog barked at the cat", "rain fell all day")...)
	query := Query{Text: "did the cat bark?"}
	alone, err := s.Candidates(t.Context(), ann, query)
	if err != nil {
		t.Fatal(err)
	}
	bob := Scope{Tenant: "acme", User: "bob"}
	for range 50 {
		add(t, s, bob, turn("cat cat cat bark"))
	}
	together, err := s.Candidates(t.Context(), ann, query)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "candidates beside another user's", alone.List, together.List)
	// The same within one user, between sessions: the scores of a session are those it would have alone.
	two := ann
	two.Session = "two"
	for range 50 {
		add(t, s, two, turn("cat cat cat bark"))
	}
	together, err = s.Candidates(t.Context(), ann, query)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "candidates beside another session's", alone.List, together.List)
	diff(t, "weights of the question's words", alone.Weights, together.Weights)
}

func TestSearchFindsByWordsAndVector(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, talk("Ann: We adopted a greyhound called Pixel.", "Bob: My flight to Lisbon was cancelled.",
		"Ann: The greenhouse needs new panes.", "Bob: I bake sourdough on Sundays.")...)
	diff(t, "stemmed", []string{"The greenhouse needs new panes."}, texts(t, s, ann, Query{Text: "a pane?", Limit: 1}))
	diff(t, "misspelt", []string{"I bake sourdough on Sundays."}, texts(t, s, ann, Query{Text: "sourdogh", Limit: 1}))
	hits, err := search(t.Context(), s, ann, Query{Text: "flights to Lisbon", Limit: 4})
	if err != nil {
		t.Fatal(err)
	}
	if h := hits[0]; h.Text != "My flight to Lisbon was cancelled." || h.Score < .99 || h.Score > 1.001 || h.Lexical <= 0 {
		t.Errorf("the best hit is %+v", h)
	}
	for i := 1; i < len(hits); i++ {
		if hits[i].Score > hits[i-1].Score {
			t.Errorf("hit %d scores more than the one before", i)
		}
	}
	_, err = search(t.Context(), s, ann, Query{Text: "  "})
	wantErr(t, err, ErrInvalid, "empty")
}

func TestOperators(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, talk("red apples and green pears", "green apples and red pears", "apple pie", "pears in syrup")...)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{`"green apples"`, []string{"green apples and red pears"}},
		{`pears "red apples"`, []string{"red apples and green pears"}},
		{`apples -pears`, []string{"apple pie"}},
		{`pears -"green pears"`, []string{"green apples and red pears", "pears in syrup"}},
		{`syr*`, []string{"pears in syrup"}},
		{`pears -syr*`, []string{"red apples and green pears", "green apples and red pears"}},
		{`"nothing like it" apples`, []string{}},
		{`"green apples" "red apples"`, []string{}},
		{`"GREEN apple"`, []string{"green apples and red pears"}},
	} {
		got := texts(t, s, ann, Query{Text: c.query, Limit: max(1, len(c.want))})
		want := map[string]bool{}
		for _, w := range c.want {
			want[w] = true
		}
		have := map[string]bool{}
		for _, g := range got {
			have[g] = true
		}
		diff(t, c.query, want, have)
	}
}

func TestFilters(t *testing.T) {
	s := newStore(t, nil)
	records := talk("tea one", "tea two", "tea three", "tea four")
	records[1].Kind = KindFact
	records[2].Meta = map[string]string{"lang": "en", "topic": "tea"}
	records[3].ValidUntil = t0.Add(time.Hour)
	c := &clock{at: t0.Add(2 * time.Hour)}
	s.now = c.now
	add(t, s, ann, records...)
	for _, q := range []struct {
		name  string
		query Query
		want  []string
	}{
		{"kind", Query{Kinds: []Kind{KindFact}}, []string{"tea two"}},
		{"since", Query{Since: records[2].Created}, []string{"tea three"}},
		{"until", Query{Until: records[1].Created}, []string{"tea one"}},
		{"where", Query{Where: map[string]string{"lang": "en"}}, []string{"tea three"}},
		{"where both", Query{Where: map[string]string{"lang": "en", "topic": "tea"}}, []string{"tea three"}},
		{"where neither", Query{Where: map[string]string{"lang": "de"}}, []string{}},
		{"where an empty value", Query{Where: map[string]string{"lang": ""}}, []string{}},
		{"valid now", Query{Kinds: []Kind{KindTurn}, Until: records[1].Created.Add(time.Hour)}, []string{"tea one", "tea three"}},
	} {
		q.query.Text = "tea"
		diff(t, q.name, q.want, texts(t, s, ann, q.query))
	}
	c.at = t0.Add(30 * time.Minute)
	if got := texts(t, s, ann, Query{Text: "tea"}); len(got) != 4 {
		t.Errorf("while all are valid: %v", got)
	}
}

func TestCandidatesBringNeighbours(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, talk("Ann: zero zulu", "Bob: one oscar", "Ann: two tango", "Bob: three hotel", "Ann: four foxtrot", "Bob: five victor")...)
	other := ann
	other.Session = "two"
	add(t, s, other, talk("Eve: six sierra", "Eve: seven juliett")...)
	all := Scope{Tenant: "acme", User: "ann"}
	positions := func(radius int, q Query) []int32 {
		c, err := s.candidates(t.Context(), all, q, radius)
		if err != nil {
			t.Fatal(err)
		}
		var got []int32
		for _, x := range c.List {
			got = append(got, x.Position)
		}
		return got
	}
	diff(t, "radius 1", []int32{1, 2, 3}, positions(1, Query{Text: "tango"}))
	diff(t, "default radius", []int32{0, 1, 2, 3, 4}, positions(DefaultRadius, Query{Text: "tango"}))
	diff(t, "none", []int32{2}, positions(0, Query{Text: "tango"}))
	c, err := s.candidates(t.Context(), all, Query{Text: "Did Bob pay the hotel?"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	best := slices.IndexFunc(c.List, func(x Candidate) bool { return x.Position == 3 })
	hit := c.List[best]
	if len(c.Speakers) != 1 || c.Speakers[0] != hit.Speaker || hit.Lexical <= 0 || c.Len != 8 {
		t.Errorf("speakers %v, hit %+v, %d records", c.Speakers, hit, c.Len)
	}
	if c.List[best-1].Speaker == hit.Speaker {
		t.Errorf("neighbour %+v", c.List[best-1])
	}
	words := []string{}
	for _, term := range hit.Terms {
		words = append(words, c.Word(term))
	}
	// The text's words, with its speaker and its day.
	slices.Sort(words)
	diff(t, "terms", []string{"1", "2025", "bob", "hotel", "march", "three"}, words)
	got, err := s.Fetch(t.Context(), all, hit.Row, 999, c.List[best-1].Row)
	if err != nil || len(got) != 2 || got[0].Text != "three hotel" {
		t.Errorf("fetched %v, %v", got, err)
	}
}

// TestSpelling checks that a word which no record holds finds the one that is spelled much the same, at a share of its weight.
func TestSpelling(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, talk("We ordered levothyroxine at the pharmacy.", "The meeting was long.", "Das Gartentor quietscht.", "Is it?")...)
	best := func(question string) (string, float64) {
		c, err := s.candidates(t.Context(), ann, Query{Text: question}, 0)
		if err != nil {
			t.Fatal(err)
		}
		c.List = slices.DeleteFunc(c.List, func(m Candidate) bool { return m.Lexical == 0 })
		if len(c.List) == 0 {
			return "", 0
		}
		got, err := s.Fetch(t.Context(), ann, c.List[0].Row)
		if err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		return got[0].Text[:3], c.List[0].Lexical
	}
	for question, want := range map[string]string{"levothyroxin": "We ", "levotyroxine": "We ", "Gartentore": "Das", "gardens": "", "philosophy": "", "1234567": ""} {
		if got, _ := best(question); got != want {
			t.Errorf("%s finds %q, want %q", question, got, want)
		}
	}
	_, exact := best("levothyroxine")
	if _, misspelt := best("levotyroxine"); !(misspelt > 0 && misspelt < exact) {
		t.Errorf("misspelt %v, exact %v", misspelt, exact)
	}
}

func TestSurpriseIsNovelty(t *testing.T) {
	s := newStore(t, nil)
	add(t, s, ann, talk("we planted tomatoes in the garden", "we planted tomatoes in the garden", "the satellite lost its orbit")...)
	c, err := s.Candidates(t.Context(), ann, Query{Text: "tomatoes satellite"})
	if err != nil {
		t.Fatal(err)
	}
	if a, b, d := c.List[0].Surprise, c.List[1].Surprise, c.List[2].Surprise; a != 1 || b > .001 || d < .7 {
		t.Errorf("surprises %v %v %v, want 1, 0 and nearly 1", a, b, d)
	}
}

func TestClockRunningBackwards(t *testing.T) {
	c := &clock{at: t0}
	s := newStore(t, &Options{Now: c.now})
	first := add(t, s, ann, turn("before"))[0]
	c.move(-48 * time.Hour)
	second := add(t, s, ann, turn("after"))[0]
	if second <= first {
		t.Errorf("the ID %s does not sort after %s", second, first)
	}
	r, err := s.Record(t.Context(), ann, second)
	if err != nil || r.Recorded.Before(t0) {
		t.Errorf("recorded %v, %v", r.Recorded, err)
	}
}

func TestMarksSurviveARestart(t *testing.T) {
	c := &clock{at: t0}
	s := newStore(t, &Options{Now: c.now})
	ids := add(t, s, ann, talk("tea", "coffee")...)
	before, _ := s.Generation(t.Context())
	for range 3 {
		c.move(time.Minute)
		if err := s.MarkShown(t.Context(), ann, ids...); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.MarkUsed(t.Context(), ann, ids[0]); err != nil {
		t.Fatal(err)
	}
	if after, _ := s.Generation(t.Context()); after != before {
		t.Errorf("the counts of use moved the generation from %d to %d", before, after)
	}
	_ = s.Close()
	s, err := Open(t.Context(), s.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	got, err := s.Candidates(t.Context(), ann, Query{Text: "tea"})
	if err != nil {
		t.Fatal(err)
	}
	if x := got.List[0]; x.Shown != 3 || x.Used != 1 || x.LastShown != t0.Add(3*time.Minute).Unix() || x.LastUsed != x.LastShown {
		t.Errorf("candidate %+v", x)
	}
	err = s.MarkShown(t.Context(), ann, ids[0], "01ARZ3NDEKTSV4RRFFQ69G5FAV")
	wantErr(t, err, ErrNotFound, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
	if r, _ := s.Record(t.Context(), ann, ids[0]); r.Shown != 3 {
		t.Errorf("a mark that failed counted: %d", r.Shown)
	}
}
