package extract

import (
	_ "embed"
	"encoding/json"
	"math"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
)

// Model holds the learned weights. bench/answer fits them.
type Model struct {
	Asks    [][]float64 `json:"asks"`    // for each of [AskedKinds], a weight for each bucket of [Ngrams]
	Hidden  [][]float64 `json:"hidden"`  // for each hidden unit a weight for each feature of a passage, and last that of the unit
	Passage []float64   `json:"passage"` // for each feature of a passage
	Change  []float64   `json:"change"`  // for each bucket of [Ngrams]: the sentence tells of a change
	Pair    []float64   `json:"pair"`    // for each feature of a pair, see [Reading.Pair]
	Second  []float64   `json:"second"`  // see [NumSecond]
}

//go:embed model.json
var modelJSON []byte

var model = func() *Model {
	m := new(Model)
	if err := json.Unmarshal(modelJSON, m); err != nil {
		panic("extract: model.json: " + err.Error())
	}
	return m
}()

//go:embed sure.bin
var sureFile []byte

// sureTrees tell the logarithm of the odds that an answer is right. bench/answer/sure.py trains them.
var sureTrees = func() *importance.Trees {
	t, err := importance.ReadTrees(sureFile, NumSure)
	if err != nil {
		panic("extract: sure.bin: " + err.Error())
	}
	return t
}()

// Use replaces the weights, to measure others.
func Use(m *Model) { model = m }

// Testimony are the texts of a memory that count as evidence: what somebody said, or the quotes that a reconstructed text
// rests on.
func Testimony(r *memory.Record) []string {
	if r.Origin != memory.Reconstructed {
		return []string{r.Text}
	}
	var quotes []string
	for _, q := range r.Quotes {
		quotes = append(quotes, q.Text)
	}
	return quotes
}

// score is the first score of a passage: linear in its features, and in hidden units that say which go together.
func (m *Model) score(x []float64) float64 {
	s := dot(m.Passage, x)
	for _, h := range m.Hidden {
		s += h[len(x)] * math.Tanh(dot(h[:len(x)], x))
	}
	return s
}

func dot(w, x []float64) float64 {
	sum := 0.0
	for i := range min(len(w), len(x)) {
		sum += w[i] * x[i]
	}
	return sum
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
