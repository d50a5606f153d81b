package main

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// solver is what an engine needs of [onnx.Solver].
type solver interface {
	Solve(ctx context.Context, problems iter.Seq[onnx.Problem], o *onnx.SolveOptions) iter.Seq2[onnx.Solution, error]
	Steps(ctx context.Context, p onnx.Problem, o *onnx.SolveOptions) iter.Seq2[onnx.Step, error]
}

// engine runs problems through a solver.
type engine struct {
	solver solver
	arch   onnx.Arch
	fresh  bool // the model's first latents have noise: to retry is to draw it anew, instead of a disguise
	term   *ui.Terminal
}

func newEngine(s *onnx.Solver, term *ui.Terminal) *engine {
	return &engine{solver: s, arch: s.Arch(), fresh: s.Arch().InitNoise > 0, term: term}
}

// outcome is what became of a problem.
type outcome struct {
	tokens []int32
	steps  int // of all attempts together
	halted bool
	q      float32
	tries  int // retries until the answer was valid; 0 if the first was, or none was
	valid  bool
}

// run solves all problems and returns their outcomes in order, and the seconds it took.
func (e *engine) run(ctx context.Context, label string, problems []*problem, o *onnx.SolveOptions) ([]outcome, float64, error) {
	outcomes := make([]outcome, len(problems))
	progress := e.term.Progress(label, "puzzles", int64(len(problems)))
	defer progress.Done()
	start := time.Now()
	for s, err := range e.solver.Solve(ctx, tokensOf(problems), o) {
		if err != nil {
			return nil, 0, err
		}
		outcomes[s.Index] = outcome{tokens: s.Tokens, steps: s.Steps, halted: s.Halted, q: s.Q, valid: problems[s.Index].valid(s.Tokens)}
		progress.Add(1)
	}
	return outcomes, time.Since(start).Seconds(), nil
}

func tokensOf(problems []*problem) iter.Seq[onnx.Problem] {
	return func(yield func(onnx.Problem) bool) {
		for _, p := range problems {
			if !yield(onnx.Problem{Tokens: p.tokens}) {
				return
			}
		}
	}
}

// retryOptions say how failed problems are tried again.
type retryOptions struct {
	tries int
	steps int     // of each attempt at most
	noise float64 // above 0: the same puzzle with noise of this deviation on the latent, instead of a disguise
	seed  uint64
}

// retry tries the problems whose outcome is not valid again, each time in another disguise or with other noise, until
// the rules accept an answer. It changes the outcomes in place and returns the seconds it took. The known answers are
// not looked at.
func (e *engine) retry(ctx context.Context, problems []*problem, outcomes []outcome, o retryOptions) (float64, error) {
	start := time.Now()
	failed := 0
	for _, out := range outcomes {
		if !out.valid {
			failed++
		}
	}
	progress := e.term.Progress("retry", "attempts", int64(o.tries*failed))
	defer progress.Done()
	for try := 1; try <= o.tries; try++ {
		var open []int
		for i, out := range outcomes {
			if !out.valid {
				open = append(open, i)
			}
		}
		if len(open) == 0 {
			break
		}
		attempts := make([]*problem, len(open))
		undo := make([]func([]int32) []int32, len(open))
		for k, i := range open {
			attempt := *problems[i]
			undo[k] = func(answer []int32) []int32 { return answer }
			if o.noise == 0 && !e.fresh {
				attempt.tokens, undo[k] = attempt.disguise(rand.New(rand.NewPCG(o.seed+uint64(try), uint64(i))))
			}
			attempts[k] = &attempt
		}
		options := &onnx.SolveOptions{Steps: o.steps, Seed: o.seed + uint64(try), Halt: func(s *onnx.Step) bool {
			return attempts[s.Index].valid(undo[s.Index](s.Tokens))
		}}
		if o.noise > 0 {
			options.Perturb = onnx.Noise(float32(o.noise), o.seed+uint64(try))
		}
		for s, err := range e.solver.Solve(ctx, tokensOf(attempts), options) {
			if err != nil {
				return 0, err
			}
			progress.Add(1)
			out := &outcomes[open[s.Index]]
			out.steps += s.Steps
			if s.Halted {
				out.tokens, out.q, out.halted = undo[s.Index](s.Tokens), s.Q, true
				out.valid, out.tries = true, try
			}
		}
	}
	return time.Since(start).Seconds(), nil
}
