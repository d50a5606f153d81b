package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/refine/consolidate"
	"github.com/trm-go/refiner/specialists"
)

// summarised is a plugin whose question hits a summary, the detail being in a turn that the question has no words of.
func summarised(t *testing.T, script scripted.Script) (*integration.Plugin, *scripted.Server, memory.Added) {
	t.Helper()
	p, server := modelled(t, script)
	said := func(position int, speaker, text string) memory.Record {
		r := turn(position, speaker, text)
		r.Scope.Session = "boat"
		return r
	}
	turns, err := p.Remember(t.Context(), p.Scope, said(0, "Ben", "What is your yacht called?"), said(1, "Cleo", "My yacht is called Esmeralda."), said(2, "Cleo", "She is eleven metres long."))
	if err != nil {
		t.Fatal(err)
	}
	summary := turn(-1, "", "Ben and Cleo talked of a yacht that Cleo owns, what it is called and its length.")
	summary.Kind, summary.Origin, summary.DerivedFrom, summary.Meta = memory.KindSummary, memory.Reconstructed, turns.IDs, map[string]string{"level": "1"}
	if _, err := p.Store.Supersede(t.Context(), memory.Scope{User: "ada"}, summary, turns.IDs...); err != nil { // as consolidation does
		t.Fatal(err)
	}
	return p, server, turns
}

const asked = "What is the yacht called that Cleo owns?"

// What a summary was found by is the evidence in its place: the model reads it, an answer may cite it, and the judge holds the
// answer against it.
func TestAskOpensSummaries(t *testing.T) {
	p, server, turns := summarised(t, scripted.Says("Cleo's yacht is called Esmeralda [1]."))
	ask := func() *integration.Answer {
		t.Helper()
		a, err := p.Ask(t.Context(), integration.Request{Question: asked, Limit: 2, Refine: refine.Off})
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Memories) != 2 || a.Memories[0].ID != turns.IDs[1] || a.Memories[1].Kind != memory.KindTurn {
			t.Fatalf("the memories are %+v", a.Memories)
		}
		return a
	}
	a := ask()
	if prompt := server.Requests()[0].Last("system"); !strings.Contains(prompt, "[1] 2025-03-09 Cleo: My yacht is called Esmeralda.") || strings.Contains(prompt, "[0]") {
		t.Errorf("the prompt is %s", prompt)
	}
	if len(a.Citations) != 1 || a.Citations[0].Memory.ID != turns.IDs[1] || a.Claims[0].Support != specialists.Supported {
		t.Errorf("cited %+v, claims %+v", a.Citations, a.Claims)
	}
	p.Model = nil // an extractive answer quotes what the summary has no words for
	if a := ask(); !strings.Contains(a.Text, "Esmeralda") {
		t.Errorf("the answer is %q", a.Text)
	}
}

// TestConsolidationChangesNoAnswer asks the bundled conversation before and after it is consolidated.
func TestConsolidationChangesNoAnswer(t *testing.T) {
	set, err := eval.Sample(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, _ := modelled(t, scripted.Silent)
	p.Model = nil
	answers := func() (texts []string) {
		t.Helper()
		for _, c := range set.Conversations {
			for _, q := range c.Questions[:20] {
				a, err := p.Ask(t.Context(), integration.Request{Scope: c.Scope, Question: q.Text, Quiet: true})
				if err != nil {
					t.Fatal(err)
				}
				// The first line is the answer; its number, and what is shown beside it, may differ.
				line, _, _ := strings.Cut(a.Text, "\n")
				texts = append(texts, regexp.MustCompile(`\[\d+\]`).ReplaceAllString(line, "[]"))
			}
		}
		return texts
	}
	for _, c := range set.Conversations {
		if _, err := p.Remember(t.Context(), c.Scope, c.Records...); err != nil {
			t.Fatal(err)
		}
	}
	before := answers()
	for _, c := range set.Conversations {
		run, err := consolidate.Auto(t.Context(), p.Store, c.Scope, nil, nil)
		if err != nil || run.Changes == 0 {
			t.Fatalf("%+v, %v", run, err)
		}
	}
	// What is near the least confidence may be refused before and answered after, as other memories are read beside it.
	after, changed := answers(), 0
	for i := range before {
		if before[i] != after[i] {
			changed++
		}
	}
	if most := len(before) / 5; changed > most {
		t.Errorf("%d answers changed, more than %d (-before +after):\n%s", changed, most, cmp.Diff(before, after))
	}
}

func TestTurnsOpenSummaries(t *testing.T) {
	p, _, turns := summarised(t, scripted.Silent)
	turn, err := p.Begin(t.Context(), []specialists.Message{{Role: "user", Content: asked}}, &integration.TurnOptions{Limit: 1})
	if err != nil || !strings.Contains(turn.Notes, "Esmeralda") || len(turn.Memories) < 2 {
		t.Fatalf("%q of %+v, %v", turn.Notes, turn.Memories, err)
	}
	// What is told from the notes is marked as made from the turn.
	if err := turn.Remember(t.Context(), "Cleo's yacht is called Esmeralda."); err != nil {
		t.Fatal(err)
	}
	records := stored(t, p, p.Scope)
	if last := records[len(records)-1]; last.Origin != memory.Reconstructed || len(last.DerivedFrom) == 0 {
		t.Errorf("%+v", last)
	}
	if n := shown(t, p, turns.IDs[1]); n != 1 {
		t.Errorf("the opened turn was shown %d times", n)
	}
}

// shown is how often a memory was shown.
func shown(t *testing.T, p *integration.Plugin, id memory.ID) int {
	t.Helper()
	p.Flush()
	r, err := p.Store.Record(t.Context(), p.Scope, id)
	if err != nil {
		t.Fatal(err)
	}
	return r.Shown
}

// What is put into a prompt or shown counts, once for each answer; what a plugin that only reads shows does not, and neither
// does a measurement.
func TestShowingIsCounted(t *testing.T) {
	p := known(t)
	const question = "Where did Ruth move?"
	r, err := p.Recall(t.Context(), p.Scope, memory.Query{Text: question, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	id := r.Memories[0].ID
	for i, show := range []func() error{
		func() error { _, err := p.Ask(t.Context(), integration.Request{Question: question}); return err },
		func() error {
			turn, err := p.Begin(t.Context(), []specialists.Message{{Role: "user", Content: question}}, nil)
			if err == nil {
				_, err = turn.Refine(t.Context(), "She moved to Oslo.")
			}
			return err
		},
		func() error { p.Shown(memory.Scope{}, id); return nil },
	} {
		if err := show(); err != nil {
			t.Fatal(err)
		}
		if n := shown(t, p, id); n != i+1 {
			t.Errorf("shown %d times after %d answers", n, i+1)
		}
	}
	quiet := func(r *integration.Plugin) {
		t.Helper()
		if _, err := r.Ask(t.Context(), integration.Request{Question: question, Quiet: r == p}); err != nil {
			t.Fatal(err)
		}
		if n := shown(t, p, id); n != 3 {
			t.Errorf("shown %d times after an answer that does not count", n)
		}
	}
	quiet(p)
	reader := p.ReadOnly()
	quiet(reader)
	for what, err := range map[string]error{
		"remember": func() error {
			_, err := reader.Remember(t.Context(), reader.Scope, turn(9, "Eve", "I was here."))
			return err
		}(),
		"supersede": func() error {
			_, err := reader.Supersede(t.Context(), p.Scope, turn(9, "Eve", "I was here."), id)
			return err
		}(),
		"forget": func() error { _, err := reader.Forget(t.Context(), p.Scope, id); return err }(),
		"ask": func() error {
			_, err := reader.Ask(t.Context(), integration.Request{Question: question, Remember: true})
			return err
		}(),
	} {
		if !errors.Is(err, memory.ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What cannot be counted fails no answer and is logged; what was deleted meanwhile is passed over, and the rest counts.
func TestCountingFailsNoAnswer(t *testing.T) {
	var log bytes.Buffer
	c := settings(t)
	p, err := integration.New(t.Context(), c, &integration.Options{Create: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	added, err := p.Remember(t.Context(), p.Scope, turn(0, "Ada", "Ruth moved to Lisbon."), turn(1, "Ada", "I bake rye bread."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Forget(t.Context(), p.Scope, added.IDs[1]); err != nil {
		t.Fatal(err)
	}
	p.Shown(p.Scope, added.IDs[1], added.IDs[0])
	if n := shown(t, p, added.IDs[0]); n != 1 || log.Len() > 0 {
		t.Errorf("shown %d times, logged %s", n, log.String())
	}
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	p.Shown(p.Scope, added.IDs[0])
	if p.Flush(); !strings.Contains(log.String(), "not counted") {
		t.Errorf("logged %q", log.String())
	}
}

// BenchmarkShown is what counting ten memories adds to an answer, and what it costs behind it.
func BenchmarkShown(b *testing.B) {
	c := settings(b)
	p, err := integration.New(b.Context(), c, &integration.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	var records []memory.Record
	for i := range 10 {
		records = append(records, turn(i, "Ada", fmt.Sprintf("I baked bread number %d.", i)))
	}
	added, err := p.Remember(b.Context(), p.Scope, records...)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("before", func(b *testing.B) {
		for b.Loop() {
			p.Shown(p.Scope, added.IDs...)
			b.StopTimer()
			p.Flush()
			b.StartTimer()
		}
	})
	b.Run("behind", func(b *testing.B) {
		for b.Loop() {
			p.Shown(p.Scope, added.IDs...)
			p.Flush()
		}
	})
}

// A summary of what the conversation itself says is no news, and one of more is shown by the rest.
func TestTurnsLeaveOutSummariesOfWhatIsSaid(t *testing.T) {
	p, _, _ := summarised(t, scripted.Silent)
	said := []specialists.Message{{Role: "user", Content: "What is your yacht called?"}, {Role: "assistant", Content: "My yacht is called Esmeralda."}}
	notes := func(messages []specialists.Message) string {
		t.Helper()
		turn, err := p.Begin(t.Context(), append(messages, specialists.Message{Role: "user", Content: "How long is the yacht that Cleo owns?"}), nil)
		if err != nil {
			t.Fatal(err)
		}
		return turn.Notes
	}
	if n := notes(said); !strings.Contains(n, "She is eleven metres long.") || strings.Contains(n, "Esmeralda") {
		t.Errorf("the notes are %q", n)
	}
	if n := notes(append(said, specialists.Message{Role: "user", Content: "She is eleven metres long."})); n != "" {
		t.Errorf("what the conversation says is noted again: %q", n)
	}
}
