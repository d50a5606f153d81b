package refine

import (
	"context"
	"fmt"
	"strings"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/specialists"
	"github.com/trm-go/refiner/trmcore"
)

// open judges an answer of a conversation, which may say what the memories know nothing of. All that is done to it is that
// a note follows where a memory plainly contradicts it; every byte of the answer stays as it is.
func (r *run) open(ctx context.Context) {
	response := r.response
	answer := response.Draft
	// The question alone may not find what the answer contradicts.
	if start := strings.ToValidUTF8(answer[:min(len(answer), 400)], ""); r.Recall != nil && r.Refine != Off && len(text.Values(start)) > 0 {
		r.add(ctx, start, 0)
	}
	disputes := specialists.Disputes(r.task, answer)
	response.Text, response.FirstScore, response.Score, response.Stop = answer, 1, 1, trmcore.StopThreshold
	response.Citations = citations(r.task, answer)
	round := Round{N: 1, Text: answer, Score: 1, Stop: trmcore.StopFixedPoint}
	for _, d := range disputes {
		response.Claims = append(response.Claims, d.Claim)
		response.FirstScore = min(response.FirstScore, 1-d.Sure)
		round.Notes = append(round.Notes, specialists.Note{Specialist: "contradiction", Kind: "contradicted", Claim: d.Text, Why: d.Why, Quotes: d.Quotes})
	}
	if response.Score = response.FirstScore; len(disputes) == 0 || r.Refine == Off {
		if r.Refine == Off {
			response.Stop = ""
		}
		return
	}
	response.Text, response.Score, response.Stop = answer+note(disputes), 1, trmcore.StopFixedPoint
	round.Text = response.Text
	round.Proposals = []Proposal{{By: "contradiction", Text: shorten(response.Text, 2000), Score: 1, Accepted: true, Why: "a memory says otherwise, and is quoted behind the answer"}}
	response.Rounds = append(response.Rounds, round)
}

// note is what follows an answer that memories contradict: what they say, verbatim, with the day on which it was said. It is
// empty if there is nothing to say.
func note(disputes []specialists.Dispute) string {
	var b strings.Builder
	for _, d := range disputes {
		if quote := d.Quotes[0].Text; !strings.Contains(b.String(), quote) {
			fmt.Fprintf(&b, "\n\n(Memory, %s: “%s”)", d.Said.Format("2 January 2006"), quote)
		}
	}
	return b.String()
}
