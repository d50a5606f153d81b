// Command answer fits the weights by which questions are answered without a language model, and measures them on
// conversations that did not choose them.
//
//	go -C bench run ./answer -locomo FILE -everyday DIR -o model.json          fit the ranking on all, and write it
//	go -C bench run ./answer -locomo FILE -everyday DIR -dump answers.jsonl    leave each conversation out in turn, and write what
//	                                                                           is measured of the answers, for sure.py
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/refine/extract"
	"github.com/trm-go/refiner/specialists"
)

func main() {
	locomo := flag.String("locomo", "", "file of LoCoMo")
	everyday := flag.String("everyday", "", "folder of an everyday suite")
	histories := flag.String("people", "bench/people", "folder of invented histories")
	asked := flag.String("asks", "bench/answer/asks.tsv", "questions with what they ask for")
	out := flag.String("o", "", "file to write the weights to")
	flag.IntVar(&hiddenUnits, "hidden", hiddenUnits, "hidden units")
	flag.IntVar(&epochs, "epochs", epochs, "passes over the examples")
	flag.Float64Var(&locomoWeight, "locomo-weight", locomoWeight, "how much an example of LoCoMo counts")
	flag.StringVar(&dumped, "dump", "", "file to write what is measured of answers to")
	every := flag.Int("every", 1, "rank by one of so many questions of LoCoMo")
	flag.Float64Var(&decay, "decay", decay, "weight decay")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *locomo, *everyday, *histories, *asked, *out, *every); err != nil {
		fmt.Fprintln(os.Stderr, "answer:", err)
		os.Exit(1)
	}
}

// example is a question with what was recalled for it.
type example struct {
	id, set, group, kind string
	unanswerable         bool
	task                 *specialists.Task
	reading              *extract.Reading   // of all that was recalled
	made                 map[string]variant // of what is made of the question: see strip
	ranks                bool               // it teaches the ranking
	right, stale         map[[2]int]bool    // the passages that answer, and did before, by their memory and place
	question             *eval.EverydayQuestion
	answer               string // LoCoMo's
}

func run(ctx context.Context, locomo, everyday, histories, asked, out string, every int) error {
	weights, err := fitAsks(asked)
	if err != nil {
		return err
	}
	statements, err := readUpdates(filepath.Join(filepath.Dir(asked), "updates.tsv"))
	if err != nil {
		return err
	}
	base := &extract.Model{Asks: weights, Change: fitChange(statements)}
	extract.Use(base)
	l, err := eval.LoCoMo(ctx, locomo, &eval.LoCoMoOptions{Adversarial: true})
	if err != nil {
		return err
	}
	e, err := eval.ReadEveryday(ctx, everyday)
	if err != nil {
		return err
	}
	invented, err := readInvented(histories)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "refiner-answer-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	settings := config.Default()
	settings.Store.Path = filepath.Join(dir, "store.db")
	p, err := integration.New(ctx, settings, &integration.Options{Create: true})
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }()
	for _, c := range slices.Concat(l.Conversations, e.Conversations, invented.Conversations) {
		if _, err := p.Store.Add(ctx, c.Scope, c.Records...); err != nil {
			return err
		}
	}
	all, err := recallQuestions(ctx, p, l, every)
	if err != nil {
		return err
	}
	for i, suite := range []*eval.Everyday{e, invented} {
		asked, err := recallSuite(ctx, p, []string{"everyday", "invented"}[i], suite)
		if err != nil {
			return err
		}
		all = append(all, asked...)
	}
	small, err := recallStatements(ctx, p, statements)
	if err != nil {
		return err
	}
	all = append(all, small...)
	near, err := recallNear(ctx, p, filepath.Join(filepath.Dir(asked), "near.tsv"))
	if err != nil {
		return err
	}
	all = append(all, near...)
	people, err := recallPeople(ctx, p, filepath.Join(filepath.Dir(asked), "people.txt"))
	if err != nil {
		return err
	}
	all = append(all, people...)
	if dumped != "" {
		if err := dump(all, base, dumped); err != nil {
			return err
		}
	}
	if out == "" {
		return nil
	}
	return write(out, fitRanking(all, base))
}

// recallQuestions asks the questions of LoCoMo, of which one of so many teaches the ranking.
func recallQuestions(ctx context.Context, p *integration.Plugin, l *eval.Dataset, every int) ([]*example, error) {
	var all []*example
	for _, c := range l.Conversations {
		for i, q := range c.Questions {
			x := &example{id: q.ID, set: "locomo", group: c.ID, kind: q.Category, unanswerable: q.Category == eval.Adversarial, answer: q.Answer, ranks: i%every == 0}
			if x.answer == "" && !x.unanswerable {
				continue
			}
			if err := x.recall(ctx, p, c.Scope, memory.Query{Text: q.Text}); err != nil {
				return nil, err
			}
			x.labelLoCoMo(q.Evidence)
			if !x.unanswerable {
				if err := x.goElsewhere(ctx, p, l.Conversations, time.Time{}, i); err != nil {
					return nil, err
				}
			}
			all = append(all, x)
		}
	}
	return all, nil
}

// recallSuite asks the questions of a suite. Of the invented histories every third is asked of another one too.
func recallSuite(ctx context.Context, p *integration.Plugin, set string, e *eval.Everyday) ([]*example, error) {
	var all []*example
	for i := range e.Questions {
		q := &e.Questions[i]
		x := &example{id: q.ID, set: set, group: q.Scope, kind: q.Type, unanswerable: q.Unanswerable, question: q}
		if err := x.recall(ctx, p, memory.Scope{User: q.Scope}, memory.Query{Text: q.Text, At: q.At}); err != nil {
			return nil, err
		}
		x.labelEveryday()
		if !x.unanswerable && (set == "everyday" || i%3 == 0) {
			if err := x.goElsewhere(ctx, p, e.Conversations, q.At, i); err != nil {
				return nil, err
			}
		}
		all = append(all, x)
	}
	return all, nil
}

var dumped string

// recalled is how many memories are read for an answer.
const recalled = 40

func (x *example) recall(ctx context.Context, p *integration.Plugin, scope memory.Scope, q memory.Query) error {
	q.Limit = 3 * recalled
	found, err := p.Recall(ctx, scope, q)
	if err != nil {
		return err
	}
	x.task = &specialists.Task{Question: q.Text, Scope: scope, Now: q.At}
	for _, m := range refine.Distinct(refine.Unfold(found.Memories, q.Limit), recalled) {
		x.task.Evidence = append(x.task.Evidence, m.Record)
	}
	x.reading = extract.Read(x.task)
	return nil
}

// goElsewhere asks the question of another conversation, about somebody who is known there.
func (x *example) goElsewhere(ctx context.Context, p *integration.Plugin, list []eval.Conversation, at time.Time, i int) error {
	for k := range list {
		c := &list[(i+k)%len(list)]
		if c.ID == x.group || c.Scope.User == x.group || len(c.Records) == 0 {
			continue
		}
		names := known(c)
		words := strings.Fields(x.task.Question)
		for j := 1; j < len(words) && len(names) > 0; j++ {
			name := strings.TrimRight(words[j], "?.,!'’s")
			if len(name) > 2 && unicode.IsUpper([]rune(name)[0]) {
				words[j] = names[(i+j)%len(names)] + words[j][len(name):]
			}
		}
		query := memory.Query{Text: strings.Join(words, " "), At: at}
		other := &example{}
		if err := other.recall(ctx, p, c.Scope, query); err != nil {
			return err
		}
		x.made["elsewhere"] = variant{other.task, nil}
		return nil
	}
	return nil
}

// known are the eight words of a conversation that are written with a capital most often, and never without.
func known(c *eval.Conversation) []string {
	count, low := map[string]int{}, map[string]bool{}
	for i := range c.Records {
		for j, w := range strings.Fields(c.Records[i].Text) {
			w = strings.Trim(w, "?.,!'’s\"():;")
			if len(w) < 3 {
				continue
			}
			if r := []rune(w)[0]; !unicode.IsUpper(r) {
				low[strings.ToLower(w)] = true
			} else if j > 0 {
				count[w]++
			}
		}
	}
	var names []string
	for w := range count {
		if !low[strings.ToLower(w)] {
			names = append(names, w)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	return names[:min(8, len(names))]
}

// recallStatements makes a small store of each pair of statements, with others of the same language around them, and asks
// of them what they answer, and what they do not.
func recallStatements(ctx context.Context, p *integration.Plugin, list []statement) ([]*example, error) {
	var all []*example
	began := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for i, s := range list {
		scope := memory.Scope{User: fmt.Sprintf("statement %d", i)}
		known := map[string]bool{s.question: true}
		var records []memory.Record
		add := func(text string, day int) {
			r := memory.Record{Scope: scope, Kind: memory.KindTurn, Role: "user", Text: text, Created: began.AddDate(0, 0, day), Origin: memory.Observed, Confidence: 1, Importance: .5}
			r.Scope.Session = fmt.Sprint(day)
			if i%3 == 1 {
				r.Kind, r.Position, r.Scope.Session = memory.KindFact, -1, ""
			}
			records = append(records, r)
		}
		add(s.old, 0)
		add(s.new, 40)
		others := []int{0, 0, 1, 3, 6}[i%5]
		for k := 1; others > 0 && k < 20; k++ {
			for _, j := range []int{i - k, i + k} {
				if others > 0 && j >= 0 && j < len(list) && !known[list[j].question] {
					known[list[j].question] = true
					add(list[j].old, 3*k)
					others--
				}
			}
		}
		if _, err := p.Store.Add(ctx, scope, records...); err != nil {
			return nil, err
		}
		x := &example{id: fmt.Sprintf("s%d", i+1), set: "statements", group: fmt.Sprintf("statements %d", i*5/len(list)), kind: "current"}
		if err := x.recall(ctx, p, scope, memory.Query{Text: s.question}); err != nil {
			return nil, err
		}
		x.right, x.stale = map[[2]int]bool{}, map[[2]int]bool{}
		right := s.old
		if s.updates {
			right = s.new
		}
		for k := range x.reading.Passages {
			q := &x.reading.Passages[k]
			switch x.task.Evidence[q.Record].Text {
			case right:
				x.right[key(q)] = true
			case s.old:
				x.stale[key(q)] = true
			}
		}
		all = append(all, x)
		for k := 1; k < 30; k++ { // what nothing here answers
			j := (i + k) % len(list)
			if known[list[j].question] || i%2 == 1 {
				continue
			}
			no := &example{id: x.id + "?", set: "statements", group: x.group, kind: "unknown", unanswerable: true}
			if err := no.recall(ctx, p, scope, memory.Query{Text: list[j].question}); err != nil {
				return nil, err
			}
			no.right = map[[2]int]bool{}
			all = append(all, no)
			break
		}
	}
	return all, nil
}

// recallNear asks questions of a statement that answers them, or is only near to it, with some others of the file around it.
func recallNear(ctx context.Context, p *integration.Plugin, file string) ([]*example, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	var all []*example
	for i, line := range lines {
		f := strings.Split(line, "\t")
		if len(f) != 3 || f[0] != "0" && f[0] != "1" {
			return nil, fmt.Errorf("%s: line %d is %q, not 0 or 1, a question and a statement", file, i+1, line)
		}
		scope := memory.Scope{User: fmt.Sprintf("near %d", i)}
		said := []string{f[2]}
		for k := range i % 4 {
			said = append(said, strings.Split(lines[(i*7+k*31+11)%len(lines)], "\t")[2])
		}
		var records []memory.Record
		for day, s := range said {
			r := memory.Record{Scope: scope, Kind: memory.KindTurn, Role: "user", Text: s, Created: time.Date(2026, 3, 1+7*day, 9, 0, 0, 0, time.UTC), Origin: memory.Observed, Confidence: 1, Importance: .5}
			r.Scope.Session = fmt.Sprint(day)
			records = append(records, r)
		}
		if _, err := p.Store.Add(ctx, scope, records...); err != nil {
			return nil, err
		}
		x := &example{id: fmt.Sprintf("n%d", i+1), set: "statements", group: fmt.Sprintf("near %d", i%5), kind: "near", unanswerable: f[0] == "0"}
		if err := x.recall(ctx, p, scope, memory.Query{Text: f[1]}); err != nil {
			return nil, err
		}
		x.right, x.stale = map[[2]int]bool{}, map[[2]int]bool{}
		for k := range x.reading.Passages {
			if q := &x.reading.Passages[k]; !x.unanswerable && x.task.Evidence[q.Record].Text == f[2] {
				x.right[key(q)] = true
			}
		}
		all = append(all, x)
	}
	return all, nil
}

// key tells passages of one reading apart.
func key(p *extract.Passage) [2]int { return [2]int{p.Record, p.Place} }

// labelLoCoMo marks the sentences of the evidence that hold most of the answer.
func (x *example) labelLoCoMo(evidence []string) {
	x.right = map[[2]int]bool{}
	if x.unanswerable {
		return
	}
	is := map[string]bool{}
	for _, ref := range evidence {
		is[ref] = true
	}
	best := map[int]float64{}
	for pass := range 2 {
		for i := range x.reading.Passages {
			p := &x.reading.Passages[i]
			if !is[eval.Ref(x.task.Evidence[p.Record])] {
				continue
			}
			score := eval.ScoreAnswer(x.answer, p.Text).Contains
			if pass == 0 {
				best[p.Record] = max(best[p.Record], score)
			} else if score >= best[p.Record] {
				x.right[key(p)] = true
			}
		}
	}
	x.strip()
}

// labelEveryday marks the sentences of the evidence that hold the answer.
func (x *example) labelEveryday() {
	x.right = map[[2]int]bool{}
	if x.unanswerable {
		return
	}
	is := map[string]bool{}
	for _, set := range x.question.Evidence {
		for _, ref := range set {
			is[ref] = true
		}
	}
	x.stale = map[[2]int]bool{}
	for i := range x.reading.Passages {
		if p := &x.reading.Passages[i]; len(x.question.Wrong) > 0 && x.question.Judge(p.Text, false) == eval.Stale {
			x.stale[key(p)] = true
		}
	}
	holds := map[int]bool{}
	for pass := range 2 {
		for i := range x.reading.Passages {
			p := &x.reading.Passages[i]
			if !is[eval.Ref(x.task.Evidence[p.Record])] {
				continue
			}
			v := x.question.Judge(p.Text, false)
			if pass == 0 && v == eval.Right {
				x.right[key(p)], holds[p.Record] = true, true
			}
			if pass == 1 && !holds[p.Record] && len(x.question.Evidence[0]) == 1 && v != eval.Stale {
				x.right[key(p)] = true
			}
		}
	}
	x.strip()
}

// variant is a question made of another.
type variant struct {
	task   *specialists.Task
	answer map[memory.ID]bool // the memories that answer it
}

// strip makes other questions of an example: the memories again without those that answer ("bare"), and few of them with and
// without ("few", "fewbare"); the same of a stranger ("swapped"), and of the other one of two who talk ("other").
func (x *example) strip() {
	answers := map[memory.ID]bool{}
	for k := range x.right {
		answers[x.task.Evidence[k[0]].ID] = true
	}
	bare := &specialists.Task{Question: x.task.Question, Scope: x.task.Scope, Now: x.task.Now}
	for _, m := range x.task.Evidence {
		if !answers[m.ID] && (x.question == nil || x.question.Judge(m.Text, false) == eval.Wrong) {
			bare.Evidence = append(bare.Evidence, m)
		}
	}
	x.made = map[string]variant{}
	add := func(name string, t *specialists.Task, answer map[memory.ID]bool) {
		x.made[name] = variant{t, answer}
	}
	add("bare", bare, nil)
	few := 1 + (7*len(x.task.Question)+len(x.id))%6
	some := &specialists.Task{Question: x.task.Question, Scope: x.task.Scope, Now: x.task.Now}
	without := *some
	for i, m := range x.task.Evidence {
		switch {
		case answers[m.ID]:
			some.Evidence = append(some.Evidence, m)
		case len(without.Evidence) < few && (i*i+len(x.task.Question))%3 != 0 && (x.question == nil || x.question.Judge(m.Text, false) == eval.Wrong):
			some.Evidence, without.Evidence = append(some.Evidence, m), append(without.Evidence, m)
		}
	}
	if len(answers) > 0 && x.set != "locomo" {
		add("few", some, answers)
		add("fewbare", &without, nil)
	}
	if question, ok := swap(x.task.Question); ok {
		add("swapped", &specialists.Task{Question: question, Scope: x.task.Scope, Now: x.task.Now, Evidence: x.task.Evidence}, nil)
	}
	if question, ok := x.other(); ok {
		add("other", &specialists.Task{Question: question, Scope: x.task.Scope, Now: x.task.Now, Evidence: x.task.Evidence}, nil)
	}
}

// other asks what is asked of one speaker of the other one.
func (x *example) other() (string, bool) {
	speakers := map[string]bool{}
	for i := range x.task.Evidence {
		if s := x.task.Evidence[i].Speaker; s != "" {
			speakers[s] = true
		}
	}
	names := sorted(speakers)
	if len(names) != 2 {
		return "", false
	}
	first, second := strings.Contains(x.task.Question, names[0]), strings.Contains(x.task.Question, names[1])
	switch {
	case first && !second:
		return strings.ReplaceAll(x.task.Question, names[0], names[1]), true
	case second && !first:
		return strings.ReplaceAll(x.task.Question, names[1], names[0]), true
	}
	return "", false
}

// strangers are names that nobody in the conversations has.
var strangers = []string{"Zoltan", "Ingeborg", "Thandiwe", "Kazimir", "Oihana", "Ludmila", "Bertrand", "Yolanda"}

// swap asks a question about somebody else: the last word with a capital that does not open it becomes a stranger.
func swap(question string) (string, bool) {
	words := strings.Fields(question)
	for i := len(words) - 1; i > 0; i-- {
		name := strings.TrimRight(words[i], "?.,!'’s")
		if len(name) > 2 && unicode.IsUpper([]rune(name)[0]) && !strings.ContainsAny(name, "0123456789") {
			words[i] = strangers[len(question)%len(strangers)] + words[i][len(name):]
			return strings.Join(words, " "), true
		}
	}
	return "", false
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
