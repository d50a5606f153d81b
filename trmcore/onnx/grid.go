package onnx

import "fmt"

// The grid mixer is, like the cover mixer, a variant of this module and not of the paper: the recursion, the halting head
// and the supervision are TRM's, but the network is made for one kind of puzzle, the maze.
//
// A position of the latents is a cell of the square, and all cells share their weights. What mixes them is a message
// from each of the four neighbours: their states, side by side in the order below, left of and above, go through one
// SwiGLU whose output is added to the cell. Walls and what lies outside send nothing. A block so carries news one cell
// far, and a supervision step of H3 L3 with two layers 24 cells; a path of 150 cells takes a wave from the goal to the
// start and one back, some 13 steps.
//
// The network does not depend on the size of the maze, see [Model.Resized]. It knows which cells lie beside each other
// before it learns anything, and that walls are shut; what a shortest path is, it learns.

const keyGridDown, keyGridGateUp = "grid.down_proj.weight", "grid.gate_up_proj.weight" // [D, inter_units] and [2*inter_units, 4*D]

const (
	gridTokens = 6   // kinds of cells: padding, wall, free, start, goal, path
	gridFree   = 2   // the first that is open
	gridPath   = 5   // the one that an answer draws
	gridSure   = 1e3 // logit of a cell that is no question: everything but free ones
)

// checkGrid finds what no maze can be.
func (a Arch) checkGrid() error {
	if n := a.side(); n < 2 || n*n != a.SeqLen || a.VocabSize != gridTokens {
		return fmt.Errorf("%w: %d tokens of %d kinds are no square maze", ErrArch, a.SeqLen, a.VocabSize)
	}
	if a.MLPT || a.Cover || a.PuzzleEmbLen > 0 || a.InterUnits < 1 || a.InitNoise != 0 {
		return fmt.Errorf("%w: the grid mixer has no mlp_t, cover, puzzle embedding or init_noise, and inter_units of 1 or more", ErrArch)
	}
	return nil
}

// byToken gives each cell the row of a table that belongs to its token.
func (n *network) byToken(table string) string {
	return n.op("Gather", table, n.tokens, attr{"axis", 0})
}

// mixGrid is the token mixer and the norm after it.
func (n *network) mixGrid(i int, x string) string {
	side, d := n.arch.side(), n.arch.HiddenSize
	open := n.constant("open", func() Tensor { return Tensor{[]int{gridTokens, 1}, []float32{0, 0, 1, 1, 1, 1}} })
	shape := n.ints("square_shape", -1, side, side, d)
	square := n.op("Reshape", n.op("Mul", x, n.byToken(open)), shape)
	padded := n.op("Pad", square, n.ints("rim", 0, 1, 1, 0, 0, 1, 1, 0))
	neighbours := make([]string, 0, 4)
	for _, at := range [][2]int{{2, 1}, {1, 0}, {1, 2}, {0, 1}} { // the cell below, to the left, to the right, above
		first := n.ints(fmt.Sprintf("from_%d_%d", at[0], at[1]), at[0], at[1])
		last := n.ints(fmt.Sprintf("to_%d_%d", at[0], at[1]), at[0]+side, at[1]+side)
		neighbours = append(neighbours, n.op("Slice", padded, first, last, n.ints("rows_columns", 1, 2)))
	}
	messages := n.op("Reshape", n.op("Concat", neighbours, attr{"axis", 3}), n.ints("messages_shape", -1, n.arch.SeqLen, 4*d))
	mixed := n.swiGLU(fmt.Sprintf("layer%d.grid.", i), messages, n.weights[layerKey(i, keyGridGateUp)], n.weights[layerKey(i, keyGridDown)])
	return n.rms(x, mixed)
}

// answerGrid gives the logits and the state that the halting head reads, the largest of each channel over the cells: one
// cell that is not done is enough to go on. A free cell is on the path or not; any other is its own answer.
func (n *network) answerGrid(h string) (logits, most string) {
	d := n.arch.HiddenSize
	path := n.constant("lm_head", func() Tensor {
		m := Tensor{[]int{d, gridTokens}, make([]float32, d*gridTokens)}
		for j, v := range n.weights[keyLMHead].Values {
			m.Values[j*gridTokens+gridPath] = v
		}
		return m
	})
	givens := Tensor{[]int{gridTokens, gridTokens}, make([]float32, gridTokens*gridTokens)}
	for token := range gridTokens {
		for answer := range gridTokens {
			question := token == gridFree || token == gridPath
			switch {
			case question && (answer == gridFree || answer == gridPath):
			case answer == token:
				givens.Values[token*gridTokens+answer] = gridSure
			default:
				givens.Values[token*gridTokens+answer] = -gridSure
			}
		}
	}
	logits = n.float(n.op("MatMul", h, path))
	logits = n.op("Add", logits, n.byToken(n.floats("givens", givens)))
	return logits, n.op("ReduceMax", h, attr{"axes", []int{1}}, attr{"keepdims", 0})
}
