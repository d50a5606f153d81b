package onnx

import (
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"
)

// mustBind opens a model with its latents bound, in the CPU's memory: the code is the same for a GPU's.
func mustBind(t *testing.T, m *Model, p Precision, gpu GPU, o Options) *Solver {
	t.Helper()
	s, err := bind(t, m, p, gpu, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func bind(t *testing.T, m *Model, p Precision, gpu GPU, o Options) (*Solver, error) {
	t.Helper()
	runtimeLibrary(t)
	library, err := FindLibrary("")
	if err != nil {
		return nil, err
	}
	if err := start(library.Path); err != nil {
		return nil, err
	}
	g, err := m.graphs(p, CUDA, gpu)
	if err != nil {
		return nil, err
	}
	e, err := openBound(engineOptions{library: library.Path, device: CPU, intraOp: 1, arch: m.Arch, initH: m.initH, initL: m.initL, gpu: gpu, graphs: g})
	if err != nil {
		return nil, err
	}
	return newSolver(m, e, &o), nil
}

// forms are the ways of driving a GPU that can be compared on a CPU.
var forms = map[string]GPU{
	"one step":      {},
	"recorded":      {Record: true},
	"three steps":   {Steps: 3},
	"sixteen steps": {Steps: 16},
	"turned":        {Turned: true},
	"all":           {Steps: 4, Record: true, Turned: true},
}

func TestBoundAgreesWithPyTorch(t *testing.T) {
	for _, name := range goldenModels {
		m := mustLoad(t, name)
		g := readGolden(t, m, filepath.Join("testdata", name))
		for form, gpu := range forms {
			if name != goldenModels[0] && form != "one step" && form != "all" {
				continue
			}
			t.Run(name+"/"+form, func(t *testing.T) {
				compare(t, mustBind(t, m, FP32, gpu, Options{Batch: 4, Threads: 1}), g, 1e-3, 1)
			})
		}
		t.Run(name+"/fp16", func(t *testing.T) {
			compare(t, mustBind(t, m, FP16, GPU{}, Options{Batch: 4, Threads: 1}), g, 5e-2, .97)
		})
	}
}

// mixed are problems that halt at different steps: the threshold is put amid the halting logits of a first run.
func mixed(t *testing.T, m *Model, n int) []Problem {
	t.Helper()
	problems := make([]Problem, n)
	for i := range problems {
		problems[i].Tokens = make([]int32, m.Arch.SeqLen)
		for j := range problems[i].Tokens {
			problems[i].Tokens[j] = int32((i*i + 3*i*j + j) % m.Arch.VocabSize)
		}
		if m.Arch.PuzzleEmbLen > 0 {
			problems[i].PuzzleVec = make([]float32, m.Arch.PuzzleEmbNdim)
			for j := range problems[i].PuzzleVec {
				problems[i].PuzzleVec[j] = float32(math.Sin(float64(i + j)))
			}
		}
	}
	return problems
}

// centred shifts the q-head's bias so that the problems halt at as many different steps as they can.
func centred(t *testing.T, m *Model, problems []Problem) *Model {
	t.Helper()
	const steps = 13
	q := make([][steps]float32, len(problems))
	var all []float32
	s := mustOpen(t, m, &Options{Device: CPU, Threads: 1})
	for _, err := range s.Solve(t.Context(), slices.Values(problems), &SolveOptions{Steps: steps, OnStep: func(s *Step) {
		q[s.Index][s.N-1] = s.Q
		all = append(all, s.Q)
	}}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	best, most := float32(0), 0
	for k := range len(all) - 1 {
		threshold, halts := (all[k]+all[k+1])/2, map[int]bool{}
		for _, of := range q {
			halts[slices.IndexFunc(of[:], func(q float32) bool { return q > threshold })] = true
		}
		if len(halts) > most && all[k+1]-all[k] > 1e-4 { // rounding must not decide
			best, most = threshold, len(halts)
		}
	}
	shifted := *m
	shifted.weights = maps.Clone(m.weights)
	bias := m.weights[keyQBias]
	shifted.weights[keyQBias] = matrix{bias.shape, []float32{bias.values[0] - best, bias.values[1]}}
	return &shifted
}

// TestBoundHaltsCompactsAndRefills solves more problems than there are slots, with problems that halt in between, and
// compares with the engine whose latents are in Go's memory.
func TestBoundHaltsCompactsAndRefills(t *testing.T) {
	for _, name := range []string{"mixer-prefix", "attention"} {
		m := mustLoad(t, name)
		problems := mixed(t, m, 23)
		m = centred(t, m, problems)
		solve := func(s *Solver, o SolveOptions) map[int]Solution {
			t.Helper()
			o.Logits = true
			found := map[int]Solution{}
			for got, err := range s.Solve(t.Context(), slices.Values(problems), &o) {
				if err != nil {
					t.Fatal(err)
				}
				found[got.Index] = got
			}
			return found
		}
		ways := map[string]SolveOptions{
			"q-halt":    {QHalt: true, Steps: 13},
			"plain":     {Steps: 5},
			"own halt":  {Halt: func(s *Step) bool { return s.N > s.Index%7 }},
			"perturbed": {QHalt: true, Perturb: Noise(.1, 7)},
		}
		reference := mustOpen(t, m, &Options{Device: CPU, Threads: 1, Batch: 5})
		wants := map[string]map[int]Solution{}
		for way, o := range ways {
			wants[way] = solve(reference, o)
		}
		halted := map[int]bool{}
		for _, s := range wants["q-halt"] {
			halted[s.Steps] = true
		}
		if len(halted) < 3 {
			t.Fatalf("%s: the problems halt at %d different steps: the test shows too little", name, len(halted))
		}
		for _, form := range []string{"one step", "recorded", "three steps", "all"} {
			for threads := range 2 {
				if name == "attention" && form != "all" || form != "one step" && threads == 0 {
					continue // what they add is tested above
				}
				s := mustBind(t, m, FP32, forms[form], Options{Batch: 5, Threads: 1 + threads})
				for way, o := range ways {
					t.Run(fmt.Sprintf("%s/%s/%s/%d", name, form, way, 1+threads), func(t *testing.T) {
						sameSolutions(t, solve(s, o), wants[way])
					})
				}
			}
		}
	}
}

func sameSolutions(t *testing.T, got, want map[int]Solution) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d solutions, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.Steps != w.Steps || g.Halted != w.Halted || !slices.Equal(g.Tokens, w.Tokens) {
			t.Errorf("problem %d: %d steps, halted %v; want %d, %v", i, g.Steps, g.Halted, w.Steps, w.Halted)
		}
		for j := range w.Logits {
			if d := math.Abs(float64(g.Logits[j] - w.Logits[j])); !(d <= 1e-3) {
				t.Fatalf("problem %d: logit %d is off by %g", i, j, d)
			}
		}
	}
}

// TestBoundLatentsCanBeReadAndWritten runs the recursion through the Stepper, which copies the latents in and out.
func TestBoundLatentsCanBeReadAndWritten(t *testing.T) {
	m := mustLoad(t, "mixer")
	problems := mixed(t, m, 3)
	for p, tolerance := range map[Precision]float64{FP32: 1e-4, FP16: 5e-2} {
		bound, plain := mustBind(t, m, p, GPU{}, Options{Batch: 4}), mustOpen(t, m, &Options{Device: CPU, Precision: p, Batch: 4})
		x, a, err := bound.Begin(problems...)
		if err != nil {
			t.Fatal(err)
		}
		b := a
		for range 4 {
			if a, err = bound.Stepper().Step(t.Context(), x, a); err != nil {
				t.Fatal(err)
			}
			if b, err = plain.Stepper().Step(t.Context(), x, b); err != nil {
				t.Fatal(err)
			}
		}
		for _, pair := range [][2][]float32{{a.Y.H, b.Y.H}, {a.Z, b.Z}, {a.Y.Logits, b.Y.Logits}, {a.Y.Q, b.Y.Q}} {
			for i := range pair[0] {
				if d := math.Abs(float64(pair[0][i] - pair[1][i])); !(d <= tolerance) {
					t.Fatalf("%s: number %d is off by %g", p, i, d)
				}
			}
		}
	}
}

func TestBoundEngineStopsAndCloses(t *testing.T) {
	m, err := Random(Arch{VocabSize: 11, SeqLen: 81, HiddenSize: 256, LLayers: 2, HCycles: 3, LCycles: 6, MLPT: true}, 1, .5)
	if err != nil {
		t.Fatal(err)
	}
	s := mustBind(t, m, FP32, GPU{}, Options{Batch: 8, Threads: 1})
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	for _, err := range s.Solve(ctx, slices.Values(zeros(16, 81)), &SolveOptions{Steps: 1000, OnStep: func(*Step) {
		if steps++; steps == 3 {
			cancel()
		}
	}}) {
		if err != context.Canceled {
			t.Fatalf("the sequence ends with %v", err)
		}
	}
	// The lane that was interrupted is used again.
	solved := 0
	for _, err := range s.Solve(t.Context(), slices.Values(zeros(4, 81)), &SolveOptions{Steps: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		solved++
	}
	if solved != 4 {
		t.Errorf("%d solutions after an interrupted call, want 4", solved)
	}
}
