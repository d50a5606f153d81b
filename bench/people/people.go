// Package people reads the invented histories of this folder: what people say to an assistant over some months, in many languages, facts
// about them, and questions with what answers them. The ranking of memories and the sureness of answers are trained on them.
package people

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/memory"
)

// History is what one person said and was told, with questions.
type History struct {
	eval.Conversation // without questions; the user of its scope is its ID
	Name              string
	Questions         []Question
}

// Question is a question of a history.
type Question struct {
	eval.EverydayQuestion
	Old []string // references of what was true before
}

// ErrFormat is returned for a file that is no history.
var ErrFormat = errors.New("not a history")

// Read reads all histories of a folder, NAME.txt each, in the order of their names.
func Read(dir string) ([]History, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	var all []History
	for _, file := range files {
		h, err := readFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, *h)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no history (NAME.txt)", dir)
	}
	return all, nil
}

func readFile(file string) (*History, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	id := strings.TrimSuffix(filepath.Base(file), ".txt")
	r := reader{h: &History{Conversation: eval.Conversation{ID: id, Scope: memory.Scope{User: id}}}, labels: map[string]bool{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if err := r.line(lines.Text()); err != nil {
			return nil, fmt.Errorf("%w: %s, line %d: %w", ErrFormat, file, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return r.h, r.check(file)
}

// reader reads a history line by line: see README.md for the format.
type reader struct {
	h       *History
	zone    *time.Location
	named   bool
	session int
	place   int       // in the session
	now     time.Time // of the session, then of the questions
	labels  map[string]bool
}

var (
	stamp  = regexp.MustCompile(`^(==|\?\?) (\d{4}-\d\d-\d\d \d\d:\d\d)$`)
	record = regexp.MustCompile(`^(?:\[(\w+)\] )?(?:([ua])|f (\d{4}-\d\d-\d\d)): (.+)$`)
)

func (r *reader) line(s string) error {
	switch {
	case r.zone == nil:
		return r.person(s)
	case s == "|" || strings.HasPrefix(s, "| "):
		if len(r.h.Records) == 0 {
			return errors.New("it continues nothing")
		}
		last := &r.h.Records[len(r.h.Records)-1]
		last.Text += "\n" + strings.TrimPrefix(s[1:], " ")
	case strings.TrimSpace(s) == "" || s[0] == '#' || s == "== facts":
	case strings.HasPrefix(s, "? "):
		return r.question(s[2:])
	default:
		if m := stamp.FindStringSubmatch(s); m != nil {
			return r.begin(m[1], m[2])
		}
		return r.record(s)
	}
	return nil
}

// person reads "@ name | names or roles | zone | languages".
func (r *reader) person(s string) error {
	f := fields(strings.TrimPrefix(s, "@ "), 4)
	zone, err := time.LoadLocation(f[2])
	if err != nil || f[1] != "names" && f[1] != "roles" || f[2] == "" {
		return fmt.Errorf("%q is not @ NAME | names or roles | time zone | languages", s)
	}
	r.h.Name, r.named, r.zone = f[0], f[1] == "names", zone
	return nil
}

// begin begins a session, or the questions that are asked at a time.
func (r *reader) begin(mark, at string) error {
	now, err := time.ParseInLocation("2006-01-02 15:04", at, r.zone)
	if err != nil {
		return err
	}
	if r.now = now; mark == "==" {
		r.session++
		r.place = 0
	}
	return nil
}

func (r *reader) record(s string) error {
	m := record.FindStringSubmatch(s)
	if m == nil {
		return fmt.Errorf("%q is no line of a history", s)
	}
	ref := m[1]
	if ref == "" {
		ref = fmt.Sprintf("#%d", len(r.h.Records)+1)
	}
	if r.labels[ref] {
		return fmt.Errorf("the label %s is there twice", ref)
	}
	r.labels[ref] = true
	x := memory.Record{Scope: r.h.Scope, Kind: memory.KindTurn, Role: "user", Text: m[4], Meta: map[string]string{"ref": ref}, Origin: memory.Observed, Confidence: 1, Importance: .5}
	switch {
	case m[3] != "":
		day, err := time.ParseInLocation(time.DateOnly, m[3], r.zone)
		if err != nil {
			return err
		}
		x.Kind, x.Position, x.Created = memory.KindFact, -1, day.Add(12*time.Hour)
	case r.session == 0:
		return errors.New("no session has begun")
	default:
		x.Scope.Session, x.Position, x.Created = fmt.Sprintf("s%02d", r.session), r.place, r.now.Add(time.Duration(r.place)*75*time.Second)
		r.place++
		if m[2] == "a" {
			x.Role = "assistant"
		} else if r.named {
			x.Speaker = r.h.Name
		}
	}
	r.h.Records = append(r.h.Records, x)
	return nil
}

// question reads "type | evidence | question | answers | wrong | old: labels".
func (r *reader) question(s string) error {
	f := fields(s, 6)
	q := Question{EverydayQuestion: eval.EverydayQuestion{ID: fmt.Sprintf("%s-%d", r.h.ID, len(r.h.Questions)+1), Scope: r.h.ID, Type: f[0], Text: f[2], At: r.now,
		Answer: list(f[3], " ; "), Wrong: list(f[4], " ; "), Unanswerable: f[0] == "unknown"}}
	for _, set := range list(f[1], "/") {
		q.Evidence = append(q.Evidence, list(set, "+"))
	}
	q.Old = list(strings.NewReplacer("old:", "", "/", "+", ",", "+").Replace(f[5]), "+")
	switch {
	case q.Text == "" || r.now.IsZero():
		return errors.New("a question needs a text and a time (??)")
	case q.Unanswerable != (len(q.Evidence) == 0), q.Unanswerable != (len(q.Answer) == 0):
		return errors.New("a question has evidence and answers, or its type is unknown")
	}
	r.h.Questions = append(r.h.Questions, q)
	return nil
}

// check reports labels that nothing has.
func (r *reader) check(file string) error {
	if r.zone == nil {
		return fmt.Errorf("%w: %s is empty", ErrFormat, file)
	}
	for _, q := range r.h.Questions {
		for _, set := range append(q.Evidence, q.Old) {
			for _, ref := range set {
				if !r.labels[ref] {
					return fmt.Errorf("%w: %s, question %q: no line has the label %s", ErrFormat, file, q.Text, ref)
				}
			}
		}
	}
	return nil
}

// fields are n fields with bars between them, the missing ones empty.
func fields(s string, n int) []string {
	f := strings.Split(strings.ReplaceAll(s+" ", " |", "\x00"), "\x00")
	for i := range f {
		f[i] = strings.TrimSpace(f[i])
	}
	return append(f, make([]string, n)...)[:n]
}

// list are the parts of a list; "-" is none.
func list(s, separator string) []string {
	var parts []string
	for _, p := range strings.Split(s, separator) {
		if p = strings.TrimSpace(p); p != "" && p != "-" {
			parts = append(parts, p)
		}
	}
	return parts
}
