package eval_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/memory"
)

// A system that shows the turns in which a word of the question occurs, measured against one that knows nothing.
func ExampleRun() {
	ctx := context.Background()
	dataset, err := eval.LoCoMo(ctx, "testdata/locomo.json", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	words := func(_ context.Context, scope memory.Scope, question string, k int) ([]string, error) {
		var refs []string
		for _, c := range dataset.Conversations {
			for _, record := range c.Records {
				for _, word := range strings.Fields(strings.Trim(question, "?")) {
					if scope.Contains(record.Scope) && len(refs) < k && strings.Contains(record.Text, word) {
						refs = append(refs, eval.Ref(record))
						break
					}
				}
			}
		}
		return refs, nil
	}
	nothing := func(context.Context, memory.Scope, string, int) ([]string, error) { return nil, nil }

	report, err := eval.Run(ctx, dataset, eval.Systems{Main: words, Baselines: map[string]eval.System{"nothing": nothing}},
		&eval.Options{Against: "nothing"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("recall@10 %.2f over %d questions, %+.2f\n", report.Recall10, report.Questions, report.Delta["recall@10"].Mean)
	// Output: recall@10 0.50 over 3 questions, +0.50
}
