package integration_test

import (
	"testing"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/trmcore"
)

// TestAskSmallQuestions: questions of small words alone are answered, and what nothing says is refused.
func TestAskSmallQuestions(t *testing.T) {
	p, err := integration.New(t.Context(), settings(t), &integration.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	scope := memory.Scope{User: "alice"}
	for _, said := range []string{"My name is Alice.", "I am 43 years old.", "I weigh 81 kg.", "I am from Ghana.", "I live in Leeds with my dog Rufus.",
		"My sister Ana is a dentist in Porto.", "We switched to a new bank, Corvale, in March.", "My locker code is 7719."} {
		r := memory.Record{Scope: scope, Kind: memory.KindFact, Position: -1, Text: said, Origin: memory.Observed, Confidence: 1, Importance: .5}
		if _, err := p.Remember(t.Context(), scope, r); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(question string) *integration.Answer {
		a, err := p.Ask(t.Context(), integration.Request{Scope: scope, Question: question})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, c := range []struct{ question, says string }{{"What is my name?", "My name is Alice."}, {"How old am I?", "I am 43 years old."}, {"How much do I weigh?", "I weigh 81 kg."},
		{"Where am I from?", "I am from Ghana."}, {"Where do I live?", "I live in Leeds with my dog Rufus."}, {"What does my sister do?", "My sister Ana is a dentist in Porto."},
		{"Which bank are we with?", "We switched to a new bank, Corvale, in March."}, {"What is my locker code?", "My locker code is 7719."}} {
		if a := ask(c.question); a.Stop != trmcore.StopThreshold || len(a.Citations) == 0 || a.Citations[0].Memory.Text != c.says {
			t.Errorf("%s %.2f %s", c.question, a.Score, a.Text)
		}
	}
	for _, question := range []string{"What is the capital of France?", "Who won the chess tournament?", "Wann fährt der Zug nach Ulm?"} {
		if a := ask(question); a.Stop == trmcore.StopThreshold {
			t.Errorf("%s %.2f %s", question, a.Score, a.Text)
		}
	}
}
