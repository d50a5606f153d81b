// Command gpu measures the model on a GPU from Go, side by side with PyTorch on the same GPU and with the CPU, in one
// run: puzzles a second by batch and precision, plain and halting, the share of what the GPU's matrix products reach,
// Go's share of the time, and whether the answers are the CPU's.
//
//	make bench-gpu                                             everything
//	go -C bench run ./gpu -python python3 -budget 9m -o gpu.json  as much as fits; run again to go on
//	go -C bench run ./gpu -torch-device cpu -devices cpu -arch tiny -batches 1,8   try it without a GPU
//
// Every measurement is written to the output at once, and a run goes on where the last one stopped. A side that fails is
// recorded with its error. The weights are random and contractive, of the published size, unless -model names trained
// ones; with -data those are also asked real puzzles.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/trmcore/onnx"
)

// archs are the published sizes, and a tiny one to try the program with.
var archs = map[string]onnx.Arch{
	"sudoku":        {VocabSize: 11, SeqLen: 81, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6, MLPT: true},
	"sudoku-prefix": {VocabSize: 11, SeqLen: 81, PuzzleEmbLen: 16, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6, MLPT: true},
	"attention":     {VocabSize: 11, SeqLen: 81, PuzzleEmbLen: 16, HiddenSize: 512, LLayers: 2, HCycles: 3, LCycles: 6},
	"tiny":          {VocabSize: 11, SeqLen: 81, HiddenSize: 64, LLayers: 1, HCycles: 1, LCycles: 2, MLPT: true},
}

type config struct {
	arch, model, data           string
	library                     string
	python, script, torchDevice string
	devices                     []onnx.Device
	batches                     []int
	precisions                  []string
	limit                       int
	budget                      time.Duration
	output                      string
	end                         time.Time
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench/gpu:", err)
		os.Exit(1)
	}
}

func flags() (config, error) {
	var c config
	flag.StringVar(&c.arch, "arch", "sudoku", "architecture of random weights: sudoku, sudoku-prefix, attention or tiny")
	flag.StringVar(&c.model, "model", "", "trained weights instead: a folder with model.safetensors and card.json")
	flag.StringVar(&c.data, "data", "", "Sudokus as CSV, for the accuracy and the halting of trained weights")
	flag.IntVar(&c.limit, "limit", 200, "puzzles of the data")
	flag.StringVar(&c.library, "library", "", "ONNX Runtime's shared library; empty looks for it")
	flag.StringVar(&c.python, "python", "", "python with torch and safetensors; without one only ours is measured")
	flag.StringVar(&c.script, "script", "parity/speed.py", "the PyTorch side")
	flag.StringVar(&c.torchDevice, "torch-device", "cuda", "PyTorch's device: cuda or cpu")
	devices := flag.String("devices", "cuda,webgpu,cpu", "our devices")
	batches := flag.String("batches", "64,1,1024,8,256", "batch sizes, the most important first")
	precisions := flag.String("precisions", "fp16,fp32,tf32", "precisions; PyTorch runs bf16 beside fp16")
	flag.DurationVar(&c.budget, "budget", 0, "stop after so long; run again to go on")
	flag.StringVar(&c.output, "o", "bench-gpu.json", "results as JSON Lines")
	flag.Parse()
	for b := range strings.SplitSeq(*batches, ",") {
		n, err := strconv.Atoi(b)
		if err != nil || n < 1 {
			return c, fmt.Errorf("-batches %q: %q is no batch size", *batches, b)
		}
		c.batches = append(c.batches, n)
	}
	for d := range strings.SplitSeq(*devices, ",") {
		if !slices.Contains(onnx.Devices(), onnx.Device(d)) {
			return c, fmt.Errorf("-devices %q: there is no %q", *devices, d)
		}
		c.devices = append(c.devices, onnx.Device(d))
	}
	for p := range strings.SplitSeq(*precisions, ",") {
		if !slices.Contains([]string{"fp32", "tf32", "fp16"}, p) {
			return c, fmt.Errorf("-precisions %q: want fp32, tf32 or fp16, not %q", *precisions, p)
		}
		c.precisions = append(c.precisions, p)
	}
	if _, ok := archs[c.arch]; !ok {
		return c, fmt.Errorf("-arch %q is not known", c.arch)
	}
	if c.data != "" && c.model == "" {
		return c, errors.New("-data needs trained weights: name them with -model")
	}
	if c.budget > 0 {
		c.end = time.Now().Add(c.budget)
	}
	return c, nil
}

// errBudget ends a run whose time is up.
var errBudget = errors.New("the budget is spent")

func run(ctx context.Context) (err error) {
	c, err := flags()
	if err != nil {
		return err
	}
	var model *onnx.Model
	if c.model != "" {
		model, err = onnx.LoadModel(c.model, &onnx.LoadOptions{Task: "sudoku"})
	} else {
		model, err = onnx.Random(archs[c.arch], 1, .5)
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-gpu-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := model.Save(dir); err != nil { // what PyTorch reads
		return err
	}
	out, err := openResults(c.output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.file.Close()) }()
	name := cmp.Or(c.model, "random "+c.arch)
	fmt.Fprintf(os.Stderr, "%s: %s, %.2f GFLOP a step, %d cores, %d results so far in %s\n", name, model.Arch, model.Arch.FLOPs()/1e9, runtime.GOMAXPROCS(0), len(out.all), c.output)
	b := &bench{config: c, model: model, name: name, dir: dir, out: out}
	switch err := b.all(ctx); {
	case errors.Is(err, errBudget):
		fmt.Fprintf(os.Stderr, "bench/gpu: %v after %d results; the same command goes on\n", err, len(out.all))
	case err != nil:
		return err
	default:
		fmt.Fprintln(os.Stderr, "bench/gpu: complete")
	}
	fmt.Print(out.table(model.Arch))
	return nil
}
