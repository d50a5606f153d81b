package bench

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/adapters/openai"
	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/bench/internal/liar"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// The arms of the study: how a draft is refined.
const (
	ArmNaive     = "naive"     // the model revises its answer, and the revision replaces it
	ArmThreshold = "threshold" // the same until the model itself rates its answer at 8 of 10 or more
	ArmRefiner   = "refiner"   // refine.Respond: an independent judge accepts a revision or not
)

// Arms are all of them.
var Arms = []string{ArmNaive, ArmThreshold, ArmRefiner}

// StudyModel is a scripted model: in every answer it invents a claim with probability Invent, in every revision it drops
// one with probability Drop. One that agrees leaves its draft as it is.
type StudyModel struct {
	Name   string  `json:"name"`
	Invent float64 `json:"invent"`
	Drop   float64 `json:"drop"`
	Agree  bool    `json:"agree,omitempty"`
}

// StudyModels are the usual ones.
var StudyModels = []StudyModel{
	{Name: "inventive", Invent: .5},
	{Name: "forgetful", Invent: .3, Drop: .3},
	{Name: "agreeable", Invent: .5, Agree: true},
}

// StudyOptions say how to run the study of hallucination.
type StudyOptions struct {
	// Recall brings the memories that the model is shown; it is needed.
	Recall func(ctx context.Context, scope memory.Scope, question string) ([]memory.Record, error)
	// Models and Rounds; zero: StudyModels, 5.
	Models []StudyModel
	Rounds int
	// Limit is the number of questions of each conversation. Zero: all.
	Limit int
	// Resamples of the bootstrap, and the seed of everything. Zero: eval.DefaultResamples, 0.
	Resamples int
	Seed      uint64
	// Specialists of the arm refiner. Nil: the default ones.
	Specialists []specialists.Specialist
	Progress    func(done, total int)
}

// StudyReport is what the study found. Its JSON is a contract: names are only ever added.
type StudyReport struct {
	Dataset   string        `json:"dataset"`
	Questions int           `json:"questions"`
	Rounds    int           `json:"rounds"`
	Seed      uint64        `json:"seed"`
	Models    []StudyResult `json:"models"`
	// Judge says how often the judge of the arm refiner errs on single claims, by how the claim was made.
	Judge []JudgeErrors `json:"judge"`
}

// StudyResult is one model's.
type StudyResult struct {
	StudyModel
	Arms map[string]ArmResult `json:"arms"`
	// Ratio is the number of unsupported claims after the last round, of the arm refiner against the arm naive.
	Ratio Estimate `json:"unsupported_against_naive"`
}

// ArmResult is one arm's, by round; the first is the draft.
type ArmResult struct {
	Unsupported []Estimate `json:"unsupported"` // invented claims in an answer
	Kept        []Estimate `json:"kept"`        // share of the draft's true claims that are still there
	// KeptBy is the share after the last round, by how the claim was made: plain and quoted come from a memory's sentence,
	// known is the dataset's own answer.
	KeptBy map[string]Share `json:"kept_by"`
	Calls  float64          `json:"calls"` // of the model, for one answer
	Tokens float64          `json:"tokens"`
	Ms     float64          `json:"ms"`
}

// Share is a number of claims, and the share of them that is kept.
type Share struct {
	N    int     `json:"n"`
	Kept float64 `json:"kept"`
}

// Estimate is a mean with its 95 % bootstrap interval over questions.
type Estimate struct {
	Mean float64       `json:"mean"`
	CI95 eval.Interval `json:"ci95"`
}

// JudgeErrors are those on one sort of claims.
type JudgeErrors struct {
	Claims       string  `json:"claims"` // plain, quoted, known: true; fabricated, swapped, denied, vague, misplaced: invented
	Invented     bool    `json:"invented"`
	N            int     `json:"n"`
	Supported    float64 `json:"supported"` // shares of what the judge says of them
	Unknown      float64 `json:"unknown"`
	Contradicted float64 `json:"contradicted"`
}

// trajectory is what became of one draft in one arm.
type trajectory struct {
	texts []string
	usage specialists.Usage
	took  time.Duration
}

// Hallucination asks whether recursion amplifies or attenuates hallucination: scripted models that know which of their
// claims they invented answer the questions of a dataset over real HTTP, and their answers are refined in three ways.
// What was invented is known to the model's ledger alone; neither the judge nor the arms see it.
func Hallucination(ctx context.Context, d *eval.Dataset, o *StudyOptions) (*StudyReport, error) {
	opts := *o
	if opts.Recall == nil {
		return nil, fmt.Errorf("the study has no memories: give a Recall")
	}
	opts.Rounds = cmp.Or(opts.Rounds, 5)
	opts.Resamples = cmp.Or(opts.Resamples, eval.DefaultResamples)
	if opts.Models == nil {
		opts.Models = StudyModels
	}
	s := &study{StudyOptions: opts, known: map[string]string{}, seen: map[string]bool{}, errors: map[string]*JudgeErrors{}}
	for _, c := range d.Conversations {
		for i, q := range c.Questions {
			if opts.Limit > 0 && i == opts.Limit {
				break
			}
			records, err := opts.Recall(ctx, c.Scope, q.Text)
			if err != nil {
				return nil, fmt.Errorf("question %s: %w", q.ID, err)
			}
			if known := short(q, records); known != "" {
				s.known[q.Text] = known
			}
			s.tasks = append(s.tasks, &specialists.Task{Question: q.Text, Evidence: records, Scope: c.Scope, Now: latest(records).AddDate(0, 0, 1)})
		}
	}
	if len(s.tasks) == 0 {
		return nil, fmt.Errorf("the dataset %q has no questions", d.Name)
	}
	report := &StudyReport{Dataset: d.Name, Questions: len(s.tasks), Rounds: opts.Rounds, Seed: opts.Seed}
	for i, m := range opts.Models {
		result, err := s.model(ctx, i, m)
		if err != nil {
			return nil, fmt.Errorf("the model %s: %w", m.Name, err)
		}
		report.Models = append(report.Models, result)
	}
	report.Judge = s.judged()
	return report, nil
}

// short is the known answer to a question as a claim, if it is a short one that the records hold all evidence of. Inferred
// answers are left out: no memory says them.
func short(q eval.Question, records []memory.Record) string {
	have := map[string]bool{}
	for _, r := range records {
		have[eval.Ref(r)] = true
	}
	for _, e := range q.Evidence {
		if !have[e] {
			return ""
		}
	}
	answer := strings.TrimRight(strings.TrimSpace(q.Answer), ".")
	words := strings.Fields(answer)
	if len(answer) < 4 || len(words) > 12 || strings.ContainsAny(answer, ";[]") || q.Category == "open-domain" {
		return ""
	}
	return upperFirst(answer)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func latest(records []memory.Record) time.Time {
	t := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, r := range records {
		if r.Created.After(t) {
			t = r.Created
		}
	}
	return t
}

// study is one under way.
type study struct {
	StudyOptions
	tasks  []*specialists.Task
	known  map[string]string
	done   int
	seen   map[string]bool
	errors map[string]*JudgeErrors
}

// model runs all arms over all questions with one model.
func (s *study) model(ctx context.Context, index int, m StudyModel) (StudyResult, error) {
	liar := &liar.Liar{Invent: m.Invent, Drop: m.Drop, Agree: m.Agree, Known: s.known, Seed: s.Seed + uint64(index)}
	server, err := scripted.New(liar.Script)
	if err != nil {
		return StudyResult{}, err
	}
	defer server.Close()
	chat, err := openai.NewChat(&openai.ChatOptions{Model: m.Name, Endpoint: openai.Endpoint{BaseURL: server.URL}})
	if err != nil {
		return StudyResult{}, err
	}
	defer chat.Close()

	result := StudyResult{StudyModel: m, Arms: map[string]ArmResult{}}
	unsupported, kept := map[string][][]float64{}, map[string][][]float64{}
	for _, t := range s.tasks {
		for _, arm := range Arms {
			path, err := s.refine(ctx, arm, chat, t)
			if err != nil {
				return result, fmt.Errorf("%q: %w", t.Question, err)
			}
			claims := liar.All(t.Question)
			draft := liar.In(t.Question, path.texts[0])
			made, true_ := make([]float64, s.Rounds+1), make([]float64, s.Rounds+1)
			for k := range made {
				text := path.texts[min(k, len(path.texts)-1)]
				made[k], true_[k] = score(text, claims, draft)
			}
			unsupported[arm], kept[arm] = append(unsupported[arm], made), append(kept[arm], true_)
			a := result.Arms[arm]
			if a.KeptBy == nil {
				a.KeptBy = map[string]Share{}
			}
			for i := range draft {
				if d := &draft[i]; !d.Invented {
					share := a.KeptBy[d.How]
					share.N++
					if d.Holds(path.texts[len(path.texts)-1]) {
						share.Kept++
					}
					a.KeptBy[d.How] = share
				}
			}
			n := float64(len(s.tasks))
			a.Calls += float64(path.usage.Calls) / n
			a.Tokens += float64(path.usage.Tokens()) / n
			a.Ms += float64(path.took.Microseconds()) / 1000 / n
			result.Arms[arm] = a
		}
		s.weigh(t, liar.All(t.Question))
		if s.done++; s.Progress != nil {
			s.Progress(s.done, len(s.tasks)*len(s.Models))
		}
	}
	for _, arm := range Arms {
		a := result.Arms[arm]
		for k := range s.Rounds + 1 {
			a.Unsupported = append(a.Unsupported, s.estimate(column(unsupported[arm], k)))
			a.Kept = append(a.Kept, s.estimate(column(kept[arm], k)))
		}
		for how, share := range a.KeptBy {
			share.Kept /= float64(share.N)
			a.KeptBy[how] = share
		}
		result.Arms[arm] = a
	}
	result.Ratio = s.ratio(column(unsupported[ArmRefiner], s.Rounds), column(unsupported[ArmNaive], s.Rounds))
	return result, nil
}

// score counts the invented claims that a text holds, and the share of the draft's true ones that it still does. A draft
// without true claims has lost none.
func score(text string, claims, draft []liar.Stated) (unsupported, kept float64) {
	for i := range claims {
		if claims[i].Invented && claims[i].Holds(text) {
			unsupported++
		}
	}
	all := 0.0
	for i := range draft {
		if draft[i].Invented {
			continue
		}
		all++
		if draft[i].Holds(text) {
			kept++
		}
	}
	if all == 0 {
		return unsupported, 1
	}
	return unsupported, kept / all
}

const revise = "Revise your answer: mend what is wrong in it and complete it. Reply with the answer alone."

// refine runs one arm on one question. The drafts of all arms are the same: the model's first answer to the same prompt.
func (s *study) refine(ctx context.Context, arm string, chat specialists.Model, t *specialists.Task) (trajectory, error) {
	start := time.Now()
	// Without rounds, Respond gives the draft and the prompt that every arm begins with.
	o := &refine.RespondOptions{Model: chat, Rounds: s.Rounds, Specialists: s.Specialists}
	if arm == ArmRefiner {
		r, err := refine.Respond(ctx, t, o)
		if err != nil {
			return trajectory{}, err
		}
		path := trajectory{texts: []string{r.Draft}, usage: r.Usage, took: time.Since(start)}
		for _, round := range r.Rounds {
			path.texts = append(path.texts, round.Text)
		}
		return path, nil
	}
	listener := &listener{Model: chat}
	o.Model, o.Refine = listener, refine.Off
	r, err := refine.Respond(ctx, t, o)
	if err != nil {
		return trajectory{}, err
	}
	path := trajectory{texts: []string{r.Draft}, usage: r.Usage}
	answer := r.Draft
	ask := func(order string) (string, error) {
		messages := append(listener.messages[:len(listener.messages):len(listener.messages)],
			specialists.Message{Role: "assistant", Content: answer}, specialists.Message{Role: "user", Content: order})
		c, err := chat.Complete(ctx, specialists.Prompt{Messages: messages})
		path.usage = path.usage.Plus(c.Usage)
		return strings.TrimSpace(c.Text), err
	}
	for range s.Rounds {
		if arm == ArmThreshold {
			rating, err := ask(liar.Rating + ". Reply with the number alone.")
			if err != nil {
				return path, err
			}
			if n, err := strconv.Atoi(rating); err == nil && n >= 8 {
				break
			}
		}
		if answer, err = ask(revise); err != nil {
			return path, err
		}
		path.texts = append(path.texts, answer)
	}
	path.took = time.Since(start)
	return path, nil
}

// listener keeps the messages of the last prompt.
type listener struct {
	specialists.Model
	messages []specialists.Message
}

// Complete implements specialists.Model.
func (l *listener) Complete(ctx context.Context, p specialists.Prompt) (specialists.Completion, error) {
	l.messages = p.Messages
	return l.Model.Complete(ctx, p)
}
