package refine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// run is one response in the making: the net of the recursion, and what it has spent.
type run struct {
	RespondOptions
	task     *specialists.Task
	judge    *judge
	response *Response
	round    Round           // the one under way
	refused  map[string]bool // texts that were rejected on the present evidence
	asked    map[string]bool // questions that memories were recalled for
	failed   map[string]int  // how often a specialist failed
}

// answer is y of the recursion: the draft, and the judge's opinion of it.
type answer struct {
	text       string
	judged     judgement
	proposed   string // the last text that was proposed in the step; empty: none was
	settled    bool   // no new text was proposed in the step, and no evidence joined
	overBudget bool   // the model was not asked, since the budget is spent
}

// notes is z of the recursion: what the specialists found in the draft, and the draft that they left.
type notes struct {
	found []specialists.Note
	draft answer
}

func (r *run) incumbent(text string) answer {
	return answer{text: text, judged: r.judge.of(text), proposed: text}
}

// Reason lets the specialists examine the draft, in the order of priority; each sees what the one before made of it.
// Then the memories that they miss are recalled.
func (r *run) Reason(ctx context.Context, _ *specialists.Task, y answer, _ notes) (notes, error) {
	r.round = Round{}
	z := notes{draft: r.incumbent(y.text)}
	z.draft.proposed, z.draft.settled = "", true
	var questions []string
	for _, s := range r.Specialists {
		if err := ctx.Err(); err != nil {
			return notes{}, err
		}
		if r.failed[s.Name()] >= 2 {
			continue // it failed twice
		}
		finding, err := r.examine(ctx, s, specialists.Draft{Text: z.draft.text, Notes: slices.Clone(z.found)})
		r.spend(finding.Usage)
		if err != nil {
			if ctx.Err() == nil || errors.Is(err, errPanic) {
				r.failed[s.Name()]++
				r.skip(s.Name(), len(r.response.Rounds)+1, err)
			}
			continue
		}
		z.found = append(z.found, finding.Notes...)
		questions = append(questions, finding.Recall...)
		r.propose(&z.draft, s.Name(), finding.Text)
	}
	r.round.Notes = z.found
	if r.recall(ctx, questions) {
		z.draft.judged, z.draft.settled = r.judge.of(z.draft.text), false
	}
	return z, nil
}

// Answer revises the draft: the model does, or where there is none the memories themselves are quoted anew.
func (r *run) Answer(ctx context.Context, _ *specialists.Task, _ answer, z notes) (answer, error) {
	y := z.draft
	if r.Model == nil {
		if r.round.Found > 0 || y.judged.supported == 0 {
			r.propose(&y, "extract", quotations(r.task))
		}
		return y, nil
	}
	if r.Refine == Auto && y.judged.score >= r.Threshold {
		return y, nil // the specialists were enough
	}
	text, err := r.complete(ctx, r.revisionPrompt(y, z.found), nil)
	switch {
	case err != nil:
		// A failure costs the revision and nothing else: what the specialists corrected stays.
		r.skip("reviser", len(r.response.Rounds)+1, err)
		y.overBudget = errors.Is(err, errBudget)
	default:
		r.propose(&y, "reviser", text)
	}
	if y.judged.supported == 0 {
		r.propose(&y, "extract", quotations(r.task))
	}
	return y, nil
}

// longestAnswer bounds a revision, in bytes: an answer that people read is shorter, and judging costs time for every sentence.
const longestAnswer = 16 << 10

// propose puts a revision to the judge, and makes it the draft if it is accepted.
func (r *run) propose(y *answer, by, text string) {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if text == "" || text == y.text {
		return
	}
	p := Proposal{By: by, Text: shorten(text, 2000)}
	y.proposed, y.settled = p.Text, y.settled && r.refused[text]
	judged, why := r.weigh(y, text)
	p.Score, p.Why, p.Accepted = judged.score, why, judged.accepted
	if p.Accepted {
		y.text, y.judged = text, judged
	} else {
		r.refused[text] = true
	}
	r.round.Proposals = append(r.round.Proposals, p)
}

// weigh judges a revision against the draft, and gives the reason in one sentence.
func (r *run) weigh(y *answer, text string) (judgement, string) {
	if limit := max(longestAnswer, 2*len(y.text)); len(text) > limit {
		return judgement{}, fmt.Sprintf("it has %d bytes, more than the %d that an answer may have", len(text), limit)
	}
	if r.refused[text] {
		return judgement{}, "it was rejected before"
	}
	judged := r.judge.of(text)
	if made := r.judge.brings(y.text, text); len(made) > 0 && !judged.solved {
		return judgement{}, fmt.Sprintf("it brings in %s, which neither the question nor a memory holds", listed(made))
	}
	if lost := r.judge.drops(&y.judged, text); lost != "" && !y.judged.leaks && !judged.solved {
		return judged, fmt.Sprintf("it drops what a memory supports: “%s”", shorten(lost, 120))
	}
	if judged.score < y.judged.score+leastGain {
		return judged, fmt.Sprintf("it scores %.3f, not more than the %.3f of the draft", judged.score, y.judged.score)
	}
	judged.accepted = true
	return judged, fmt.Sprintf("it scores %.3f after %.3f: %s", judged.score, y.judged.score, judged.better(&y.judged))
}

// mostEvidence bounds the evidence that follow-up questions may let grow, and mostQuestions those of one round.
const (
	mostEvidence  = 60
	mostQuestions = 3
)

// recall asks for the memories that specialists miss, and reports whether any joined the evidence.
func (r *run) recall(ctx context.Context, questions []string) bool {
	if r.Recall == nil {
		return false
	}
	for _, q := range questions {
		q = strings.TrimSpace(q)
		if key := strings.ToLower(q); q != "" && !r.asked[key] && len(r.round.Recalled) < mostQuestions {
			r.asked[key] = true
			r.round.Recalled = append(r.round.Recalled, q)
			r.round.Found += r.add(ctx, q, len(r.response.Rounds)+1)
		}
	}
	if r.round.Found == 0 {
		return false
	}
	r.task.Prepare()
	r.judge = newJudge(r.task)
	clear(r.refused)
	return true
}

// add adds the memories that are recalled for a question to the evidence, and returns how many are new.
func (r *run) add(ctx context.Context, question string, round int) (found int) {
	records, err := r.Recall(ctx, question)
	if err != nil {
		r.skip("recall", round, err)
		return 0
	}
	outside := 0
	for _, e := range records {
		switch {
		case !r.task.Scope.Contains(e.Scope):
			outside++
		case len(r.task.Evidence) >= mostEvidence, slices.ContainsFunc(r.task.Evidence, func(o memory.Record) bool { return o.ID == e.ID }):
		default:
			r.task.Evidence = append(slices.Clip(r.task.Evidence), e)
			found++
		}
	}
	if outside > 0 {
		r.skip("recall", round, fmt.Errorf("%d memories of another scope were left out", outside))
	}
	return found
}

func (r *run) skip(name string, round int, err error) {
	r.response.Skipped = append(r.response.Skipped, Skip{Name: name, Round: round, Why: shorten(err.Error(), 300)})
}

func (r *run) spend(u specialists.Usage) {
	r.response.Usage = r.response.Usage.Plus(u)
	r.round.Usage = r.round.Usage.Plus(u)
}

// shorten cuts a text to so many bytes, at a character.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// listed is a list in a sentence.
func listed(items []string) string {
	const most = 4
	if len(items) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(items[:most], ", "), len(items)-most)
	}
	return strings.Join(items, ", ")
}
