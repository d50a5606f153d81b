package trmcore

import (
	"context"
	"fmt"
)

// DefaultSteps is the number of supervision steps at most (K), from the paper's Sudoku configuration (arXiv 2510.04871,
// section 4), which makes n = 6 latent updates before each answer and T = 3 latent recursions in a step.
const DefaultSteps = 16

// Net is the one tiny network that the recursion applies over and over. x is the question and never changes, y is the
// current answer, z the latent. Both methods return new values and must leave their arguments as they are: the loop
// keeps earlier answers.
type Net[X, Y, Z any] interface {
	// Reason returns an improved latent.
	Reason(ctx context.Context, x X, y Y, z Z) (Z, error)
	// Answer returns an improved answer.
	Answer(ctx context.Context, x X, y Y, z Z) (Y, error)
}

// State is what one supervision step hands to the next.
type State[Y, Z any] struct {
	Y Y // the answer
	Z Z // the latent
}

// Stepper makes one supervision step: it returns the state that follows s, and leaves s as it is.
type Stepper[X, Y, Z any] interface {
	Step(ctx context.Context, x X, s State[Y, Z]) (State[Y, Z], error)
}

// StepperFunc is a function used as a [Stepper].
type StepperFunc[X, Y, Z any] func(ctx context.Context, x X, s State[Y, Z]) (State[Y, Z], error)

// Step calls f.
func (f StepperFunc[X, Y, Z]) Step(ctx context.Context, x X, s State[Y, Z]) (State[Y, Z], error) {
	return f(ctx, x, s)
}

// Deep makes a supervision step of net: cycles (T) times, reasons (n) latent updates and then one answer. What is below 1
// counts as 1. The context is examined before every call of the net, so that a cancelled one ends the step after at most
// one call.
func Deep[X, Y, Z any](net Net[X, Y, Z], reasons, cycles int) Stepper[X, Y, Z] {
	return StepperFunc[X, Y, Z](func(ctx context.Context, x X, s State[Y, Z]) (State[Y, Z], error) {
		next := s
		for cycle := range max(cycles, 1) {
			for range max(reasons, 1) {
				if err := ctx.Err(); err != nil {
					return s, err
				}
				z, err := net.Reason(ctx, x, next.Y, next.Z)
				if err != nil {
					return s, fmt.Errorf("reason in cycle %d: %w", cycle+1, err)
				}
				next.Z = z
			}
			if err := ctx.Err(); err != nil {
				return s, err
			}
			y, err := net.Answer(ctx, x, next.Y, next.Z)
			if err != nil {
				return s, fmt.Errorf("answer in cycle %d: %w", cycle+1, err)
			}
			next.Y = y
		}
		return next, nil
	})
}
