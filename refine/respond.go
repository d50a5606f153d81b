package refine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
	"github.com/trm-go/refiner/trmcore"
)

// RespondOptions say how to answer. Nil, or the zero value, answers from the memories without a language model.
type RespondOptions struct {
	// Model writes the first draft and revises it. Nil: the memories are quoted, and the specialists' own rules revise it.
	Model specialists.Model
	// Specialists examine each draft, in the order of their priority. Nil: [specialists.Default]; empty: none.
	Specialists []specialists.Specialist
	// Draft is an answer that somebody else wrote, to be refined.
	Draft string
	// Refine says when a draft is refined. The zero value is [Auto].
	Refine Refinement
	// Open lets an answer hold what the memories know nothing of, as a conversation does. Memory then adds and never takes
	// away: a note follows an answer that a memory plainly contradicts (see [specialists.Disputes]), and all else stays
	// byte for byte; no specialist and no further call of the model has a part in it. Otherwise every claim must rest on a
	// memory.
	Open bool
	// Recall brings memories for a question that a specialist asks. What it brings from outside of the task's scope is
	// left out. Nil: no question is asked.
	Recall func(ctx context.Context, question string) ([]memory.Record, error)
	// Memories renders the evidence for the model, each memory with its number. Nil: a line for each.
	Memories func(t *specialists.Task) string
	// Delta is given the first draft as the model writes it, before it is refined. An error from it ends the run.
	Delta func(string) error

	// Rounds bounds the steps of the recursion. Zero means 3.
	Rounds int
	// Patience is the number of rounds in a row without an accepted revision after which it ends. Zero means 2.
	Patience int
	// Threshold is the score from which a draft passes, in (0, 1]. Zero means .8.
	Threshold float64
	// MaxTokens and MaxCost bound what language models are asked for, prompts included; the cost is in the currency of the
	// model's prices. A call that would exceed them is not made. Zero: no limit.
	MaxTokens int
	MaxCost   float64
	// MaxAnswer bounds the tokens of one completion. Zero: the model's own limit.
	MaxAnswer int
	// Timeout of everything. Zero: only ctx ends it.
	Timeout time.Duration
	// Each is the time that one specialist may take. Zero means 20 seconds.
	Each time.Duration
}

// Refinement says when a draft is refined.
type Refinement string

// The refinements.
const (
	Auto   Refinement = "auto"   // unless it passes
	Always Refinement = "always" // until it stands still, even if it passes
	Off    Refinement = "off"    // never; it is judged all the same
)

// Refinements are all of them, the default first.
var Refinements = []Refinement{Auto, Always, Off}

// Published loops that gain from a language model's revisions do so in two or three rounds.
const (
	defaultRounds    = 3
	defaultPatience  = 2
	defaultThreshold = .8 // no claim is unsupported, and a third of the question is covered with citations, or two without
	defaultEach      = 20 * time.Second

	// leastGain is the least by which a revision must score higher than the draft it replaces.
	leastGain = .005
)

// ErrRespond is wrapped by the errors of options that cannot be used.
var ErrRespond = errors.New("respond")

func (o *RespondOptions) resolve() (RespondOptions, error) {
	var r RespondOptions
	if o != nil {
		r = *o
	}
	r.Refine = cmp.Or(r.Refine, Auto)
	r.Threshold = cmp.Or(r.Threshold, defaultThreshold)
	r.Rounds, r.Patience, r.Each = cmp.Or(r.Rounds, defaultRounds), cmp.Or(r.Patience, defaultPatience), cmp.Or(r.Each, defaultEach)
	switch {
	case !slices.Contains(Refinements, r.Refine):
		return r, fmt.Errorf("%w: there is no refinement %q: use auto, always or off", ErrRespond, r.Refine)
	case !(r.Threshold > 0 && r.Threshold <= 1):
		return r, fmt.Errorf("%w: the threshold is %v: it lies above 0, and at most at 1", ErrRespond, r.Threshold)
	case r.Rounds < 0, r.Patience < 0, r.MaxTokens < 0, !(r.MaxCost >= 0), r.MaxAnswer < 0, r.Timeout < 0, r.Each < 0:
		return r, fmt.Errorf("%w: a budget is negative: use 0 for the default, or more", ErrRespond)
	}
	if r.Specialists == nil {
		r.Specialists = specialists.Default()
	}
	r.Specialists = slices.Clone(r.Specialists)
	slices.SortStableFunc(r.Specialists, func(a, b specialists.Specialist) int { return a.Priority() - b.Priority() })
	if r.Memories == nil {
		r.Memories = numbered
	}
	return r, nil
}

// Respond answers a task: a draft is written, and refined until it stands still, passes, or no revision is better. The
// response is valid even when the error is not nil: it is then the best there was. Whatever a model or a specialist does,
// the answer scores no less than its draft; their failures are no errors but are listed as Skipped. An error is one of
// the options, of ctx when it was cancelled, or of Delta.
func Respond(ctx context.Context, t *specialists.Task, o *RespondOptions) (Response, error) {
	var (
		r   Response
		err error
	)
	for _, e := range RespondSteps(ctx, t, o, &r) {
		err = e
	}
	return r, err
}

// RespondSteps is Respond round by round: it yields each when it is over, and keeps r current. An error ends the
// sequence. Breaking out of the range ends the run; r is valid all the same.
func RespondSteps(ctx context.Context, t *specialists.Task, o *RespondOptions, r *Response) iter.Seq2[Round, error] {
	return func(yield func(Round, error) bool) {
		*r = Response{Claims: []specialists.Claim{}, Citations: []Citation{}, Rounds: []Round{}}
		opts, err := o.resolve()
		if err != nil {
			yield(Round{}, err)
			return
		}
		if opts.Timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, opts.Timeout)
			defer cancel()
		}
		task := *t // evidence joins the copy
		task.Prepare()
		run := &run{RespondOptions: opts, task: &task, response: r,
			refused: map[string]bool{}, asked: map[string]bool{strings.ToLower(task.Question): true}, failed: map[string]int{}}
		if err := run.start(ctx); err != nil {
			yield(Round{}, err)
			return
		}
		if opts.Open {
			run.open(ctx)
			for _, round := range r.Rounds {
				if !yield(round, nil) {
					return
				}
			}
			return
		}
		run.judge = newJudge(&task)
		if len(r.Draft) > longestAnswer {
			run.skip("judge", 0, fmt.Errorf("the answer has %d bytes, more than the %d that are examined", len(r.Draft), longestAnswer))
			r.Citations, r.Stop = citations(&task, r.Draft), trmcore.StopHalted
			return
		}
		y := run.incumbent(r.Draft)
		r.FirstScore = y.judged.score
		run.finish(y)
		if opts.Refine == Off {
			return
		}
		if opts.Refine == Auto {
			switch {
			case y.judged.score >= opts.Threshold:
				r.Stop = trmcore.StopThreshold
				return
			case len(task.Evidence) == 0:
				r.Stop = trmcore.StopHalted // there is nothing to refine it by
				return
			}
		}
		for step, err := range run.loop().Steps(ctx, &task, trmcore.State[answer, notes]{Y: y}) {
			// The incumbent is the last state and not the loop's best: evidence that joins may lower every score, and the
			// net replaces an answer only by one that scores higher on the same evidence.
			if step.Stop == trmcore.StopError || step.Stop == trmcore.StopDeadline {
				r.Stop = step.Stop
				if err != nil {
					yield(Round{}, err)
				}
				return
			}
			round := run.round
			round.N, round.Text, round.Score, round.Stop = step.N, step.State.Y.text, step.State.Y.judged.score, step.Stop
			r.Rounds, r.Stop = append(r.Rounds, round), step.Stop
			run.finish(step.State.Y)
			if !yield(round, nil) {
				return
			}
		}
	}
}

// loop is the recursion over the draft.
func (r *run) loop() *trmcore.Loop[*specialists.Task, answer, notes] {
	type (
		state = trmcore.State[answer, notes]
		step  = trmcore.Step[answer, notes]
		rule  = trmcore.Rule[answer, notes]
	)
	rules := []rule{
		func() trmcore.Check[answer, notes] {
			return func(_ state, s *step) trmcore.Stop {
				if s.State.Y.overBudget {
					return trmcore.StopBudget
				}
				return ""
			}
		},
		// A revision that comes back after another one goes round; it is no new text, so this has to be seen first.
		trmcore.Cycle[answer, notes](func(y answer) string { return cmp.Or(y.proposed, "\x00"+y.text) }),
		trmcore.FixedPoint[answer, notes](0, func(_, after answer) float64 {
			if after.settled {
				return 0
			}
			return 1
		}),
		trmcore.NoGain[answer, notes](r.Patience),
	}
	if r.Refine == Auto {
		rules = slices.Insert(rules, 0, trmcore.Threshold[answer, notes](r.Threshold))
	}
	return &trmcore.Loop[*specialists.Task, answer, notes]{
		Stepper:  trmcore.Deep(r, 1, 1),
		MaxSteps: r.Rounds,
		Halt:     rules,
		Judge:    func(_ context.Context, _ *specialists.Task, y answer) (float64, error) { return y.judged.score, nil },
	}
}

// start writes the first draft.
func (r *run) start(ctx context.Context) error {
	text := strings.TrimSpace(r.RespondOptions.Draft)
	if r.Open && text != "" {
		text = r.RespondOptions.Draft
	}
	if text == "" && r.Model != nil {
		var stopped error // by whoever is given the text
		delta := r.Delta
		if delta != nil {
			delta = func(s string) error {
				stopped = r.Delta(s)
				return stopped
			}
		}
		var err error
		text, err = r.complete(ctx, r.draftPrompt(), delta)
		if stopped != nil {
			r.response.Text = text
			return stopped
		}
		if err != nil {
			r.skip("model", 0, err)
			if delta == nil || text == "" {
				text = whole(text)
			}
		}
	}
	if text == "" {
		text = quotations(r.task)
		if r.Delta != nil {
			if err := r.Delta(text); err != nil {
				return err
			}
		}
	}
	if len(text) > longestAnswer && r.RespondOptions.Draft == "" && !r.Open {
		r.skip("model", 0, fmt.Errorf("its answer has %d bytes, and was cut to %d", len(text), longestAnswer))
		text = whole(strings.ToValidUTF8(text[:longestAnswer], ""))
	}
	r.response.Draft, r.response.Text = text, text
	if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// whole is a text that broke off, up to its last complete sentence.
func whole(s string) string {
	at := strings.LastIndexAny(s, ".!?\n")
	return strings.TrimSpace(s[:at+1])
}

// finish brings the response up to date with its answer.
func (r *run) finish(y answer) {
	r.response.Text, r.response.Score = y.text, y.judged.score
	r.response.Claims = y.judged.claims
	r.response.Citations = citations(r.task, y.text)
}
