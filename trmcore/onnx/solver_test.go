package onnx

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAutoTrustsNothingUntested lets Auto choose between engines that lie in different ways.
func TestAutoTrustsNothingUntested(t *testing.T) {
	m := &Model{Arch: countArch, initH: make([]float32, 2), initL: make([]float32, 2)}
	slow := func() *counter { return &counter{delay: func() time.Duration { return 30 * time.Millisecond }} }
	for name, c := range map[string]struct {
		other engine
		err   error
		want  bool
	}{
		"faster":  {&counter{}, nil, true},
		"slower":  {&counter{delay: func() time.Duration { return 150 * time.Millisecond }}, nil, false},
		"wrong":   {&liar{counter: &counter{}}, nil, false},
		"failing": {&counter{fail: func() error { return errors.New("out of memory") }}, nil, false},
		"absent":  {nil, errors.New("no such library"), false},
	} {
		cpu := slow()
		got, err := faster(t.Context(), m, cpu, func() (engine, error) { return c.other, c.err }, discard)
		if err != nil {
			t.Fatal(err)
		}
		if chosen := got != engine(cpu); chosen != c.want {
			t.Errorf("%s: chosen %v, want %v", name, chosen, c.want)
		}
		if cpu.closed.Load() != c.want {
			t.Errorf("%s: the CPU's engine closed: %v", name, cpu.closed.Load())
		}
	}
}

// liar answers fast and wrongly.
type liar struct{ *counter }

func (l *liar) bind(b *batch) (stepper, error) {
	inner, err := l.counter.bind(b)
	return liarStepper{inner, b}, err
}

type liarStepper struct {
	stepper
	batch *batch
}

func (l liarStepper) step(ctx context.Context, n int) error {
	err := l.stepper.step(ctx, n)
	l.batch.logits[0] += 10
	return err
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	m := tiny(t)
	if _, err := Open(t.Context(), m, &Options{Device: "tpu"}); !errors.Is(err, ErrDevice) || !strings.Contains(err.Error(), "use auto, cpu") {
		t.Errorf("unknown device: %v", err)
	}
	if _, err := Open(t.Context(), m, &Options{Library: filepath.Join(t.TempDir(), "none.so")}); !errors.Is(err, ErrNoLibrary) || !strings.Contains(err.Error(), "trm runtime install") {
		t.Errorf("absent library: %v", err)
	}
	runtimeLibrary(t)
	if _, err := Open(t.Context(), m, &Options{Precision: "fp8"}); err == nil || !strings.Contains(err.Error(), "fp8") {
		t.Errorf("unknown precision: %v", err)
	}
	if _, err := Open(t.Context(), m, &Options{Device: CUDA, Precision: Int8}); !errors.Is(err, ErrDevice) {
		t.Errorf("int8 on CUDA: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), m, &Options{Library: text}); !errors.Is(err, ErrNoLibrary) {
		t.Errorf("a text as library: %v", err)
	}
}

// TestAnExportedFileRunsLikeItsWeights opens the ONNX file instead of the weights.
func TestAnExportedFileRunsLikeItsWeights(t *testing.T) {
	m := mustLoad(t, "mixer-prefix")
	var b bytes.Buffer
	if err := m.Export(&b, FP32); err != nil {
		t.Fatal(err)
	}
	library, err := FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	e, err := openEngine(engineOptions{library: library.Path, on: CPU, intraOp: 1, graph: b.Bytes(), arch: m.Arch})
	if err != nil {
		t.Fatal(err)
	}
	s := newSolver(m, e, &Options{})
	defer s.Close()
	compare(t, s, readGolden(t, m, filepath.Join("testdata", "mixer-prefix")), 1e-3, 1)
}

// TestStepsAndSolveAgree runs the same problem both ways, with noise, and through latency mode.
func TestStepsAndSolveAgree(t *testing.T) {
	m := mustLoad(t, "attention")
	problem := readGolden(t, m, filepath.Join("testdata", "attention")).problems[0]
	for _, latency := range []bool{false, true} {
		s := mustOpen(t, m, &Options{Device: CPU, Threads: 2, Latency: latency})
		o := &SolveOptions{Steps: 5, Noise: .3, Seed: 7}
		var last []float32
		n := 0
		for step, err := range s.Steps(t.Context(), problem, o) {
			if err != nil {
				t.Fatal(err)
			}
			n, last = step.N, slices.Clone(step.Logits)
		}
		if n != 5 {
			t.Fatalf("%d steps, want 5", n)
		}
		for got, err := range s.Solve(t.Context(), slices.Values([]Problem{problem}), o) {
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range got.Logits {
				if math.Abs(float64(v-last[i])) > 1e-4 {
					t.Fatalf("latency %v: logit %d is %v by Solve and %v by Steps", latency, i, v, last[i])
				}
			}
		}
	}
}

// TestTheDefaultPuzzleVector is row 0 of a table of one row.
func TestTheDefaultPuzzleVector(t *testing.T) {
	m := tiny(t)
	s := mustOpen(t, m, &Options{Device: CPU, Threads: 1})
	tokens := []int32{0, 1, 2, 3, 4, 0}
	row, err := m.PuzzleVec(0)
	if err != nil {
		t.Fatal(err)
	}
	logits := map[int][]float32{}
	for got, err := range s.Solve(t.Context(), slices.Values([]Problem{{Tokens: tokens}, {Tokens: tokens, PuzzleVec: row}, {Tokens: tokens, PuzzleVec: make([]float32, len(row))}}), &SolveOptions{Steps: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		logits[got.Index] = got.Logits
	}
	if !slices.Equal(logits[0], logits[1]) {
		t.Error("without a vector, row 0 is not used")
	}
	if slices.Equal(logits[0], logits[2]) {
		t.Error("the vector makes no difference")
	}
	for _, err := range s.Steps(t.Context(), Problem{Tokens: tokens, PuzzleVec: row[1:]}, nil) {
		if !errors.Is(err, ErrProblem) {
			t.Errorf("a short vector: %v", err)
		}
	}
}

// TestCancelEndsARun cancels within a step that takes seconds.
func TestCancelEndsARun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	m, err := Random(Arch{VocabSize: 11, SeqLen: 81, HiddenSize: 512, LLayers: 2, HCycles: 12, LCycles: 6, MLPT: true}, 1, .5)
	if err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, m, &Options{Device: CPU, Threads: 1, Batch: 32}) // a step of it takes 6 s and more
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	var last error
	problems := zeros(32, 81)
	for _, err := range s.Solve(ctx, slices.Values(problems), nil) {
		last = err
	}
	if took := time.Since(begin); !errors.Is(last, context.DeadlineExceeded) || took > 5*time.Second {
		t.Errorf("error %v after %v", last, took)
	}
	// The batch works again afterwards.
	for got, err := range s.Solve(t.Context(), slices.Values(problems[:1]), &SolveOptions{Steps: 1}) {
		if err != nil || got.N != 1 {
			t.Errorf("after a cancelled run: %+v, %v", got, err)
		}
	}
}

// TestNoLeakOverManySolves makes 10,000 solves, by several goroutines and with solvers opened and closed, and watches
// the memory of the whole process: C's as well.
func TestNoLeakOverManySolves(t *testing.T) {
	m := tiny(t)
	leaks(t, 10000, func(threads int) (*Solver, error) {
		return Open(t.Context(), m, &Options{Device: CPU, Threads: threads})
	})
}

// leaks makes so many solves, a fifth of them first.
func leaks(t *testing.T, total int, open func(threads int) (*Solver, error)) {
	if _, err := os.Stat("/proc/self/statm"); err != nil || testing.Short() {
		t.Skip("needs /proc and some seconds")
	}
	runtimeLibrary(t)
	s, err := open(2)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	problem := Problem{Tokens: []int32{0, 1, 2, 3, 4, 0}}
	solve := func(n int) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range n / 4 {
					for _, err := range s.Solve(t.Context(), slices.Values([]Problem{problem}), &SolveOptions{Steps: 2}) {
						if err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		for range n / 100 {
			o, err := open(1)
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range o.Steps(t.Context(), problem, &SolveOptions{Steps: 1}) {
				if err != nil {
					t.Error(err)
				}
			}
			if err := o.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	solve(total / 5)
	before := resident(t)
	solve(total)
	grown := resident(t) - before
	t.Logf("grown by %d KiB over %d solves", grown>>10, total)
	if grown > 16<<20 && !raceDetector {
		t.Errorf("the process grew by %d MiB over %d solves", grown>>20, total)
	}
}

// resident is the process's memory after a collection.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	fields := strings.Fields(string(mustRead(t, "/proc/self/statm")))
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
