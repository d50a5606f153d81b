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
	N        int         // 1 for the first step
	State    State[Y, Z] // the state after it
	Residual float64     // how far the answer moved, if a FixedPoint rule measured it; else NaN
	Judged   bool        // whether Score holds a score
	Score    float64     // the judge's score of State.Y
	Best     bool        // whether this answer is the best so far
	Stop     Stop        // why the run ends here; empty while it goes on
}

// Result is what a run ends with.
type Result[Y, Z any] struct {
	Best     State[Y, Z] // the best state: the latest without a judge
	Last     State[Y, Z] // the state after the last step
	Steps    int         // steps made
	BestStep int         // the step that Best came from; 0 is the start
	Judged   bool        // whether Score holds a score
	Score    float64     // the judge's score of Best
	Residual float64     // the last step's residual, NaN if none was measured
	Stop     Stop        // why it ended
}

// Steps yields each step while the loop runs from s. The last step carries its Stop. A failure ends the sequence with
// the error and a Step that holds the best state so far; a deadline that passes ends it with a Step of [StopDeadline]
// and no error. Breaking out of the range ends the run.
func (l *Loop[X, Y, Z]) Steps(ctx context.Context, x X, s State[Y, Z]) iter.Seq2[Step[Y, Z], error] {
	return func(yield func(Step[Y, Z], error) bool) {
		l.drive(ctx, x, s, &Result[Y, Z]{}, yield)
	}
}

// Run runs the loop from s to its end. The result is valid even when the error is not nil: Best is then the incumbent.
// The error is nil for every Stop but [StopError].
func (l *Loop[X, Y, Z]) Run(ctx context.Context, x X, s State[Y, Z]) (Result[Y, Z], error) {
	var (
		result  Result[Y, Z]
		failure error
	)
	l.drive(ctx, x, s, &result, func(_ Step[Y, Z], err error) bool {
		failure = err
		return true
	})
	return result, failure
}

// drive makes the steps, keeps res current, and hands each step to yield.
func (l *Loop[X, Y, Z]) drive(ctx context.Context, x X, s State[Y, Z], res *Result[Y, Z], yield func(Step[Y, Z], error) bool) {
	*res = Result[Y, Z]{Best: s, Last: s, Score: math.NaN(), Residual: math.NaN()}

	// end closes the run for a reason that is not a rule's.
	end := func(err error) {
		res.Stop = StopError
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			res.Stop, err = StopDeadline, nil
		}
		yield(Step[Y, Z]{N: res.Steps, State: res.Best, Residual: res.Residual, Judged: res.Judged, Score: res.Score, Stop: res.Stop}, err)
	}

	if l.Stepper == nil {
		end(ErrNoStepper)
		return
	}
	if l.Judge != nil {
		score, err := l.judge(ctx, x, s.Y)
		if err != nil {
			end(fmt.Errorf("judge the start: %w", err))
			return
		}
		res.Judged, res.Score = true, score
	}
	halting := NewHalting(l.Halt, l.MaxSteps)

	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			end(err)
			return
		}
		prev := res.Last
		next, err := l.Stepper.Step(ctx, x, prev)
		if err != nil {
			end(fmt.Errorf("step %d: %w", n, err))
			return
		}
		step := Step[Y, Z]{N: n, State: next, Residual: math.NaN(), Score: math.NaN(), Best: true}
		if l.Judge != nil {
			score, err := l.judge(ctx, x, next.Y)
			if err != nil {
				end(fmt.Errorf("judge step %d: %w", n, err))
				return
			}
			step.Judged, step.Score, step.Best = true, score, score > res.Score
		}
		halting.Examine(prev, &step)
		res.Last, res.Steps, res.Residual, res.Stop = next, n, step.Residual, step.Stop
		if step.Best {
			res.Best, res.BestStep, res.Judged, res.Score = next, n, step.Judged, step.Score
		}
		if !yield(step, nil) || step.Stop != "" {
			return
		}
	}
}

// judge scores y; a NaN, which compares with nothing, becomes the lowest score.
func (l *Loop[X, Y, Z]) judge(ctx context.Context, x X, y Y) (float64, error) {
	score, err := l.Judge(ctx, x, y)
	if math.IsNaN(score) {
		score = math.Inf(-1)
	}
	return score, err
}
