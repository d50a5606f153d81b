package trmcore

// Stop says why a loop ended. The empty Stop means that it goes on.
type Stop string

// The reasons a [Loop] can end for.
const (
	StopFixedPoint Stop = "fixed point" // the answer no longer changes
	StopHalted     Stop = "halted"      // the state itself says that it is done (the q-head, a rule check)
	StopThreshold  Stop = "threshold"   // the judge is content
	StopNoGain     Stop = "no gain"     // the judge saw no better answer for a while
	StopCycle      Stop = "cycle"       // an earlier answer has come back
	StopMaxSteps   Stop = "max steps"   // the schedule is used up
	StopBudget     Stop = "budget"      // the cost limit is reached
	StopDeadline   Stop = "deadline"    // the context's deadline has passed
	StopError      Stop = "error"       // the stepper or the judge failed, or the context was cancelled
)

// Rule makes the check for one run, so that a check may remember what it saw. Rules are examined in order after each
// step; the first that names a Stop ends the run.
type Rule[Y, Z any] func() Check[Y, Z]

// Check looks at a step, prev being the state before it. It may fill in the step's Residual.
type Check[Y, Z any] func(prev State[Y, Z], step *Step[Y, Z]) Stop

// Halting decides when one run ends. A [Loop] has one for each of its runs; code that steps many runs together, as a batch
// on a device does, keeps one for each of them, and so halts by the same rules.
type Halting[Y, Z any] struct {
	checks []Check[Y, Z]
	limit  int
}

// NewHalting makes the decision of a run of at most maxSteps steps; zero means [DefaultSteps].
func NewHalting[Y, Z any](rules []Rule[Y, Z], maxSteps int) *Halting[Y, Z] {
	h := &Halting[Y, Z]{checks: make([]Check[Y, Z], len(rules)), limit: maxSteps}
	for i, rule := range rules {
		h.checks[i] = rule()
	}
	if h.limit <= 0 {
		h.limit = DefaultSteps
	}
	return h
}

// Examine sets the step's Stop; it stays empty while the run goes on. It is called once after each step of the run, prev
// being the state before it.
func (h *Halting[Y, Z]) Examine(prev State[Y, Z], step *Step[Y, Z]) {
	for _, check := range h.checks {
		if step.Stop = check(prev, step); step.Stop != "" {
			return
		}
	}
	if step.N >= h.limit {
		step.Stop = StopMaxSteps
	}
}

// FixedPoint halts when distance(before, after) ≤ epsilon, and records the distance as the step's Residual. With
// epsilon 0 only an answer that did not change at all counts. A NaN distance is never a fixed point.
func FixedPoint[Y, Z any](epsilon float64, distance func(before, after Y) float64) Rule[Y, Z] {
	return func() Check[Y, Z] {
		return func(prev State[Y, Z], step *Step[Y, Z]) Stop {
			step.Residual = distance(prev.Y, step.State.Y)
			if step.Residual <= epsilon {
				return StopFixedPoint
			}
			return ""
		}
	}
}

// Cycle halts when an answer comes back that was seen at least two steps before: A→B→A goes round for ever. Two
// answers are the same if their keys are equal. An answer equal to the one just before it is a fixed point and no
// cycle, so put [FixedPoint] before Cycle.
func Cycle[Y, Z any, K comparable](key func(Y) K) Rule[Y, Z] {
	return func() Check[Y, Z] {
		seen := map[K]int{}
		return func(prev State[Y, Z], step *Step[Y, Z]) Stop {
			if step.N == 1 {
				seen[key(prev.Y)] = 0
			}
			k := key(step.State.Y)
			at, ok := seen[k]
			seen[k] = step.N
			if ok && step.N-at >= 2 {
				return StopCycle
			}
			return ""
		}
	}
}

// Halted halts when done says so, as TRM's q-head does.
func Halted[Y, Z any](done func(State[Y, Z]) bool) Rule[Y, Z] {
	return func() Check[Y, Z] {
		return func(_ State[Y, Z], step *Step[Y, Z]) Stop {
			if done(step.State) {
				return StopHalted
			}
			return ""
		}
	}
}

// Threshold halts when the judge's score reaches min. Without a judge it never does.
func Threshold[Y, Z any](min float64) Rule[Y, Z] {
	return func() Check[Y, Z] {
		return func(_ State[Y, Z], step *Step[Y, Z]) Stop {
			if step.Score >= min { // NaN never is
				return StopThreshold
			}
			return ""
		}
	}
}

// NoGain halts after patience steps in a row that the judge did not score strictly above the best before. A patience
// below 1 counts as 1. Without a judge it never halts.
func NoGain[Y, Z any](patience int) Rule[Y, Z] {
	return func() Check[Y, Z] {
		stale := 0
		return func(_ State[Y, Z], step *Step[Y, Z]) Stop {
			if step.BestStep == step.N {
				stale = 0
				return ""
			}
			if stale++; stale >= max(patience, 1) {
				return StopNoGain
			}
			return ""
		}
	}
}
