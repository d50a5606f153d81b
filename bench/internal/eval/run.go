package eval

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trm-go/refiner/memory"
)

// System answers a question asked of a scope with the references of at most k turns, best first.
type System func(ctx context.Context, scope memory.Scope, question string, k int) ([]string, error)

// Systems are what is measured: Main, and others by name. The usual baselines are bm25, vector, hybrid and
// fixed_point.
type Systems struct {
	Main      System
	Baselines map[string]System
}

// Options say how to measure. The zero value, or nil, is the published way.
type Options struct {
	// Against is the baseline that Main is compared with. Zero: DefaultAgainst. It need not be among the baselines; there
	// are no differences then.
	Against string
	// Depth is how many turns a system is asked for. Zero: DefaultDepth. At least 20, or recall@20 means nothing.
	Depth int
	// Resamples of the bootstrap, and the seed of its generator. Zero: DefaultResamples, 0.
	Resamples int
	Seed      uint64
	// Parameters are put into the report as they are: whatever is needed to repeat it.
	Parameters map[string]any
	// Progress is called after each question, with the number of those asked and of all, over all systems.
	Progress func(done, total int)
}

// The defaults of Options.
const (
	DefaultAgainst   = "bm25"
	DefaultDepth     = 20
	DefaultResamples = 10_000
)

// Result is what the main system answered to one question.
type Result struct {
	Conversation string   `json:"conversation"`
	Question     Question `json:"question"`
	Answer       []string `json:"answer"`
	Scores       Scores   `json:"scores"`
}

// Run asks every system every question, one after the other, and scores the answers. Before it measures a system it asks
// it the first question once, so that no latency is that of opening something.
func Run(ctx context.Context, d *Dataset, systems Systems, o *Options) (*Report, error) {
	if o == nil {
		o = &Options{}
	}
	opts := *o
	opts.Against = cmp.Or(opts.Against, DefaultAgainst)
	opts.Depth = cmp.Or(opts.Depth, DefaultDepth)
	opts.Resamples = cmp.Or(opts.Resamples, DefaultResamples)
	switch {
	case systems.Main == nil:
		return nil, fmt.Errorf("there is no system to measure")
	case d.Questions() == 0:
		return nil, fmt.Errorf("the dataset %q has no questions", d.Name)
	case opts.Depth < 20:
		return nil, fmt.Errorf("a depth of %d is too small for recall@20: use 20 or more", opts.Depth)
	case opts.Resamples < 40:
		return nil, fmt.Errorf("%d resamples are too few for an interval of 95 %%: use 1000 or more", opts.Resamples)
	}
	total := d.Questions() * (1 + len(systems.Baselines))
	done := 0
	step := func() {
		if done++; opts.Progress != nil {
			opts.Progress(done, total)
		}
	}
	main, err := measure(ctx, d, "the main system", systems.Main, opts.Depth, step)
	if err != nil {
		return nil, err
	}
	report := newReport(d, main, opts)
	for _, name := range slices.Sorted(maps.Keys(systems.Baselines)) {
		other, err := measure(ctx, d, "the baseline "+name, systems.Baselines[name], opts.Depth, step)
		if err != nil {
			return nil, err
		}
		report.Baselines[name] = other.figures(d)
		if name == opts.Against {
			report.compare(d, main, other, opts)
		}
	}
	return report, nil
}

// measured is what a system did with every question of a dataset, in order.
type measured struct {
	answers [][]string
	scores  []Scores
	times   []time.Duration
}

func measure(ctx context.Context, d *Dataset, name string, s System, depth int, step func()) (*measured, error) {
	m := &measured{}
	for _, c := range d.Conversations {
		for _, q := range c.Questions {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if len(m.times) == 0 {
				if _, err := s(ctx, c.Scope, q.Text, depth); err != nil {
					return nil, fmt.Errorf("%s: question %s: %w", name, q.ID, err)
				}
			}
			start := time.Now()
			answer, err := s(ctx, c.Scope, q.Text, depth)
			m.times = append(m.times, time.Since(start))
			if err != nil {
				return nil, fmt.Errorf("%s: question %s: %w", name, q.ID, err)
			}
			if len(answer) > depth {
				return nil, fmt.Errorf("%s: question %s: %d turns, %d were asked for", name, q.ID, len(answer), depth)
			}
			m.answers = append(m.answers, answer)
			m.scores = append(m.scores, Score(q.Evidence, answer))
			step()
		}
	}
	return m, nil
}
