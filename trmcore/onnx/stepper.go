package onnx

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/trm-go/refiner/trmcore"
)

// The recursion's types for a trained model. trmcore's y is TRM's z_H with what is read from it, and z is z_L.
type (
	// Batch is the question: one or more problems.
	Batch struct {
		Tokens []int32   // [N, SeqLen]
		Puzzle []float32 // [N, PuzzleEmbNdim], nil without a puzzle embedding
		N      int
	}
	// Answer is z_H and what the heads read from it.
	Answer struct {
		H      []float32 // [N, Len, D]
		Logits []float32 // [N, SeqLen, VocabSize]; nil before the first step
		Q      []float32 // [N], the halting logits; nil before the first step
	}
	// Latent is z_L, [N, Len, D].
	Latent []float32
)

// Begin gives the question and the state that a run over the problems begins with.
func (s *Solver) Begin(problems ...Problem) (Batch, trmcore.State[Answer, Latent], error) {
	a := s.arch
	x := Batch{N: len(problems)}
	var state trmcore.State[Answer, Latent]
	for i, p := range problems {
		if err := s.check(p); err != nil {
			return x, state, fmt.Errorf("problem %d: %w", i, err)
		}
		x.Tokens = append(x.Tokens, p.Tokens...)
		if a.PuzzleEmbLen > 0 {
			vector := p.PuzzleVec
			if vector == nil {
				vector = s.puzzle
			}
			if vector == nil {
				vector = make([]float32, a.PuzzleEmbNdim)
			}
			x.Puzzle = append(x.Puzzle, vector...)
		}
	}
	width := len(problems) * a.Len() * a.HiddenSize
	state.Y.H, state.Z = make([]float32, width), make(Latent, width)
	fill(state.Y.H, s.initH)
	fill(state.Z, s.initL)
	return x, state, nil
}

// Stepper gives the model as a step of trmcore's recursion, for a [trmcore.Loop] of one's own. Every problem of a batch
// goes through every step; [Solver.Solve] is the faster way for many problems that halt at different times.
func (s *Solver) Stepper() trmcore.Stepper[Batch, Answer, Latent] {
	return trmcore.StepperFunc[Batch, Answer, Latent](s.step)
}

// step copies the state into a lane, runs it, and copies the new state out: some 0.1 % of the time of a step.
func (s *Solver) step(ctx context.Context, x Batch, state trmcore.State[Answer, Latent]) (next trmcore.State[Answer, Latent], err error) {
	if err := s.enter(); err != nil {
		return state, err
	}
	defer s.calls.Done()
	a := s.arch
	width := a.Len() * a.HiddenSize
	if len(x.Tokens) != x.N*a.SeqLen || len(state.Y.H) != x.N*width || len(state.Z) != x.N*width || a.PuzzleEmbLen > 0 && len(x.Puzzle) != x.N*a.PuzzleEmbNdim {
		return state, fmt.Errorf("%w: a batch of %d needs %d tokens and states of %d numbers; use Begin", ErrProblem, x.N, x.N*a.SeqLen, x.N*width)
	}
	slots := s.batch
	if x.N == 1 {
		slots = 1
	}
	kind := laneKind{slots: slots}
	l, err := s.borrow(kind)
	if err != nil {
		return state, err
	}
	defer s.giveBack(kind, l)
	next.Y.H, next.Z = make([]float32, len(state.Y.H)), make(Latent, len(state.Z))
	for first := 0; first < x.N; first += slots {
		n := min(slots, x.N-first)
		copy(l.tokens(), x.Tokens[first*a.SeqLen:(first+n)*a.SeqLen])
		if p := l.puzzles(); p != nil {
			copy(p, x.Puzzle[first*a.PuzzleEmbNdim:(first+n)*a.PuzzleEmbNdim])
		}
		for i := range n {
			at := (first + i) * width
			if err := l.store(i, state.Y.H[at:at+width], state.Z[at:at+width]); err != nil {
				return state, err
			}
		}
		if err := s.run(ctx, l, n); err != nil {
			return state, err
		}
		for i := range n {
			at := (first + i) * width
			if err := l.load(i, next.Y.H[at:at+width], next.Z[at:at+width]); err != nil {
				return state, err
			}
		}
		logits, q := l.results()
		next.Y.Logits = append(next.Y.Logits, logits[:n*a.SeqLen*a.VocabSize]...)
		for i := range n {
			next.Y.Q = append(next.Y.Q, q[2*i])
		}
	}
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
