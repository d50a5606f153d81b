package refine

import (
	"context"
	"regexp"
	"strconv"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// RespondOptions say how to answer. Nil, or the zero value, answers from the memories without a language model.
type RespondOptions struct {
	// Model writes the first draft and revises it. Nil: [Extract] writes it, and the specialists' own rules revise it.
	Model specialists.Model
	// Specialists examine each draft. Nil: none.
	Specialists []specialists.Specialist
	// Draft is an answer that somebody else wrote, to be refined.
	Draft string
	// Refine says when a draft is refined. The zero value is [Auto].
	Refine Refinement
	// Recall brings memories for a question that a specialist asks. It must answer from the task's scope alone. Nil: no
	// question is asked.
	Recall func(ctx context.Context, question string) ([]memory.Record, error)
	// Prompt renders the evidence for the model, each memory with its number. Nil: a line for each.
	Prompt func(t *specialists.Task) string
	// Delta hears the first draft as the model writes it, before it is refined. Nil: nobody does.
	Delta func(string) error

	// The budgets. Zero means no limit, but for Rounds: [DefaultRounds].
	Rounds    int           // steps of the recursion
	MaxTokens int           // of all prompts and completions
	MaxCost   float64       // of all of them, in the currency of the model's prices
	Timeout   time.Duration // of everything
}

// Refinement says when a draft is refined.
type Refinement string

// The refinements.
const (
	Auto   Refinement = "auto"   // unless the first draft passes
	Always Refinement = "always" // until it stands still, even if it passes
	Off    Refinement = "off"    // never; it is judged all the same
)

// DefaultRounds is the default of RespondOptions.Rounds.
const DefaultRounds = 3

// Respond answers a task.
func Respond(ctx context.Context, t *specialists.Task, o *RespondOptions) (Response, error) {
	if o == nil {
		o = &RespondOptions{}
	}
	draft := o.Draft
	if draft == "" {
		draft = Extract(t)
	}
	return Response{Text: draft, Citations: citations(t, draft)}, nil
}

var cited = regexp.MustCompile(`\[(\d{1,4})\]`)

// citations are the memories that a text cites, in the order of their numbers' first appearance.
func citations(t *specialists.Task, s string) []Citation {
	var list []Citation
	seen := map[int]bool{}
	for _, m := range cited.FindAllStringSubmatch(s, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > len(t.Evidence) || seen[n] {
			continue
		}
		seen[n] = true
		list = append(list, Citation{Number: n, Memory: t.Evidence[n-1]})
	}
	return list
}
