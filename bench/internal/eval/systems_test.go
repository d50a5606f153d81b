package eval

import (
	"path/filepath"
	"testing"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
)

func TestSystemsAnswerWithReferences(t *testing.T) {
	set, err := Sample(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Store.Path = filepath.Join(t.TempDir(), "store.db")
	p, err := integration.New(t.Context(), c, &integration.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conversation := set.Conversations[0]
	if _, err := p.Store.Add(t.Context(), conversation.Scope, conversation.Records...); err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), set, Modes(p), &Options{Resamples: 100})
	if err != nil {
		t.Fatal(err)
	}
	// Words alone find half of it; an answer in the wrong references would find none.
	if report.Recall10 < .5 {
		t.Errorf("recall@10 of the bundled conversation is %.3f", report.Recall10)
	}
	for _, name := range []string{"bm25", "fixed_point"} {
		if f, ok := report.Baselines[name]; !ok || f.Recall10 < .3 {
			t.Errorf("the baseline %s recalls %.3f", name, f.Recall10)
		}
	}
	if report.Against != "bm25" || len(report.Delta) == 0 {
		t.Errorf("compared with %q: %v", report.Against, report.Delta)
	}
}
