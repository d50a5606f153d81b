package transcript_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/memory"
)

func ExampleRead() {
	file := strings.NewReader(`
{"text": "We moved to Porto.", "speaker": "Ines", "time": "2024-05-31T18:30:00Z", "session": "may"}
{"text": "Congratulations! How is the flat?", "role": "assistant", "session": "may"}
{"txet": "Small, but we see the river.", "session": "may"}
`)
	options := &transcript.Options{Scope: memory.Scope{User: "ines"}, Skip: true}
	for record, err := range transcript.Read(context.Background(), file, "porto.jsonl", options) {
		var bad *transcript.Error
		switch {
		case errors.As(err, &bad) && bad.Skipped:
			fmt.Println("skipped", bad)
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println(record.Scope, record.Position, record.Role, record.Text)
		}
	}
	// Output:
	// -/ines/-/may 0 user We moved to Porto.
	// -/ines/-/may 1 assistant Congratulations! How is the flat?
	// skipped porto.jsonl:4: record 3: unusable record: there is no "text"
}
