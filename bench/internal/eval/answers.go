package eval

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// Answerer answers a question from the memories of a scope.
type Answerer func(ctx context.Context, scope memory.Scope, question string) (string, error)

// Answered is what an answerer said to one question, against the answer that the data gives.
type Answered struct {
	Question Question `json:"question"`
	Answer   string   `json:"answer"`
	AnswerScores
}

// AnswerScores compare an answer with the known one, each in [0, 1]. Words are compared by their stems, without articles,
// punctuation and citations.
type AnswerScores struct {
	F1       float64 `json:"f1"`       // of the bags of words (SQuAD); a long answer scores low, however right it is
	Contains float64 `json:"contains"` // share of the known answer's words that the answer holds
	All      float64 `json:"all"`      // 1 if it holds all of them
	Words    float64 `json:"words"`    // its length
	Refused  float64 `json:"refused"`  // 1 if it says that it does not know
	Wrong    float64 `json:"wrong"`    // 1 if it answers with less than half of the known answer's words
}

// AnswerReport is what [RunAnswers] measured.
type AnswerReport struct {
	Dataset    string                  `json:"dataset"`
	Questions  int                     `json:"questions"`
	Scores     AnswerScores            `json:"scores"`
	ByCategory map[string]AnswerScores `json:"by_category"`
	Counts     map[string]int          `json:"questions_by_category"`
	CI95       map[string]Interval     `json:"ci95"` // of contains and f1, over questions
	Latency    Latency                 `json:"latency_ms"`
	// Invented are the questions that the data calls unanswerable and that were answered all the same.
	Invented Share      `json:"invented"`
	Answers  []Answered `json:"-"`
}

// RunAnswers asks every question whose answer is known.
func RunAnswers(ctx context.Context, d *Dataset, answer Answerer, progress func(done, total int)) (*AnswerReport, error) {
	r := &AnswerReport{Dataset: d.Name, ByCategory: map[string]AnswerScores{}, Counts: map[string]int{}, CI95: map[string]Interval{}}
	var times []time.Duration
	done := 0
	for _, c := range d.Conversations {
		for _, q := range c.Questions {
			if done++; progress != nil {
				progress(done, d.Questions())
			}
			if q.Answer == "" && q.Category != Adversarial {
				continue
			}
			start := time.Now()
			said, err := answer(ctx, c.Scope, q.Text)
			if err != nil {
				return nil, fmt.Errorf("question %s: %w", q.ID, err)
			}
			times = append(times, time.Since(start))
			if q.Answer == "" {
				r.Invented.Of++
				if !Refuses(said) {
					r.Invented.N++
				}
				continue
			}
			a := Answered{Question: q, Answer: said, AnswerScores: ScoreAnswer(q.Answer, said)}
			r.Answers = append(r.Answers, a)
			r.Counts[q.Category]++
			r.Scores.add(a.AnswerScores)
			s := r.ByCategory[q.Category]
			s.add(a.AnswerScores)
			r.ByCategory[q.Category] = s
		}
	}
	if r.Questions = len(r.Answers); r.Questions == 0 {
		return nil, fmt.Errorf("the dataset %q has no question whose answer is known", d.Name)
	}
	r.Scores.divide(r.Questions)
	for name, s := range r.ByCategory {
		s.divide(r.Counts[name])
		r.ByCategory[name] = s
	}
	for name, value := range map[string]func(*Answered) float64{
		"f1": func(a *Answered) float64 { return a.F1 }, "contains": func(a *Answered) float64 { return a.Contains },
	} {
		var all []float64
		for i := range r.Answers {
			all = append(all, value(&r.Answers[i]))
		}
		r.CI95[name] = Bootstrap([][]float64{all}, DefaultResamples, 0).CI95
	}
	r.Latency = latency(times)
	return r, nil
}

func (s *AnswerScores) add(o AnswerScores) {
	s.F1, s.Contains, s.All, s.Words = s.F1+o.F1, s.Contains+o.Contains, s.All+o.All, s.Words+o.Words
	s.Refused, s.Wrong = s.Refused+o.Refused, s.Wrong+o.Wrong
}

func (s *AnswerScores) divide(n int) {
	f := float64(n)
	s.F1, s.Contains, s.All, s.Words = s.F1/f, s.Contains/f, s.All/f, s.Words/f
	s.Refused, s.Wrong = s.Refused/f, s.Wrong/f
}

var (
	answerWord = regexp.MustCompile(`[\p{L}\p{N}]+`)
	answerMark = regexp.MustCompile(`\[\d{1,4}\]`)
	articles   = map[string]bool{"a": true, "an": true, "the": true, "and": true}
)

// answerWords are the words of an answer as they are compared.
func answerWords(s string) []string {
	var words []string
	s = strings.ReplaceAll(answerMark.ReplaceAllString(s, " "), ",", "")
	for _, w := range answerWord.FindAllString(strings.ToLower(s), -1) {
		if articles[w] {
			continue
		}
		if terms := text.Terms(w); len(terms) == 1 {
			w = terms[0]
		}
		words = append(words, w)
	}
	return words
}

// ScoreAnswer compares an answer with the known one.
func ScoreAnswer(known, said string) AnswerScores {
	want, got := answerWords(known), answerWords(said)
	left := map[string]int{}
	for _, w := range got {
		left[w]++
	}
	common, held := 0, 0
	for _, w := range want {
		if left[w] > 0 {
			left[w]--
			common++
		}
	}
	have := map[string]bool{}
	for _, w := range got {
		have[w] = true
	}
	for _, w := range want {
		if have[w] {
			held++
		}
	}
	s := AnswerScores{Words: float64(len(got))}
	if len(want) > 0 {
		s.Contains = float64(held) / float64(len(want))
	}
	if held == len(want) {
		s.All = 1
	}
	if Refuses(said) {
		s.Refused = 1
	} else if s.Contains < .5 {
		s.Wrong = 1
	}
	if common > 0 {
		p, r := float64(common)/float64(len(got)), float64(common)/float64(len(want))
		s.F1 = 2 * p * r / (p + r)
	}
	return s
}
