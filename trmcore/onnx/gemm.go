package onnx

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// MatMulPeak measures the rate in FLOP/s that ONNX Runtime reaches on this machine's CPU with square fp32 products, all
// threads at work, each on products of its own: what a [Solver]'s rate is to be compared with. The best of several
// rounds counts. Zero threads means GOMAXPROCS.
func MatMulPeak(ctx context.Context, o *Options) (float64, error) {
	if o == nil {
		o = &Options{}
	}
	threads := o.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	library, err := FindLibrary(o.Library)
	if err != nil {
		return 0, fmt.Errorf("measure the peak: %w", err)
	}
	var b builder
	a := b.input("a", elemFloat, matMulSize, matMulSize)
	weights := b.floats("b", matrix{[]int{matMulSize, matMulSize}, make([]float32, matMulSize*matMulSize)})
	b.output(b.op("MatMul", []string{a, weights}), "c", elemFloat, matMulSize, matMulSize)
	graph := modelProto(b.graph("matmul"), "a square product")
	const rounds = 5
	best := time.Duration(0)
	for range rounds {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		took, err := timeMatMul(library.Path, graph, threads)
		if err != nil {
			return 0, fmt.Errorf("measure the peak: %w", err)
		}
		if best == 0 || took < best {
			best = took
		}
	}
	return float64(threads) * matMulRepeats * 2 * matMulSize * matMulSize * matMulSize / best.Seconds(), nil
}

// A product of 1024 fits the cache of a core and is large enough for its peak.
const (
	matMulSize    = 1024
	matMulRepeats = 8
)
