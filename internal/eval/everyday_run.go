package eval

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// EverydayReport is what [RunEveryday] measured.
type EverydayReport struct {
	Questions int                        `json:"questions"`
	Recall    EverydayRecall             `json:"recall"`
	Answers   map[Verdict]int            `json:"answers"`
	ByType    map[string]*EverydayOfType `json:"by_type"`
	// WrongButSure counts answers that are not right with a score of .9 or more. Reliability tells for each tenth of the score
	// how many answers have it, and how many of them are right.
	WrongButSure int       `json:"wrong_but_sure"`
	Reliability  [10]Share `json:"reliability"`
	Words        float64   `json:"words"` // of an answer, on average
	// Asked are the questions with what came of each.
	Asked []EverydayAsked `json:"-"`
}

// EverydayRecall counts the answerable questions whose evidence is all among the first memories, and in a prompt of 800 tokens
// with words that hold an answer. Current counts, of those that ask for a value that changed, those whose evidence leads every
// memory that holds a stale value.
type EverydayRecall struct {
	Questions int   `json:"questions"`
	First     int   `json:"first"`
	Five      int   `json:"five"`
	Ten       int   `json:"ten"`
	Prompt    int   `json:"prompt"`
	Current   Share `json:"current"`
}

// Share is how many of some there are.
type Share struct {
	N  int `json:"n"`
	Of int `json:"of"`
}

// EverydayOfType is the part of a report about the questions of one type.
type EverydayOfType struct {
	Recall  EverydayRecall  `json:"recall"`
	Answers map[Verdict]int `json:"answers"`
}

// EverydayAsked is a question with what was answered.
type EverydayAsked struct {
	Question *EverydayQuestion `json:"question"`
	Rank     int               `json:"rank"` // by which all of its evidence is recalled, from 1; 0: it is not
	Verdict  Verdict           `json:"verdict"`
	Score    float64           `json:"score"`
	Answer   string            `json:"answer"`
}

// everydayPrompt is the budget of a prompt, in tokens.
const everydayPrompt = 800

// RunEveryday asks the questions of a suite of a plugin whose store holds its conversations.
func RunEveryday(ctx context.Context, e *Everyday, p *integration.Plugin, progress func(done, total int)) (*EverydayReport, error) {
	r := &EverydayReport{Questions: len(e.Questions), Answers: map[Verdict]int{}, ByType: map[string]*EverydayOfType{}}
	for i := range e.Questions {
		q := &e.Questions[i]
		t := r.ByType[q.Type]
		if t == nil {
			t = &EverydayOfType{Answers: map[Verdict]int{}}
			r.ByType[q.Type] = t
		}
		scope := memory.Scope{User: q.Scope}
		found, err := p.Recall(ctx, scope, memory.Query{Text: q.Text, At: q.At, Limit: 10})
		if err != nil {
			return nil, fmt.Errorf("question %s: %w", q.ID, err)
		}
		answer, err := p.Ask(ctx, integration.Request{Scope: scope, Question: q.Text, At: q.At, Quiet: true})
		if err != nil {
			return nil, fmt.Errorf("question %s: %w", q.ID, err)
		}
		refused := Refuses(answer.Text)
		asked := EverydayAsked{Question: q, Rank: q.rank(found.Memories), Verdict: q.Judge(answer.Text, refused), Score: answer.Score, Answer: answer.Text}
		r.Asked = append(r.Asked, asked)
		r.Words += float64(len(strings.Fields(answer.Text))) / float64(len(e.Questions))
		r.Answers[asked.Verdict]++
		t.Answers[asked.Verdict]++
		if !refused {
			bin := &r.Reliability[min(9, int(10*asked.Score))]
			bin.Of++
			if asked.Verdict == Right {
				bin.N++
			} else if asked.Score >= .9 {
				r.WrongButSure++
			}
		}
		if !q.Unanswerable {
			prompt := refine.Pack(found.Memories, q.Text, everydayPrompt, nil)
			for _, recall := range []*EverydayRecall{&r.Recall, &t.Recall} {
				recall.add(q, asked.Rank, found.Memories, &prompt)
			}
		}
		if progress != nil {
			progress(i+1, len(e.Questions))
		}
	}
	return r, nil
}

func (r *EverydayRecall) add(q *EverydayQuestion, rank int, found []refine.Recalled, prompt *refine.Packed) {
	r.Questions++
	for most, count := range map[int]*int{1: &r.First, 5: &r.Five, 10: &r.Ten} {
		if rank > 0 && rank <= most {
			*count++
		}
	}
	if rank > 0 && firstOf(plain(q.Answer), prompt.Text()) >= 0 {
		r.Prompt++
	}
	if stale := slices.IndexFunc(found, func(m refine.Recalled) bool { return q.Judge(m.Text, false) == Stale }); len(q.Wrong) > 0 && (q.Type == "current" || q.Type == "stale") {
		r.Current.Of++
		if rank > 0 && (stale < 0 || rank <= stale) {
			r.Current.N++
		}
	}
}

// plain are strings without the mark that they must stand at the beginning.
func plain(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.TrimPrefix(s, "^")
	}
	return out
}

// rank is the least number of first memories that hold one of the sets of evidence, 0 if none is among them all.
func (q *EverydayQuestion) rank(found []refine.Recalled) int {
	best := 0
	for _, set := range q.Evidence {
		last := 0
		for _, ref := range set {
			i := slices.IndexFunc(found, func(m refine.Recalled) bool { return Ref(m.Record) == ref })
			if i < 0 {
				last = 0
				break
			}
			last = max(last, i+1)
		}
		if last > 0 && (best == 0 || last < best) {
			best = last
		}
	}
	return best
}

var refusal = regexp.MustCompile(`(?i)^\W*(i (can ?not |can't )?(find|found|know|see|have) (nothing|no )|i (do not|don't|cannot|can't) (know|find|say|tell)|no memory|nothing in the memor|(that|this|it) is not (known|in the memories)|the memories (do not|don't|say nothing|hold nothing)|not known|unknown)`)

// Refuses reports whether an answer says first that it does not know.
func Refuses(answer string) bool { return refusal.MatchString(answer) }
