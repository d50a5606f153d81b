package encoder

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/viterin/vek/vek32"

	"github.com/trm-go/refiner/trmcore/onnx"
)

// bert is the forward pass of BERT (Devlin et al. 2018) over float32 weights, in Go. It is exact, and runs where ONNX Runtime
// does not.
type bert struct {
	words, positions, types []float32 // embedding tables, rows of hidden
	norm                    layerNorm
	layers                  []layer
	hidden, heads           int
}

type linear struct {
	weight, bias []float32 // out rows of in
	in, out      int
}

type layerNorm struct{ scale, shift []float32 }

type layer struct {
	query, key, value, output linear
	attended                  layerNorm
	up, down                  linear
	done                      layerNorm
}

// normEpsilon keeps the division of a layer norm finite, as BERT's configuration has it.
const normEpsilon = 1e-12

// readBERT reads the weights as the transformers library names them, with or without a prefix.
func readBERT(path string, heads int) (network, error) {
	tensors, err := onnx.ReadTensors(path)
	if err != nil {
		return nil, err
	}
	prefix := ""
	if _, ok := tensors["bert.embeddings.word_embeddings.weight"]; ok {
		prefix = "bert."
	}
	b := &bert{heads: heads}
	var missing []string
	get := func(name string, shape ...int) []float32 {
		t, ok := tensors[prefix+name]
		n := 1
		for _, d := range shape {
			n *= d
		}
		if !ok || len(shape) > 0 && len(t.Values) != n {
			missing = append(missing, name)
		}
		return t.Values
	}
	b.words = get("embeddings.word_embeddings.weight")
	if shape := tensors[prefix+"embeddings.word_embeddings.weight"].Shape; len(shape) == 2 {
		b.hidden = shape[1]
	}
	if b.hidden == 0 || heads <= 0 || b.hidden%heads != 0 {
		return nil, fmt.Errorf("%w: %s holds no BERT, or its card does not tell the number of its attention heads", ErrFormat, path)
	}
	h := b.hidden
	b.positions, b.types = get("embeddings.position_embeddings.weight"), get("embeddings.token_type_embeddings.weight")
	norm := func(name string) layerNorm { return layerNorm{get(name+".weight", h), get(name+".bias", h)} }
	full := func(name string, in, out int) linear {
		return linear{get(name+".weight", out, in), get(name+".bias", out), in, out}
	}
	b.norm = norm("embeddings.LayerNorm")
	for i := 0; ; i++ {
		p := fmt.Sprintf("encoder.layer.%d.", i)
		inner := tensors[prefix+p+"intermediate.dense.bias"].Values
		if inner == nil {
			break
		}
		a := p + "attention."
		b.layers = append(b.layers, layer{
			query: full(a+"self.query", h, h), key: full(a+"self.key", h, h), value: full(a+"self.value", h, h),
			output: full(a+"output.dense", h, h), attended: norm(a + "output.LayerNorm"),
			up: full(p+"intermediate.dense", h, len(inner)), down: full(p+"output.dense", len(inner), h), done: norm(p + "output.LayerNorm"),
		})
	}
	if len(missing) > 0 || len(b.layers) == 0 {
		return nil, fmt.Errorf("%w: %s lacks the weights of a BERT, or has them in another shape: %s", ErrFormat, path, strings.Join(missing, ", "))
	}
	return b, nil
}

func (b *bert) Close() error { return nil }

func (b *bert) run(ctx context.Context, ids, types []int64) (onnx.Tensor, error) {
	n, h := len(ids), b.hidden
	if n*h > len(b.positions) {
		return onnx.Tensor{}, fmt.Errorf("%w: %d tokens are more than the model has positions", ErrFormat, n)
	}
	x := make([]float32, n*h)
	for i, id := range ids {
		if id < 0 || int(id+1)*h > len(b.words) || int(types[i]+1)*h > len(b.types) {
			return onnx.Tensor{}, fmt.Errorf("%w: the tokenizer has the token %d, the weights do not", ErrFormat, id)
		}
		row := x[i*h : (i+1)*h]
		copy(row, b.words[int(id)*h:])
		vek32.Add_Inplace(row, b.positions[i*h:(i+1)*h])
		vek32.Add_Inplace(row, b.types[int(types[i])*h:int(types[i]+1)*h])
	}
	b.norm.apply(x)
	for i := range b.layers {
		if err := ctx.Err(); err != nil {
			return onnx.Tensor{}, err
		}
		x = b.layers[i].apply(x, n, b.heads)
	}
	return onnx.Tensor{Shape: []int{1, n, h}, Values: x}, nil
}

// apply runs one transformer block over n rows.
func (l *layer) apply(x []float32, n, heads int) []float32 {
	a := l.output.apply(attend(l.query.apply(x, n), l.key.apply(x, n), l.value.apply(x, n), n, heads), n)
	vek32.Add_Inplace(a, x)
	l.attended.apply(a)
	up := l.up.apply(a, n)
	for i, v := range up {
		up[i] = float32(.5 * float64(v) * (1 + math.Erf(float64(v)/math.Sqrt2))) // GELU
	}
	out := l.down.apply(up, n)
	vek32.Add_Inplace(out, a)
	l.done.apply(out)
	return out
}

// attend is scaled dot-product attention of n rows over each other, for each head.
func attend(q, k, v []float32, n, heads int) []float32 {
	h := len(q) / n
	size := h / heads
	scale := float32(1 / math.Sqrt(float64(size)))
	out, weights := make([]float32, len(q)), make([]float32, n)
	for head := range heads {
		at := head * size
		for i := range n {
			most := float32(math.Inf(-1))
			for j := range n {
				weights[j] = scale * vek32.Dot(q[i*h+at:i*h+at+size], k[j*h+at:j*h+at+size])
				most = max(most, weights[j])
			}
			sum := float32(0)
			for j, w := range weights {
				weights[j] = float32(math.Exp(float64(w - most)))
				sum += weights[j]
			}
			row := out[i*h+at : i*h+at+size]
			for j, w := range weights {
				w /= sum
				for d, x := range v[j*h+at : j*h+at+size] {
					row[d] += w * x
				}
			}
		}
	}
	return out
}

// apply multiplies n rows.
func (l *linear) apply(x []float32, n int) []float32 {
	out := make([]float32, n*l.out)
	for o := range l.out { // a row of weights is read once for all rows of x
		w, bias := l.weight[o*l.in:(o+1)*l.in], l.bias[o]
		for i := range n {
			out[i*l.out+o] = vek32.Dot(x[i*l.in:(i+1)*l.in], w) + bias
		}
	}
	return out
}

// apply normalises each row to mean 0 and variance 1, then scales and shifts.
func (l *layerNorm) apply(x []float32) {
	h := len(l.scale)
	for ; len(x) > 0; x = x[h:] {
		row := x[:h]
		mean, variance := 0.0, 0.0
		for _, v := range row {
			mean += float64(v)
		}
		mean /= float64(h)
		for _, v := range row {
			variance += (float64(v) - mean) * (float64(v) - mean)
		}
		unit := 1 / math.Sqrt(variance/float64(h)+normEpsilon)
		for i, v := range row {
			row[i] = float32((float64(v)-mean)*unit)*l.scale[i] + l.shift[i]
		}
	}
}
