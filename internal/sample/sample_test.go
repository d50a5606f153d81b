package sample_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/internal/sample"
	"github.com/trm-go/refiner/memory"
)

func read(t *testing.T) []memory.Record {
	t.Helper()
	var records []memory.Record
	for r, err := range transcript.Read(context.Background(), bytes.NewReader(sample.Conversation), "sample.jsonl", nil) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

// TestConversation checks that the conversation is what its package says: in order, one speaker after the other, nothing
// said twice in the same words.
func TestConversation(t *testing.T) {
	records := read(t)
	sessions, texts := map[string]bool{}, map[string]bool{}
	for i, r := range records {
		if sessions[r.Scope.Session] = true; texts[r.Text] {
			t.Errorf("%q is there twice", r.Text)
		}
		texts[r.Text] = true
		if i == 0 {
			continue
		}
		before := records[i-1]
		if r.Created.Before(before.Created) {
			t.Errorf("%s comes before %s in time", r.Meta["ref"], before.Meta["ref"])
		}
		if r.Scope.Session == before.Scope.Session && r.Role == before.Role {
			t.Errorf("%s: %s speaks twice", r.Meta["ref"], r.Role)
		}
		if r.Created.Format("2006-01-02") != r.Scope.Session {
			t.Errorf("%s of session %s was said at %s", r.Meta["ref"], r.Scope.Session, r.Created)
		}
	}
	if len(records) != 410 || len(sessions) != 36 {
		t.Errorf("%d turns in %d sessions, want 410 in 36", len(records), len(sessions))
	}
}

// TestQuestions checks that every question has an answer in what Nora says, not in the assistant's words alone.
func TestQuestions(t *testing.T) {
	questions, err := sample.Questions()
	if err != nil {
		t.Fatal(err)
	}
	speaker := map[string]string{}
	for _, r := range read(t) {
		speaker[r.Meta["ref"]] = r.Speaker
	}
	categories, asked := map[string]int{}, map[string]bool{}
	for _, q := range questions {
		categories[q.Category]++
		if asked[q.Text] || !strings.HasSuffix(q.Text, "?") || q.Answer == "" || len(q.Evidence) == 0 {
			t.Errorf("%q is there twice, or has no answer or evidence", q.Text)
		}
		asked[q.Text] = true
		nora := false
		for _, ref := range q.Evidence {
			name, there := speaker[ref]
			if !there {
				t.Errorf("%q: there is no turn %s", q.Text, ref)
			}
			nora = nora || name == "Nora"
		}
		if !nora {
			t.Errorf("%q: what %v say, Nora does not", q.Text, q.Evidence)
		}
		if q.Category == "multi-hop" && len(q.Evidence) < 2 {
			t.Errorf("%q needs only one turn", q.Text)
		}
	}
	for _, c := range []string{"single-hop", "multi-hop", "temporal", "update", "open-domain"} {
		if categories[c] == 0 {
			t.Errorf("there is no question of the category %s", c)
		}
	}
	if len(questions) < 40 || len(categories) != 5 {
		t.Errorf("%d questions in %v", len(questions), categories)
	}
}

func ExampleQuestions() {
	questions, err := sample.Questions()
	if err != nil {
		fmt.Println(err)
		return
	}
	q := questions[0]
	fmt.Println(q.Text, "-", q.Answer, q.Evidence)
	// Output: What is Nora's job? - landscape architect [1:3]
}
