package integration_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/memory"
)

// BenchmarkAsk answers questions of the bundled conversation without a language model, in a store of 10,000 memories. The
// target is a p95 below 15 ms.
func BenchmarkAsk(b *testing.B) {
	set, err := eval.Sample(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	c := settings(b)
	p, err := integration.New(b.Context(), c, &integration.Options{Create: true})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	conversation := set.Conversations[0]
	var records []memory.Record
	for i := range 10_000 {
		r := conversation.Records[i%len(conversation.Records)]
		if n := i / len(conversation.Records); n > 0 { // the same talk again, of other people on other days
			r.Key, r.Scope.Session = "", fmt.Sprintf("%s-%d", r.Scope.Session, n)
			r.Text = fmt.Sprintf("%s (%d)", r.Text, n)
			r.Created = r.Created.AddDate(0, 0, n)
		}
		records = append(records, r)
	}
	if _, err := p.Remember(b.Context(), conversation.Scope, records...); err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	for b.Loop() {
		q := conversation.Questions[len(times)%len(conversation.Questions)]
		start := time.Now()
		if _, err := p.Ask(b.Context(), integration.Request{Scope: conversation.Scope, Question: q.Text}); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
}
