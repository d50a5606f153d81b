package onnx

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Arch is the architecture of a model, by the names of the official configuration (config/arch/trm.yaml). What can be
// read off the weights is checked against them; the cycles, the heads and, for attention, the sequence length are known
// only from a card, from [LoadOptions], or from the task.
type Arch struct {
	VocabSize     int     `json:"vocab_size"`
	SeqLen        int     `json:"seq_len"`                // tokens of a problem
	PuzzleEmbLen  int     `json:"puzzle_emb_len"`         // positions before them that hold the puzzle embedding; 0 without one
	PuzzleEmbNdim int     `json:"puzzle_emb_ndim"`        // size of a puzzle's vector, padded with zeros to PuzzleEmbLen x HiddenSize
	HiddenSize    int     `json:"hidden_size"`            // D
	NumHeads      int     `json:"num_heads"`              // of the attention; unused by the mixer
	LLayers       int     `json:"L_layers"`               // blocks of the one network
	HCycles       int     `json:"H_cycles"`               // answers in a supervision step (T)
	LCycles       int     `json:"L_cycles"`               // latent updates before each (n)
	MLPT          bool    `json:"mlp_t"`                  // tokens are mixed by an MLP over positions instead of attention
	PosEncodings  string  `json:"pos_encodings"`          // "rope", "learned" or "none"; the mixer needs none
	RopeTheta     float64 `json:"rope_theta"`             // base of the rotary angles
	RMSNormEps    float64 `json:"rms_norm_eps"`           // within the root of every norm
	Expansion     float64 `json:"expansion"`              // SwiGLU's width before rounding; informative, the weights decide
	InterSize     int     `json:"inter_size,omitempty"`   // SwiGLU's width over the hidden axis, from the weights
	InterTokens   int     `json:"inter_tokens,omitempty"` // SwiGLU's width over the token axis, from the weights
	Cover         bool    `json:"cover,omitempty"`        // tokens are mixed by the constraints of a Sudoku, see cover.go; not of the paper
	Grid          bool    `json:"grid,omitempty"`         // tokens are mixed by the neighbours in a square, see grid.go; not of the paper
	InterUnits    int     `json:"inter_units,omitempty"`  // SwiGLU's width over a constraint or the neighbours, from the weights; cover and grid only
	InitNoise     float64 `json:"init_noise,omitempty"`   // deviation of the noise that the first z_L gets in every position; cover only
}

// defaultExpansion is SwiGLU's width over the hidden size, before rounding, in the official configuration.
const defaultExpansion = 4

// tasks are the published ones: what a checkpoint without a card can be.
var tasks = map[string]Arch{
	"sudoku": {SeqLen: 81, VocabSize: 11, HCycles: 3, LCycles: 6},
	"arc":    {SeqLen: 900, VocabSize: 12, HCycles: 3, LCycles: 4},
	"maze":   {SeqLen: 900, VocabSize: 6, HCycles: 3, LCycles: 4},
}

// Len is the number of positions of the latents: the tokens and the puzzle embedding, or, for the cover mixer, the slots.
func (a Arch) Len() int {
	if a.Cover {
		return a.SeqLen * a.side()
	}
	return a.PuzzleEmbLen + a.SeqLen
}

// latent is the number of elements of each of a problem's two latents.
func (a Arch) latent() int { return a.Len() * a.HiddenSize }

// Passes is the number of times that one supervision step applies the network.
func (a Arch) Passes() int { return a.HCycles * (a.LCycles + 1) }

// FLOPs counts the multiplications and additions of the matrix products of one supervision step of one problem.
func (a Arch) FLOPs() float64 {
	l, d, i := float64(a.Len()), float64(a.HiddenSize), float64(a.InterSize)
	block := 2 * l * d * 3 * i // gate, up, down
	heads := 2 * float64(a.SeqLen) * d * float64(a.VocabSize)
	switch {
	case a.Cover:
		block += 2 * 4 * float64(a.SeqLen) * d * 3 * float64(a.InterUnits)
		heads = 2 * l * d
	case a.Grid:
		block += 2 * l * d * 6 * float64(a.InterUnits)
		heads = 2 * l * d
	case a.MLPT:
		block += 2 * d * l * 3 * float64(a.InterTokens)
	default:
		block += 2*l*d*4*d + 2*2*l*l*d // qkv and o; scores and their use
	}
	return float64(a.Passes()*a.LLayers)*block + heads
}

// String describes the architecture in one line.
func (a Arch) String() string {
	mix := fmt.Sprintf("attention %d heads", a.NumHeads)
	switch {
	case a.Cover:
		mix = "Sudoku cover mixer"
	case a.Grid:
		mix = "maze grid mixer"
	case a.MLPT:
		mix = "MLP mixer"
	}
	positions := strconv.Itoa(a.SeqLen)
	if a.PuzzleEmbLen > 0 {
		positions = fmt.Sprintf("%d+%s", a.PuzzleEmbLen, positions)
	}
	return fmt.Sprintf("%s, hidden %d, %d layers, H%d L%d, %s positions, vocabulary %d", mix, a.HiddenSize, a.LLayers, a.HCycles, a.LCycles, positions, a.VocabSize)
}

// or fills the zero fields of a from b; the booleans are b's own affair.
func (a Arch) or(b Arch) Arch {
	to, from := reflect.ValueOf(&a).Elem(), reflect.ValueOf(b)
	for i := range to.NumField() {
		if f := to.Field(i); f.IsZero() && f.Kind() != reflect.Bool {
			f.Set(from.Field(i))
		}
	}
	return a
}

// withDefaults fills what neither the weights nor a card say.
func (a Arch) withDefaults() Arch {
	d := Arch{RopeTheta: 10000, RMSNormEps: 1e-5, Expansion: defaultExpansion, NumHeads: max(1, a.HiddenSize/64), PosEncodings: "rope"}
	if a.MLPT || a.Cover || a.Grid {
		d.PosEncodings = "none"
	}
	if a.PuzzleEmbLen > 0 {
		d.PuzzleEmbNdim = a.HiddenSize
	}
	return a.or(d)
}

// infer reads what can be read off the weights' shapes, and completes it with known, what a card or the caller says.
// A contradiction is an ErrArch. That every shape is as the architecture needs it is for the caller to check.
func infer(shapes map[string][]int, known Arch) (Arch, error) {
	dim := func(key string, axis int) int { // 0 if there is no such matrix
		if s := shapes[key]; len(s) == 2 {
			return s[axis]
		}
		return 0
	}
	a := Arch{VocabSize: dim(keyEmbed, 0), HiddenSize: dim(keyEmbed, 1), InterSize: dim(layerKey(0, keyDown), 1), PuzzleEmbNdim: dim(keyPuzzle, 1)}
	for shapes[layerKey(a.LLayers, keyDown)] != nil {
		a.LLayers++
	}
	if a.HiddenSize == 0 || a.LLayers == 0 {
		return a, fmt.Errorf("%w: there is no matrix %s, or no %s: not a TRM", ErrArch, keyEmbed, layerKey(0, keyDown))
	}
	prefix := known.PuzzleEmbLen
	if prefix == 0 && a.PuzzleEmbNdim > 0 {
		prefix = 16 // of the official configuration
	}
	lines, neighbours := dim(layerKey(0, unitKeys[0]+keyUnitDown), 1), dim(layerKey(0, keyGridDown), 1)
	switch positions := dim(layerKey(0, keyMixDown), 0); {
	case lines > 0:
		a.Cover, a.InterUnits, a.SeqLen = true, lines, cmp.Or(known.SeqLen, 81)
		a.VocabSize = a.side() + coverOffset
	case neighbours > 0:
		a.Grid, a.InterUnits, a.SeqLen = true, neighbours, cmp.Or(known.SeqLen, 900)
	case positions > 0:
		a.MLPT, a.InterTokens = true, dim(layerKey(0, keyMixDown), 1)
		a.SeqLen = cmp.Or(known.SeqLen, positions-prefix)
		a.PuzzleEmbLen = positions - a.SeqLen
		if a.SeqLen < 1 || a.PuzzleEmbLen < 0 {
			return a, fmt.Errorf("%w: its token mixer spans %d positions, which cannot be %d of a puzzle embedding and %d tokens; say seq_len", ErrArch, positions, a.PuzzleEmbLen, a.SeqLen)
		}
	case known.SeqLen == 0:
		return a, fmt.Errorf("%w: an attention model's weights do not tell its sequence length; give the task or a card", ErrArch)
	default:
		a.SeqLen, a.PuzzleEmbLen, a.PosEncodings = known.SeqLen, prefix, known.PosEncodings
	}
	known.PosEncodings = ""
	if shapes[keyPositions] != nil {
		a.PosEncodings = "learned"
	}
	have, want := reflect.ValueOf(a), reflect.ValueOf(known)
	for i := range have.NumField() {
		if h, w := have.Field(i), want.Field(i); h.CanInt() && !h.IsZero() && !w.IsZero() && !h.Equal(w) {
			return a, fmt.Errorf("%w: %s is %d by the weights and %d by the card or the options", ErrArch, have.Type().Field(i).Tag.Get("json"), h.Int(), w.Int())
		}
	}
	if known.MLPT && !a.MLPT || known.Cover && !a.Cover || known.Grid && !a.Grid {
		return a, fmt.Errorf("%w: mlp_t, cover or grid was asked for, but the weights are those of %s", ErrArch, a)
	}
	a = a.or(known).withDefaults()
	return a, a.check()
}

// check finds what no model can be.
func (a Arch) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrArch}, args...)...)
	}
	switch {
	case a.VocabSize < 2 || a.SeqLen < 1 || a.HiddenSize < 2 || a.LLayers < 1 || a.PuzzleEmbLen < 0:
		return bad("impossible sizes: %s", a)
	case a.HCycles < 1 || a.LCycles < 1:
		return bad("H_cycles and L_cycles are not in the weights; give the task, a card, or --h-cycles and --l-cycles")
	case a.Passes() > maxPasses:
		return bad("H%d L%d makes %d passes a step, more than %d", a.HCycles, a.LCycles, a.Passes(), maxPasses)
	case a.PuzzleEmbLen > 0 && (a.PuzzleEmbNdim < 1 || a.PuzzleEmbNdim > a.PuzzleEmbLen*a.HiddenSize):
		return bad("a puzzle embedding of %d does not fit %d positions of %d", a.PuzzleEmbNdim, a.PuzzleEmbLen, a.HiddenSize)
	case !(a.RMSNormEps > 0) || !(a.RopeTheta > 0):
		return bad("rms_norm_eps %v and rope_theta %v must be positive", a.RMSNormEps, a.RopeTheta)
	case !strings.Contains(" rope learned none ", " "+a.PosEncodings+" "):
		return bad("pos_encodings is %q, not rope, learned or none", a.PosEncodings)
	}
	if a.Cover {
		return a.checkCover()
	}
	if a.Grid {
		return a.checkGrid()
	}
	if !a.MLPT {
		if a.NumHeads < 1 || a.HiddenSize%a.NumHeads != 0 || a.PosEncodings == "rope" && a.HiddenSize/a.NumHeads%2 != 0 {
			return bad("%d heads do not divide a hidden size of %d into even parts", a.NumHeads, a.HiddenSize)
		}
	}
	return nil
}

// maxPasses bounds the unrolled graph: the published models make at most 21 passes a step, the largest known 54.
const maxPasses = 512
