package people

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/trm-go/refiner/memory"
)

const small = `@ Ada | names | Europe/Warsaw | English
== 2025-03-04 08:12
[rent1] u: The landlord wants 640 for the studio.
a: That is a lot.
== 2025-03-05 09:00
u: Here is his letter:
| Dear Ada,
|
| I agree to 615.
== facts
[f1] f 2025-04-02: Ada is allergic to penicillin.
?? 2025-09-01 12:00
? current | rent1+f1 / f1 | What do I pay? | 615 ; penicillin | 640 | old: rent1
? unknown | - | What is his number? | - | 640
`

func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ada.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRead(t *testing.T) {
	all, err := Read(write(t, small))
	if err != nil {
		t.Fatal(err)
	}
	h := all[0]
	if h.Name != "Ada" || len(h.Records) != 4 || len(h.Questions) != 2 {
		t.Fatalf("%+v", h)
	}
	if r := h.Records[2]; r.Text != "Here is his letter:\nDear Ada,\n\nI agree to 615." || r.Speaker != "Ada" || r.Scope.Session != "s02" || r.Position != 0 {
		t.Errorf("%+v", r)
	}
	if r := h.Records[1]; r.Role != "assistant" || r.Speaker != "" || r.Position != 1 || r.Created.UTC().Format("15:04:05") != "07:13:15" {
		t.Errorf("%+v", r)
	}
	if r := h.Records[3]; r.Kind != memory.KindFact || r.Position != -1 || r.Scope.Session != "" {
		t.Errorf("%+v", r)
	}
	q := h.Questions[0]
	if !reflect.DeepEqual(q.Evidence, [][]string{{"rent1", "f1"}, {"f1"}}) || !reflect.DeepEqual(q.Answer, []string{"615", "penicillin"}) ||
		!reflect.DeepEqual(q.Old, []string{"rent1"}) || q.At.UTC().Hour() != 10 {
		t.Errorf("%+v", q)
	}
	if q := h.Questions[1]; !q.Unanswerable || q.Evidence != nil || q.Answer != nil {
		t.Errorf("%+v", q)
	}
}

func TestReadFaults(t *testing.T) {
	for name, change := range map[string][2]string{
		"zone":     {"Europe/Warsaw", "Nowhere"},
		"label":    {"rent1+f1", "rent2+f1"},
		"twice":    {"[f1]", "[rent1]"},
		"line":     {"a: That", "That"},
		"evidence": {"? unknown | - ", "? unknown | f1 "},
		"session":  {"== 2025-03-04 08:12\n", ""},
	} {
		if _, err := Read(write(t, strings.Replace(small, change[0], change[1], 1))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a folder without histories is read")
	}
}

// TestHistories holds the histories of this folder to what is trained on: what answers a question stands in each set of its evidence.
func TestHistories(t *testing.T) {
	all, err := Read(".")
	if err != nil {
		t.Fatal(err)
	}
	questions := 0
	for _, h := range all {
		texts := map[string]string{}
		for _, r := range h.Records {
			texts[r.Meta["ref"]] = strings.ToLower(r.Text)
		}
		for _, q := range h.Questions {
			questions++
			for _, set := range q.Evidence {
				said := ""
				for _, ref := range set {
					said += texts[ref] + " "
				}
				found := false
				for _, a := range q.Answer {
					found = found || strings.Contains(said, strings.ToLower(a))
				}
				if !found {
					t.Errorf("%s %q: none of %q stands in %v", q.ID, q.Text, q.Answer, set)
				}
			}
		}
	}
	t.Logf("%d histories, %d questions", len(all), questions)
}
