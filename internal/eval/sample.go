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
	questions, err := sample.Questions()
	if err != nil {
		return nil, err
	}
	var list []Question
	for i, q := range questions {
		list = append(list, Question{ID: fmt.Sprintf("sample/%d", i), Text: q.Text, Category: q.Category, Evidence: q.Evidence, Answer: q.Answer})
	}
	d := &Dataset{Name: "sample"}
	d.Add(c, list)
	return d, nil
}
