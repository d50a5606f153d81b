package refine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Reranker reads a question together with each passage and returns a number for each, greater for a better answer: the
// logit of a cross-encoder.
type Reranker interface {
	Score(ctx context.Context, question string, passages []string) ([]float64, error)
}

// Reranked tells what reranking cost.
type Reranked struct {
	Passages int     `json:"passages"`
	Ms       float64 `json:"ms"`
}

// defaultRerank is how many of the best memories a reranker reads. Each costs as much as embedding it anew; what lies deeper is
// rarely lifted into the first ten.
const defaultRerank = 20

// rerankMix is how much a unit of a reranker's logit adds to the logarithm of a weight. Ranked by the reranker alone,
// conversations lose: a turn often answers only with those around it.
const rerankMix = .1

// rerank lets a reranker order the best memories anew. The weights stay where they are, each with its place.
func rerank(ctx context.Context, src Source, scope memory.Scope, question string, r *Ranking, o *Options) (*Reranked, error) {
	n := o.Rerank
	if n <= 0 {
		n = defaultRerank
	}
	n = min(n, len(r.Order))
	if o.Reranker == nil || n < 2 || question == "" {
		return nil, nil
	}
	start := time.Now()
	first := r.Order[:n]
	rows := make([]int64, n)
	for i, at := range first {
		rows[i] = r.candidates.List[at].Row
	}
	records, err := fetch(ctx, src, scope, rows)
	if err != nil {
		return nil, err
	}
	passages := make([]string, n)
	for i, m := range records {
		if m != nil {
			passages[i] = m.Text
			if m.Speaker != "" {
				passages[i] = m.Speaker + ": " + m.Text
			}
		}
	}
	logits, err := o.Reranker.Score(ctx, question, passages)
	if err != nil {
		return nil, fmt.Errorf("rerank: %w", err)
	}
	if len(logits) != n {
		return nil, fmt.Errorf("rerank: %d scores for %d passages", len(logits), n)
	}
	score, weights := map[int]float64{}, make([]float64, n)
	for i, at := range first {
		weights[i] = r.Weights[at]
		score[at] = math.Log(weights[i]) + rerankMix*logits[i]
	}
	slices.SortStableFunc(first, func(a, b int) int { return cmp.Compare(score[b], score[a]) })
	for i, at := range first {
		r.Weights[at] = weights[i]
	}
	return &Reranked{n, float64(time.Since(start).Microseconds()) / 1000}, nil
}
