package specialists

import (
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
)

func TestTimesOfWeeks(t *testing.T) {
	task := &Task{Question: "When did Maria join a gym?", Now: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Evidence: []memory.Record{{
		ID: "a", Speaker: "Maria", Role: "user", Text: "I joined a gym last week!", Created: time.Date(2023, 6, 16, 13, 0, 0, 0, time.UTC), Origin: memory.Observed}}}
	for text, want := range map[string]Support{
		"In the week of 5 June 2023.":    Supported,
		"The week before 16 June 2023.":  Supported,
		"In the week of 12 June 2023.":   Contradicted,
		"The week before 1 March 2023.":  Contradicted,
		"The sunday before 1 March 2023": Unknown,
	} {
		if c := Ground(task, text); len(c) != 1 || c[0].Support != want {
			t.Errorf("%s: %+v, want %s", text, c, want)
		}
	}
	task.Evidence[0].Text = "I joined a gym last Saturday!" // 10 June
	for text, want := range map[string]Support{"The saturday before 16 June 2023.": Supported, "The weekend before 16 June 2023.": Supported, "The sunday before 16 June 2023.": Contradicted} {
		if c := Ground(task, text); len(c) != 1 || c[0].Support != want {
			t.Errorf("%s: %+v, want %s", text, c, want)
		}
	}
}
