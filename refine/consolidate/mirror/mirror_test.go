package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

var (
	scope = memory.Scope{User: "ana"}
	start = time.Date(2024, 1, 8, 9, 0, 0, 0, time.UTC)
	later = start.AddDate(1, 0, 0)
)

// shelf is a remote in memory whose every change is one step; it fails before the step of the number.
type shelf struct {
	documents map[string]mirror.Document
	steps     int
	failAt    int // 0: never
}

var errInterrupted = errors.New("interrupted")

func (s *shelf) All(context.Context) iter.Seq2[mirror.Document, error] {
	return func(yield func(mirror.Document, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(s.documents)) {
			if !yield(s.copy(id), nil) {
				return
			}
		}
	}
}

func (s *shelf) copy(id string) mirror.Document {
	d := s.documents[id]
	d.Meta = maps.Clone(d.Meta)
	return d
}

func (s *shelf) Fetch(_ context.Context, ids []string) ([]mirror.Document, error) {
	var all []mirror.Document
	for _, id := range ids {
		if _, ok := s.documents[id]; ok {
			all = append(all, s.copy(id))
		}
	}
	return all, nil
}

func (s *shelf) step(f func()) error {
	if s.steps++; s.failAt > 0 && s.steps >= s.failAt {
		return errInterrupted
	}
	f()
	return nil
}

func (s *shelf) Write(_ context.Context, c mirror.Changes) error {
	for _, d := range c.Put {
		d.Round = 0
		if err := s.step(func() { s.documents[d.ID] = d }); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Mark)) {
		err := s.step(func() {
			d := s.copy(id)
			if d.Meta[mirror.MetaSupersededBy] = c.Mark[id]; c.Mark[id] == "" {
				delete(d.Meta, mirror.MetaSupersededBy)
			}
			s.documents[id] = d
		})
		if err != nil {
			return err
		}
	}
	for _, id := range c.Remove {
		if err := s.step(func() { delete(s.documents, id) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) Record(d mirror.Document) (memory.Record, error) {
	at, err := time.Parse(time.RFC3339, d.Meta["at"].(string))
	return memory.Record{Text: d.Text, Created: at, Importance: .5, Confidence: 1, Speaker: "Ana", Scope: memory.Scope{Session: d.Meta["session"].(string)}}, err
}

func (s *shelf) Document(_ context.Context, _ string, r *memory.Record, from []mirror.Document) (mirror.Document, error) {
	if len(from) == 0 {
		return mirror.Document{}, fmt.Errorf("nothing that %q rests on is there", r.Text)
	}
	return mirror.Document{Meta: map[string]any{"at": r.Created.Format(time.RFC3339)}}, nil
}

func filled(n int) *shelf {
	s := &shelf{documents: map[string]mirror.Document{}}
	for i := range n {
		text := []string{"I paid %d euros for the pottery class in Lisbon.", "Haha, totally, and then we went home and slept.", "The %d of May is when the choir sings in Oslo.", "That was a long and rainy afternoon."}[i%4]
		if strings.Contains(text, "%") {
			text = fmt.Sprintf(text, 10+i)
		}
		id := fmt.Sprintf("d%03d", i)
		s.documents[id] = mirror.Document{ID: id, Text: text, Meta: map[string]any{"at": start.Add(time.Duration(i) * time.Hour).Format(time.RFC3339), "session": fmt.Sprint(i / 24)}}
	}
	return s
}

func open(t testing.TB) *memory.Store {
	t.Helper()
	s, err := memory.Create(t.Context(), filepath.Join(t.TempDir(), "mirror.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func run(t testing.TB, m *mirror.Mirror, s *memory.Store) consolidate.Run {
	t.Helper()
	if _, err := m.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := consolidate.Auto(t.Context(), s, scope, &consolidate.Options{Now: later}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestInterruptedAtEveryStep interrupts a push before each of its changes, of a consolidation and of its undo. At no
// moment is a document missing that nothing stands for, and pushing again ends with what an undisturbed push ends with.
func TestInterruptedAtEveryStep(t *testing.T) {
	for _, remove := range []bool{false, true} {
		t.Run(map[bool]string{false: "mark", true: "remove"}[remove], func(t *testing.T) {
			ctx := t.Context()
			s, remote := open(t), filled(20)
			before := maps.Clone(remote.documents)
			m := mirror.New(s, scope, remote, &mirror.Options{Remove: remove})
			run(t, m, s)
			// settle pushes, interrupted at every step, from the same remote, and returns what it ends with.
			settle := func(from map[string]mirror.Document, aside string) map[string]mirror.Document {
				t.Helper()
				saved, _ := os.ReadFile(aside)
				remote.documents, remote.steps, remote.failAt = maps.Clone(from), 0, 0
				if _, err := m.Push(ctx); err != nil {
					t.Fatal(err)
				}
				want, steps := remote.documents, remote.steps
				if steps == 0 {
					t.Fatal("a push changed nothing")
				}
				for at := 1; at <= steps; at++ {
					if err := os.WriteFile(aside, saved, 0o600); err != nil {
						t.Fatal(err)
					}
					remote.documents, remote.steps, remote.failAt = maps.Clone(from), 0, at
					if _, err := m.Push(ctx); !errors.Is(err, errInterrupted) {
						t.Fatalf("step %d: %v", at, err)
					}
					covered := map[string]bool{}
					for id, d := range remote.documents {
						covered[id] = true
						if of, ok := d.Meta["derived_from"].(string); ok {
							for key := range strings.SplitSeq(of, ",") {
								covered[key] = true
							}
						}
					}
					for id := range before {
						if !covered[id] {
							t.Fatalf("interrupted before step %d of %d, %s is gone and nothing stands for it", at, steps, id)
						}
					}
					remote.failAt = 0
					if pulled, err := m.Pull(ctx); err != nil || pulled.Added+pulled.Deleted+pulled.Changed > 0 {
						t.Fatalf("step %d: pulled %+v, %v; want nothing new", at, pulled, err)
					}
					if _, err := m.Push(ctx); err != nil {
						t.Fatalf("step %d, again: %v", at, err)
					}
					if diff := cmp.Diff(want, remote.documents); diff != "" {
						t.Fatalf("after step %d and pushing again (-want +got):\n%s", at, diff)
					}
				}
				return remote.documents
			}
			aside := filepath.Join(s.Path()+".mirror", "removed.jsonl")
			after := settle(before, aside)
			if remove && len(after) >= len(before) {
				t.Errorf("%d documents are left of %d", len(after), len(before))
			}
			if _, err := consolidate.Undo(ctx, s, "", nil); err != nil {
				t.Fatal(err)
			}
			back := settle(after, aside)
			if diff := cmp.Diff(before, back); diff != "" {
				t.Errorf("after undo (-before +after):\n%s", diff)
			}
		})
	}
}

func TestTheOwnersChanges(t *testing.T) {
	ctx := t.Context()
	s, remote := open(t), filled(48)
	m := mirror.New(s, scope, remote, nil)
	run(t, m, s)
	if _, err := m.Push(ctx); err != nil {
		t.Fatal(err)
	}
	// One is rewritten, one deleted, one comes.
	d := remote.copy("d000")
	d.Text = "I paid 4711 euros for the pottery class in Lisbon."
	remote.documents["d000"] = d
	delete(remote.documents, "d002")
	fresh := remote.copy("d001")
	fresh.ID, fresh.Text = "d999", "The kiln is at 12 Mill Lane."
	delete(fresh.Meta, mirror.MetaSupersededBy)
	remote.documents["d999"] = fresh
	pulled, err := m.Pull(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if pulled.Added != 2 || pulled.Changed != 1 || pulled.Deleted != 1 || pulled.Derived == 0 {
		t.Errorf("pulled %+v, want one new, one changed, one deleted, and what rested on them", pulled)
	}
	for range 3 {
		run(t, m, s)
	}
	if _, err := m.Push(ctx); err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, d := range remote.documents {
		if d.Meta[mirror.MetaRecord] != nil {
			all += d.Text + "\n"
		}
	}
	for text, want := range map[string]bool{"4711": true, "12 Mill Lane": true, "I paid 10 euros": false, "The 12 of May": false, "The 16 of May": true} {
		if strings.Contains(all, text) != want {
			t.Errorf("the summaries hold %q: %v, want %v", text, !want, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	ctx := t.Context()
	s, remote := open(t), filled(24)
	m := mirror.New(s, scope, remote, nil)
	run(t, m, s)
	if _, err := m.Push(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := mirror.New(open(t), scope, remote, nil).Pull(ctx); !errors.Is(err, mirror.ErrForeign) {
		t.Errorf("a mirror that is not the one that consolidated: %v, want ErrForeign", err)
	}
	m.Remote = &shelf{documents: map[string]mirror.Document{}}
	if _, err := m.Pull(ctx); !errors.Is(err, mirror.ErrShrunk) {
		t.Errorf("an empty remote: %v, want ErrShrunk", err)
	}
	m = mirror.New(s, scope, m.Remote, &mirror.Options{Shrink: true})
	if pulled, err := m.Pull(ctx); err != nil || pulled.Deleted != 24 {
		t.Errorf("an empty remote that is meant: %+v, %v", pulled, err)
	}
	for r, err := range s.All(ctx, scope, &memory.AllOptions{History: true}) {
		t.Errorf("%q is left, %v", r.Text, err)
	}
}

func TestOneAtATime(t *testing.T) {
	s, remote := open(t), filled(24)
	unlock, err := consolidate.Lock(s.Path() + ".mirror")
	if err != nil {
		t.Fatal(err)
	}
	m := mirror.New(s, scope, remote, nil)
	if _, err := m.Pull(t.Context()); !errors.Is(err, memory.ErrLocked) {
		t.Errorf("pulling while another one works: %v", err)
	}
	if _, err := m.Push(t.Context()); !errors.Is(err, memory.ErrLocked) {
		t.Errorf("pushing while another one works: %v", err)
	}
	unlock()
	if _, err := m.Pull(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatLiesAsideIsChecked(t *testing.T) {
	s, remote := open(t), filled(24)
	m := mirror.New(s, scope, remote, &mirror.Options{Remove: true})
	run(t, m, s)
	if _, err := m.Push(t.Context()); err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(s.Path()+".mirror", "removed.jsonl")
	if err := os.WriteFile(aside, []byte("{\"id\": \"d000\", \"te"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Push(t.Context()); !errors.Is(err, memory.ErrCorrupt) || !strings.Contains(err.Error(), aside) {
		t.Errorf("a damaged file of what was removed: %v", err)
	}
}

// Example shows the way: pull, consolidate, push.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "example-")
	defer os.RemoveAll(dir)
	store, err := memory.Create(ctx, filepath.Join(dir, "mirror.db"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	remote := filled(24) // a collection of somebody else
	m := mirror.New(store, scope, remote, &mirror.Options{Remove: true})
	pulled, err := m.Pull(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := consolidate.Auto(ctx, store, scope, &consolidate.Options{Now: later}, nil); err != nil {
		fmt.Println(err)
		return
	}
	pushed, err := m.Push(ctx)
	fmt.Println(pulled.Documents, "documents,", pushed.Removed, "of them removed,", len(remote.documents), "left", err)
	// Output: 24 documents, 24 of them removed, 1 left <nil>
}
