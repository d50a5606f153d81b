package onnx

import (
	"fmt"
	"math"
)

// The cover mixer is a variant of this module, not of the paper: the recursion, the halting head and the training are
// TRM's, but the network is made for one kind of puzzle, the Sudoku.
//
// A position of the latents is a slot, a cell with a digit: 729 for the usual grid. All slots share their weights. What
// mixes them are the constraints of the exact cover: each digit once in each row, column and box, and one digit in each
// cell, 324 in all. A constraint takes the mean of its slots, sends it through a SwiGLU, and adds the result to each of
// them. Rows and columns share one SwiGLU, boxes and cells have one each. So the network commutes with every symmetry
// of the rules; a slot differs from another only by the givens and by the noise that the first z_L begins with.
//
// It knows which cells exclude each other before it learns anything, which the paper's mixer and attention do not.

const (
	coverCodes  = 3   // rows of the embedding: blank cell, this digit given, another digit given
	coverOffset = 2   // tokens before the digits: padding and blank
	coverGain   = 1.5 // of a constraint's mean
	coverSure   = 1e3 // logit of a given digit; tokens that are no digit get its negative
)

// unitKeys are the SwiGLUs of the constraints: of rows and columns, of boxes, of cells.
var unitKeys = []string{"line.", "box.", "cell."}

const (
	keyUnitGateUp = "gate_up_proj.weight" // [2*inter_units, D], the gate first
	keyUnitDown   = "down_proj.weight"    // [D, inter_units]
)

// side is the number of rows and columns of a square, and of boxes and digits of a Sudoku.
func (a Arch) side() int { return int(math.Round(math.Sqrt(float64(a.SeqLen)))) }

// box is the number of rows and of columns of a box.
func (a Arch) box() int { return int(math.Round(math.Sqrt(float64(a.side())))) }

// checkCover finds what no Sudoku can be.
func (a Arch) checkCover() error {
	if n := a.box(); n < 2 || n*n*n*n != a.SeqLen || a.VocabSize != n*n+coverOffset {
		return fmt.Errorf("%w: %d tokens of %d kinds are no Sudoku with square boxes", ErrArch, a.SeqLen, a.VocabSize)
	}
	if a.MLPT || a.PuzzleEmbLen > 0 || a.InterUnits < 1 || !(a.InitNoise >= 0) {
		return fmt.Errorf("%w: the cover mixer has no mlp_t and no puzzle embedding, inter_units of 1 or more and an init_noise of 0 or more", ErrArch)
	}
	return nil
}

// embedCover gives the embedding of every slot, [B, Len, D].
func (n *network) embedCover(tokens string) string {
	a := n.arch
	side, d := a.side(), a.HiddenSize
	table := n.constant("embed", func() Tensor {
		codes := n.weights[keyEmbed]
		m := Tensor{[]int{a.VocabSize, side * d}, make([]float32, 0, a.VocabSize*side*d)}
		for token := range a.VocabSize {
			for digit := range side {
				code := 0
				if token >= coverOffset {
					code = 2
					if token-coverOffset == digit {
						code = 1
					}
				}
				m.Values = append(m.Values, codes.rows(code, code+1).Values...)
			}
		}
		return m
	})
	x := n.op("Gather", table, tokens, attr{"axis", 0})
	return n.op("Reshape", x, n.ints("slots_shape", -1, a.Len(), d))
}

// mixCover is the token mixer and the norm after it. Rows and boxes are both summed from the parts of rows that lie in
// one box, so that the whole state is read three times and not five, and their messages go back the same way.
func (n *network) mixCover(i int, x string) string {
	a := n.arch
	side, box, d := a.side(), a.box(), a.HiddenSize
	shape := func(x, name string, dims ...int) string {
		return n.op("Reshape", x, n.ints(name, append([]int{-1}, dims...)...))
	}
	mean := func(x string, axis int) string {
		return n.op("ReduceMean", x, attr{"axes", []int{axis}}, attr{"keepdims", 1})
	}
	add := func(a, b string) string { return n.op("Add", a, b) }

	parts := mean(shape(x, "parts_shape", side, box, box, side, d), 3) // [B, row, stack, 1, digit, D]
	rows := n.unit(i, "line.", mean(parts, 2))                         // [B, row, 1, 1, digit, D]
	boxes := mean(shape(parts, "bands_shape", box, box, box, side, d), 2)
	boxes = n.unit(i, "box.", boxes) // [B, band, 1, stack, digit, D]
	boxes = shape(boxes, "boxes_shape", box, 1, box*side*d)
	rows = shape(n.op("Expand", rows, n.ints("rows_parts", 1, side, box, 1, side, d)), "rows_shape", box, box, box*side*d)
	parts = shape(add(rows, boxes), "messages_shape", side, box, 1, side, d)
	parts = shape(add(shape(x, "parts_shape"), parts), "slots_shape")

	grid := shape(x, "grid_shape", side, side, side, d)
	columns := n.unit(i, "line.", mean(grid, 1)) // [B, 1, column, digit, D]
	cells := n.unit(i, "cell.", mean(grid, 3))   // [B, row, column, 1, D]
	return n.rms(parts, shape(add(columns, cells), "slots_shape"))
}

// unit is the SwiGLU of a kind of constraint over the mean of its slots.
func (n *network) unit(i int, kind, mean string) string {
	return n.swiGLU(fmt.Sprintf("layer%d.%s", i, kind), mean, n.weights[layerKey(i, kind+keyUnitGateUp)].scaled(coverGain), n.weights[layerKey(i, kind+keyUnitDown)])
}

// answerCover gives the logits and the halting logit. A given is its own answer.
func (n *network) answerCover(h, tokens string) (logits, q string) {
	a := n.arch
	side := a.side()
	logits = n.float(n.op("MatMul", h, n.constant("lm_head", n.weights[keyLMHead].transposed)))
	logits = n.op("Reshape", logits, n.ints("cells_shape", -1, a.SeqLen, side))
	givens := Tensor{[]int{a.VocabSize, side}, make([]float32, a.VocabSize*side)}
	for digit := range side {
		givens.Values[(coverOffset+digit)*side+digit] = coverSure
	}
	logits = n.op("Add", logits, n.op("Gather", n.floats("givens", givens), tokens, attr{"axis", 0}))
	logits = n.op("Pad", logits, n.ints("digits_pads", 0, 0, coverOffset, 0, 0, 0), n.floats("never", Tensor{nil, []float32{-coverSure}}))
	return logits, n.op("ReduceMean", h, attr{"axes", []int{1}}, attr{"keepdims", 0})
}
