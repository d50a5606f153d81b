package encoder

import (
	"context"
	"fmt"
	"slices"
)

// Reranker reads a question together with a passage, and says how well the passage answers. That is more exact than
// comparing vectors, and costs as much for each passage as embedding it anew. It is safe for concurrent use until it is closed.
type Reranker struct{ *model }

// OpenReranker opens the reranker of a folder. It reads the card only: the weights are read at the first question.
func OpenReranker(dir string, o *Options) (*Reranker, error) {
	m, err := openModel(dir, KindReranker, o)
	if err != nil {
		return nil, err
	}
	return &Reranker{m}, nil
}

// Score returns the model's logit for each passage: any number, greater for a better answer. Passages are cut to what the
// model reads at once, questions to half of it.
func (r *Reranker) Score(ctx context.Context, question string, passages []string) ([]float64, error) {
	if err := r.load(); err != nil {
		return nil, err
	}
	asked := r.tokens.pieces(question)
	asked = asked[:min(len(asked), r.card.Tokens/2)]
	scores := make([]float64, len(passages))
	err := r.each(ctx, len(passages), func(ctx context.Context, i int) error {
		pieces := r.tokens.pieces(passages[i])
		pieces = pieces[:min(len(pieces), r.card.Tokens-3-len(asked))]
		first, second := slices.Concat([]int64{r.tokens.begin}, asked, []int64{r.tokens.end}), append(pieces, r.tokens.end)
		types := slices.Concat(make([]int64, len(first)), slices.Repeat([]int64{1}, len(second)))
		out, err := r.net.run(ctx, slices.Concat(first, second), types)
		if err != nil {
			return err
		}
		if len(out.Values) != 1 {
			return fmt.Errorf("%w: %s returned the shape %v, not one score", ErrFormat, r.card.Name, out.Shape)
		}
		scores[i] = float64(out.Values[0])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return scores, nil
}
