package refine

import (
	"github.com/trm-go/refiner/refine/extract"
	"github.com/trm-go/refiner/specialists"
	"github.com/trm-go/refiner/trmcore"
)

// quotations answers a task in the words of its evidence.
func quotations(t *specialists.Task) string {
	a := extract.Read(t).Answer()
	return a.Text(t.Evidence, func(record int) int { return record + 1 })
}

// Quote answers a task in the words of its evidence, without a language model. The response's score is the probability that
// the quotations answer the question; below [extract.Threshold] the text says that the memories do not, and shows what is
// nearest. Only keep memories of the evidence are kept, the first ones and those that are cited; the numbers of the citations
// are their places among them.
func Quote(t *specialists.Task, keep int) (Response, []int) {
	a := extract.Read(t).Answer()
	cited := map[int]bool{}
	for _, q := range a.Quotes {
		cited[q.Record] = true
	}
	var kept []int
	numbers := map[int]int{}
	for i := range t.Evidence {
		if i < keep || cited[i] {
			kept = append(kept, i)
			numbers[i] = len(kept)
		}
	}
	text := a.Text(t.Evidence, func(record int) int { return numbers[record] })
	r := Response{Text: text, Draft: text, Score: a.Confidence, FirstScore: a.Confidence, Claims: []specialists.Claim{}, Citations: []Citation{}, Rounds: []Round{}}
	if r.Stop = trmcore.StopHalted; a.Found {
		r.Stop = trmcore.StopThreshold
	}
	for _, q := range a.Quotes {
		m := t.Evidence[q.Record]
		r.Citations = append(r.Citations, Citation{Number: numbers[q.Record], Memory: m})
		if a.Found {
			r.Claims = append(r.Claims, specialists.Claim{Text: q.Text, Support: specialists.Supported, Quotes: q.Sources(&m)})
		}
	}
	return r, kept
}
