package main

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// solver is what an engine needs of [onnx.Solver].
type solver interface {
	Solve(ctx context.Context, problems iter.Seq[onnx.Problem], o *onnx.SolveOptions) iter.Seq2[onnx.Step, error]
	Steps(ctx context.Context, p onnx.Problem, o *onnx.SolveOptions) iter.Seq2[onnx.Step, error]
}

// engine runs problems through a solver.
type engine struct {
	solver solver
	arch   onnx.Arch
	term   *ui.Terminal
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

func outcomeOf(p *problem, s *onnx.Step) outcome {
	return outcome{tokens: s.Tokens, steps: s.N, halted: s.Stop == trmcore.StopHalted, q: s.Q, valid: p.valid(s.Tokens)}
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
		outcomes[s.Index] = outcomeOf(problems[s.Index], &s)
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

// retry tries the problems whose outcome is not valid up to so many times again, until the rules accept an answer: with the
// noise of the options, from other first latents where the model's have noise, and else each time in another disguise. The
// options' seed counts up with the tries. It changes the outcomes in place and returns the seconds it took. The known
// answers are not looked at.
func (e *engine) retry(ctx context.Context, problems []*problem, outcomes []outcome, tries int, o onnx.SolveOptions) (float64, error) {
	start := time.Now()
	var progress *ui.Progress
	for try := 1; try <= tries; try++ {
		o.Seed++
		var open []int
		var attempts []*problem
		undo := []func([]int32) []int32{}
		for i, out := range outcomes {
			if out.valid {
				continue
			}
			attempt, back := *problems[i], func(answer []int32) []int32 { return answer }
			if o.Noise == 0 && e.arch.InitNoise == 0 {
				attempt.tokens, back = attempt.disguise(rand.New(rand.NewPCG(o.Seed, uint64(i))))
			}
			open, attempts, undo = append(open, i), append(attempts, &attempt), append(undo, back)
		}
		if len(open) == 0 {
			break
		}
		if progress == nil {
			progress = e.term.Progress("retry", "attempts", int64(tries*len(open)))
			defer progress.Done()
		}
		o.Halt = func(s *onnx.Step) bool { return attempts[s.Index].valid(undo[s.Index](s.Tokens)) }
		for s, err := range e.solver.Solve(ctx, tokensOf(attempts), &o) {
			if err != nil {
				return 0, err
			}
			progress.Add(1)
			out := &outcomes[open[s.Index]]
			out.steps += s.N
			if s.Stop == trmcore.StopHalted {
				out.tokens, out.q, out.halted = undo[s.Index](s.Tokens), s.Q, true
				out.valid, out.tries = true, try
			}
		}
	}
	return time.Since(start).Seconds(), nil
}
