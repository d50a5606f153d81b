package onnx

import (
	"fmt"
	"regexp"
)

// Names in the official state dict, without the prefixes that depend on how the model was wrapped.
const (
	keyEmbed     = "embed_tokens.embedding_weight" // [vocab, D]
	keyPositions = "embed_pos.embedding_weight"    // [L, D], pos_encodings=learned only
	keyPuzzle    = "puzzle_emb.weights"            // [ids, ndim]
	keyHInit     = "H_init"                        // [D]
	keyLInit     = "L_init"                        // [D]
	keyLMHead    = "lm_head.weight"                // [vocab, D]
	keyQHead     = "q_head.weight"                 // [2, D]: halt, continue
	keyQBias     = "q_head.bias"                   // [2]

	keyGateUp    = "mlp.gate_up_proj.weight"   // [2*inter, D], the gate first
	keyDown      = "mlp.down_proj.weight"      // [D, inter]
	keyMixGateUp = "mlp_t.gate_up_proj.weight" // [2*inter, L], mlp_t only
	keyMixDown   = "mlp_t.down_proj.weight"    // [L, inter]
	keyQKV       = "self_attn.qkv_proj.weight" // [3*D, D], attention only
	keyO         = "self_attn.o_proj.weight"   // [D, D]
)

func layerKey(i int, key string) string { return fmt.Sprintf("L_level.layers.%d.%s", i, key) }

// wrappers are the prefixes that torch.compile, the loss head and others put before a name, in any number and order.
var wrappers = regexp.MustCompile(`^(?:(?:_orig_mod|model|inner|module|state_dict|ema|weights)\.)*(.+)$`)

// bareName strips the wrappers. A name that would become empty is kept.
func bareName(name string) string {
	name = wrappers.ReplaceAllString(name, "$1")
	if name == "puzzle_emb.embedding_weight" || name == "puzzle_emb.weight" {
		return keyPuzzle
	}
	return name
}

// want is the shape of every tensor that the architecture needs, but for the puzzle table, whose rows are free.
func (a Arch) want() map[string][]int {
	d := a.HiddenSize
	shapes := map[string][]int{
		keyEmbed: {a.VocabSize, d}, keyHInit: {d}, keyLInit: {d}, keyLMHead: {a.VocabSize, d}, keyQHead: {2, d}, keyQBias: {2},
	}
	if a.PosEncodings == "learned" {
		shapes[keyPositions] = []int{a.Len(), d}
	}
	if a.Cover {
		shapes[keyEmbed], shapes[keyLMHead] = []int{coverCodes, d}, []int{1, d}
	}
	for i := range a.LLayers {
		shapes[layerKey(i, keyGateUp)] = []int{2 * a.InterSize, d}
		shapes[layerKey(i, keyDown)] = []int{d, a.InterSize}
		switch {
		case a.Cover:
			for _, unit := range unitKeys {
				shapes[layerKey(i, unit+keyUnitGateUp)] = []int{2 * a.InterUnits, d}
				shapes[layerKey(i, unit+keyUnitDown)] = []int{d, a.InterUnits}
			}
		case a.Grid:
			shapes[keyLMHead] = []int{1, d}
			shapes[layerKey(i, keyGridGateUp)] = []int{2 * a.InterUnits, 4 * d}
			shapes[layerKey(i, keyGridDown)] = []int{d, a.InterUnits}
		case a.MLPT:
			shapes[layerKey(i, keyMixGateUp)] = []int{2 * a.InterTokens, a.Len()}
			shapes[layerKey(i, keyMixDown)] = []int{a.Len(), a.InterTokens}
		default:
			shapes[layerKey(i, keyQKV)] = []int{3 * d, d}
			shapes[layerKey(i, keyO)] = []int{d, d}
		}
	}
	return shapes
}
