package eval

import (
	"slices"

	"github.com/trm-go/refiner/memory"
)

// Dataset is conversations with questions about them.
type Dataset struct {
	Name          string
	Conversations []Conversation
	// Unscored counts the questions that are left out because none of their evidence names a turn.
	Unscored int
	// Corrected counts the questions whose evidence was replaced by a corrected one.
	Corrected int
}

// Conversation is what one memory scope holds, and what is asked of it.
type Conversation struct {
	ID        string
	Scope     memory.Scope    // of its questions; it contains every record
	Records   []memory.Record // in the order of the conversation
	Questions []Question
}

// Question is one question with the turns that answer it.
type Question struct {
	ID       string
	Text     string
	Category string
	Evidence []string // references of turns, see Ref; distinct, at least one
	Answer   string   // as the data gives it; empty: it gives none
}

// Ref is the reference of a record within its conversation: what the data calls it, for example "D3:12".
func Ref(r memory.Record) string { return r.Meta["ref"] }

// Questions is the number of questions.
func (d *Dataset) Questions() int {
	n := 0
	for _, c := range d.Conversations {
		n += len(c.Questions)
	}
	return n
}

// Records is the number of records.
func (d *Dataset) Records() int {
	n := 0
	for _, c := range d.Conversations {
		n += len(c.Records)
	}
	return n
}

// Add puts a conversation with questions into the dataset. A question is counted as unscored where no evidence names a turn.
func (d *Dataset) Add(c Conversation, questions []Question) {
	turns := map[string]bool{} // two may share a reference: to find either is to find it
	for _, r := range c.Records {
		turns[Ref(r)] = true
	}
	delete(turns, "")
	for _, q := range questions {
		var evidence []string
		for _, ref := range q.Evidence {
			if turns[ref] && !slices.Contains(evidence, ref) {
				evidence = append(evidence, ref)
			}
		}
		if q.Evidence = evidence; len(evidence) == 0 {
			d.Unscored++
			continue
		}
		c.Questions = append(c.Questions, q)
	}
	d.Conversations = append(d.Conversations, c)
}
