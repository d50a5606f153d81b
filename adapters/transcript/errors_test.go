package transcript

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
)

func TestErrors(t *testing.T) {
	tests := []struct {
		name, text string
		options    Options
		is         error
		want       []string // problems
		records    int
	}{
		{name: "empty", text: "", is: ErrFormat, want: []string{"f:1: unknown format: there is nothing in the file"}},
		{name: "only a byte order mark", text: "\ufeff\r\n", is: ErrFormat, want: []string{"f:1: unknown format: there is nothing in the file"}},
		{name: "empty array", text: "[]", options: Options{Format: "openai"}, is: ErrFormat, want: []string{"f:1: unknown format: there is nothing in the file"}},
		{name: "prose", text: "Dear diary", is: ErrFormat, want: []string{`f:1: unknown format: it starts with "Dear diary"; JSON starts with { or [, and a chat of WhatsApp with a date`}},
		{name: "utf-16", text: "\xff\xfe{\x00", is: ErrFormat, want: []string{"f:1: unknown format: it is UTF-16: save it as UTF-8"}},
		{name: "gzip", text: "\x1f\x8b\x08", is: ErrFormat, want: []string{"f:1: unknown format: it is compressed: name the file instead of sending its content, or unpack it first"}},
		{name: "numbers", text: "[1,2]", is: ErrFormat, want: []string{"f:1: unknown format: there is no object at its beginning"}},
		{name: "other json", text: `{"name": "x", "version": 1}`, is: ErrFormat, want: []string{
			`f:1: unknown format: its first object has ["name" "version"], which none of chatgpt, claude, claude-code, openwebui, librechat, gemini, sharegpt, discord, telegram, slack, whatsapp, mem0, zep, locomo, beam, openai, jsonl, markdown has; bring it into the form of jsonl, one {"text": ..., "role": ..., "time": ...} a line`}},
		{name: "nearly a format", text: `{"guild": {}, "messages": {}}`, is: ErrFormat, want: []string{
			`f:1: unknown format: its first object has ["guild" "messages"]; the nearest is openai (transcripts of the OpenAI, Anthropic or Vercel APIs: {"messages": [...]}, one, an array, one a line, or a bare array of messages), which needs ["messages"]`}},
		{name: "unknown format", text: "{}", options: Options{Format: "csv"}, is: ErrFormat, want: []string{
			`f:1: unknown format "csv": ` + "`refine import --help` lists those that are known; without a name it is found by content"}},

		{name: "a bad line", text: "{\"text\":\"a\"}\n{\"text\":\n{\"text\":\"c\"}\n", is: ErrSyntax, records: 1,
			want: []string{"f:2: record 2: unreadable: it ends in the middle of a value: is it truncated?"}},
		{name: "bad lines skipped", text: "{\"text\":\"a\"}\n\n{\"text\" 1}\n{\"text\":[1]}\n{\"text\":{\"a\":1}}\n7\n{\"text\":\" \"}\n{\"role\":\"user\"}\n{\"text\":\"b\",\"time\":\"soon\"}\n{\"text\":\"c\"}",
			options: Options{Skip: true}, records: 2, want: []string{
				"f:3: record 2: unreadable: it is not JSON: invalid character '1' after object key",
				`f:4: record 3: unusable record: a part of "text" is a number, not a string or an object`,
				`f:5: record 4: unusable record: "text" is empty`,
				`f:6: record 5: unusable record: it is a number, not an object with "text"`,
				`f:7: record 6: unusable record: "text" is empty`,
				`f:8: record 7: unusable record: there is no "text"`,
				`f:9: record 8: unusable record: "time" is "soon", not a time: write it like 2024-05-31T18:30:00Z`,
			}},
		{name: "bytes that are no text", text: "{\"text\":\"a\"}\n{\"text\":\"\xff\"}\n{\"text\":\"\x00\"}\n{\"text\":\"b\"}", options: Options{Skip: true}, records: 2, want: []string{
			"f:2: record 2: unreadable: it is not valid UTF-8: convert the file to UTF-8",
			"f:3: record 3: unreadable: there is a NUL byte: save the file as UTF-8 text",
		}},
		{name: "escaped NUL", text: "{\"text\":\"a\\u0000b\"}\n{\"text\":\"a\",\"session\":\"\\u0000\"}\n", options: Options{Skip: true}, want: []string{
			"f:1: record 1: unusable record: invalid: the text holds a NUL byte",
			"f:2: record 2: unusable record: invalid: the session holds a NUL byte",
		}},
		{name: "unknown kind", text: `{"text":"a","kind":"dream"}`, is: ErrRecord, want: []string{
			`f:1: record 1: unusable record: invalid: unknown kind "dream": use turn, fact, summary, persona or faq`}},
		{name: "not JSON in an array", text: "[\n{\"role\":\"user\",\"content\":\"a\"},\n{\"role\":\"user\",\n\"content\" \"b\"}\n]", options: Options{Skip: true}, is: ErrSyntax, records: 1,
			want: []string{"f:4: unreadable: it is not JSON: invalid character '\"' after object key"}},
		{name: "truncated array", text: "[\n{\"role\":\"user\",\"content\":\"a\"},\n{\"role\":\"us", options: Options{Skip: true}, is: ErrSyntax, records: 1,
			want: []string{"f:3: unreadable: it ends in the middle of a value: is it truncated?"}},
		{name: "array without an end", text: "[\n{\"role\":\"user\",\"content\":\"a\"}\n", is: ErrSyntax, records: 1,
			want: []string{"f:3: unreadable: it ends in the middle of a value: is it truncated?"}},
		{name: "something after the array", text: "[{\"role\":\"user\",\"content\":\"a\"}]\n[]", is: ErrSyntax, records: 1,
			want: []string{"f:2: unreadable: there is something after the end of the array"}},
		{name: "not UTF-8 in an array", text: "[\n{\"role\":\"user\",\"content\":\"a\"},\n{\"role\":\"user\",\"content\":\"\xc3\"}]", is: ErrSyntax, records: 1,
			want: []string{"f:3: unreadable: it is not valid UTF-8: convert the file to UTF-8"}},
		{name: "messages of wrong types", text: `[{"messages":[{"role":"user","content":"a"}, 5, {"content":"b"}, {"role":"user"}, {"role":"user","content":7.5}, {"role":"user","content":true}, {"role":["x"],"content":"b"}]}, {"messages":{}}, 3]`,
			options: Options{Skip: true}, records: 1, want: []string{
				"f:1: record 2: unusable record: a message is a number, not an object",
				`f:1: record 3: unusable record: the message has no "role": give it user or assistant`,
				`f:1: record 4: unusable record: the message has no "content"`,
				`f:1: record 5: unusable record: "content" is a number, not a string or a list of parts`,
				`f:1: record 6: unusable record: "content" is true or false, not a string or a list of parts`,
				`f:1: record 7: unusable record: "role" is a list, not a string`,
				`f:1: record 8: unusable record: "messages" is an object, not a list`,
				`f:1: record 9: unusable record: a conversation is a number, not an object with "messages"`,
			}},
		{name: "locomo of wrong types", text: "[{\"qa\":[],\n\"sample_id\":\"c\",\"conversation\":{\n\"session_1\":[\n7,\n{\"text\":[]},\n{\"speaker\":\"A\",\"text\":\"a\"}],\"session_1_date_time\":\"never\"}},\n{\"qa\":[]}]",
			options: Options{Skip: true}, records: 1, want: []string{
				`f:6: record 1: unusable record: "session_1_date_time" is "never", not a time: write it like 2024-05-31T18:30:00Z`,
				"f:4: record 2: unusable record: a turn is a number, not an object",
				`f:5: record 3: unusable record: "text" is a list, not a string`,
				`f:7: record 5: unusable record: the conversation "f-2" has no list session_1`,
			}},
		{name: "beam of wrong types", text: `[{"batch_number":1,"turns":[[{"role":"user","id":1,"content":"a"}, 1], 2, {"role":"user","id":2,"content":"b"}, [{"role":"user","time_anchor":"Mai","content":"c"}]]}, {"batch_number":2}, {"batch_number":{}}, []]`,
			options: Options{Skip: true}, records: 3, want: []string{
				"f:1: record 2: unusable record: a message is a number, not an object",
				"f:1: record 3: unusable record: a turn is a number, not a list of messages",
				`f:1: record 5: unusable record: "time_anchor" is "Mai", not a time: write it like 2024-05-31T18:30:00Z`,
				`f:1: record 7: unusable record: "turns" of batch 2 is missing, not a list`,
				`f:1: record 8: unusable record: "batch_number" is an object, not a string`,
				"f:1: record 9: unusable record: a batch is a list, not an object",
			}},
		{name: "chatgpt in a circle", text: `[{"mapping":{"a":{"parent":"b"},"b":{"parent":"a"}},"current_node":"a"}, {"mapping":{"a":{"parent":"b","children":["b"]},"b":{"parent":"a"}}}, {"mapping":{"a":{"parent":"a"}}}, {"mapping":{},"current_node":"z"}, {"mapping":7}, {}]`,
			options: Options{Skip: true}, want: []string{
				`f:1: record 1: unusable record: the messages go round in a circle at "a"`,
				`f:1: record 2: unusable record: the messages go round in a circle at "a"`,
				`f:1: record 3: unusable record: the messages go round in a circle at "a"`,
				`f:1: record 4: unusable record: "mapping" is a number, not the conversation's messages: is this ChatGPT's data export: the ZIP, or conversations.json?`,
				`f:1: record 5: unusable record: "mapping" is missing, not the conversation's messages: is this ChatGPT's data export: the ZIP, or conversations.json?`,
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			records, problems := collect(t, strings.NewReader(tt.text), "f", &tt.options)
			if diff := cmp.Diff(tt.want, problems); diff != "" {
				t.Errorf("problems (-want +got)\n%s", diff)
			}
			if len(records) != tt.records {
				t.Errorf("%d records, want %d: %q", len(records), tt.records, lines(records))
			}
			for _, err := range Read(context.Background(), strings.NewReader(tt.text), "f", &tt.options) {
				if err == nil {
					continue
				}
				var e *Error
				if tt.is != nil && (!errors.Is(err, tt.is) || !errors.As(err, &e) || e.Skipped) {
					t.Errorf("%v is not %v, or is marked as skipped", err, tt.is)
				}
			}
		})
	}
}

// endless repeats a text for ever, up to a number of bytes.
type endless struct {
	text string
	left int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && n < e.left {
		n += copy(p[n:min(len(p), e.left)], e.text)
	}
	e.left -= n
	return n, nil
}

// TestHuge reads a line of 100 MB, and other things over the limit, where a few bytes were expected: the error is clear
// and the memory stays bounded.
func TestHuge(t *testing.T) {
	const size = maxValue + 4<<20
	tests := []struct {
		name                string
		before, fill, after string
		size                int
		want                string
		records             int
	}{
		{"a line", "{\"text\":\"a\"}\n{\"text\":\"", "x", "\"}\n{\"text\":\"b\"}\n", 100 << 20, "f:2: record 2: unusable record: the line has 104857612 bytes, more than 33554432: break it into several", 2},
		{"an element", `[{"role":"user","content":"a"},{"role":"user","content":"`, "x", `"}]`, size, "f:1: unusable record: one element has more than 33554432 bytes", 1},
		{"nesting", `[{"role":"user","content":"a"},`, "[", "", size, "f:1: unreadable: it is not JSON: invalid character '[' exceeded max depth", 1},
		{"nesting in a line", "{\"text\":\"a\"}\n{\"text\":", "{\"a\":", "\n{\"text\":\"b\"}\n", size, "f:2: record 2: unusable record: the line has", 2},
		{"spaces", "", " ", "", size, "f:1: unknown format: there is nothing in the file", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := io.MultiReader(strings.NewReader(tt.before), &endless{tt.fill, tt.size}, strings.NewReader(tt.after))
			records, problems := collect(t, r, "f", &Options{Skip: true})
			runtime.ReadMemStats(&after)
			if len(records) != tt.records || len(problems) != 1 || !strings.Contains(problems[0], tt.want) {
				t.Errorf("%d records, problems %q; want %d, %q", len(records), problems, tt.records, tt.want)
			}
			// The heap may hold the largest value several times while it grows, but never the file.
			if got := int64(after.Sys) - int64(before.Sys); got > 400<<20 {
				t.Errorf("it took %d MiB from the system", got>>20)
			}
		})
	}
}

func TestLongTextsAreSplit(t *testing.T) {
	paragraph := strings.Repeat("word and more ", 2000) + "\n\n"
	text := strings.Repeat(paragraph, memory.MaxText/len(paragraph)*2+1)
	line := `{"session":"s","id":"long","text":"` + strings.ReplaceAll(text, "\n", `\n`) + "\"}\n{\"session\":\"s\",\"text\":\"next\"}"
	records, problems := collect(t, strings.NewReader(line), "f", nil)
	if len(problems) > 0 || len(records) < 3 {
		t.Fatalf("%d records, problems %q", len(records), problems)
	}
	words := 0
	for i, r := range records[:len(records)-1] {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		if r.Position != i {
			t.Errorf("position %d, want %d", r.Position, i)
		}
		words += len(strings.Fields(r.Text))
	}
	if want := len(strings.Fields(text)); words != want {
		t.Errorf("%d words, want %d", words, want)
	}
	if records[0].Key != "s/long" || records[1].Key != "s/long#2" {
		t.Errorf("keys %q and %q", records[0].Key, records[1].Key)
	}
}

// TestKeys reads a file twice, the second time with a line more, and a line that was said twice.
func TestKeys(t *testing.T) {
	const first = "{\"text\":\"Hello\"}\n{\"text\":\"Yes.\"}\n{\"text\":\"Yes.\"}\n"
	a, _ := collect(t, strings.NewReader(first), "f", nil)
	b, _ := collect(t, strings.NewReader("{\"text\":\"Before.\"}\n"+first), "f", nil)
	keys := map[string]bool{}
	for _, r := range a {
		keys[r.Key] = true
	}
	if len(keys) != 3 {
		t.Errorf("%d keys for 3 lines", len(keys))
	}
	for i, r := range b {
		if keys[r.Key] != (i > 0) {
			t.Errorf("line %d: key %q was there: %v", i+1, r.Key, keys[r.Key])
		}
	}
}

func TestStops(t *testing.T) {
	data := []byte(strings.Repeat("{\"text\":\"a\"}\n", 10))
	n := 0
	for range Read(context.Background(), bytes.NewReader(data), "f", nil) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d records after a break at 3", n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n = 0
	var last error
	for _, err := range Read(ctx, bytes.NewReader(data), "f", nil) {
		if last = err; err == nil {
			n++
			cancel()
		}
	}
	if n != 1 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d records and %v after a cancelled context", n, last)
	}
	broken := io.MultiReader(bytes.NewReader(data), &failing{})
	for _, err := range Read(context.Background(), broken, "f", &Options{Skip: true}) {
		last = err
	}
	if !errors.Is(last, errDisk) {
		t.Errorf("%v after a failed read", last)
	}
}

var errDisk = errors.New("the disk is gone")

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errDisk }

// TestSameID gives two lines one id: both are kept, under two keys.
func TestSameID(t *testing.T) {
	records, problems := collect(t, strings.NewReader("{\"id\":1,\"text\":\"a\"}\n{\"id\":1,\"text\":\"b\"}\n{\"id\":1,\"text\":\"c\",\"session\":\"other\"}\n"), "f", nil)
	var keys []string
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	if diff := cmp.Diff([]string{"f/1", "f/1.2", "other/1"}, keys); diff != "" || len(problems) > 0 {
		t.Errorf("%q (-want +got)\n%s", problems, diff)
	}
}
