package onnx

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/trm-go/refiner/trmcore"
)

// golden is what PyTorch computed: bench/parity/golden.py.
type golden struct {
	problems []Problem
	latents  []float32 // [problems, Len, D], the first z_L, if it has noise
	logits   []float32 // [steps, problems, SeqLen, VocabSize]
	q        []float32 // [steps, problems, 2]
	steps    int
}

func readGolden(t *testing.T, m *Model, dir string) golden {
	t.Helper()
	tensors, err := ReadTensors(filepath.Join(dir, "golden.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for name, v := range tensors {
		values[name] = v.Values
	}
	g := golden{steps: tensors["logits"].Shape[0]}
	g.logits, g.q, g.latents = values["logits"], values["q"], values["z_L"]
	for i := range values["ids"] {
		p := Problem{}
		for _, v := range values["tokens"][i*m.Arch.SeqLen : (i+1)*m.Arch.SeqLen] {
			p.Tokens = append(p.Tokens, int32(v))
		}
		if m.Puzzles() > 0 {
			if p.PuzzleVec, err = m.PuzzleVec(int(values["ids"][i])); err != nil {
				t.Fatal(err)
			}
		}
		g.problems = append(g.problems, p)
	}
	return g
}

var goldenModels = []string{"mixer", "mixer-prefix", "attention", "attention-learned", "cover", "grid"}

// runtimeLibrary skips a test where ONNX Runtime is absent, but for CI, which must have it.
func runtimeLibrary(t testing.TB) {
	t.Helper()
	if _, err := openEngine(engineOptions{}); err == ErrNoRuntime {
		t.Skip(err)
	}
	if _, err := FindLibrary(""); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v (for the project: make runtime)", err)
	}
}

func mustLoad(t testing.TB, name string) *Model {
	t.Helper()
	m, err := LoadModel(filepath.Join("testdata", name), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mustOpen(t testing.TB, m *Model, o *Options) *Solver {
	t.Helper()
	runtimeLibrary(t)
	s, err := Open(t.Context(), m, o)
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

// TestParity compares every one of 16 steps with PyTorch: the logits to 1e-4, the answers exactly.
func TestParity(t *testing.T) {
	for _, name := range goldenModels {
		t.Run(name, func(t *testing.T) {
			m := mustLoad(t, name)
			g := readGolden(t, m, filepath.Join("testdata", name))
			s := mustOpen(t, m, &Options{Device: CPU})
			compare(t, s, g, 1e-4, 1)
		})
	}
}

// TestParityLive does the same for models that make parity has PyTorch make anew: of another seed, and of the published
// sizes.
func TestParityLive(t *testing.T) {
	dir := os.Getenv("TRM_PARITY_DIR")
	if dir == "" {
		t.Skip("needs PyTorch; run: make parity")
	}
	folders, err := filepath.Glob(filepath.Join(dir, "*", cardFile))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no models in %s: %v", dir, err)
	}
	for _, card := range folders {
		folder := filepath.Dir(card)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			m, err := LoadModel(folder, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, mustOpen(t, m, &Options{Device: CPU}), readGolden(t, m, folder), 1e-3, 1)
		})
	}
}

// begin is the perturb that gives the golden file's problems their first z_L; index counts them.
func (g golden) begin(index, n int, _, zL []float32) {
	if n == 1 && g.latents != nil {
		copy(zL, part(g.latents, index%len(g.problems), len(zL)))
	}
}

// compare runs all golden problems, step by step.
func compare(t *testing.T, s *Solver, g golden, tolerance float64, agreement float64) {
	t.Helper()
	var worst float64
	var same, cells, steps int
	for k, p := range g.problems {
		begin := func(_, n int, zH, zL []float32) { g.begin(k, n, zH, zL) }
		for step, err := range s.Steps(t.Context(), p, &SolveOptions{Steps: g.steps, perturb: begin}) {
			if err != nil {
				t.Fatal(err)
			}
			row := (step.N-1)*len(g.problems) + k
			steps++
			want := part(g.logits, row, len(step.Logits))
			for i, v := range step.Logits {
				worst = max(worst, math.Abs(float64(v-want[i])))
			}
			worst = max(worst, math.Abs(float64(step.Q-g.q[2*row])))
			answer := make([]int32, len(p.Tokens))
			argmax(answer, want, s.arch.VocabSize)
			for i := range answer {
				cells++
				if answer[i] == step.Tokens[i] {
					same++
				}
			}
		}
	}
	if want := g.steps * len(g.problems); steps != want {
		t.Fatalf("%d steps compared, want %d", steps, want)
	}
	t.Logf("max |difference| %.2g, %d of %d answers equal", worst, same, cells)
	if !(worst <= tolerance) {
		t.Errorf("max |difference| %.3g, more than %g", worst, tolerance)
	}
	if float64(same) < agreement*float64(cells) {
		t.Errorf("%d of %d answers equal", same, cells)
	}
}

// TestPrecisions bounds what the smaller weights cost on the tiny models.
func TestPrecisions(t *testing.T) {
	for _, c := range []struct {
		precision            Precision
		tolerance, agreement float64
	}{{FP16, .05, .99}, {Int8, .6, .96}} {
		for _, name := range []string{"mixer", "mixer-prefix", "attention"} {
			t.Run(string(c.precision)+"/"+name, func(t *testing.T) {
				m := mustLoad(t, name)
				s := mustOpen(t, m, &Options{Device: CPU, Precision: c.precision})
				compare(t, s, readGolden(t, m, filepath.Join("testdata", name)), c.tolerance, c.agreement)
			})
		}
	}
}

// TestSolveAgreesWithPyTorch runs the scheduler, with more problems than slots, each at its own place.
func TestSolveAgreesWithPyTorch(t *testing.T) {
	for _, name := range goldenModels {
		m := mustLoad(t, name)
		g := readGolden(t, m, filepath.Join("testdata", name))
		s := mustOpen(t, m, &Options{Device: CPU, Threads: 3, Batch: 2})
		var problems []Problem
		for range 7 {
			problems = append(problems, g.problems...)
		}
		seen := make([]int, len(problems))
		for got, err := range s.Solve(t.Context(), slices.Values(problems), &SolveOptions{Steps: g.steps, perturb: g.begin}) {
			if err != nil {
				t.Fatal(err)
			}
			seen[got.Index]++
			size := len(got.Logits)
			at := ((g.steps-1)*len(g.problems) + got.Index%len(g.problems)) * size
			want := make([]int32, len(got.Tokens))
			argmax(want, g.logits[at:at+size], m.Arch.VocabSize)
			if !slices.Equal(got.Tokens, want) {
				t.Errorf("%s: problem %d: %v, want %v", name, got.Index, got.Tokens, want)
			}
			if got.N != g.steps || got.Stop != trmcore.StopMaxSteps {
				t.Errorf("%s: problem %d: %d steps, %q", name, got.Index, got.N, got.Stop)
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Errorf("%s: problem %d was solved %d times", name, i, n)
			}
		}
	}
}
