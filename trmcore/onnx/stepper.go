package onnx

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/trm-go/refiner/trmcore"
)

// The recursion's types for a trained model: the question is a [Problem], trmcore's y is TRM's z_H with what is read from
// it, and z is z_L.
type (
	// Answer is z_H and what the heads read from it.
	Answer struct {
		H      []float32 // [Len, D]; nil in the rules of Solve, whose latents stay in their batch
		Tokens []int32   // [SeqLen], the likeliest token of each position; nil before the first step
		Logits []float32 // [SeqLen, VocabSize]; nil before the first step
		Q      float32   // the halting logit
	}
	// Latent is z_L, [Len, D]; nil in the rules of Solve.
	Latent []float32
)

// Begin gives the state that a run begins with; see SolveOptions.Seed.
func (s *Solver) Begin(seed uint64) trmcore.State[Answer, Latent] {
	h, l := s.model.initial(seed)
	return trmcore.State[Answer, Latent]{Y: Answer{H: h}, Z: l}
}

// Stepper gives the model as a step of trmcore's recursion, for a [trmcore.Loop] of one's own. [Solver.Solve] is the
// faster way for many problems.
func (s *Solver) Stepper() trmcore.Stepper[Problem, Answer, Latent] {
	return trmcore.StepperFunc[Problem, Answer, Latent](s.step)
}

// step copies the state into a batch of one slot, runs it, and copies the new state out: some 0.1 % of the time of a step.
func (s *Solver) step(ctx context.Context, p Problem, state trmcore.State[Answer, Latent]) (next trmcore.State[Answer, Latent], err error) {
	if err := s.enter(); err != nil {
		return state, err
	}
	defer s.calls.Done()
	if err := s.check(p); err != nil {
		return state, err
	}
	if width := s.arch.latent(); len(state.Y.H) != width || len(state.Z) != width {
		return state, fmt.Errorf("%w: latents of %d and %d numbers, the model has %d; use Begin", ErrProblem, len(state.Y.H), len(state.Z), width)
	}
	b, err := s.borrow(1)
	if err != nil {
		return state, err
	}
	defer s.giveBack(b)
	b.put(0, p, s.puzzle(p), state.Y.H, state.Z)
	if err := s.run(ctx, b, 1); err != nil {
		return state, err
	}
	next.Y = b.answer(0, make([]int32, s.arch.SeqLen))
	h, l := b.latents(0)
	next.Y.H, next.Y.Logits, next.Z = slices.Clone(h), slices.Clone(next.Y.Logits), slices.Clone(l)
	return next, nil
}

// Noise is a SolveOptions.Perturb that adds Gaussian noise of the standard deviation sigma to z_L before every step but
// the first, so that repeated runs explore different trajectories (PTRM, arXiv 2605.19943, uses .3). The noise depends
// on the seed, the problem's index and the step alone.
func Noise(sigma float32, seed uint64) func(index, n int, zH, zL []float32) {
	return func(index, n int, _, zL []float32) {
		if n == 1 || sigma == 0 {
			return
		}
		rng := rand.New(rand.NewPCG(seed, uint64(index)<<16|uint64(n)))
		for i := range zL {
			zL[i] += sigma * float32(rng.NormFloat64())
		}
	}
}
