package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/trm-go/refiner/bench/internal/torch"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// fullSteps are the supervision steps of a puzzle without halting.
const fullSteps = 16

// bench makes the measurements of a run.
type bench struct {
	config
	model *onnx.Model
	name  string // of the model
	dir   string // where PyTorch finds it
	out   *results
}

// side is one way of running the model.
type side struct {
	name      string
	device    onnx.Device // ours; empty is PyTorch
	precision string      // fp32, tf32, fp16, bf16
	gpu       onnx.GPU
	threads   int
	torch     []string // arguments of the PyTorch side
}

// sides lists the ways for a precision, the most important first.
func (b *bench) sides(precision string) []side {
	var all []side
	if b.python != "" {
		arguments := map[string][]string{"fp32": {"--dtype=float32"}, "tf32": {"--dtype=float32", "--tf32"}, "fp16": {"--dtype=float16"}, "bf16": {"--dtype=bfloat16"}}
		for _, p := range map[string][]string{"fp16": {"bf16", "fp16"}}[precision] {
			all = append(all, b.torchSides(p, arguments[p])...)
		}
		if precision != "fp16" {
			all = append(all, b.torchSides(precision, arguments[precision])...)
		}
	}
	for _, d := range b.devices {
		switch {
		case d == onnx.CUDA:
			tf32 := precision == "tf32"
			for _, way := range []struct {
				name string
				gpu  onnx.GPU
			}{
				{"bound", onnx.GPU{}},
				{"bound, recorded", onnx.GPU{Record: true}},
				{"bound, recorded, 16 steps a Run", onnx.GPU{Record: true, Steps: 16}},
				{"bound, 4 steps a Run", onnx.GPU{Steps: 4}},
				{"bound, turned", onnx.GPU{Turned: true}},
				{"bound, recorded, turned", onnx.GPU{Record: true, Turned: true}},
				{"unbound", onnx.GPU{Unbound: true}},
			} {
				way.gpu.TF32 = tf32
				all = append(all, side{name: "ours, " + way.name, device: d, precision: precision, gpu: way.gpu, threads: 1})
			}
			all = append(all, side{name: "ours, bound, two lanes", device: d, precision: precision, gpu: onnx.GPU{TF32: tf32}, threads: 2})
		case precision == "tf32", d == onnx.CPU && precision != "fp32":
		default:
			all = append(all, side{name: "ours", device: d, precision: precision})
		}
	}
	return all
}

func (b *bench) torchSides(precision string, arguments []string) []side {
	arguments = append(slices.Clone(arguments), "--device="+b.torchDevice)
	return []side{
		{name: "PyTorch, compiled", precision: precision, torch: append(slices.Clone(arguments), "--compile")},
		{name: "PyTorch, eager", precision: precision, torch: arguments},
	}
}

// all makes every measurement that is not there yet.
func (b *bench) all(ctx context.Context) error {
	for _, batch := range b.batches {
		for _, precision := range b.precisions {
			for _, s := range b.sides(precision) {
				if s.device == onnx.CPU && batch > 64 {
					continue // the CPU's rate no longer changes, and it takes minutes
				}
				if err := b.one(ctx, s, batch); err != nil {
					return err
				}
			}
		}
	}
	return b.accuracy(ctx)
}

// spent is errBudget when the time is up.
func (b *bench) spent(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !b.end.IsZero() && time.Now().After(b.end) {
		return errBudget
	}
	return nil
}

// one measures a side at a batch size, plain and, if it is ours, halting.
func (b *bench) one(ctx context.Context, s side, batch int) error {
	r := result{Model: b.name, Side: s.name, Device: string(s.device), Precision: s.precision, Batch: batch, Mode: "plain"}
	if s.device == "" {
		r.Device = b.torchDevice
	}
	if b.out.has(r) {
		return nil
	}
	if err := b.spent(ctx); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "batch %d, %s, %s on %s\n", batch, s.precision, s.name, r.Device)
	var made []result
	var err error
	if s.device == "" {
		made, err = b.pytorch(ctx, s, r)
	} else {
		made, err = b.ours(ctx, s, r)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil { // recorded, and the others go on
		r.Error = err.Error()
		made = append(made, r)
		fmt.Fprintln(os.Stderr, "  ", err)
	}
	for _, r := range made {
		if err := b.out.add(r); err != nil {
			return err
		}
	}
	return nil
}

// repeat measures until three seconds are spent or five times, at least once, and gives the median in seconds.
func repeat(measure func() (time.Duration, error)) (float64, error) {
	var times []float64
	begin := time.Now()
	for len(times) == 0 || len(times) < 5 && time.Since(begin) < 3*time.Second {
		took, err := measure()
		if err != nil {
			return 0, err
		}
		times = append(times, took.Seconds())
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

func (b *bench) pytorch(ctx context.Context, s side, r result) ([]result, error) {
	p, err := torch.Start(ctx, b.python, b.script, b.dir, s.torch...)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	r.Version = p.Name
	if _, err := p.Steps(r.Batch, 2*fullSteps); err != nil { // compiles
		return nil, err
	}
	seconds, err := repeat(func() (time.Duration, error) { return p.Steps(r.Batch, fullSteps) })
	if err != nil {
		return nil, err
	}
	r.rate(b.model.Arch, r.Batch, seconds)
	size := 8192
	if b.torchDevice == "cpu" {
		size = 512
	}
	took, err := p.GEMM(size)
	if err != nil {
		return nil, err
	}
	r.Ceiling = 2 * float64(size) * float64(size) * float64(size) / took.Seconds() / 1e12
	return []result{r}, nil
}

// ours measures a plain run, and one in which every problem halts after a number of steps drawn beforehand, 4.2 in the
// mean, as trained models do.
func (b *bench) ours(ctx context.Context, s side, r result) (made []result, err error) {
	solver, err := b.open(ctx, s, r.Batch)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := solver.Close(); err == nil {
			err = e
		}
	}()
	r.Version = "ONNX Runtime " + solver.Runtime()
	problems := make([]onnx.Problem, max(r.Batch*s.lanes(), 1))
	for i := range problems {
		problems[i].Tokens = make([]int32, b.model.Arch.SeqLen)
		for j := range problems[i].Tokens {
			problems[i].Tokens[j] = int32((i*len(problems[i].Tokens) + j) % b.model.Arch.VocabSize)
		}
	}
	solve := func(problems []onnx.Problem, o *onnx.SolveOptions) (time.Duration, error) {
		begin := time.Now()
		for _, err := range solver.Solve(ctx, slices.Values(problems), o) {
			if err != nil {
				return 0, err
			}
		}
		return time.Since(begin), nil
	}
	if _, err := solve(problems, &onnx.SolveOptions{Steps: fullSteps}); err != nil { // warms up, and records
		return nil, err
	}
	busy, begin := solver.Busy(), time.Now()
	seconds, err := repeat(func() (time.Duration, error) { return solve(problems, &onnx.SolveOptions{Steps: fullSteps}) })
	if err != nil {
		return nil, err
	}
	if solver.Threads() == 1 {
		r.GoShare = 1 - (solver.Busy()-busy).Seconds()/time.Since(begin).Seconds()
	}
	r.rate(b.model.Arch, len(problems), seconds)
	made = append(made, r)

	many := slices.Repeat(problems, max(1, min(8, 4096/len(problems))))
	needs, sum := halting(len(many))
	h := result{Model: r.Model, Side: r.Side, Device: r.Device, Precision: r.Precision, Batch: r.Batch, Mode: "halting", Version: r.Version}
	took, err := solve(many, &onnx.SolveOptions{Steps: fullSteps, Halt: func(step *onnx.Step) bool { return step.N >= needs[step.Index] }})
	if err != nil {
		return made, err
	}
	h.Puzzles, h.Seconds, h.MeanSteps = float64(len(many))/took.Seconds(), took.Seconds(), float64(sum)/float64(len(many))
	h.OverPlain = h.Puzzles / r.Puzzles
	return append(made, h), nil
}

// lanes are the micro-batches that run at once.
func (s side) lanes() int { return max(1, s.threads) }

func (b *bench) open(ctx context.Context, s side, batch int) (*onnx.Solver, error) {
	o := &onnx.Options{Device: s.device, Precision: onnx.FP32, Batch: batch, Threads: s.threads, Library: b.library, GPU: s.gpu}
	if s.precision == "fp16" {
		o.Precision = onnx.FP16
	}
	if s.device == onnx.CPU {
		o.Batch, o.Latency = min(8, batch), batch == 1
	}
	return onnx.Open(ctx, b.model, o)
}

// halting draws the steps after which problems halt: most at once, some never, 4.2 in the mean.
func halting(n int) (needs []int, sum int) {
	rng := rand.New(rand.NewPCG(1, 2))
	needs = make([]int, n)
	for i := range needs {
		needs[i] = fullSteps
		for k := 1; k < fullSteps; k++ {
			if rng.Float64() < .235 {
				needs[i] = k
				break
			}
		}
		sum += needs[i]
	}
	return needs, sum
}
