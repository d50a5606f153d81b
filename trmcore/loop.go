package trmcore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
)

// ErrNoStepper is returned by a [Loop] that was given nothing to run.
var ErrNoStepper = errors.New("trmcore: the loop has no stepper")

// Loop runs a Stepper until it halts. It holds no state of a run: one Loop may serve many goroutines at once if its
// Stepper, rules and judge do.
type Loop[X, Y, Z any] struct {
	// Stepper makes the steps.
	Stepper Stepper[X, Y, Z]
	// MaxSteps bounds the supervision steps (K). Zero means [DefaultSteps].
	MaxSteps int
	// Halt holds the rules, examined in order after each step.
	Halt []Rule[Y, Z]
	// Judge scores an answer, higher is better; it should be independent of what the Stepper optimises. If it is nil the
	// latest answer is the best one. Otherwise the best is the first with the highest score, the start included, so
	// that a run never ends with less than it began with. A NaN score counts as the lowest.
	Judge func(ctx context.Context, x X, y Y) (float64, error)
}

// Step is one line of a run's trace.
type Step[Y, Z any] struct {
	N         int         // 1 for the first step
	State     State[Y, Z] // the state after it
	Residual  float64     // how far the answer moved, if a FixedPoint rule measured it; else NaN
	Score     float64     // the judge's score of State.Y, NaN without a judge
	Best      State[Y, Z] // the best state so far, the start included; without a judge the latest
	BestStep  int         // the step that Best came from; 0 is the start
	BestScore float64     // the judge's score of Best.Y
	Stop      Stop        // why the run ends here; empty while it goes on
}

// Run runs the loop from s to its end and returns the last step, or the start with N = 0. It is valid even when the error is
// not nil, which it is for [StopError] only.
func (l *Loop[X, Y, Z]) Run(ctx context.Context, x X, s State[Y, Z]) (last Step[Y, Z], err error) {
	for last, err = range l.Steps(ctx, x, s) {
	}
	return last, err
}

// Steps yields each step while the loop runs from s. The last step carries its Stop. A failure ends the sequence with
// the error and the last step that was made once more; a deadline that passes ends it so with [StopDeadline] and no error.
// Breaking out of the range ends the run.
func (l *Loop[X, Y, Z]) Steps(ctx context.Context, x X, s State[Y, Z]) iter.Seq2[Step[Y, Z], error] {
	return func(yield func(Step[Y, Z], error) bool) {
		last := Step[Y, Z]{State: s, Best: s, Residual: math.NaN(), Score: math.NaN(), BestScore: math.NaN()}
		end := func(err error) {
			last.Stop = StopError
			if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
				last.Stop, err = StopDeadline, nil
			}
			yield(last, err)
		}
		if l.Stepper == nil {
			end(ErrNoStepper)
			return
		}
		score, err := l.judge(ctx, x, s.Y)
		if err != nil {
			end(fmt.Errorf("judge the start: %w", err))
			return
		}
		last.Score, last.BestScore = score, score
		for halting := NewHalting(l.Halt, l.MaxSteps); ; {
			if err := ctx.Err(); err != nil {
				end(err)
				return
			}
			next := last
			next.N, next.Residual = last.N+1, math.NaN()
			if next.State, err = l.Stepper.Step(ctx, x, last.State); err != nil {
				end(fmt.Errorf("step %d: %w", next.N, err))
				return
			}
			if next.Score, err = l.judge(ctx, x, next.State.Y); err != nil {
				end(fmt.Errorf("judge step %d: %w", next.N, err))
				return
			}
			if l.Judge == nil || next.Score > last.BestScore {
				next.Best, next.BestStep, next.BestScore = next.State, next.N, next.Score
			}
			halting.Examine(last.State, &next)
			last = next
			if !yield(last, nil) || last.Stop != "" {
				return
			}
		}
	}
}

// judge scores y, NaN without a judge; a judge's NaN, which compares with nothing, becomes the lowest score.
func (l *Loop[X, Y, Z]) judge(ctx context.Context, x X, y Y) (float64, error) {
	if l.Judge == nil {
		return math.NaN(), nil
	}
	score, err := l.Judge(ctx, x, y)
	if math.IsNaN(score) {
		score = math.Inf(-1)
	}
	return score, err
}
