package onnx

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// Random makes a model with random weights, for tests and for measuring speed. Zero widths become the official ones.
// gain scales the blocks' weights: with 1, the official initialisation, the recursion is chaotic and rounding errors grow
// from step to step; with .5 it contracts, as trained weights do.
func Random(a Arch, seed uint64, gain float32) (*Model, error) {
	round := func(n int) int { // ceil256(round(4*n*2/3)), models/layers.py
		return (int(math.Round(defaultExpansion*float64(n)*2/3)) + 255) / 256 * 256
	}
	if a.InterSize == 0 {
		a.InterSize = round(a.HiddenSize)
	}
	if a.MLPT && a.InterTokens == 0 {
		a.InterTokens = round(a.Len())
	}
	a = a.withDefaults()
	if err := a.check(); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	m := &Model{Arch: a, Card: Card{Name: "random", Note: "random weights"}, weights: map[string]Tensor{}, stored: typeF32}
	shapes := a.want()
	for _, key := range slices.Sorted(maps.Keys(shapes)) { // the same seed gives the same weights
		shape := shapes[key]
		n, deviation := 1, float32(1)
		for _, d := range shape {
			n *= d
		}
		if len(shape) == 2 {
			deviation = float32(1 / math.Sqrt(float64(shape[1])))
			if key != keyEmbed && key != keyLMHead && key != keyQHead {
				deviation *= gain
			}
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = deviation * float32(rng.NormFloat64())
		}
		m.weights[key] = Tensor{shape, values}
	}
	if a.PuzzleEmbLen > 0 {
		values := make([]float32, a.PuzzleEmbNdim)
		for i := range values {
			values[i] = float32(rng.NormFloat64()) / float32(math.Sqrt(float64(a.HiddenSize)))
		}
		m.table = table{rows: 1, values: values}
	}
	m.finish()
	return m, nil
}
