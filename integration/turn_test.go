package integration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// conversation is what was said by turns: user, assistant, user...
func conversation(said ...string) []specialists.Message {
	list := make([]specialists.Message, len(said))
	for i, text := range said {
		list[i] = specialists.Message{Role: []string{"user", "assistant"}[i%2], Content: text}
	}
	return list
}

// begin begins a turn that must begin.
func begin(t *testing.T, p *integration.Plugin, o *integration.TurnOptions, messages ...specialists.Message) *integration.Turn {
	t.Helper()
	turn, err := p.Begin(t.Context(), messages, o)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// remember remembers an answer.
func remember(t *testing.T, turn *integration.Turn, answer string) {
	t.Helper()
	if err := turn.Remember(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
}

// The names of sessions and the keys of turns are in stores that are there: they stay as they are.
func TestTurnsHaveTheirNames(t *testing.T) {
	p := create(t, settings(t))
	clock := specialists.Message{Role: "system", Content: "It is 18:31:07."}
	remember(t, begin(t, p, &integration.TurnOptions{User: "eve"}, conversation("Is it raining?")...), "Yes.")
	remember(t, begin(t, p, &integration.TurnOptions{User: "eve"}, append([]specialists.Message{clock}, conversation("Is it raining?", "Yes.", "And now?")...)...), "No.")
	remember(t, begin(t, p, nil, conversation("Is it raining?")...), "Yes.")
	remember(t, begin(t, p, &integration.TurnOptions{Session: "s"}, conversation("Is it raining?", "Yes.", "And now?")...), "")
	var got []string
	for _, r := range stored(t, p, p.Scope) {
		got = append(got, fmt.Sprintf("%s %s %d %s %s", r.Scope.Session, r.Key, r.Position, r.Role, r.Text))
	}
	want := []string{
		"chat-4128f295a152b1fda2044308ce0a513f chat:de6e94bc9264e96d5886781871b6dbbf 0 user Is it raining?",
		"chat-4128f295a152b1fda2044308ce0a513f chat:b790c820f32c1ec1fa7decb1b2ef52f2 1 assistant Yes.",
		"chat-4128f295a152b1fda2044308ce0a513f chat:24301e3be23a6efeac105d6184847e12 2 user And now?",
		"chat-4128f295a152b1fda2044308ce0a513f chat:b9ba019606069833f4ca573da24e65f1 3 assistant No.",
		"chat-4fe53cca685d2a79ebb3d2ba3427788f chat:b8c59c3c40b92a17dd9b40d637d3ccdf 0 user Is it raining?",
		"chat-4fe53cca685d2a79ebb3d2ba3427788f chat:f1ba0fd5810d50238d36b66a6b280845 1 assistant Yes.",
		"s chat:157510feec9d1b5b4b501ca0ee282e6c 2 user And now?",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// A session that could not be stored is an error at once, and so is one that the scope is not bound to.
func TestTurnsOfBadSessions(t *testing.T) {
	p := create(t, settings(t))
	bound := memory.Scope{User: "ada", Session: "mine"}
	for name, o := range map[string]integration.TurnOptions{
		"long":      {Session: strings.Repeat("x", memory.MaxName+1)},
		"NUL":       {Session: "a\x00b"},
		"not UTF-8": {Session: "a\xff"},
		"another":   {Session: "yours", Scope: bound},
	} {
		if _, err := p.Turn(conversation("Is it raining?"), &o); !errors.Is(err, memory.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	remember(t, begin(t, p, &integration.TurnOptions{Scope: bound}, conversation("Is it raining?")...), "Yes.")
	if got := stored(t, p, bound); len(got) != 2 || got[0].Scope != bound {
		t.Errorf("remembered %+v", got)
	}
}

// A text that is longer than a record may be is remembered whole, once, and none of its parts is recalled into its own
// conversation.
func TestLongTurnsAreSplit(t *testing.T) {
	p := create(t, settings(t))
	long := "Where\x00 did Ruth move?" + strings.Repeat("\u2003", memory.MaxText/3) + "To Lisbon, or where did Ruth move?" // spaces of three bytes
	for range 2 {
		remember(t, begin(t, p, &integration.TurnOptions{Session: "s"}, conversation(long)...), "")
	}
	var text strings.Builder
	parts := stored(t, p, p.Scope)
	for _, r := range parts {
		text.WriteString(r.Text)
	}
	if len(parts) != 2 || text.String() != strings.ReplaceAll(long, "\x00", "") {
		t.Fatalf("%d parts of %d bytes together, want 2 of %d", len(parts), text.Len(), len(long)-1)
	}
	if turn := begin(t, p, &integration.TurnOptions{Session: "s"}, conversation(long, "Hm.", "Where did Ruth move?")...); strings.Contains(turn.Notes, "Jonas") {
		t.Errorf("the conversation is recalled into itself: %d memories", len(turn.Memories))
	}
	if turn := begin(t, p, nil, conversation("Tell me: where did Ruth move?")...); len(turn.Memories) == 0 {
		t.Error("another conversation does not recall it")
	}
}

// What stands in the conversation is not recalled into it, whichever session it was said in; the notes still are as many as
// asked for.
func TestTheConversationIsLeftOut(t *testing.T) {
	p := known(t)
	remember(t, begin(t, p, &integration.TurnOptions{Session: "other"}, conversation("Where does Ruth live?")...), "")
	turn := begin(t, p, &integration.TurnOptions{Limit: 1}, conversation("Where does Ruth live?", "I forgot.", "Where does Ruth live now?")...)
	if len(turn.Memories) != 1 || turn.Memories[0].Text != "My sister Ruth moved to Lisbon." || strings.Contains(turn.Notes, "does Ruth live") {
		t.Errorf("the notes are %s", turn.Notes)
	}
}

func TestWhatIsNotRemembered(t *testing.T) {
	p := known(t)
	answers := func() (list []string) {
		for _, r := range stored(t, p, p.Scope) {
			if r.Role == "assistant" {
				list = append(list, string(r.Origin)+" "+r.Text)
			}
		}
		return list
	}
	const question = "Where did Ruth move?"
	remember(t, begin(t, p, nil, conversation(question)...), "Ruth moved to Oslo.") // a mistake
	turn := begin(t, p, &integration.TurnOptions{Refine: refine.Always}, conversation(question)...)
	refined, err := turn.Refine(t.Context(), "Ruth moved to Oslo.")
	if err != nil || !strings.HasPrefix(refined, "Ruth moved to Oslo.\n\n(Memory, ") || !strings.Contains(refined, "Lisbon") {
		t.Fatalf("refined to %q, %v", refined, err)
	}
	remember(t, turn, refined) // it says what the memories say
	remember(t, begin(t, p, nil, conversation("")...), "Hello?")
	remember(t, begin(t, p, nil), "Hello?")
	if got := answers(); len(got) > 0 {
		t.Errorf("remembered %q", got)
	}
	turn = begin(t, p, &integration.TurnOptions{Refine: refine.Auto}, conversation(question)...)
	const good = "Ruth moved to Lisbon. \n"
	if refined, err = turn.Refine(t.Context(), good); err != nil || refined != good {
		t.Fatalf("a good answer is refined to %q, %v", refined, err)
	}
	remember(t, turn, good)
	remember(t, begin(t, p, nil, conversation("How are you?")...), "Fine, thank you.")
	if got := answers(); !slices.Equal(got, []string{"reconstructed " + good, "observed Fine, thank you."}) {
		t.Errorf("remembered %q", got)
	}
	if err := begin(t, p.ReadOnly(), nil, conversation(question)...).Remember(t.Context(), "x"); !errors.Is(err, memory.ErrReadOnly) {
		t.Errorf("a plugin that only reads remembers: %v", err)
	}
}

// An answer that the plugin makes is held against the conversation too, where it may be the only one to know.
func TestTurnsAskTheirConversation(t *testing.T) {
	p := create(t, settings(t))
	o := &integration.TurnOptions{Session: "s"}
	remember(t, begin(t, p, o, conversation("My cat is called Luna.")...), "A lovely name.")
	turn, err := p.Turn(conversation("My cat is called Luna.", "A lovely name.", "What is my cat called?"), o)
	if err != nil {
		t.Fatal(err)
	}
	var answer *integration.Answer
	for e, err := range turn.Ask(t.Context(), integration.Request{Question: "ignored", Scope: memory.Scope{User: "eve"}, Remember: true}) {
		if err != nil {
			t.Fatal(err)
		}
		answer = e.Answer
	}
	if !strings.Contains(answer.Text, "Luna") || answer.Scope != p.Scope || len(answer.Remembered) > 0 {
		t.Errorf("answered %+v", answer)
	}
	remember(t, turn, answer.Text)
	list := stored(t, p, p.Scope)
	if last := list[len(list)-1]; len(list) != 4 || last.Origin != memory.Reconstructed || !slices.Contains(last.DerivedFrom, list[0].ID) {
		t.Errorf("remembered %+v", list)
	}
}

// Whatever is done with a turn, its question is embedded, and so recalled for, once.
func TestTurnsRecallOnce(t *testing.T) {
	var embedded atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			t.Error(err)
		}
		var list []any
		for i, text := range request.Input {
			if strings.Contains(text, "Where did Ruth move") {
				embedded.Add(1)
			}
			list = append(list, map[string]any{"object": "embedding", "index": i, "embedding": []float32{float32(len(text)), float32(text[0]), 1}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": list})
	}))
	defer server.Close()
	c := settings(t)
	c.Embedder.Type, c.Embedder.BaseURL, c.Embedder.Model, c.Embedder.Dim = "openai", server.URL, "m", 3
	p := create(t, c)
	if _, err := p.Remember(t.Context(), p.Scope, turn(0, "Ada", "My sister Ruth moved to Lisbon.")); err != nil {
		t.Fatal(err)
	}
	x := begin(t, p, &integration.TurnOptions{Refine: refine.Always}, conversation("Where did Ruth move?")...)
	if refined, err := x.Refine(t.Context(), "Ruth moved to Oslo."); err != nil || !strings.Contains(refined, "Lisbon") {
		t.Errorf("refined to %q, %v", refined, err)
	}
	for _, err := range x.Ask(t.Context(), integration.Request{}) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := embedded.Load(); n != 1 {
		t.Errorf("the question was embedded %d times", n)
	}
}

// A writer writes turns in their order, together, and what cannot be written keeps nothing else out.
func TestWriter(t *testing.T) {
	p := known(t)
	var written, failed atomic.Int64
	w := p.Writer(&integration.WriterOptions{Written: func(n int) { written.Add(int64(n)) }, Failed: func(n int) { failed.Add(int64(n)) }})
	gone := begin(t, p, &integration.TurnOptions{Session: "gone"}, conversation("Where did Ruth move?")...)
	if _, err := p.Forget(t.Context(), p.Scope, gone.Memories[0].ID); err != nil {
		t.Fatal(err)
	}
	w.Remember(gone, "Ruth moved to Lisbon.")
	for i := range 20 {
		x := begin(t, p, &integration.TurnOptions{Session: "s", Before: 2 * i}, conversation(fmt.Sprintf("Is it %d o'clock?", i))...)
		w.Remember(x, "I have no watch.")
	}
	eve := begin(t, p, &integration.TurnOptions{Scope: memory.Scope{User: "eve"}, Session: "s"}, conversation("Hello!")...)
	w.Remember(eve, "Hello, Eve.")
	w.Wait()
	if n := w.Pending(); n != 0 || written.Load() != 43 || failed.Load() != 1 {
		t.Errorf("%d wait, %d records are written and %d are not; want 0, 43 and 1", n, written.Load(), failed.Load())
	}
	list := stored(t, p, p.Scope)
	if len(list) != 41 || list[0].Scope.Session != "gone" || list[0].Role != "user" {
		t.Fatalf("there are %d records, the first %+v", len(list), list[0])
	}
	for i, r := range list[1:] {
		if r.Position != i {
			t.Errorf("record %d is at %d", i, r.Position)
		}
	}
	if got := stored(t, p, memory.Scope{User: "eve"}); len(got) != 2 {
		t.Errorf("eve has %+v", got)
	}
	reader := p.ReadOnly().Writer(&integration.WriterOptions{Failed: func(n int) { failed.Add(int64(n)) }})
	reader.Remember(begin(t, p, nil, conversation("Hello!")...), "Hello.")
	if reader.Wait(); failed.Load() != 3 {
		t.Errorf("%d records are not written, want 3", failed.Load())
	}
}

// Whatever a conversation holds, its turn can be named, recalled for and stored, and sending it again changes nothing.
func FuzzTurn(f *testing.F) {
	p := create(f, settings(f))
	f.Add("You are kind.", "Hello", "Hi!", "And now?", "Now it rains.", "nora")
	f.Add("", "\x00", "\xff", " ", "#1", "\x00\xff")
	f.Fuzz(func(t *testing.T, system, first, answer, question, reply, name string) {
		messages := []specialists.Message{{Role: "system", Content: system}, {Role: "user", Name: name, Content: first}, {Role: "assistant", Content: answer}, {Role: "user", Name: name, Content: question}}
		turn, err := p.Turn(messages, &integration.TurnOptions{At: time.Unix(1, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if err := turn.Remember(t.Context(), reply); err != nil {
			t.Fatal(err)
		}
		before, err := p.Store.Stats(t.Context(), p.Scope)
		if err != nil {
			t.Fatal(err)
		}
		messages[0].Content += " It is late."
		if turn, err = p.Turn(messages, nil); err != nil {
			t.Fatal(err)
		}
		if err := turn.Remember(t.Context(), reply); err != nil {
			t.Fatal(err)
		}
		if after, err := p.Store.Stats(t.Context(), p.Scope); err != nil || after.Records != before.Records {
			t.Errorf("%d records became %d, %v", before.Records, after.Records, err)
		}
		if err := turn.Recall(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// What is pinned stands first in every prompt, in a budget of its own, beside the day; what is not pinned stands there only if
// it bears on the question.
func TestPinnedMemoriesAreInEveryPrompt(t *testing.T) {
	c := settings(t)
	c.Recall.Pinned = 60
	p := create(t, c)
	pin := map[string]string{memory.MetaPinned: "true"}
	for _, r := range []memory.Record{
		{Text: "Jonas is allergic to hazelnuts.", Importance: 1, Meta: pin},
		{Text: strings.Repeat("Ada likes long walks by the river. ", 40), Meta: pin},
		{Text: "Ada is a nurse in Porto.", Kind: memory.KindPersona},
		{Text: "The kayak lies in the boat shed."},
		{Text: "Ada is left-handed."},
		{Scope: memory.Scope{User: "eve"}, Text: "Eve's secret.", Meta: pin},
	} {
		if _, err := p.Remember(t.Context(), memory.Scope{User: r.Scope.User}, r); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	for _, question := range []string{"Where is the kayak?", "Plan a dinner for four."} {
		turn := begin(t, p, &integration.TurnOptions{At: at, Budget: 40}, conversation(question)...)
		notes := turn.Notes
		if !strings.Contains(notes, "today is Saturday, 28 November 2026") || !strings.Contains(notes, "Jonas is allergic") || strings.Contains(notes, "Eve's") || strings.Contains(notes, "left-handed") {
			t.Errorf("%s: the notes are %s", question, notes)
		}
		if kayak := strings.Contains(question, "kayak"); kayak != strings.Contains(notes, "boat shed") || kayak && strings.Index(notes, "Jonas") > strings.Index(notes, "boat shed") {
			t.Errorf("%s: the notes are %s", question, notes)
		}
		if turn.Tokens > 100 || len(turn.Memories) < 1 || turn.Memories[0].Text != "Jonas is allergic to hazelnuts." {
			t.Errorf("%s: %d tokens of %d memories", question, turn.Tokens, len(turn.Memories))
		}
	}
	c.Recall.Pinned = 0
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := integration.New(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if turn := begin(t, p, nil, conversation("Plan a dinner for four.")...); strings.Contains(turn.Notes, "Jonas") {
		t.Errorf("the notes are %s", turn.Notes)
	}
}
