package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/extract"
	"github.com/trm-go/refiner/specialists"
)

// fitAsks learns what questions ask for, from a file of lines "kind TAB question", and prints the share that it gets right of
// those that it has not seen.
func fitAsks(file string) ([][]float64, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	type asked struct {
		kind  int
		grams []int
	}
	var all []asked
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		name, question, ok := strings.Cut(line, "\t")
		kind := slices.Index(extract.AskedNames[:], name)
		if !ok || kind < 0 {
			return nil, fmt.Errorf("%s: line %d is %q, not a kind, a tab and a question", file, i+1, line)
		}
		all = append(all, asked{kind, extract.Ngrams(question)})
	}
	train := func(list []asked) [][]float64 {
		w := make([][]float64, len(extract.AskedNames))
		for k := range w {
			w[k] = make([]float64, extract.NgramBuckets)
		}
		for epoch := range 60 {
			rate := .5 / (1 + float64(epoch)/20)
			for _, a := range list {
				p := extract.AskedKinds(w, a.grams)
				norm := math.Sqrt(float64(max(1, len(a.grams))))
				for k := range w {
					g := p[k]
					if k == a.kind {
						g--
					}
					for _, b := range a.grams {
						w[k][b] -= rate * (g/norm + 1e-4*w[k][b])
					}
				}
			}
		}
		return w
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	right := 0
	const folds = 10
	for f := range folds {
		var seen, unseen []asked
		for i, a := range all {
			if i%folds == f {
				unseen = append(unseen, a)
			} else {
				seen = append(seen, a)
			}
		}
		w := train(seen)
		for _, a := range unseen {
			p := extract.AskedKinds(w, a.grams)
			if slices.Index(p[:], slices.Max(p[:])) == a.kind {
				right++
			}
		}
	}
	fmt.Printf("what a question asks for: right for %d of %d that were left out\n", right, len(all))
	w := train(all)
	for k := range w {
		for b := range w[k] {
			w[k][b] = round(w[k][b])
		}
	}
	return w, nil
}

func round(x float64) float64 { return math.Round(1000*x) / 1000 }

// fitPassages learns which passage answers: of each question's passages those that do shall have all of the softmax.
func fitPassages(all []*example) []float64 {
	n := extract.NumFeatures
	w, m, v := make([]float64, n), make([]float64, n), make([]float64, n)
	step := 0
	random := rand.New(rand.NewPCG(3, 4))
	var usable []*example
	for _, x := range all {
		if slices.Contains(x.right, true) {
			usable = append(usable, x)
		}
	}
	for range 40 {
		random.Shuffle(len(usable), func(i, j int) { usable[i], usable[j] = usable[j], usable[i] })
		for from := 0; from < len(usable); from += 32 {
			batch := usable[from:min(from+32, len(usable))]
			grad := make([]float64, n)
			weight := 0.0
			for _, x := range batch {
				xw := 1.0
				if x.set == "everyday" {
					xw = 3
				}
				weight += xw
				scores := make([]float64, len(x.right))
				top := math.Inf(-1)
				for i := range x.reading.Passages {
					f := &x.reading.Passages[i].Features
					for k, value := range f {
						scores[i] += w[k] * value
					}
					top = max(top, scores[i])
				}
				sum, good := 0.0, 0.0
				for i := range scores {
					scores[i] = math.Exp(scores[i] - top)
					sum += scores[i]
					if x.right[i] {
						good += scores[i]
					}
				}
				for i := range scores {
					g := scores[i] / sum
					if x.right[i] {
						g -= scores[i] / good
					}
					for k, value := range x.reading.Passages[i].Features {
						grad[k] += xw * g * value
					}
				}
			}
			step++
			for k := range w {
				g := grad[k]/weight + 1e-4*w[k]
				m[k] = .9*m[k] + .1*g
				v[k] = .999*v[k] + .001*g*g
				w[k] -= .03 * m[k] / (1 - math.Pow(.9, float64(step))) / (math.Sqrt(v[k]/(1-math.Pow(.999, float64(step)))) + 1e-8)
			}
		}
	}
	for k := range w {
		w[k] = round(w[k])
	}
	return w
}

// told is an answer with whether it was right.
type told struct {
	x     [extract.NumSure]float64
	right bool
	w     float64
}

// tell answers the question of an example with the model in use, and also without what answers it.
func (x *example) tell() []told {
	weight := 1.0
	if x.set == "everyday" {
		weight = 3
	}
	r := extract.Read(x.task)
	a := r.Answer()
	list := []told{{r.Answerable(), x.isRight(&a), weight}}
	if x.unanswerable {
		return list
	}
	without := *x.task
	without.Evidence = slices.DeleteFunc(slices.Clone(x.task.Evidence), func(m memory.Record) bool { return x.answers(&m) })
	task := &specialists.Task{Question: without.Question, Scope: without.Scope, Now: without.Now, Evidence: without.Evidence}
	r = extract.Read(task)
	r.Rank()
	return append(list, told{r.Answerable(), false, weight / 2})
}

// answers reports whether a memory answers the question.
func (x *example) answers(m *memory.Record) bool {
	if x.question != nil {
		if x.question.Judge(m.Text, false) != bench.Wrong {
			return true
		}
	}
	for i := range x.reading.Passages {
		if p := &x.reading.Passages[i]; x.right[i] && x.task.Evidence[p.Record].ID == m.ID {
			return true
		}
	}
	return false
}

// isRight reports whether an answer is right, taken as one that was found.
func (x *example) isRight(a *extract.Answer) bool {
	if x.unanswerable || len(a.Quotes) == 0 {
		return false
	}
	found := *a
	found.Found = true
	text := found.Text(x.task.Evidence, func(i int) int { return i + 1 })
	if x.question != nil {
		return x.question.Judge(text, false) == bench.Right
	}
	return bench.ScoreAnswer(x.answer, text).Contains >= .6
}

// fitSure learns how sure an answer is.
func fitSure(list []told) []float64 {
	n := extract.NumSure
	w := make([]float64, n)
	m, v := make([]float64, n), make([]float64, n)
	for step := 1; step <= 1500; step++ {
		grad, weight := make([]float64, n), 0.0
		for i := range list {
			t := &list[i]
			s := 0.0
			for k := range w {
				s += w[k] * t.x[k]
			}
			g := sigmoid(s)
			if t.right {
				g--
			}
			weight += t.w
			for k := range w {
				grad[k] += t.w * g * t.x[k]
			}
		}
		for k := range w {
			g := grad[k]/weight + 1e-4*w[k]
			m[k] = .9*m[k] + .1*g
			v[k] = .999*v[k] + .001*g*g
			w[k] -= .02 * m[k] / (1 - math.Pow(.9, float64(step))) / (math.Sqrt(v[k]/(1-math.Pow(.999, float64(step)))) + 1e-8)
		}
	}
	for k := range w {
		w[k] = round(w[k])
	}
	return w
}

// fit learns all weights from examples, and leaves them in use.
func fit(all []*example, asks [][]float64) *extract.Model {
	m := &extract.Model{Asks: asks, Passage: fitPassages(all)}
	extract.Use(m)
	var list []told
	for _, x := range all {
		list = append(list, x.tell()...)
	}
	m.Sure = fitSure(list)
	return m
}

func write(file string, m *extract.Model) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// validate leaves each conversation out in turn, and prints how its questions are answered by what the others taught.
func validate(all []*example, asks [][]float64, verbose bool) error {
	groups := map[string]bool{}
	for _, x := range all {
		groups[x.group] = true
	}
	type row struct{ n, top, contains, refused float64 }
	rows := map[string]*row{}
	verdicts := map[string]map[bench.Verdict]int{}
	var bins [10][2]float64
	sure := 0
	var names []string
	for g := range groups {
		names = append(names, g)
	}
	sort.Strings(names)
	for _, g := range names {
		var seen, unseen []*example
		for _, x := range all {
			if x.group == g {
				unseen = append(unseen, x)
			} else {
				seen = append(seen, x)
			}
		}
		fit(seen, asks)
		for _, x := range unseen {
			r := extract.Read(x.task)
			a := r.Answer()
			text := a.Text(x.task.Evidence, func(i int) int { return i + 1 })
			key := x.set
			if x.unanswerable {
				key += " unanswerable"
			}
			for _, key := range []string{key, x.set + " " + x.kind} {
				if rows[key] == nil {
					rows[key] = &row{}
				}
				rows[key].n++
				if len(r.Passages) > 0 && x.answersPassage(&r.Passages[0]) {
					rows[key].top++
				}
				if !a.Found {
					rows[key].refused++
				}
				if x.set == "locomo" && !x.unanswerable {
					rows[key].contains += bench.ScoreAnswer(x.answer, text).Contains
				}
			}
			if a.Found && x.set == "everyday" {
				b := min(9, int(10*a.Confidence))
				bins[b][0]++
				if x.isRight(&a) {
					bins[b][1]++
				}
			}
			if x.question != nil {
				v := x.question.Judge(text, !a.Found)
				for _, key := range []string{"all", x.kind, "scope " + x.group} {
					if verdicts[key] == nil {
						verdicts[key] = map[bench.Verdict]int{}
					}
					verdicts[key][v]++
				}
				if a.Confidence >= .9 && v != bench.Right && a.Found {
					sure++
				}
				if verbose && v != bench.Right {
					fmt.Printf("%s [%s] %s\n   %s %.2f; %.2q\n   %s\n", x.id, x.kind, x.question.Text, strings.ToUpper(string(v)), a.Confidence, x.question.Answer, strings.ReplaceAll(text, "\n", "\n   "))
				}
			}
		}
	}
	for _, key := range sorted(rows) {
		r := rows[key]
		fmt.Printf("%-24s n %4.0f  best passage right %.3f  refused %.3f  contains %.3f\n", key, r.n, r.top/r.n, r.refused/r.n, r.contains/r.n)
	}
	for _, key := range sorted(verdicts) {
		fmt.Printf("%-16s", key)
		for _, v := range bench.Verdicts {
			fmt.Printf(" %s %d", v, verdicts[key][v])
		}
		fmt.Println()
	}
	fmt.Println("wrong but sure", sure)
	for b, c := range bins {
		if c[0] > 0 {
			fmt.Printf("confidence %.1f: %3.0f answers, right %.2f\n", float64(b)/10, c[0], c[1]/c[0])
		}
	}
	return nil
}

func (x *example) answersPassage(p *extract.Passage) bool {
	for i := range x.reading.Passages {
		q := &x.reading.Passages[i]
		if q.Record == p.Record && q.Place == p.Place {
			return x.right[i]
		}
	}
	return false
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
