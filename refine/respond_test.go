package refine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
	"github.com/trm-go/refiner/trmcore"
)

var spoken = time.Date(2023, 5, 8, 13, 56, 0, 0, time.UTC)

func evidence(texts ...string) []memory.Record {
	var records []memory.Record
	for i, s := range texts {
		speaker, s, _ := strings.Cut(s, ": ")
		records = append(records, memory.Record{ID: memory.ID(fmt.Sprintf("m%d", i+1)), Kind: memory.KindTurn, Origin: memory.Observed, Role: "user", Speaker: speaker,
			Text: s, Created: spoken.AddDate(0, 0, i), Position: -1, Scope: memory.Scope{User: "ada"}})
	}
	return records
}

func task(question string, texts ...string) *specialists.Task {
	return &specialists.Task{Question: question, Evidence: evidence(texts...), Scope: memory.Scope{User: "ada"}, Now: spoken.AddDate(1, 0, 0)}
}

// lisbon is a task with enough evidence for most of what is tested.
func lisbon() *specialists.Task {
	return task("Where does Ruth live, and since when?", "Ruth: I moved to Lisbon in March 2021.", "Ruth: I work as a nurse at a hospital.", "Ben: I bake rye bread.")
}

// model answers with one text after the other, and then with the last for ever.
type model struct {
	texts   []string
	err     error
	usage   specialists.Usage
	prompts []specialists.Prompt
}

func (m *model) Complete(ctx context.Context, p specialists.Prompt) (specialists.Completion, error) {
	m.prompts = append(m.prompts, p)
	if err := ctx.Err(); err != nil {
		return specialists.Completion{}, err
	}
	text := ""
	if len(m.texts) > 0 {
		text = m.texts[min(len(m.prompts), len(m.texts))-1]
	}
	usage := m.usage
	usage.Calls = 1
	if p.Delta != nil {
		for _, w := range strings.SplitAfter(text, " ") {
			if err := p.Delta(w); err != nil {
				return specialists.Completion{Text: text, Usage: usage}, err
			}
		}
	}
	return specialists.Completion{Text: text, Usage: usage}, m.err
}

// special is a specialist made of a function.
type special struct {
	name     string
	priority int
	examine  func(ctx context.Context, t *specialists.Task, d specialists.Draft) (specialists.Finding, error)
}

func (s special) Name() string  { return s.name }
func (s special) Priority() int { return s.priority }
func (s special) Examine(ctx context.Context, t *specialists.Task, d specialists.Draft) (specialists.Finding, error) {
	return s.examine(ctx, t, d)
}

func respond(t *testing.T, task *specialists.Task, o *refine.RespondOptions) refine.Response {
	t.Helper()
	r, err := refine.Respond(t.Context(), task, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Score < r.FirstScore {
		t.Errorf("the score fell from %.3f to %.3f", r.FirstScore, r.Score)
	}
	return r
}

var none = []specialists.Specialist{}

const good = "Ruth lives in Lisbon [1]. She moved there in March 2021 [1]."

func TestGoodDraftIsNotRefined(t *testing.T) {
	m := &model{texts: []string{good, "Something else."}}
	r := respond(t, lisbon(), &refine.RespondOptions{Model: m, Specialists: none})
	if r.Text != good || r.Stop != trmcore.StopThreshold || len(r.Rounds) != 0 || len(m.prompts) != 1 {
		t.Errorf("%q after %d rounds and %d calls, stopped by %q, score %.3f", r.Text, len(r.Rounds), len(m.prompts), r.Stop, r.Score)
	}
	if len(r.Citations) != 1 || r.Citations[0].Memory.ID != "m1" {
		t.Errorf("citations %v", r.Citations)
	}
}

func TestInventionIsRevisedAway(t *testing.T) {
	m := &model{texts: []string{"Ruth lives in Lisbon [1]. She has a yacht called Esmeralda.", good}}
	r := respond(t, lisbon(), &refine.RespondOptions{Model: m, Specialists: none})
	if r.Text != good || r.Stop != trmcore.StopThreshold || len(r.Rounds) != 1 {
		t.Fatalf("%q after %d rounds, stopped by %q", r.Text, len(r.Rounds), r.Stop)
	}
	p := r.Rounds[0].Proposals
	if len(p) != 1 || !p[0].Accepted || p[0].By != "reviser" || !strings.Contains(p[0].Why, "one claim that no memory supports fewer") {
		t.Errorf("proposals %+v", p)
	}
	if last := m.prompts[1].Messages; !strings.Contains(last[len(last)-1].Content, "Esmeralda") {
		t.Errorf("the reviser does not hear what is wrong: %q", last[len(last)-1].Content)
	}
}

func TestRejections(t *testing.T) {
	const draft = "Ruth lives in Lisbon [1]. She owns a yacht."
	for _, c := range []struct{ name, revision, why string }{
		{"a new number", "Ruth lives in Lisbon [1], at number 47.", "it brings in 47, which neither the question nor a memory holds"},
		{"a new name", "Ruth lives in Lisbon with Alfonso [1].", "it brings in alfonso"},
		{"a new date", "Ruth lives in Lisbon since 3 May 2019 [1].", "it brings in 2019-05-03"},
		{"a true claim is lost", "Ruth is a nurse [2].", "it drops what a memory supports: “Ruth lives in Lisbon [1].”"},
		{"no gain", "Ruth lives in Lisbon [1]. She owns a boat.", "it scores"},
		{"flattery", "What a wonderful question! " + draft, "it scores"},
		{"padding", draft + " Ruth works as a nurse [2]. Ben bakes rye bread [3].", "it scores"},
		{"too long", strings.Repeat("Ruth lives in Lisbon. ", 2000), "it has 43999 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &model{texts: []string{draft, c.revision}}
			r := respond(t, lisbon(), &refine.RespondOptions{Model: m, Specialists: none, Rounds: 1})
			if r.Text != draft || len(r.Rounds) != 1 || len(r.Rounds[0].Proposals) != 1 {
				t.Fatalf("%q, %+v", r.Text, r.Rounds)
			}
			if p := r.Rounds[0].Proposals[0]; p.Accepted || !strings.HasPrefix(p.Why, c.why) {
				t.Errorf("%+v, want %q", p, c.why)
			}
		})
	}
}

func TestStops(t *testing.T) {
	const draft = "Ruth lives in Lisbon [1]. She owns a yacht."
	same := &model{texts: []string{draft}}
	for _, c := range []struct {
		name   string
		m      *model
		o      refine.RespondOptions
		stop   trmcore.Stop
		rounds int
	}{
		{"the reviser has nothing to change", same, refine.RespondOptions{}, trmcore.StopFixedPoint, 1},
		{"it has run out of ideas", &model{texts: []string{draft, "Ruth owns a boat.", "Ruth owns a car."}}, refine.RespondOptions{}, trmcore.StopNoGain, 2},
		{"it goes round", &model{texts: []string{draft, "A boat.", "A car.", "A boat."}}, refine.RespondOptions{Patience: 9, Rounds: 9}, trmcore.StopCycle, 3},
		{"it repeats itself", &model{texts: []string{draft, "A boat."}}, refine.RespondOptions{Patience: 9, Rounds: 9}, trmcore.StopFixedPoint, 2},
		{"the rounds are used up", &model{texts: []string{draft, "A boat.", "A car."}}, refine.RespondOptions{Rounds: 1}, trmcore.StopMaxSteps, 1},
		{"the tokens are used up", &model{texts: []string{draft, good}, usage: specialists.Usage{PromptTokens: 400, CompletionTokens: 20}}, refine.RespondOptions{MaxTokens: 500}, trmcore.StopBudget, 1},
		{"the money is spent", &model{texts: []string{draft, good}, usage: specialists.Usage{Cost: .02}}, refine.RespondOptions{MaxCost: .01}, trmcore.StopBudget, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.m.prompts = nil
			c.o.Model, c.o.Specialists = c.m, none
			r := respond(t, lisbon(), &c.o)
			if r.Stop != c.stop || len(r.Rounds) != c.rounds || r.Text != draft {
				t.Errorf("%q after %d rounds, stopped by %q; want %q after %d: %+v", r.Text, len(r.Rounds), r.Stop, c.stop, c.rounds, r.Rounds)
			}
		})
	}
}

func TestAlwaysGoesOnToTheFixedPoint(t *testing.T) {
	m := &model{texts: []string{good}}
	r := respond(t, lisbon(), &refine.RespondOptions{Model: m, Specialists: none, Refine: refine.Always})
	if r.Stop != trmcore.StopFixedPoint || len(m.prompts) != 2 {
		t.Errorf("stopped by %q after %d calls", r.Stop, len(m.prompts))
	}
	m.prompts = nil
	r = respond(t, lisbon(), &refine.RespondOptions{Model: m, Specialists: none, Refine: refine.Off})
	if r.Stop != "" || len(m.prompts) != 1 || r.Score == 0 || len(r.Claims) == 0 {
		t.Errorf("off: stopped by %q after %d calls, score %v", r.Stop, len(m.prompts), r.Score)
	}
}

func TestSpecialistsSeeEachOther(t *testing.T) {
	var seen []string
	note := func(name string, priority int, f func(d specialists.Draft) specialists.Finding) specialists.Specialist {
		return special{name, priority, func(_ context.Context, _ *specialists.Task, d specialists.Draft) (specialists.Finding, error) {
			seen = append(seen, fmt.Sprintf("%s: %s (%d notes)", name, d.Text, len(d.Notes)))
			return f(d), nil
		}}
	}
	first := note("first", 0, func(d specialists.Draft) specialists.Finding {
		return specialists.Finding{Text: "Ruth lives in Lisbon [1].", Notes: []specialists.Note{{Specialist: "first", Why: "no yacht"}}}
	})
	second := note("second", 10, func(specialists.Draft) specialists.Finding { return specialists.Finding{Text: "Ruth lives in Oslo."} })
	third := note("third", 20, func(specialists.Draft) specialists.Finding { return specialists.Finding{} })
	r := respond(t, lisbon(), &refine.RespondOptions{Draft: "Ruth lives in Lisbon [1]. She owns a yacht.", Specialists: []specialists.Specialist{third, second, first}, Rounds: 1})
	want := []string{"first: Ruth lives in Lisbon [1]. She owns a yacht. (0 notes)", "second: Ruth lives in Lisbon [1]. (1 notes)", "third: Ruth lives in Lisbon [1]. (1 notes)"}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
	if r.Text != "Ruth lives in Lisbon [1]." {
		t.Errorf("%q: %+v", r.Text, r.Rounds)
	}
}

func TestBadSpecialistsAreSkipped(t *testing.T) {
	defer goleak.VerifyNone(t)
	release := make(chan struct{})
	broken := []specialists.Specialist{
		special{"failing", 0, func(context.Context, *specialists.Task, specialists.Draft) (specialists.Finding, error) {
			return specialists.Finding{Text: "Nothing."}, errors.New("out of order")
		}},
		special{"panicking", 1, func(context.Context, *specialists.Task, specialists.Draft) (specialists.Finding, error) { panic("oh") }},
		special{"slow", 2, func(ctx context.Context, _ *specialists.Task, _ specialists.Draft) (specialists.Finding, error) {
			<-ctx.Done()
			return specialists.Finding{}, ctx.Err()
		}},
		special{"deaf", 3, func(context.Context, *specialists.Task, specialists.Draft) (specialists.Finding, error) {
			<-release
			return specialists.Finding{Text: "Too late."}, nil
		}},
		special{"vandal", 4, func(_ context.Context, t *specialists.Task, _ specialists.Draft) (specialists.Finding, error) {
			t.Evidence, t.Question = nil, ""
			return specialists.Finding{}, nil
		}},
	}
	r := respond(t, lisbon(), &refine.RespondOptions{Model: &model{texts: []string{"Ruth lives in Lisbon [1]. She owns a yacht.", good}}, Specialists: broken, Each: 20 * time.Millisecond})
	close(release)
	if r.Text != good {
		t.Errorf("%q", r.Text)
	}
	var skipped []string
	for _, s := range r.Skipped {
		skipped = append(skipped, s.Name+": "+s.Why)
	}
	want := []string{"failing: out of order", "panicking: it panicked: oh", "slow: it took longer than 20ms", "deaf: it took longer than 20ms"}
	if fmt.Sprint(skipped) != fmt.Sprint(want) {
		t.Errorf("skipped %q, want %q", skipped, want)
	}
}

func TestMissingMemoriesAreRecalled(t *testing.T) {
	asks := special{"asks", 0, func(_ context.Context, t *specialists.Task, _ specialists.Draft) (specialists.Finding, error) {
		return specialists.Finding{Recall: []string{"Where was Ruth born?"}}, nil
	}}
	questions := 0
	recall := func(_ context.Context, q string) ([]memory.Record, error) {
		questions++
		more := evidence("Ruth: I moved to Lisbon in March 2021.", "Ben: x", "Ben: x", "Ruth: I was born in Porto.", "Eve: My PIN is 4711.")
		more[4].Scope.User = "eve"
		return []memory.Record{more[0], more[3], more[4]}, nil
	}
	task := task("Where was Ruth born?", "Ruth: I moved to Lisbon in March 2021.")
	task.Question = "In which town was Ruth born?"
	m := &model{texts: []string{"I do not know.", "Ruth was born in Porto [2]."}}
	r := respond(t, task, &refine.RespondOptions{Model: m, Specialists: []specialists.Specialist{asks}, Recall: recall})
	if r.Text != "Ruth was born in Porto [2]." || questions != 1 || r.Rounds[0].Found != 1 {
		t.Errorf("%q after %d questions, %+v", r.Text, questions, r.Rounds)
	}
	if len(r.Citations) != 1 || r.Citations[0].Memory.ID != "m4" {
		t.Errorf("citations %+v", r.Citations)
	}
	if len(task.Evidence) != 1 {
		t.Error("the caller's task has changed")
	}
	for _, p := range m.prompts {
		for _, msg := range p.Messages {
			if strings.Contains(msg.Content, "4711") {
				t.Error("a memory of another scope reached the model")
			}
		}
	}
}

func TestModelThatFails(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct{ name, text, want string }{
		{"without a word", "", "Ruth (8 May 2023): “I moved to Lisbon"},
		{"in the midst of it", "Ruth lives in Lisbon [1]. She moved th", "Ruth lives in Lisbon [1]."},
	} {
		m := &model{err: down}
		if c.text != "" {
			m.texts = []string{c.text}
		}
		r := respond(t, lisbon(), &refine.RespondOptions{Model: m, Specialists: none})
		if !strings.Contains(r.Text, c.want) || len(r.Skipped) == 0 || r.Skipped[0].Name != "model" || r.Skipped[0].Why != "down" {
			t.Errorf("%s: %q, skipped %+v", c.name, r.Text, r.Skipped)
		}
	}
}

func TestDeadlineKeepsWhatThereIs(t *testing.T) {
	slow := special{"slow", 0, func(ctx context.Context, _ *specialists.Task, _ specialists.Draft) (specialists.Finding, error) {
		<-ctx.Done()
		return specialists.Finding{}, ctx.Err()
	}}
	r := respond(t, lisbon(), &refine.RespondOptions{Draft: "Ruth owns a yacht.", Specialists: []specialists.Specialist{slow}, Timeout: 30 * time.Millisecond})
	if r.Stop != trmcore.StopDeadline || r.Text != "Ruth owns a yacht." {
		t.Errorf("%q, stopped by %q", r.Text, r.Stop)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := refine.Respond(ctx, lisbon(), &refine.RespondOptions{Model: &model{texts: []string{"x"}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
}

func TestStreaming(t *testing.T) {
	var heard strings.Builder
	m := &model{texts: []string{"Ruth lives in Lisbon [1]. She owns a yacht.", good}}
	o := &refine.RespondOptions{Model: m, Specialists: none, Delta: func(s string) error { heard.WriteString(s); return nil }}
	r := respond(t, lisbon(), o)
	if heard.String() != r.Draft || r.Text != good {
		t.Errorf("heard %q, draft %q, answer %q", heard.String(), r.Draft, r.Text)
	}
	gone := errors.New("gone")
	o.Delta = func(string) error { return gone }
	m.prompts = nil
	if _, err := refine.Respond(t.Context(), lisbon(), o); !errors.Is(err, gone) || len(m.prompts) != 1 {
		t.Errorf("%v after %d calls", err, len(m.prompts))
	}
}

func TestOpenAnswersAreOnlyAddedTo(t *testing.T) {
	task := task("Where does Ruth live, and what is a goroutine?", "Ruth: I live in Lisbon, near the river.", "Ruth: My rent is 940 euros a month.")
	m := &model{texts: []string{"I do not know: no memory says so."}}
	for _, draft := range []string{
		"A goroutine is a lightweight thread. Ruth lives in Lisbon.",
		"I do not know.",
		"Ruth owns a yacht called Esmeralda. ",
		"```go\ngo ruth(\"Porto\")\n```\n",
		" Ruth wohnt am Fluss.\n",
	} {
		for _, how := range refine.Refinements {
			r := respond(t, task, &refine.RespondOptions{Draft: draft, Model: m, Open: true, Refine: how})
			if r.Text != draft || len(r.Rounds) != 0 {
				t.Errorf("%s: %q became %q", how, draft, r.Text)
			}
		}
	}
	const lie = "Your rent is 490 euros a month. Shall I look for a cheaper flat?"
	task.Question = "What is my rent?"
	r := respond(t, task, &refine.RespondOptions{Draft: lie, Model: m, Open: true})
	if want := lie + "\n\n(Memory, 9 May 2023: “My rent is 940 euros a month.”)"; r.Text != want || len(r.Rounds) != 1 || r.Stop != trmcore.StopFixedPoint {
		t.Errorf("%q, stopped by %q, want %q", r.Text, r.Stop, want)
	}
	if len(m.prompts) != 0 {
		t.Errorf("the model was asked %d times", len(m.prompts))
	}
	off := respond(t, task, &refine.RespondOptions{Draft: lie, Open: true, Refine: refine.Off})
	if off.Text != lie || len(off.Claims) != 1 || off.Claims[0].Support != specialists.Contradicted {
		t.Errorf("off: %q, %+v", off.Text, off.Claims)
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []refine.RespondOptions{{Refine: "perhaps"}, {Threshold: 2}, {Rounds: -1}, {MaxCost: -1}, {Timeout: -1}} {
		if _, err := refine.Respond(t.Context(), lisbon(), &o); !errors.Is(err, refine.ErrRespond) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func ExampleRespond() {
	task := &specialists.Task{
		Question: "Where does Ruth live?",
		Evidence: []memory.Record{{ID: "m1", Speaker: "Ruth", Text: "I live in Lisbon.", Created: time.Date(2025, 3, 9, 18, 30, 0, 0, time.UTC), Origin: memory.Observed}},
		Now:      time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC),
	}
	r, err := refine.Respond(context.Background(), task, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Text)
	for _, c := range r.Claims {
		fmt.Println(c.Support)
	}
	// Output:
	// Ruth (9 March 2025): “I live in Lisbon.” [1]
	// supported
}
