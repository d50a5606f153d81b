package eval

import (
	"bytes"
	"context"
	"fmt"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/internal/sample"
	"github.com/trm-go/refiner/memory"
)

// Sample is the conversation that comes with the module. It is small (44 questions, one conversation) and was written,
// not recorded: good to see that everything works, too small to compare rankings by.
func Sample(ctx context.Context) (*Dataset, error) {
	c := Conversation{ID: "sample", Scope: memory.Scope{User: "sample"}}
	for r, err := range transcript.Read(ctx, bytes.NewReader(sample.Conversation), "sample.jsonl", &transcript.Options{Scope: c.Scope}) {
		if err != nil {
			return nil, err
		}
		c.Records = append(c.Records, r)
	}
	turns := c.turns()
	questions, err := sample.Questions()
	if err != nil {
		return nil, err
	}
	d := &Dataset{Name: "sample"}
	for i, q := range questions {
		d.add(&c, Question{ID: fmt.Sprintf("sample/%d", i), Text: q.Text, Category: q.Category, Evidence: q.Evidence, Answer: q.Answer}, turns)
	}
	d.Conversations = []Conversation{c}
	return d, nil
}
