package onnx

import (
	"fmt"
	"math"
	"slices"
)

// Precision is how the weights are stored and multiplied.
type Precision string

// The precisions. The speeds are of two cores with VNNI, at batch 8, against FP32.
const (
	FP32 Precision = "fp32" // the reference
	FP16 Precision = "fp16" // half the size; for GPUs, on a CPU slower than FP32
	Int8 Precision = "int8" // the MLPs over the hidden axis quantised, about 1.9x
)

// Precisions lists them all.
func Precisions() []Precision { return []Precision{FP32, FP16, Int8} }

func (p Precision) check() error {
	if !slices.Contains(Precisions(), p) {
		return fmt.Errorf("unknown precision %q: use fp32, fp16 or int8", p)
	}
	return nil
}

func (p Precision) quantised() bool { return p == Int8 }

// Names of the graph's inputs and outputs. B is the batch, known only at run time.
const (
	inTokens  = "tokens"  // int32 [B, SeqLen]
	inPuzzle  = "puzzle"  // float32 [B, PuzzleEmbNdim], only with a puzzle embedding
	inH       = "z_H"     // float32 [B, Len, D]
	inL       = "z_L"     // float32 [B, Len, D]
	outLogits = "logits"  // float32 [B, SeqLen, VocabSize]
	outQ      = "q"       // float32 [B, 2]: halt, continue
	outH      = "z_H_out" // like z_H
	outL      = "z_L_out" // like z_L
)

// network writes one supervision step of a model:
//
//	H_cycles times:  L_cycles times  z_L = f(z_L + (z_H + x))
//	                 once            z_H = f(z_H + z_L)
//
// with the cycles unrolled and the weights shared by all passes. Unrolling costs no memory and is 14 % faster than ONNX's
// Loop, in whose body the weights are not prepacked.
type network struct {
	builder
	arch      Arch
	weights   map[string]Tensor
	precision Precision
	elem      int    // of the activations
	tokens    string // the input
	bits      int    // of quantised weights: 8, or 7 for a processor whose 8-bit dot products saturate
}

// buildGraph serialises the GraphProto of a model.
func buildGraph(a Arch, weights map[string]Tensor, p Precision, bits int) message {
	n := &network{arch: a, weights: weights, precision: p, elem: elemFloat, bits: bits}
	if p == FP16 {
		n.elem = elemHalf
	}
	n.build()
	return n.graph("trm_step")
}

func (n *network) build() {
	a := n.arch
	n.tokens = n.input(inTokens, elemInt32, "batch", a.SeqLen)
	puzzle := ""
	if a.PuzzleEmbLen > 0 {
		puzzle = n.cast(n.input(inPuzzle, elemFloat, "batch", a.PuzzleEmbNdim))
	}
	h := n.cast(n.input(inH, elemFloat, "batch", a.Len(), a.HiddenSize))
	l := n.cast(n.input(inL, elemFloat, "batch", a.Len(), a.HiddenSize))
	x := n.embed(n.tokens, puzzle)
	for range a.HCycles {
		injected := n.op("Add", h, x)
		for range a.LCycles {
			l = n.apply(n.op("Add", l, injected))
		}
		h = n.apply(n.op("Add", h, l))
	}
	logits, first := "", ""
	switch {
	case a.Cover:
		logits, first = n.answerCover(h, n.tokens)
	case a.Grid:
		logits, first = n.answerGrid(h)
	default:
		logits, first = n.answer(h)
	}
	q := n.op("MatMul", first, n.constant("q_head", n.weights[keyQHead].transposed))
	q = n.op("Add", q, n.constant("q_bias", func() Tensor { return n.weights[keyQBias] }))
	n.output(logits, outLogits, elemFloat, "batch", a.SeqLen, a.VocabSize)
	n.output(n.float(q), outQ, elemFloat, "batch", 2)
	n.output(n.float(h), outH, elemFloat, "batch", a.Len(), a.HiddenSize)
	n.output(n.float(l), outL, elemFloat, "batch", a.Len(), a.HiddenSize)
}

// answer gives the logits, and the state that the halting head reads: that of the first position.
func (n *network) answer(h string) (logits, first string) {
	a, answer := n.arch, h
	if a.PuzzleEmbLen > 0 {
		answer = n.op("Slice", h, n.ints("prefix", a.PuzzleEmbLen), n.ints("end", a.Len()), n.ints("axis_1", 1))
	}
	logits = n.op("MatMul", answer, n.constant("lm_head", n.weights[keyLMHead].transposed))
	first = n.op("Gather", h, n.initializer("first", elemInt64, nil, func() []byte { return make([]byte, 8) }), attr{"axis", 1})
	return n.float(logits), first
}

// embed gives x = sqrt(D) * cat(puzzle, embedding of the tokens); the factor is multiplied into the table. Learned
// positions are added and the sum is scaled by the root of a half, as in the official code.
func (n *network) embed(tokens, puzzle string) string {
	a := n.arch
	if a.Cover {
		return n.embedCover(tokens)
	}
	if a.Grid {
		return n.byToken(n.constant("embed", func() Tensor { return n.weights[keyEmbed] }))
	}
	scale := float32(math.Sqrt(float64(a.HiddenSize)))
	if a.PosEncodings == "learned" {
		scale *= float32(math.Sqrt(.5))
	}
	x := n.op("Gather", n.constant("embed", func() Tensor { return n.weights[keyEmbed].scaled(scale) }), tokens, attr{"axis", 0})
	if puzzle != "" {
		p := n.op("Mul", puzzle, n.constant("embed_scale", func() Tensor { return Tensor{[]int{1}, []float32{scale}} }))
		if pad := a.PuzzleEmbLen*a.HiddenSize - a.PuzzleEmbNdim; pad > 0 {
			p = n.op("Pad", p, n.ints("pads", 0, 0, 0, pad))
		}
		p = n.op("Reshape", p, n.ints("prefix_shape", -1, a.PuzzleEmbLen, a.HiddenSize))
		x = n.op("Concat", p, x, attr{"axis", 1})
	}
	if a.PosEncodings == "learned" {
		x = n.op("Add", x, n.constant("positions", func() Tensor { return n.weights[keyPositions].scaled(scale) }))
	}
	return x
}

// apply is f, the one network: its layers in turn. Each is post-normed without affine parameters:
// x = rms(x + mix(x)); x = rms(x + mlp(x)).
func (n *network) apply(x string) string {
	for i := range n.arch.LLayers {
		switch {
		case n.arch.Cover:
			x = n.mixCover(i, x)
		case n.arch.Grid:
			x = n.mixGrid(i, x)
		case n.arch.MLPT:
			x = n.mix(i, x)
		default:
			x = n.rms(n.attention(i, x), x)
		}
		x = n.rms(n.mlp(i, x), x)
	}
	return x
}

// rms is the root-mean-square norm of a+b over the last axis, by ONNX Runtime's fused kernel.
func (n *network) rms(a, b string) string {
	gamma := n.constant("ones", func() Tensor {
		return Tensor{[]int{n.arch.HiddenSize}, slices.Repeat([]float32{1}, n.arch.HiddenSize)}
	})
	return n.op("SkipSimplifiedLayerNormalization", a, b, gamma, attr{"epsilon", float32(n.arch.RMSNormEps)})
}

// mlp is SwiGLU over the hidden axis: down(silu(gate(x)) * up(x)).
func (n *network) mlp(i int, x string) string {
	return n.swiGLU(fmt.Sprintf("layer%d.mlp.", i), x, n.weights[layerKey(i, keyGateUp)], n.weights[layerKey(i, keyDown)])
}

// swiGLU is down(silu(gate(x)) * up(x)) over the last axis; name is that of its weights in the graph.
func (n *network) swiGLU(name, x string, up, down Tensor) string {
	inter, quantised := down.Shape[1], n.precision.quantised()
	gate := n.product(quantised, x, name+"gate", up.rows(0, inter).transposed)
	value := n.product(quantised, x, name+"up", up.rows(inter, 2*inter).transposed)
	return n.product(quantised, n.swish(gate, value), name+"down", down.transposed)
}

// swish is silu(gate) * value; QuickGelu with alpha 1 is SiLU in one kernel.
func (n *network) swish(gate, value string) string {
	return n.op("Mul", n.op("QuickGelu", gate, attr{"alpha", float32(1)}), value)
}

// mix is the token mixer: SwiGLU over the positions, as products from the left, W[inter, L] x [B, L, D], so that nothing
// is transposed; and the norm that follows it, which in this variant runs over the positions as well.
func (n *network) mix(i int, x string) string {
	inter := n.arch.InterTokens
	up, down := n.weights[layerKey(i, keyMixGateUp)], n.weights[layerKey(i, keyMixDown)]
	name := fmt.Sprintf("layer%d.mix.", i)
	gate := n.op("MatMul", n.constant(name+"gate", func() Tensor { return up.rows(0, inter) }), x)
	value := n.op("MatMul", n.constant(name+"up", func() Tensor { return up.rows(inter, 2*inter) }), x)
	mixed := n.op("MatMul", n.constant(name+"down", func() Tensor { return down }), n.swish(gate, value))

	sum := n.float(n.op("Add", x, mixed)) // squares overflow in half precision
	mean := n.op("ReduceMean", n.op("Mul", sum, sum), attr{"axes", []int{1}}, attr{"keepdims", 1})
	root := n.op("Sqrt", n.op("Add", mean, n.floats("eps", Tensor{[]int{1}, []float32{float32(n.arch.RMSNormEps)}})))
	return n.cast(n.op("Div", sum, root))
}

// attention is bidirectional multi-head attention with rotary positions over the whole sequence, in primitive operators.
func (n *network) attention(i int, x string) string {
	a := n.arch
	d, heads := a.HiddenSize, a.NumHeads
	size := d / heads
	qkv := n.weights[layerKey(i, keyQKV)]
	name := fmt.Sprintf("layer%d.attn.", i)
	scale := float32(1 / math.Sqrt(float64(size))) // of the scores, multiplied into the queries' weights
	split := n.ints("heads_shape", 0, 0, heads, size)
	project := func(part string, weights func() Tensor, perm ...int) string {
		v := n.op("Reshape", n.product(false, x, name+part, weights), split)
		return n.op("Transpose", v, attr{"perm", perm})
	}
	q := project("q", func() Tensor { return qkv.rows(0, d).scaled(scale).transposed() }, 0, 2, 1, 3) // [B, heads, L, size]
	k := project("k", func() Tensor { return qkv.rows(d, 2*d).transposed() }, 0, 2, 3, 1)             // [B, heads, size, L]
	v := project("v", func() Tensor { return qkv.rows(2*d, 3*d).transposed() }, 0, 2, 1, 3)           // [B, heads, L, size]
	if a.PosEncodings == "rope" {
		q, k = n.rotate(q, "q", 3), n.rotate(k, "k", 2)
	}
	weights := n.op("Softmax", n.op("MatMul", q, k), attr{"axis", -1})
	out := n.op("Transpose", n.op("MatMul", weights, v), attr{"perm", []int{0, 2, 1, 3}})
	out = n.op("Reshape", out, n.ints("joined_shape", 0, 0, d))
	return n.product(false, out, name+"o", n.weights[layerKey(i, keyO)].transposed)
}

// rotate turns the two halves of every head's vector, which lies on the given axis, by the angles of its position
// (RoPE in the NeoX order, arXiv 2104.09864).
func (n *network) rotate(x, name string, axis int) string {
	half := n.arch.HiddenSize / n.arch.NumHeads / 2
	angles := func(f func(float64) float64) func() Tensor {
		return func() Tensor {
			m := Tensor{[]int{n.arch.Len(), half}, make([]float32, n.arch.Len()*half)}
			for p := range n.arch.Len() {
				for j := range half {
					// In float32 as in the official code: the frequency is rounded before it is multiplied.
					frequency := float32(1 / math.Pow(n.arch.RopeTheta, float64(2*j)/float64(2*half)))
					m.Values[p*half+j] = float32(f(float64(float32(p) * frequency)))
				}
			}
			if axis == 2 {
				return m.transposed()
			}
			return m
		}
	}
	cos, sin := n.constant("cos_"+name, angles(math.Cos)), n.constant("sin_"+name, angles(math.Sin))
	parts := n.ops("Split", 2, x, attr{"axis", axis})
	first := n.op("Sub", n.op("Mul", parts[0], cos), n.op("Mul", parts[1], sin))
	second := n.op("Add", n.op("Mul", parts[1], cos), n.op("Mul", parts[0], sin))
	return n.op("Concat", first, second, attr{"axis", axis})
}

// product multiplies by constant weights [in, out] from the right. Quantised, the activations get one scale for the
// tensor at run time, the weights one for each column.
func (n *network) product(quantised bool, x, name string, weights func() Tensor) string {
	if !quantised {
		return n.op("MatMul", x, n.constant(name, weights))
	}
	if !n.known[name+".int8"] {
		values, scales, shape := quantise(weights(), n.bits)
		n.initializer(name+".int8", elemInt8, shape, func() []byte { return values })
		n.floats(name+".scale", Tensor{[]int{len(scales)}, scales})
	}
	return n.op("DynamicQuantizeMatMul", x, name+".int8", name+".scale")
}

// constant adds weights in the precision of the activations, once.
func (n *network) constant(name string, m func() Tensor) string {
	if n.known[name] {
		return name
	}
	w := m()
	stored := typeF32
	if n.elem == elemHalf {
		stored = typeF16
	}
	return n.initializer(name, n.elem, w.Shape, func() []byte { return encode(stored, w.Values) })
}

// cast converts from float32 to the activations' type, float back.
func (n *network) cast(x string) string  { return n.convert(x, n.elem) }
func (n *network) float(x string) string { return n.convert(x, elemFloat) }

func (n *network) convert(x string, to int) string {
	if n.elem == elemFloat {
		return x
	}
	return n.op("Cast", x, attr{"to", to})
}
