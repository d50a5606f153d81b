package transcript

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
)

var epoch = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

// collect reads everything: the records and the errors, as strings.
func collect(t *testing.T, r io.Reader, name string, o *Options) (records []memory.Record, problems []string) {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	opts := *o
	if opts.Created.IsZero() {
		opts.Created = epoch
	}
	for rec, err := range Read(context.Background(), r, name, &opts) {
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *Error", err)
			}
			problems = append(problems, err.Error())
			continue
		}
		records = append(records, rec)
	}
	return records, problems
}

// lines renders records in short: session#position role/speaker time text.
func lines(records []memory.Record) []string {
	var out []string
	for _, r := range records {
		out = append(out, fmt.Sprintf("%s#%d %s/%s %s %s", r.Scope.Session, r.Position, r.Role, r.Speaker, r.Created.Format("2006-01-02T15:04"), r.Text))
	}
	return out
}

func TestRead(t *testing.T) {
	tests := []struct {
		name, file string
		options    Options
		format     Format
		want       []string
	}{
		{name: "locomo", file: "locomo.json", format: LoCoMo, want: []string{
			"conv-7/session_1#0 user/Ana 2023-05-08T13:56 Hey Ben! I got a cat.",
			"conv-7/session_1#1 user/Ben 2023-05-08T13:56 Congratulations!\n[image: a photo of a grey cat]",
			"conv-7/session_2#0 user/Ana 2023-06-01T00:05 She is called Luna.",
			"conv-7/session_10#0 user/Ben 2023-12-24T12:00 [image: a photo of a tree]",
		}},
		{name: "beam", file: "beam/3/chat.json", format: BEAM, want: []string{
			"3/batch_1#0 user/ 2024-03-03T00:00 Can you help me with my essay?",
			"3/batch_1#1 assistant/ 2024-03-03T00:00 Of course. What is it about?",
			"3/batch_1#2 user/ 2024-03-03T00:00 About x ->-> y, in 3 parts.",
			"3/batch_2#0 user/ 2024-04-10T00:00 It is done.",
		}},
		{name: "one transcript", file: "chat.json", format: "openai", want: []string{
			"chat/1#0 user/ 2024-01-02T03:04 What is in the picture?\n[image]",
			"chat/1#1 assistant/ 2024-01-02T03:04 A lighthouse.",
			"chat/1#2 user/Ines 2024-01-02T03:04 Thanks!",
		}},
		{name: "with system and tools", file: "chat.json", options: Options{System: true, Scope: memory.Scope{User: "u", Session: "s"}}, format: "openai", want: []string{
			"s#0 system/ 2024-01-02T03:04 You are helpful.",
			"s#1 user/ 2024-01-02T03:04 What is in the picture?\n[image]",
			"s#2 tool/ 2024-01-02T03:04 {\"objects\": [\"lighthouse\"]}",
			"s#3 assistant/ 2024-01-02T03:04 A lighthouse.",
			"s#4 user/Ines 2024-01-02T03:04 Thanks!",
		}},
		{name: "array of transcripts", file: "chats.json", format: "openai", want: []string{
			"trip#0 user/ 2024-05-01T10:00 To Rome.",
			"trip#1 assistant/ 2024-05-01T10:01 When?",
			"chats/2#0 user/ 2024-01-02T03:04 Hello.",
		}},
		{name: "bare messages", file: "messages.json", format: "openai", want: []string{
			"messages#0 user/ 2024-01-02T03:04 Hello.",
			"messages#1 assistant/ 2024-01-02T03:04 Hi.",
		}},
		{name: "fine-tuning", file: "tuning.jsonl", format: "openai", want: []string{
			"tuning/1#0 user/ 2024-01-02T03:04 One?",
			"tuning/1#1 assistant/ 2024-01-02T03:04 Two.",
			"tuning/2#0 user/ 2024-01-02T03:04 Three?",
		}},
		{name: "chatgpt", file: "conversations.json", format: "chatgpt", want: []string{
			"c-1#0 user/ 2024-02-01T09:00 Plan a trip.",
			"c-1#1 assistant/ 2024-02-01T09:01 Where to?\nAnd when?",
			"c-1#2 user/ 2024-02-01T09:02 [image]\nHere.",
			"c-2#0 user/ 2024-02-02T09:00 No current node.",
			"c-2#1 assistant/ 2024-02-02T09:00 The last try.",
		}},
		{name: "json lines", file: "lines.jsonl", format: Lines, want: []string{
			"may#0 user/Ines 2024-05-31T18:30 We moved to Porto.",
			"may#1 assistant/ 2024-05-31T18:30 Congratulations!",
			"lines#0 user/ 2024-01-02T03:04 Only a text.",
			"june#0 assistant/ 2024-06-01T00:00 Parts.\nAnd more.",
			"june#1 user/Bea 2024-06-01T16:00 From Bea.",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join("testdata", filepath.FromSlash(tt.file))
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := detect(tt.file, data); got != tt.format || err != nil {
				t.Errorf("Detect = %q, %v; want %q", got, err, tt.format)
			}
			got, problems := collect(t, strings.NewReader(string(data)), tt.file, &tt.options)
			if len(problems) > 0 {
				t.Errorf("errors: %q", problems)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			keys := map[string]bool{}
			for _, r := range got {
				if err := r.Validate(); err != nil {
					t.Error(err)
				}
				if r.Key == "" || keys[r.Key] {
					t.Errorf("key %q is empty or not unique", r.Key)
				}
				keys[r.Key] = true
			}
			explicit := tt.options
			explicit.Format = tt.format
			crlf := "\ufeff" + strings.ReplaceAll(string(data), "\n", "\r\n")
			again, problems := collect(t, strings.NewReader(crlf), tt.file, &explicit)
			if diff := cmp.Diff(got, again); diff != "" || len(problems) > 0 {
				t.Errorf("with a byte order mark and CRLF: %q (-want +got)\n%s", problems, diff)
			}
		})
	}
}
