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

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/refine/extract"
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

// statement is a line of the file of updates: an earlier statement, and a later one that takes its place or not.
type statement struct {
	question, old, new string
	updates            bool
}

func readUpdates(file string) ([]statement, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []statement
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 4 || f[0] != "0" && f[0] != "1" {
			return nil, fmt.Errorf("%s: line %d is %q, not 0 or 1, a question and two statements", file, i+1, line)
		}
		list = append(list, statement{f[1], f[2], f[3], f[0] == "1"})
	}
	return list, nil
}

// fitChange learns how sentences tell of a change.
func fitChange(list []statement) []float64 {
	type sample struct {
		grams []int
		yes   bool
	}
	var all []sample
	seen := map[string]bool{}
	for _, s := range list {
		all = append(all, sample{extract.Ngrams(s.new), s.updates})
		if !seen[s.old] {
			seen[s.old] = true
			all = append(all, sample{extract.Ngrams(s.old), false})
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	train := func(skip int) []float64 {
		w := make([]float64, extract.NgramBuckets)
		for epoch := range 40 {
			rate := .5 / (1 + float64(epoch)/20)
			for i, a := range all {
				if i%5 == skip {
					continue
				}
				g := extract.ChangeOf(w, a.grams)
				if a.yes {
					g--
				}
				for _, b := range a.grams {
					w[b] -= rate * (g/math.Sqrt(float64(max(1, len(a.grams)))) + 3e-4*w[b])
				}
			}
		}
		return w
	}
	right := 0
	for f := range 5 {
		w := train(f)
		for i, a := range all {
			if i%5 == f && (extract.ChangeOf(w, a.grams) >= .5) == a.yes {
				right++
			}
		}
	}
	fmt.Printf("what tells of a change: right for %d of %d sentences that were left out\n", right, len(all))
	w := train(-1)
	for b := range w {
		w[b] = round(w[b])
	}
	return w
}

// told is a yes or no with what was measured of it.
type told struct {
	x     []float64
	right bool
	w     float64
}

// logistic learns weights by which a weighted list of yes and no is told apart.
func logistic(list []told, n int, decay float64) []float64 {
	w := make([]float64, n)
	var o adam
	for range 1500 {
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
		o.step(w, grad, weight, decay)
	}
	for k := range w {
		w[k] = round(w[k])
	}
	return w
}

// pairs are the best passages of an example held against each other: a later one takes the place of an earlier one if it is
// right and the earlier one is stale.
func (x *example) pairs() []told {
	r := x.reading
	r.Rank()
	best := r.Passages[:min(14, len(r.Passages))]
	var list []told
	for i := range best {
		a := &best[i]
		rightA := x.right[key(a)]
		staleA := !rightA && x.stale[key(a)]
		for j := range best {
			b := &best[j]
			if !x.task.Evidence[a.Record].Created.Before(x.task.Evidence[b.Record].Created) {
				continue
			}
			f := r.Pair(a, b)
			t := told{x: f[:], right: staleA && x.right[key(b)], w: .05}
			switch {
			case t.right:
				t.w = 3
			case rightA:
				t.w = .5
			}
			list = append(list, t)
		}
	}
	return list
}

// choice is a question's passages by their features, and which of them answer.
type choice struct {
	x     [][]float64
	right []bool
	w     float64
}

// listwise learns weights, and those of hidden units, by which of each choice those that are right have all of the softmax.
func listwise(list []choice, n, hidden int) ([]float64, [][]float64) {
	random := rand.New(rand.NewPCG(3, 4))
	size := n + hidden*(n+1)
	w := make([]float64, size)
	var o adam
	for k := n; k < size; k++ {
		w[k] = random.NormFloat64() * .3
	}
	unit := func(h int) []float64 { return w[n+h*(n+1) : n+(h+1)*(n+1)] }
	list = slices.DeleteFunc(slices.Clone(list), func(c choice) bool { return !slices.Contains(c.right, true) })
	for range epochs {
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for from := 0; from < len(list); from += 32 {
			grad, weight := make([]float64, size), 0.0
			for _, c := range list[from:min(from+32, len(list))] {
				weight += c.w
				scores, top := make([]float64, len(c.x)), math.Inf(-1)
				act := make([]float64, hidden*len(c.x))
				for i, x := range c.x {
					for k, value := range x {
						scores[i] += w[k] * value
					}
					for h := range hidden {
						u, s := unit(h), 0.0
						for k, value := range x {
							s += u[k] * value
						}
						act[i*hidden+h] = math.Tanh(s)
						scores[i] += u[n] * act[i*hidden+h]
					}
					top = max(top, scores[i])
				}
				sum, good := 0.0, 0.0
				for i := range scores {
					scores[i] = math.Exp(scores[i] - top)
					sum += scores[i]
					if c.right[i] {
						good += scores[i]
					}
				}
				for i, x := range c.x {
					g := scores[i] / sum
					if c.right[i] && good > 0 {
						g -= scores[i] / good
					}
					g *= c.w
					if math.Abs(g) < 1e-4 {
						continue
					}
					for k, value := range x {
						grad[k] += g * value
					}
					for h := range hidden {
						u, a := unit(h), act[i*hidden+h]
						d := g * u[n] * (1 - a*a)
						at := grad[n+h*(n+1):]
						for k, value := range x {
							at[k] += d * value
						}
						at[n] += g * a
					}
				}
			}
			o.step(w, grad, weight, decay)
		}
	}
	for k := range w {
		w[k] = round(w[k])
	}
	var units [][]float64
	for h := range hidden {
		units = append(units, slices.Clone(unit(h)))
	}
	return w[:n:n], units
}

// decay keeps the weights small, and hiddenUnits is their number in the score of a passage.
var (
	decay        = 1e-3
	hiddenUnits  = 8
	epochs       = 30
	locomoWeight = .5
)

// weight is how much an example counts: there is less of the everyday kind, and it is what matters.
func (x *example) weight() float64 {
	switch x.set {
	case "everyday":
		return 4
	case "invented":
		return 2
	case "statements", "people":
		return 1.5
	}
	return locomoWeight
}

// first are the passages by what was measured of each alone, second by how they stand to each other.
func (x *example) first() choice {
	c := choice{w: x.weight()}
	for i := range x.reading.Passages {
		p := &x.reading.Passages[i]
		c.x = append(c.x, p.Features[:])
		c.right = append(c.right, x.right[key(p)])
	}
	return c
}

func (x *example) second() choice {
	c := choice{w: x.weight()}
	r := x.reading
	r.Rank()
	for i := range r.Passages[:min(14, len(r.Passages))] {
		p := &r.Passages[i]
		c.x = append(c.x, p.Second[:])
		c.right = append(c.right, x.right[key(p)])
	}
	return c
}

// isRight reports whether an answer is right, taken as one that was found.
func (x *example) isRight(a *extract.Answer) bool {
	if x.unanswerable || len(a.Quotes) == 0 {
		return false
	}
	found := *a
	found.Found = true
	text := found.Text(x.task.Evidence, func(i int) int { return i + 1 })
	switch {
	case x.question != nil:
		return x.question.Judge(text, false) == eval.Right
	case x.set == "statements", x.set == "people":
		return slices.ContainsFunc(a.Quotes, func(q extract.Quote) bool { return x.right[[2]int{q.Record, 0}] })
	}
	return eval.ScoreAnswer(x.answer, text).Contains >= .6
}

// fitRanking learns the weights by which passages are ranked, and leaves them in use.
func fitRanking(all []*example, base *extract.Model) *extract.Model {
	m := &extract.Model{Asks: base.Asks, Change: base.Change}
	var first, second []choice
	all = slices.DeleteFunc(slices.Clone(all), func(x *example) bool { return x.set == "locomo" && !x.ranks })
	for _, x := range all {
		first = append(first, x.first())
	}
	m.Passage, m.Hidden = listwise(first, extract.NumFeatures, hiddenUnits)
	extract.Use(m)
	var pairs []told
	for _, x := range all {
		pairs = append(pairs, x.pairs()...)
	}
	m.Pair = logistic(pairs, extract.NumPair, 1e-3)
	for _, x := range all {
		second = append(second, x.second())
	}
	m.Second, _ = listwise(second, extract.NumSecond, 0)
	return m
}

func write(file string, m *extract.Model) error {
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
