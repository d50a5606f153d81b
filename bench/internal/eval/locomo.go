package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/memory"
)

// locomoCategories are the names of LoCoMo's categories. Several public harnesses swap 1 and 4.
var locomoCategories = map[int]string{1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: Adversarial}

// Adversarial is LoCoMo's category of questions that the conversation does not answer. Their evidence is the turns that
// tempt to an answer, so that to find them is not to be right.
const Adversarial = "adversarial"

// locomoIDs are the conversations of the full set in their order, which the corrections count by.
var locomoIDs = []string{"conv-26", "conv-30", "conv-41", "conv-42", "conv-43", "conv-44", "conv-47", "conv-48", "conv-49", "conv-50"}

// LoCoMoOptions say what of LoCoMo to load. The zero value, or nil, loads categories 1 to 4 as they were published.
type LoCoMoOptions struct {
	// Corrections is a file of corrected evidence (dial481/locomo-audit, errors.json). Zero: none.
	Corrections string
	// Adversarial also loads category 5.
	Adversarial bool
}

// LoCoMo loads a file of LoCoMo (snap-research/LoCoMo, or some of its conversations).
func LoCoMo(ctx context.Context, file string, o *LoCoMoOptions) (*Dataset, error) {
	if o == nil {
		o = &LoCoMoOptions{}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var samples []struct {
		ID string `json:"sample_id"`
		QA []struct {
			Question string   `json:"question"`
			Answer   any      `json:"answer"` // text or a number; adversarial questions have none
			Evidence []string `json:"evidence"`
			Category int      `json:"category"`
		} `json:"qa"`
	}
	if err := json.Unmarshal(data, &samples); err != nil {
		return nil, fmt.Errorf("%s is not LoCoMo: %w", file, err)
	}
	corrections, err := readCorrections(o.Corrections)
	if err != nil {
		return nil, err
	}
	records := map[string][]memory.Record{}
	for r, err := range transcript.Read(ctx, bytes.NewReader(data), file, &transcript.Options{Format: transcript.LoCoMo}) {
		if err != nil {
			return nil, err
		}
		id := r.Meta["conversation"]
		r.Scope.User = id
		records[id] = append(records[id], r)
	}
	d := &Dataset{Name: "locomo"}
	for _, s := range samples {
		c := Conversation{ID: s.ID, Scope: memory.Scope{User: s.ID}, Records: records[s.ID]}
		var questions []Question
		for i, qa := range s.QA {
			name, ok := locomoCategories[qa.Category]
			if !ok {
				return nil, fmt.Errorf("%s: question %d of %s has the category %d, not 1 to 5", file, i, s.ID, qa.Category)
			}
			if name == Adversarial && !o.Adversarial {
				continue
			}
			q := Question{ID: fmt.Sprintf("%s/qa%d", s.ID, i), Text: qa.Question, Category: name, Evidence: locomoRefs(qa.Evidence)}
			if qa.Answer != nil {
				q.Answer = fmt.Sprint(qa.Answer)
			}
			if fixed, ok := corrections[correctionKey(s.ID, i)]; ok {
				if fixed.Question != qa.Question {
					return nil, fmt.Errorf("%s: the correction %s is of another question than %s", o.Corrections, fixed.ID, q.ID)
				}
				q.Evidence = locomoRefs(fixed.Evidence)
				d.Corrected++
			}
			questions = append(questions, q)
		}
		d.Add(c, questions)
	}
	if d.Questions() == 0 {
		return nil, fmt.Errorf("%s holds no question with evidence", file)
	}
	return d, nil
}

// correction is one entry of the file of corrections.
type correction struct {
	ID       string   `json:"question_id"` // locomo_{conversation in the full set}_qa{question}
	Question string   `json:"question"`
	Evidence []string `json:"correct_evidence"`
	Cited    []string `json:"cited_evidence"`
}

// correctionKey is the question_id of a question; empty if the conversation is not one of the full set.
func correctionKey(sample string, question int) string {
	for i, id := range locomoIDs {
		if id == sample {
			return fmt.Sprintf("locomo_%d_qa%d", i, question)
		}
	}
	return ""
}

// readCorrections reads the corrections that replace evidence, by question_id: most entries fix only an answer.
func readCorrections(file string) (map[string]correction, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []correction
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("%s is no list of corrections: %w", file, err)
	}
	byID := map[string]correction{}
	for _, c := range list {
		if len(c.Evidence) > 0 && strings.Join(c.Evidence, " ") != strings.Join(c.Cited, " ") {
			byID[c.ID] = c
		}
	}
	return byID, nil
}

// locomoRefs takes apart and repairs lists of turns: "D8:6; D9:17" and "D9:1 D4:4" hold several, "D30:05" is D30:5,
// "D:11:26" is D11:26, and "D" is nothing.
func locomoRefs(evidence []string) []string {
	var refs []string
	for _, text := range evidence {
		for _, f := range strings.FieldsFunc(text, func(c rune) bool { return c == ';' || c == ',' || c == ' ' || c == '\t' }) {
			f, ok := strings.CutPrefix(f, "D")
			session, turn, both := strings.Cut(strings.TrimPrefix(f, ":"), ":")
			s, err1 := strconv.Atoi(session)
			t, err2 := strconv.Atoi(turn)
			if ok && both && err1 == nil && err2 == nil {
				refs = append(refs, fmt.Sprintf("D%d:%d", s, t))
			}
		}
	}
	return refs
}
