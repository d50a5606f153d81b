package integration_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// modelled is a plugin that is configured with a model which a script plays over real HTTP.
func modelled(t *testing.T, script scripted.Script) (*integration.Plugin, *scripted.Server) {
	t.Helper()
	server, err := scripted.New(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	c := settings(t)
	c.Model.Type, c.Model.BaseURL, c.Model.Model, c.Model.PriceIn, c.Model.PriceOut = "openai", server.URL, "scripted", 1, 2
	p := create(t, c)
	if _, err := p.Remember(t.Context(), p.Scope, turn(0, "Ruth", "I moved to Lisbon."), turn(1, "Ben", "I bake rye bread.")); err != nil {
		t.Fatal(err)
	}
	return p, server
}

const yacht = "Ruth lives in Lisbon [1]. She owns a yacht called Esmeralda."

func TestAskRefinesWhatTheModelWrites(t *testing.T) {
	p, server := modelled(t, scripted.Sequence(yacht, "Ruth lives in Lisbon [1]."))
	a, err := p.Ask(t.Context(), integration.Request{Question: "Where does Ruth live?"})
	if err != nil {
		t.Fatal(err)
	}
	if a.Draft != yacht || strings.Contains(a.Text, "yacht") || !strings.Contains(a.Text, "Lisbon") || len(a.Rounds) == 0 {
		t.Errorf("%q of %q: %+v", a.Text, a.Draft, a.Rounds)
	}
	if a.Usage.Calls == 0 || a.Usage.Cost == 0 || len(a.Packed.Items) == 0 {
		t.Errorf("usage %+v, packed %+v", a.Usage, a.Packed)
	}
	r := server.Requests()[0]
	system := r.Last("system")
	if !strings.Contains(system, "[1] 2025-03-09 Ruth: I moved to Lisbon.") || r.Last("user") != "Where does Ruth live?" {
		t.Errorf("the model was asked %s", r.Body)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{`"question":`, `"text":`, `"claims":`, `"citations":`, `"rounds":`, `"score":`, `"usage":`, `"memories":`, `"packed":`, `"ms":`} {
		if !strings.Contains(string(text), member) {
			t.Errorf("the JSON lacks %s: %s", member, text)
		}
	}
}

func TestAskStream(t *testing.T) {
	for _, eager := range []bool{false, true} {
		p, _ := modelled(t, scripted.Sequence(yacht, "Ruth lives in Lisbon [1]."))
		var types []string
		var tokens strings.Builder
		var answer *integration.Answer
		for e, err := range p.AskStream(t.Context(), integration.Request{Question: "Where does Ruth live?", Eager: eager}) {
			if err != nil {
				t.Fatal(err)
			}
			if len(types) == 0 || types[len(types)-1] != e.Type {
				types = append(types, e.Type)
			}
			tokens.WriteString(e.Token)
			answer = e.Answer
		}
		want, heard := "memories round token answer", answer.Text
		if eager {
			want, heard = "memories token round answer", yacht
		}
		if got := strings.Join(types, " "); got != want || tokens.String() != heard || answer.Text == yacht {
			t.Errorf("eager %v: events %q, tokens %q, answer %q", eager, got, tokens.String(), answer.Text)
		}
	}
	p, server := modelled(t, scripted.Says(yacht))
	for e := range p.AskStream(t.Context(), integration.Request{Question: "Where does Ruth live?", Eager: true}) {
		if e.Type == integration.EventToken {
			break // the listener goes
		}
	}
	if n := len(server.Requests()); n != 1 {
		t.Errorf("%d requests after the listener went", n)
	}
}

func TestRememberedAnswersAreNoEvidence(t *testing.T) {
	p, _ := modelled(t, scripted.Says("Ruth lives in Lisbon [1], in a villa."))
	ask := func() *integration.Answer {
		a, err := p.Ask(t.Context(), integration.Request{Question: "Where does Ruth live?", Remember: true, Refine: refine.Off})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := ask()
	if len(first.Remembered) != 2 {
		t.Fatalf("remembered %v", first.Remembered)
	}
	question, err := p.Store.Record(t.Context(), p.Scope, first.Remembered[0])
	if err != nil || question.Origin != memory.Observed || question.Role != "user" {
		t.Errorf("%+v, %v", question, err)
	}
	answer, err := p.Store.Record(t.Context(), p.Scope, first.Remembered[1])
	if err != nil || answer.Origin != memory.Reconstructed || len(answer.DerivedFrom) != 1 || answer.Position != question.Position+1 {
		t.Errorf("%+v, %v", answer, err)
	}
	for range 3 { // the same lie, told again and again, does not become true
		if again := ask(); again.Score > first.Score {
			t.Errorf("the score rose from %.3f to %.3f: %+v", first.Score, again.Score, again.Claims)
		}
	}
	p.Model = nil
	a, err := p.Ask(t.Context(), integration.Request{Question: "Does Ruth live in a villa?"})
	if err != nil || strings.Contains(a.Text, "in a villa.”") {
		t.Errorf("an answer is quoted as evidence: %q, %v", a.Text, err)
	}
}

// What is remembered stands behind what the session holds, pair after pair, and each session counts for itself.
func TestRememberedAnswersFollowTheSession(t *testing.T) {
	p, _ := modelled(t, scripted.Says("Ruth lives in Lisbon [1]."))
	if _, err := p.Remember(t.Context(), p.Scope, turn(math.MaxInt32, "Ben", "An old store numbered this by its time.")); err != nil {
		t.Fatal(err)
	}
	for _, session := range []string{"1", "2", "1"} {
		if _, err := p.Ask(t.Context(), integration.Request{Scope: memory.Scope{User: "ada", Session: session}, Question: "Where does Ruth live?", Remember: true}); err != nil {
			t.Fatal(err)
		}
	}
	positions := map[string][]int{}
	for r, err := range p.Store.All(t.Context(), p.Scope, nil) {
		if err != nil {
			t.Fatal(err)
		}
		positions[r.Scope.Session] = append(positions[r.Scope.Session], r.Position)
	}
	if got := fmt.Sprint(positions); got != "map[1:[0 1 2147483647 2 3 4 5] 2:[0 1]]" {
		t.Errorf("the positions are %s", got)
	}
	if last, err := p.Store.LastPosition(t.Context(), memory.Scope{User: "ada", Session: "3"}); err != nil || last != -1 {
		t.Errorf("an empty session ends at %d, %v", last, err)
	}
}

func TestAskKeepsItsDeadline(t *testing.T) {
	p, _ := modelled(t, scripted.Silent)
	start := time.Now()
	a, err := p.Ask(t.Context(), integration.Request{Question: "Where does Ruth live?", Timeout: 200 * time.Millisecond})
	if err != nil || !strings.Contains(a.Text, "Lisbon") || time.Since(start) > 5*time.Second {
		t.Errorf("%q after %s, %v", a.Text, time.Since(start), err)
	}
}
