package consolidate_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

var (
	scope = memory.Scope{User: "ana"}
	start = time.Date(2024, 1, 8, 9, 0, 0, 0, time.UTC)
	later = start.AddDate(1, 0, 0)
)

// chatter makes n turns of a conversation over as many days as it takes, deterministic in seed.
func chatter(n int, seed uint64) []memory.Record {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	records := make([]memory.Record, n)
	at := start
	session := 0
	for i := range records {
		if i%24 == 0 && i > 0 {
			at = at.Add(23 * time.Hour)
			session++
		}
		at = at.Add(time.Minute)
		thing := pick("pottery class", "marathon", "garden", "choir", "bakery", "kitchen", "novel", "violin", "workshop", "greenhouse")
		place := pick("Lisbon", "Oslo", "Hamburg", "Porto", "Vienna", "Ghent")
		text := pick(
			fmt.Sprintf("I signed up for the %s in %s, it costs %d euros.", thing, place, 20+r.IntN(200)),
			fmt.Sprintf("How was the %s?", thing),
			fmt.Sprintf("It was great! We met %s there and stayed for %d hours.", pick("Rosa", "Karim", "Lena"), 2+r.IntN(5)),
			fmt.Sprintf("Wow, that sounds lovely. I have not been to %s since %d.", place, 2010+r.IntN(12)),
			"Haha, yes, totally.",
			fmt.Sprintf("The %s opens on %s %d, don't forget to bring the blue folder.", thing, pick("May", "June", "July"), 1+r.IntN(28)),
		)
		speaker := []string{"Ana", "Ben"}[i%2]
		records[i] = memory.Record{
			Scope: memory.Scope{User: scope.User, Session: fmt.Sprintf("s%05d", session)}, Speaker: speaker, Text: text, Position: i % 24,
			Created: at, Importance: .5, Confidence: 1,
		}
	}
	return records
}

func open(t testing.TB, records []memory.Record) *memory.Store {
	t.Helper()
	s, err := memory.Create(t.Context(), filepath.Join(t.TempDir(), "memory.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Add(t.Context(), scope, records...); err != nil {
		t.Fatal(err)
	}
	return s
}

func plan(t testing.TB, s *memory.Store, p consolidate.Policy) *consolidate.Plan {
	t.Helper()
	made, err := consolidate.New(t.Context(), s, scope, &consolidate.Options{Policy: p, Now: later})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// texts are the texts of the live records, sorted.
func texts(t testing.TB, s *memory.Store) []string {
	t.Helper()
	var all []string
	for r, err := range s.All(t.Context(), scope, nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r.Text)
	}
	slices.Sort(all)
	return all
}

func TestPlanApplyUndo(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(120, 1))
	before := texts(t, s)
	p := plan(t, s, consolidate.Policy{})
	if p.Coverage.Kept != p.Coverage.Asked || p.Coverage.Asked == 0 {
		t.Errorf("coverage is %+v, want all of some kept", p.Coverage)
	}
	if p.After.Tokens*10 > p.Before.Tokens*9 { // nearly every sentence of this chatter holds a number of its own
		t.Errorf("%d of %d tokens are left, want at most 90 %%", p.After.Tokens, p.Before.Tokens)
	}
	if diff := cmp.Diff(before, texts(t, s)); diff != "" {
		t.Errorf("planning wrote (-before +after):\n%s", diff)
	}
	if again := plan(t, s, consolidate.Policy{}); again.Hash != p.Hash {
		t.Errorf("the same store made plans %s and %s", p.Name(), again.Name())
	}

	run, err := consolidate.Apply(ctx, s, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if run.State != consolidate.Applied || run.Snapshot == "" {
		t.Errorf("the run is %+v, want it applied, with a snapshot", run)
	}
	if again := plan(t, s, consolidate.Policy{}); again.Before != p.After {
		t.Errorf("%+v is shown, the plan says %+v", again.Before, p.After)
	}
	for _, text := range before {
		if !slices.Contains(texts(t, s), text) {
			t.Errorf("the turn %q does not stay", text)
		}
	}
	if second := plan(t, s, consolidate.Policy{}); len(second.Changes) != 0 {
		var b strings.Builder
		_ = second.Diff(&b, 3, nil)
		t.Errorf("a second run plans %d changes, want none:\n%s", len(second.Changes), b.String())
	}
	if _, err := consolidate.Apply(ctx, s, p, nil); err != nil {
		t.Errorf("applying an applied plan: %v", err)
	}
	if r, err := s.Check(ctx, true); err != nil || len(r.Problems) > 0 {
		t.Errorf("check: %v %v", r, err)
	}

	if _, err := consolidate.Undo(ctx, s, "", nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, texts(t, s)); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
	if _, err := consolidate.Undo(ctx, s, "", nil); !errors.Is(err, consolidate.ErrNoRun) {
		t.Errorf("undoing once more: %v, want ErrNoRun", err)
	}
	if again := plan(t, s, consolidate.Policy{}); len(again.Changes) != len(p.Changes) {
		t.Errorf("after undo %d changes are planned, want %d", len(again.Changes), len(p.Changes))
	} else if _, err := consolidate.Apply(ctx, s, again, nil); err != nil {
		t.Errorf("consolidating again after undo: %v", err)
	}
	runs, err := consolidate.Runs(s.Path())
	if err != nil || len(runs) != 2 || runs[0].State != consolidate.Undone || runs[1].State != consolidate.Applied {
		t.Errorf("the log is %+v, %v", runs, err)
	}
}

// TestLevels consolidates day by day, then by month: the higher level builds on the lower one and is still checked
// against the turns.
func TestLevels(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(240, 2))
	small := consolidate.Policy{Level: consolidate.Day, Unit: 60}
	day := plan(t, s, small)
	if _, err := consolidate.Apply(ctx, s, day, nil); err != nil {
		t.Fatal(err)
	}
	wide := consolidate.Policy{Level: consolidate.Month, Unit: 160}
	month := plan(t, s, wide)
	if len(month.Changes) == 0 || month.After.Records >= day.After.Records {
		t.Fatalf("the month level has %d changes and leaves %d records of %d", len(month.Changes), month.After.Records, day.After.Records)
	}
	if month.Coverage.Kept != month.Coverage.Asked {
		t.Errorf("coverage is %+v, want all kept", month.Coverage)
	}
	if _, err := consolidate.Apply(ctx, s, month, nil); err != nil {
		t.Fatal(err)
	}
	if again := plan(t, s, wide); len(again.Changes) != 0 {
		t.Errorf("a second run plans %d changes", len(again.Changes))
	}
	if _, err := consolidate.Undo(ctx, s, day.Name(), nil); err == nil || !strings.Contains(err.Error(), "undo the later run first") {
		t.Errorf("undoing what another run built on: %v", err)
	}
}

// TestOlderMemoriesHaveLessDetail consolidates the same memories at each level: each has less than the one before, nothing
// that must be kept is lost, and nothing is left to do at a level that was reached.
func TestOlderMemoriesHaveLessDetail(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(240, 5))
	before := plan(t, s, consolidate.Policy{Keep: 1}).Before.Tokens
	for _, level := range []consolidate.Level{consolidate.Day, consolidate.Week, consolidate.Month} {
		policy := consolidate.Policy{Level: level, Keep: .6} // all turns are of less importance
		p := plan(t, s, policy)
		if p.After.Tokens > before*95/100 {
			t.Errorf("the level %s has %d tokens, the one before had %d", level, p.After.Tokens, before)
		}
		if p.Coverage.Kept != p.Coverage.Asked {
			t.Errorf("at the level %s %+v is kept", level, p.Coverage)
		}
		if _, err := consolidate.Apply(ctx, s, p, nil); err != nil {
			t.Fatal(err)
		}
		if again := plan(t, s, policy); len(again.Changes) != 0 {
			t.Errorf("at the level %s a second run plans %d changes", level, len(again.Changes))
		}
		before = p.After.Tokens
	}
}

func TestNewTurnsAreConsolidatedLater(t *testing.T) {
	ctx := t.Context()
	all := chatter(120, 3)
	s := open(t, all[:60])
	if _, err := consolidate.Apply(ctx, s, plan(t, s, consolidate.Policy{}), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(ctx, scope, all[60:]...); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		p := plan(t, s, consolidate.Policy{})
		if round == 0 && len(p.Changes) == 0 {
			t.Fatal("new turns change nothing")
		}
		if round > 0 && len(p.Changes) > 0 {
			t.Errorf("round %d still plans %d changes", round, len(p.Changes))
		}
		if _, err := consolidate.Apply(ctx, s, p, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusals(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(60, 5))
	p := plan(t, s, consolidate.Policy{})

	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	whole := b.String()
	read, err := consolidate.Read(strings.NewReader(whole))
	if err != nil || read.Hash != p.Hash {
		t.Fatalf("a plan does not read back: %v", err)
	}
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"changed text":  {strings.Replace(whole, "euros", "pounds", 1), consolidate.ErrTampered},
		"a new member":  {strings.Replace(whole, `"steps"`, `"stages"`, 1), consolidate.ErrPlan},
		"cut off":       {whole[:len(whole)/2], consolidate.ErrPlan},
		"not JSON":      {"hello", consolidate.ErrPlan},
		"two plans":     {whole + whole, consolidate.ErrPlan},
		"other version": {strings.Replace(whole, `"version": 2`, `"version": 1`, 1), consolidate.ErrPlan},
	} {
		if _, err := consolidate.Read(strings.NewReader(c.text)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	forged := *p
	forged.Changes = slices.Clone(p.Changes)
	forged.Changes[0].Write.Text += " I owe Ben 500 euros."
	if _, err := consolidate.Apply(ctx, s, &forged, nil); !errors.Is(err, consolidate.ErrTampered) {
		t.Errorf("a forged plan: %v", err)
	}
	// The hash is no signature: the store knows what it has made.
	forged = *p
	forged.Changes = slices.Clone(p.Changes)
	forged.Changes[0].Write.Importance, forged.Hash, forged.Signature = 1, "", ""
	data, err := json.Marshal(&forged)
	if err != nil {
		t.Fatal(err)
	}
	forged.Hash, forged.Signature = fmt.Sprintf("%x", sha256.Sum256(data)), p.Signature
	b.Reset()
	if err := forged.Write(&b); err != nil {
		t.Fatal(err)
	}
	if read, err = consolidate.Read(&b); err != nil {
		t.Fatalf("the hash of a forged plan is not as it is made: %v", err)
	}
	if _, err := consolidate.Apply(ctx, s, read, nil); !errors.Is(err, consolidate.ErrTampered) {
		t.Errorf("a plan forged with its hash: %v", err)
	}
	if _, err := s.Supersede(ctx, scope, memory.Record{Text: "It was another thing.", Created: start, Confidence: 1}, p.Changes[0].Write.DerivedFrom[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := consolidate.Apply(ctx, s, p, nil); !errors.Is(err, consolidate.ErrStale) {
		t.Errorf("a stale plan: %v", err)
	}
	for name, bad := range map[string]consolidate.Policy{
		"keeps nothing": {Keep: -1}, "no such level": {Level: "year"}, "share": {Share: 2}, "unit": {Unit: 3}, "age": {Age: -1},
	} {
		if _, err := consolidate.New(ctx, s, scope, &consolidate.Options{Policy: bad}); !errors.Is(err, consolidate.ErrPolicy) {
			t.Errorf("a policy with a bad %s: %v", name, err)
		}
	}
	old := open(t, chatter(24, 6))
	if p := plan(t, old, consolidate.Policy{Age: 10 * 365 * 24 * time.Hour}); len(p.Changes) != 0 {
		t.Errorf("what is too young is consolidated: %d changes", len(p.Changes))
	}
}

func TestGroundedRefusesInventions(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(24, 7))
	good := plan(t, s, consolidate.Policy{}).Changes[0].Write
	source := func(id memory.ID) (memory.Record, bool) {
		r, err := s.Record(ctx, scope, id)
		return r, err == nil
	}
	if err := consolidate.Grounded(&good, source); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*memory.Record){
		"a word more":       func(r *memory.Record) { r.Text += " Really." },
		"a quote less":      func(r *memory.Record) { r.Quotes = r.Quotes[1:] },
		"a changed quote":   func(r *memory.Record) { r.Quotes = slices.Clone(r.Quotes); r.Quotes[0].Text = "I never said this." },
		"an unknown source": func(r *memory.Record) { r.DerivedFrom = []memory.ID{"01ARZ3NDEKTSV4RRFFQ69G5FAV"} },
		"observed":          func(r *memory.Record) { r.Origin = memory.Observed },
		"more confidence":   func(r *memory.Record) { r.Confidence = 1.5 },
	} {
		bad := good
		change(&bad)
		if err := consolidate.Grounded(&bad, source); !errors.Is(err, consolidate.ErrUngrounded) {
			t.Errorf("%s: %v, want ErrUngrounded", name, err)
		}
	}
}

func TestDeleteReachesWhatWasDerived(t *testing.T) {
	ctx := t.Context()
	records := chatter(48, 8)
	records[5].Text = "My secret code is 84512 and nobody may know."
	s := open(t, records)
	p := plan(t, s, consolidate.Policy{})
	if _, err := consolidate.Apply(ctx, s, p, nil); err != nil {
		t.Fatal(err)
	}
	var secret memory.ID
	for r, err := range s.All(ctx, scope, &memory.AllOptions{History: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == memory.KindTurn && strings.Contains(r.Text, "84512") {
			secret = r.ID
		}
	}
	if _, err := s.Delete(ctx, scope, []memory.ID{secret}, nil); !errors.Is(err, memory.ErrDerived) {
		t.Errorf("deleting what summaries rest on: %v, want ErrDerived", err)
	}
	if _, err := s.Delete(ctx, scope, []memory.ID{secret}, &memory.DeleteOptions{Derived: true}); err != nil {
		t.Fatal(err)
	}
	if joined := strings.Join(texts(t, s), "\n"); strings.Contains(joined, "84512") {
		t.Error("the secret is still found")
	}
	p = plan(t, s, consolidate.Policy{})
	if _, err := consolidate.Apply(ctx, s, p, nil); err != nil {
		t.Fatal(err)
	}
	// Every other turn is live or stands behind a live summary.
	covered := map[memory.ID]bool{}
	turns := 0
	for r, err := range s.All(ctx, scope, &memory.AllOptions{History: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == memory.KindTurn {
			turns++
		}
		if r.Superseded.IsZero() {
			covered[r.ID] = true
			for _, id := range r.DerivedFrom {
				covered[id] = true
			}
		}
	}
	for r, err := range s.All(ctx, scope, &memory.AllOptions{History: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Kind == memory.KindTurn && !covered[r.ID] {
			t.Errorf("turn %q is lost", r.Text)
		}
	}
	if turns != 47 {
		t.Errorf("%d turns are left, want 47", turns)
	}
	err := filepath.WalkDir(filepath.Dir(s.Path()), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("84512")) {
			t.Errorf("%s still holds the secret", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAuto(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(120, 9))
	o := &consolidate.Options{Now: later}
	interrupted, cancel := context.WithCancel(ctx)
	_, err := consolidate.Auto(interrupted, s, scope, o, &consolidate.RunOptions{OnChange: func(done, _ int) {
		if done == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	if _, err := consolidate.Auto(ctx, s, scope, o, nil); err != nil {
		t.Fatal(err)
	}
	runs, err := consolidate.Runs(s.Path())
	if err != nil || len(runs) != 1 || runs[0].State != consolidate.Applied {
		t.Errorf("the log is %+v, %v; want the one run finished", runs, err)
	}
	if run, err := consolidate.Auto(ctx, s, scope, o, nil); err != nil || run.Name != "" {
		t.Errorf("with nothing to do: %+v, %v", run, err)
	}
}

func TestAFileInTheWayIsAClearError(t *testing.T) {
	s := open(t, chatter(24, 13))
	p := plan(t, s, consolidate.Policy{})
	if err := os.WriteFile(s.Path()+".consolidate", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := texts(t, s)
	if _, err := consolidate.Apply(t.Context(), s, p, nil); err == nil {
		t.Error("applied without a place for its log")
	}
	if diff := cmp.Diff(before, texts(t, s)); diff != "" {
		t.Errorf("it changed (-want +got):\n%s", diff)
	}
}

// TestRetention deletes what is older than its time, from summaries too.
func TestRetention(t *testing.T) {
	ctx := t.Context()
	records := chatter(48, 14)
	records[3].Text = "My old badge is 84512 and blue."
	s := open(t, records)
	if _, err := consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, nil); err != nil {
		t.Fatal(err)
	}
	cut := records[12].Created
	d, err := s.Retain(ctx, scope, cut, nil)
	if err != nil || len(d.IDs)-d.Derived < 12 || d.Derived == 0 {
		t.Fatalf("deleted %d with %d derived, %v", len(d.IDs), d.Derived, err)
	}
	if _, err := consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, nil); err != nil {
		t.Fatal(err)
	}
	covered := 0
	for r, err := range s.All(ctx, scope, &memory.AllOptions{History: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Origin == memory.Observed {
			covered++
			if r.Created.Before(cut) {
				t.Errorf("%q of %s is still there", r.Text, r.Created)
			}
		}
		if strings.Contains(r.Text, "84512") {
			t.Errorf("%q is still there", r.Text)
		}
	}
	if want := 48 - (len(d.IDs) - d.Derived); covered != want {
		t.Errorf("%d turns are left, want %d", covered, want)
	}
	if d, err := s.Retain(ctx, scope, cut, nil); err != nil || len(d.IDs) > 0 {
		t.Errorf("a second time: %+v, %v", d, err)
	}
}

func TestSmallStoresAreLeftAlone(t *testing.T) {
	s := open(t, chatter(48, 15))
	all := plan(t, s, consolidate.Policy{})
	if p := plan(t, s, consolidate.Policy{Size: all.Before.Tokens}); len(p.Changes) > 0 {
		t.Errorf("%d changes of a store that is no larger than it may be", len(p.Changes))
	}
	if p := plan(t, s, consolidate.Policy{Size: all.Before.Tokens - 1}); len(p.Changes) != len(all.Changes) {
		t.Errorf("%d changes of one that is, want %d", len(p.Changes), len(all.Changes))
	}
}

// Others write while a scope is consolidated: the same user, and others; a summary is replaced before its run is undone.
func TestConsolidationUnderTraffic(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(120, 16))
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for i, other := range []memory.Scope{scope, {User: "ben"}, {Tenant: "acme", User: "zoe"}} {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				_, err := s.Add(ctx, other, memory.Record{Text: fmt.Sprintf("Writer %d notes that the kettle holds %d litres.", i, n), Created: start, Importance: .5, Confidence: 1,
					Scope: memory.Scope{Session: fmt.Sprintf("writer %d", i)}, Position: n})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for round := range 4 {
		if _, err := consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, nil); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
	}
	close(stop)
	writers.Wait()
	runs, err := consolidate.Runs(s.Path())
	if err != nil || len(runs) == 0 {
		t.Fatal(runs, err)
	}
	last := runs[len(runs)-1]
	for _, id := range last.Wrote {
		if _, err := s.Supersede(ctx, scope, memory.Record{Text: "It was otherwise.", Created: later, Confidence: 1}, id); err == nil {
			break
		}
	}
	if run, err := consolidate.Undo(ctx, s, last.Name, nil); err != nil || run.State != consolidate.Undone || run.Skipped != 1 {
		t.Errorf("undone %+v, %v", run, err)
	}
	// Runs of others are none of a scope's business.
	other := &consolidate.RunOptions{Scopes: []memory.Scope{{User: "ben"}}}
	if _, err := consolidate.Undo(ctx, s, "", other); !errors.Is(err, consolidate.ErrNoRun) {
		t.Errorf("another's run is undone: %v", err)
	}
	if _, err := consolidate.Undo(ctx, s, runs[0].Name, other); !errors.Is(err, consolidate.ErrScope) {
		t.Errorf("another's run is undone by its name: %v", err)
	}
	if r, err := s.Check(ctx, true); err != nil || len(r.Problems) > 0 {
		t.Errorf("check: %+v, %v", r.Problems, err)
	}
}
