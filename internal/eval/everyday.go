package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/memory"
)

// Everyday is a suite of ordinary use: histories of people who talk with an assistant, standalone facts, and questions.
type Everyday struct {
	Conversations []Conversation // one for each scope, without questions
	Questions     []EverydayQuestion
}

// EverydayQuestion is a question of an [Everyday] suite.
type EverydayQuestion struct {
	ID           string     `json:"id"`
	Scope        string     `json:"scope"`
	Text         string     `json:"question"`
	At           time.Time  `json:"at"`
	Type         string     `json:"type"`
	Evidence     [][]string `json:"evidence"` // sets of references; each set suffices by itself
	Answer       []string   `json:"answer"`   // strings of which one must occur; ^ in front: at the beginning
	Wrong        []string   `json:"wrong"`    // strings of a stale or wrong answer
	Unanswerable bool       `json:"unanswerable"`
}

// ReadEveryday loads a folder with questions.json and the JSON Lines of its scopes. Facts belong to no session, as if a
// model had stored them.
func ReadEveryday(ctx context.Context, dir string) (*Everyday, error) {
	name := filepath.Join(dir, "questions.json")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var file struct {
		Scopes    map[string][]string `json:"scopes"`
		Questions []EverydayQuestion  `json:"questions"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%s is no suite of questions: %w", name, err)
	}
	e := &Everyday{Questions: file.Questions}
	for _, scope := range slices.Sorted(maps.Keys(file.Scopes)) {
		c := Conversation{ID: scope, Scope: memory.Scope{User: scope}}
		for _, f := range file.Scopes[scope] {
			lines, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				return nil, err
			}
			for r, err := range transcript.Read(ctx, bytes.NewReader(lines), f, &transcript.Options{Format: transcript.Lines}) {
				if err != nil {
					return nil, fmt.Errorf("%s: %w", f, err)
				}
				r.Scope.User = scope
				if r.Kind == memory.KindFact {
					r.Position, r.Scope.Session = -1, ""
				}
				c.Records = append(c.Records, r)
			}
		}
		e.Conversations = append(e.Conversations, c)
	}
	for _, q := range e.Questions {
		if file.Scopes[q.Scope] == nil {
			return nil, fmt.Errorf("%s: the question %s is of the scope %q, which it does not list", name, q.ID, q.Scope)
		}
	}
	if len(e.Questions) == 0 {
		return nil, fmt.Errorf("%s holds no question", name)
	}
	return e, nil
}

// Verdict is what an answer to a question of an [Everyday] suite is.
type Verdict string

// The verdicts.
const (
	Right    Verdict = "right"    // a string of the answer occurs, and none of the wrong ones before it; or it refuses rightly
	Hedged   Verdict = "hedged"   // it refuses, and shows the answer all the same
	Mixed    Verdict = "mixed"    // the answer occurs behind a wrong string
	Stale    Verdict = "stale"    // only a wrong string occurs
	Wrong    Verdict = "wrong"    // neither occurs
	Denied   Verdict = "denied"   // it refuses although a memory says it
	Invented Verdict = "invented" // it answers what no memory says
)

// Verdicts are all of them.
var Verdicts = []Verdict{Right, Hedged, Mixed, Stale, Wrong, Denied, Invented}

// Judge compares an answer with what the question expects, by strings. refused says whether the answer is a refusal.
func (q *EverydayQuestion) Judge(answer string, refused bool) Verdict {
	wrong := firstOf(q.Wrong, answer)
	if q.Unanswerable {
		if refused && wrong < 0 {
			return Right
		}
		return Invented
	}
	accepted := q.Answer
	if refused {
		accepted = slices.DeleteFunc(slices.Clone(accepted), func(s string) bool { return strings.HasPrefix(s, "^") })
	}
	right := firstOf(accepted, without(q.Wrong, answer))
	switch {
	case right >= 0 && refused && (wrong < 0 || right < wrong):
		return Hedged
	case refused:
		return Denied
	case right >= 0 && wrong >= 0 && wrong < right:
		return Mixed
	case right >= 0:
		return Right
	case wrong >= 0:
		return Stale
	}
	return Wrong
}

// place is the first place of a string in a text, without regard to case, as whole words where it begins or ends with an
// ASCII letter or digit; -1: it is not there. One with ^ in front must stand at the beginning.
func place(s, in string) int {
	s, in = strings.ToLower(s), strings.ToLower(in)
	if rest, ok := strings.CutPrefix(s, "^"); ok {
		if regexp.MustCompile(`^[^\pL\pN]*` + regexp.QuoteMeta(rest) + `(?:$|[^\pL\pN_])`).MatchString(in) {
			return 0
		}
		return -1
	}
	isASCII := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
	const other = `[^0-9A-Za-z_\x{c0}-\x{24f}]`
	expr := "(" + regexp.QuoteMeta(s) + ")"
	if isASCII(s[0]) {
		expr = `(?:^|` + other + `)` + expr
	}
	if isASCII(s[len(s)-1]) {
		expr += `(?:$|` + other + `)`
	}
	if m := regexp.MustCompile(expr).FindStringSubmatchIndex(in); m != nil {
		return m[2]
	}
	return -1
}

func firstOf(list []string, in string) int {
	first := -1
	for _, s := range list {
		if at := place(s, in); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// without blanks the strings out, so that "Kafka" is not found in "from Kafka to NATS".
func without(list []string, in string) string {
	for _, s := range list {
		if strings.HasPrefix(s, "^") {
			continue
		}
		for at := place(s, in); at >= 0; at = place(s, in) {
			in = in[:at] + strings.Repeat("\x00", len(s)) + in[at+len(s):]
		}
	}
	return in
}
