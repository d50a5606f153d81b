package arc

import (
	"encoding/json"
	"fmt"
	"io"
)

// Submission holds two attempts for each test pair of each task: {id: [{"attempt_1": grid, "attempt_2": grid}, ...]}.
type Submission map[string][]Attempts

// Attempts are the answers to one test pair. Either may be empty: no attempt.
type Attempts struct {
	First  Grid `json:"attempt_1"`
	Second Grid `json:"attempt_2"`
	// Malformed says what an attempt is that is no grid: ragged, too large, of other colours, or something else. Such an
	// attempt is empty. Nil if there is none.
	Malformed []error `json:"-"`
}

// LoadSubmission reads a submission from a file. An attempt that is missing, empty or no grid equals no output and so is
// never right, as for the official evaluator, which compares lists; what is wrong with it is kept in [Attempts]. Anything
// else than an object of lists of objects is an error that names the task.
func LoadSubmission(path string) (Submission, error) { return load(path, readSubmission) }

func readSubmission(data []byte) (Submission, error) {
	submission := Submission{}
	err := each(data, "an object with a list of attempts for each task", func(id string, text []byte) error {
		var pairs []map[string]json.RawMessage
		if err := unmarshal(text, &pairs, `a list of {"attempt_1": grid, "attempt_2": grid}`); err != nil {
			return err
		}
		attempts := make([]Attempts, len(pairs))
		for i, pair := range pairs {
			for k, grid := range []*Grid{&attempts[i].First, &attempts[i].Second} {
				name := fmt.Sprintf("attempt_%d", k+1)
				if text, ok := pair[name]; ok {
					if err := json.Unmarshal(text, grid); err != nil {
						*grid = nil
						attempts[i].Malformed = append(attempts[i].Malformed, fmt.Errorf("task %s: pair %d: %s: %w", id, i+1, name, err))
					}
				}
			}
		}
		submission[id] = attempts
		return nil
	})
	if err != nil {
		return nil, err
	}
	return submission, nil
}

// Write writes the submission as JSON, its tasks in order.
func (s Submission) Write(w io.Writer) error {
	return json.NewEncoder(w).Encode(s)
}

// Score is how a submission compares with solutions.
type Score struct {
	Pass1      float64 `json:"pass@1"`     // share of the tasks solved by first attempts
	Pass2      float64 `json:"pass@2"`     // share of the tasks solved by either attempt
	Tasks      int     `json:"tasks"`      // tasks with a solution: what the shares are of
	Pairs      int     `json:"pairs"`      // their test pairs
	Unanswered int     `json:"unanswered"` // those of them without an attempt, each counted as wrong
	Unscored   int     `json:"unscored"`   // tasks of the submission without a solution, left out
	Extra      int     `json:"extra"`      // answers beyond a task's test pairs, left out
	Malformed  int     `json:"malformed"`  // attempts at those pairs that are no grid, each counted as wrong
}

// Score compares the submission with the solutions as the official evaluator does: a test pair is right if an attempt
// equals its output, a task scores the share of its pairs that are right, and the result is the mean over the tasks that
// have a solution. What the submission leaves out is wrong; what the solutions do not ask for is left out and counted.
func (s Submission) Score(solutions Solutions) (Score, error) {
	score := Score{Tasks: len(solutions)}
	if len(solutions) == 0 {
		return score, fmt.Errorf("%w: there are no solutions to compare with", ErrFormat)
	}
	for id, outputs := range solutions {
		pairs := s[id]
		score.Extra += max(0, len(pairs)-len(outputs))
		first, either := 0, 0
		for i, output := range outputs {
			score.Pairs++
			if i < len(pairs) {
				score.Malformed += len(pairs[i].Malformed)
			}
			if i >= len(pairs) || pairs[i].First.Empty() && pairs[i].Second.Empty() {
				score.Unanswered++
				continue
			}
			if pairs[i].First.equal(output) {
				first++
				either++
			} else if pairs[i].Second.equal(output) {
				either++
			}
		}
		score.Pass1 += float64(first) / float64(len(outputs))
		score.Pass2 += float64(either) / float64(len(outputs))
	}
	score.Pass1 /= float64(len(solutions))
	score.Pass2 /= float64(len(solutions))
	for id := range s {
		if _, ok := solutions[id]; !ok {
			score.Unscored++
		}
	}
	return score, nil
}
