package specialists

import (
	"context"
	"strings"
)

// Default are the specialists in order of their priority: puzzle, decompose, contradiction, grounding, redundancy, citation,
// privacy. None of them needs a language model.
func Default() []Specialist {
	return []Specialist{
		&rule{name: "puzzle", priority: 5, anyDraft: true, examine: solvePuzzle},
		&rule{name: "decompose", priority: 10, anyDraft: true, examine: decompose},
		&rule{name: "contradiction", priority: 30, examine: correct},
		&rule{name: "grounding", priority: 40, examine: keepSupported},
		&rule{name: "redundancy", priority: 60, examine: dropRepeated},
		&rule{name: "citation", priority: 80, examine: cite},
		&rule{name: "privacy", priority: 100, anyDraft: true, examine: maskPrivate},
	}
}

// rule is a specialist that is a pure function.
type rule struct {
	name     string
	priority int
	anyDraft bool // it looks at empty drafts and at those above maxText, too
	examine  func(ctx context.Context, t *Task, d Draft) (Finding, error)
}

func (r *rule) Name() string  { return r.name }
func (r *rule) Priority() int { return r.priority }

func (r *rule) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if err := ctx.Err(); err != nil {
		return Finding{}, err
	}
	if !r.anyDraft && (strings.TrimSpace(d.Text) == "" || len(d.Text) > maxText) {
		return Finding{}, nil
	}
	f, err := r.examine(ctx, t, d)
	for i := range f.Notes {
		f.Notes[i].Specialist = r.name
	}
	if f.Text == d.Text {
		f.Text = ""
	}
	return f, err
}
