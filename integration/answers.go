package integration

import (
	"context"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Answerer answers with the configured recall, model and refinement, for [bench.RunAnswers].
func (p *Plugin) Answerer() bench.Answerer { return p.answerer(Request{}) }

func (p *Plugin) answerer(r Request) bench.Answerer {
	return func(ctx context.Context, scope memory.Scope, question string) (string, error) {
		r := r
		r.Scope, r.Question, r.Quiet = scope, question, true // a measurement changes nothing
		a, err := p.Ask(ctx, r)
		if err != nil {
			return "", err
		}
		return a.Text, nil
	}
}

// Part is a smaller assistant: the parts up to one of them.
type Part struct {
	Name   string
	Answer bench.Answerer
}

// Parts are assistants of which each has one part more than the one before: the best memory by words, by one pass, at the
// fixed point; an extractive answer; and that examined by the specialists for up to one, two and three rounds.
func (p *Plugin) Parts() []Part {
	best := func(mode refine.Mode) bench.Answerer {
		o := p.Options()
		o.Mode = mode
		return func(ctx context.Context, scope memory.Scope, question string) (string, error) {
			r, err := refine.Recall(ctx, p.Store, scope, memory.Query{Text: searchable(question)}, o)
			if err != nil || len(r.Memories) == 0 {
				return "", err
			}
			return r.Memories[0].Text, nil
		}
	}
	return []Part{
		{"best memory by words", best(refine.BM25)},
		{"by one pass", best(refine.SinglePass)},
		{"at the fixed point", best(refine.FixedPoint)},
		{"extractive answer", p.answerer(Request{Refine: refine.Off})},
		{"refined if it does not pass", p.answerer(Request{Refine: refine.Auto})},
		{"always, 1 round", p.answerer(Request{Refine: refine.Always, Rounds: 1})},
		{"always, 2 rounds", p.answerer(Request{Refine: refine.Always, Rounds: 2})},
		{"always, 3 rounds", p.answerer(Request{Refine: refine.Always, Rounds: 3})},
	}
}
