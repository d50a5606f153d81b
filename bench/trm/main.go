// Command trm measures the speed of trmcore/onnx against the same maths in PyTorch: same machine, same weights, same
// batch, alternately in one run, so that what disturbs one disturbs the other.
//
//	go -C bench run ./trm -python .cache/venv/bin/python [-arch sudoku|sudoku-prefix|attention|small|arc] [-batches 1,8,64] [-rounds 5]
//
// Both sides do nothing but supervision steps. Ours runs through the public Solver with everything that belongs to it:
// scheduling, copying, argmax. The weights are random and contractive, of the published size.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/bench/internal/torch"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// archs are the published sizes, and one that trains on a CPU.
var archs = map[string]onnx.Arch{
	"sudoku":        {VocabSize: 11, SeqLen: 81, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6, MLPT: true},
	"sudoku-prefix": {VocabSize: 11, SeqLen: 81, PuzzleEmbLen: 16, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6, MLPT: true},
	"attention":     {VocabSize: 11, SeqLen: 81, PuzzleEmbLen: 16, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6},
	"small":         {VocabSize: 11, SeqLen: 81, HiddenSize: 128, LLayers: 2, HCycles: 1, LCycles: 3, MLPT: true},
	"arc":           {VocabSize: 12, SeqLen: 900, PuzzleEmbLen: 16, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 4},
}

type config struct {
	arch, python, script string
	batches              []int
	rounds, steps        int
	threads              int
	precisions           []onnx.Precision
	torch                []string
	asJSON               bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench/trm:", err)
		os.Exit(1)
	}
}

func flags() (config, error) {
	var c config
	flag.StringVar(&c.arch, "arch", "sudoku-prefix", "architecture: sudoku, sudoku-prefix, attention, small or arc")
	flag.StringVar(&c.python, "python", "", "python with torch and safetensors; without one only ours is measured")
	flag.StringVar(&c.script, "script", "parity/speed.py", "the PyTorch side")
	batches := flag.String("batches", "1,8,64", "batch sizes")
	precisions := flag.String("precisions", "fp32,int8", "our precisions")
	sides := flag.String("torch", "--dtype=float32", "PyTorch's variants, separated by ; (such as --dtype=bfloat16 or --compile)")
	flag.IntVar(&c.threads, "threads", runtime.GOMAXPROCS(0), "our threads")
	flag.IntVar(&c.rounds, "rounds", 5, "alternating rounds; the median counts")
	flag.IntVar(&c.steps, "steps", 2, "supervision steps of each problem in a round")
	flag.BoolVar(&c.asJSON, "json", false, "write JSON Lines")
	flag.Parse()
	for b := range strings.SplitSeq(*batches, ",") {
		n, err := strconv.Atoi(b)
		if err != nil || n < 1 {
			return c, fmt.Errorf("-batches %q: %q is no batch size", *batches, b)
		}
		c.batches = append(c.batches, n)
	}
	for p := range strings.SplitSeq(*precisions, ",") {
		c.precisions = append(c.precisions, onnx.Precision(p))
	}
	if c.python != "" {
		c.torch = strings.Split(*sides, ";")
	}
	if _, ok := archs[c.arch]; !ok {
		return c, fmt.Errorf("-arch %q is not known", c.arch)
	}
	return c, nil
}

// side is one of those compared: it makes steps supervision steps for batch problems.
type side struct {
	name  string
	time  func(ctx context.Context, batch, steps int) (time.Duration, error)
	gemm  func(size int) (time.Duration, error) // one square fp32 product; nil if the side has none
	close func() error
}

// gemmSize is large enough for a matrix product to reach its peak.
const gemmSize = 2048

// line is one result.
type line struct {
	Side        string  `json:"side"`
	Arch        string  `json:"arch"`
	Batch       int     `json:"batch"`
	StepMillis  float64 `json:"step_ms"`       // median, of the whole batch
	BestMillis  float64 `json:"best_ms"`       // smallest
	Spread      float64 `json:"spread"`        // (largest - smallest) / median
	Puzzles     float64 `json:"puzzles_16"`    // problems a second at 16 steps
	GFLOPS      float64 `json:"gflop_s"`       // of the matrix products, in the best round
	OfPeak      float64 `json:"of_fp32_peak"`  // of what this machine's fp32 GEMM reaches at most, by either library
	Speedup     float64 `json:"vs_first"`      // against the first side, median to median
	BestSpeedup float64 `json:"vs_first_best"` // and best to best, which other programs disturb least
}

func run(ctx context.Context) error {
	c, err := flags()
	if err != nil {
		return err
	}
	model, err := onnx.Random(archs[c.arch], 1, .5)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "trm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := model.Save(dir); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %.2f GFLOP a step, %d parameters, %d cores\n", c.arch, model.Arch.FLOPs()/1e9, model.Card.Params, runtime.GOMAXPROCS(0))
	for _, batch := range c.batches {
		if err := measure(ctx, c, model, dir, batch); err != nil {
			return err
		}
	}
	return nil
}

// measure compares all sides at one batch size.
func measure(ctx context.Context, c config, model *onnx.Model, dir string, batch int) (err error) {
	var sides []side
	defer func() {
		for _, s := range sides {
			if e := s.close(); err == nil {
				err = e
			}
		}
	}()
	for _, arguments := range c.torch {
		s, err := torchSide(ctx, c, dir, strings.Fields(arguments))
		if err != nil {
			return err
		}
		sides = append(sides, s)
	}
	for _, p := range c.precisions {
		s, err := ourSide(ctx, model, p, batch, c)
		if err != nil {
			return err
		}
		sides = append(sides, s)
	}
	peak := 0.0
	times := make([][]float64, len(sides))
	for round := range c.rounds + 1 { // the first warms up
		// What the machine can do at most is measured in every round, with PyTorch: the best counts.
		for i, s := range sides {
			if s.gemm != nil {
				took, err := s.gemm(gemmSize)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				peak = max(peak, 2*gemmSize*gemmSize*gemmSize/took.Seconds())
			}
			took, err := s.time(ctx, batch, c.steps)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if round > 0 {
				times[i] = append(times[i], took.Seconds()/float64(c.steps))
			}
		}
	}
	if peak > 0 {
		fmt.Fprintf(os.Stderr, "fp32 GEMM peak of %d threads: %.0f GFLOP/s\n", c.threads, peak/1e9)
	}
	var first, firstBest float64
	for i, s := range sides {
		slices.Sort(times[i])
		median := times[i][len(times[i])/2]
		best := times[i][0]
		if i == 0 {
			first, firstBest = median, best
		}
		rate := model.Arch.FLOPs() * float64(batch) / best // as the peak is the best of its rounds
		l := line{
			Side: s.name, Arch: c.arch, Batch: batch, StepMillis: 1e3 * median, Spread: (times[i][len(times[i])-1] - times[i][0]) / median,
			BestMillis: 1e3 * best, Puzzles: float64(batch) / median / 16, GFLOPS: rate / 1e9, OfPeak: fraction(rate, peak),
			Speedup: first / median, BestSpeedup: firstBest / best,
		}
		if c.asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(l); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("B=%-3d %-40s %7.0f ms/step (best %5.0f, spread %3.0f%%)  %6.3f puzzles/s  %4.0f GFLOP/s, %3.0f%% of peak  %.2fx (best %.2fx)\n", batch, l.Side, l.StepMillis, l.BestMillis, 100*l.Spread, l.Puzzles, l.GFLOPS, 100*l.OfPeak, l.Speedup, l.BestSpeedup)
	}
	return nil
}

// fraction is 0 if the whole was not measured.
func fraction(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// ourSide is the Solver: for one problem all threads work on it, for more the micro-batches share the cores.
func ourSide(ctx context.Context, model *onnx.Model, p onnx.Precision, batch int, c config) (side, error) {
	o := &onnx.Options{Device: onnx.CPU, Precision: p, Threads: c.threads, Latency: batch == 1}
	if batch > 1 {
		o.Batch = min(8, (batch+c.threads-1)/c.threads)
	}
	s, err := onnx.Open(ctx, model, o)
	if err != nil {
		return side{}, err
	}
	name := fmt.Sprintf("ours %s, ONNX Runtime %s, %dx%d", p, s.Runtime(), s.Threads(), s.Batch())
	return side{name, func(ctx context.Context, batch, steps int) (time.Duration, error) {
		a := model.Arch
		problems := make([]onnx.Problem, batch)
		for i := range problems {
			problems[i].Tokens = make([]int32, a.SeqLen)
			for j := range problems[i].Tokens {
				problems[i].Tokens[j] = int32((i*a.SeqLen + j) % a.VocabSize)
			}
		}
		begin := time.Now()
		for _, err := range s.Solve(ctx, slices.Values(problems), &onnx.SolveOptions{Steps: steps}) {
			if err != nil {
				return 0, err
			}
		}
		return time.Since(begin), nil
	}, nil, s.Close}, nil
}

// torchSide is a Python process that waits for its turn.
func torchSide(ctx context.Context, c config, dir string, arguments []string) (side, error) {
	s, err := torch.Start(ctx, c.python, c.script, dir, arguments...)
	if err != nil {
		return side{}, err
	}
	return side{
		name:  s.Name,
		time:  func(_ context.Context, batch, steps int) (time.Duration, error) { return s.Steps(batch, steps) },
		gemm:  s.GEMM,
		close: s.Close,
	}, nil
}
