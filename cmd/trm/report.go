package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/dustin/go-humanize/english"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// Share is a measured share with its 95 % interval.
type Share struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Of    int     `json:"of"` // what it is a share of: puzzles
}

func (s Share) String() string {
	return fmt.Sprintf("%.1f %% [%.1f, %.1f]", 100*s.Value, 100*s.Low, 100*s.High)
}

// Group is the exact accuracy of some of the puzzles.
type Group struct {
	Name  string `json:"name"`
	Exact Share  `json:"exact"`
}

// AtStep is the accuracy of the answers after a step.
type AtStep struct {
	Step  int     `json:"step"`
	Exact Share   `json:"exact"`
	Cells float64 `json:"cells"`
}

// Run is one way of solving all puzzles. The ways are never mixed.
type Run struct {
	Mode     string   `json:"mode"` // "plain": so many steps; "rules": until the rules accept an answer; "q-halt": until the model believes itself; "retries": the plain run, and failures again until the rules accept
	Steps    int      `json:"steps"`
	Exact    Share    `json:"exact"` // the known answer, every cell
	Cells    Share    `json:"cells"` // mean over puzzles of the share of cells
	Valid    Share    `json:"valid"` // by the rules
	Halted   int      `json:"halted,omitempty"`
	Retried  int      `json:"retried,omitempty"` // puzzles that needed a retry and got a valid answer from it
	Mean     float64  `json:"mean_steps"`
	Seconds  float64  `json:"seconds"`
	Rate     float64  `json:"puzzles_per_second"`
	BySource []Group  `json:"by_source,omitempty"`
	ByRating []Group  `json:"by_rating,omitempty"`
	ByStep   []AtStep `json:"by_step,omitempty"`
	Halting  []int    `json:"halting,omitempty"` // puzzles by the step they halted at; the first entry is step 1
}

// Setting is what a measurement was made with.
type Setting struct {
	Task      string `json:"task"`
	File      string `json:"file"`
	Model     string `json:"model"`
	SHA256    string `json:"sha256,omitempty"` // of the weights
	Arch      string `json:"architecture"`
	Device    string `json:"device"`
	Runtime   string `json:"runtime"`
	Precision string `json:"precision"`
	Threads   int    `json:"threads"`
	Batch     int    `json:"batch"`
}

// Report is what bench prints of Sudokus and mazes.
type Report struct {
	Setting
	Puzzles int    `json:"puzzles"`
	Of      int    `json:"of"`   // puzzles in the file
	Seed    uint64 `json:"seed"` // of the draw, the retries and the noise
	Runs    []Run  `json:"runs"`
}

// setting describes the circumstances.
func setting(task, file string, model *onnx.Model, solver *onnx.Solver, precision string) Setting {
	return Setting{
		Task: task, File: file, Model: modelName(model), SHA256: model.Card.SHA256, Arch: model.Arch.String(),
		Device: string(solver.Device()), Runtime: solver.Runtime(), Precision: cmp.Or(precision, string(onnx.FP32)), Threads: solver.Threads(), Batch: solver.Batch(),
	}
}

// wilson is the share right/of with Wilson's 95 % score interval.
func wilson(right, of int) Share {
	if of == 0 {
		return Share{Value: 0, Low: 0, High: 1}
	}
	const z = 1.959964
	n, p := float64(of), float64(right)/float64(of)
	middle, half := (p+z*z/(2*n))/(1+z*z/n), z/(1+z*z/n)*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Share{Value: p, Low: max(0, middle-half), High: min(1, middle+half), Of: of}
}

// bootstrap is the mean of values in [0, 1] with the 95 % interval of 1,000 resamples, always the same ones.
func bootstrap(values []float64) Share {
	if len(values) == 0 {
		return Share{Value: 0, Low: 0, High: 1}
	}
	mean := func(pick func(int) int) float64 {
		sum := 0.0
		for i := range values {
			sum += values[pick(i)]
		}
		return sum / float64(len(values))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	means := make([]float64, 1000)
	for i := range means {
		means[i] = mean(func(int) int { return rng.IntN(len(values)) })
	}
	slices.Sort(means)
	return Share{Value: mean(func(i int) int { return i }), Low: means[24], High: means[974], Of: len(values)}
}

// cellsRight is the share of cells in which two answers agree.
func cellsRight(answer, want []int32) float64 {
	right := 0
	for i, t := range want {
		if answer[i] == t {
			right++
		}
	}
	return float64(right) / float64(len(want))
}

// summarize makes a run of outcomes.
func summarize(mode string, steps int, problems []*problem, outcomes []outcome, seconds float64) Run {
	r := Run{Mode: mode, Steps: steps, Seconds: seconds, Rate: float64(len(problems)) / max(seconds, 1e-9)}
	if mode == "q-halt" || mode == "rules" {
		r.Halting = make([]int, steps)
	}
	exact, valid, total := 0, 0, 0
	cells := make([]float64, len(problems))
	for i, out := range outcomes {
		cells[i] = cellsRight(out.tokens, problems[i].answer)
		if cells[i] == 1 {
			exact++
		}
		if out.valid {
			valid++
		}
		if out.tries > 0 {
			r.Retried++
		}
		if out.halted && mode != "plain" {
			r.Halted++
		}
		if r.Halting != nil {
			r.Halting[min(out.steps, steps)-1]++
		}
		total += out.steps
	}
	r.Exact, r.Cells, r.Valid = wilson(exact, len(problems)), bootstrap(cells), wilson(valid, len(problems))
	r.Mean = float64(total) / float64(max(len(problems), 1))
	r.BySource = groups(problems, cells, func(p *problem) string { return p.source })
	r.ByRating = groups(problems, cells, func(p *problem) string { return ratingName(p.rating) })
	return r
}

// ratingBounds are the upper bounds of the rating groups.
var ratingBounds = []int{0, 5, 20, 50, 100, 200, 500}

// ratingName names the group of a rating so that names sort as numbers do. It is empty if the rating is unknown.
func ratingName(rating int) string {
	i, _ := slices.BinarySearch(ratingBounds, rating)
	switch {
	case rating < 0:
		return ""
	case i == 0:
		return "0"
	case i == len(ratingBounds):
		return fmt.Sprintf("%d–", ratingBounds[i-1]+1)
	}
	return fmt.Sprintf("%d–%d", ratingBounds[i-1]+1, ratingBounds[i])
}

// groups is the exact accuracy by the names of problems, sorted by the number that names begin with, and then by name.
func groups(problems []*problem, cells []float64, name func(*problem) string) (all []Group) {
	right, of := map[string]int{}, map[string]int{}
	for i, p := range problems {
		if of[name(p)]++; cells[i] == 1 {
			right[name(p)]++
		}
	}
	delete(of, "")
	for name, n := range of {
		all = append(all, Group{Name: name, Exact: wilson(right[name], n)})
	}
	number := func(name string) (n int) {
		_, _ = fmt.Sscanf(name, "%d", &n) // a name without a number counts as 0
		return n
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(number(a.Name), number(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// print writes the report as tables.
func (r *Report) print(term *ui.Terminal, compare []int) {
	term.Printf("%s, %s of %d in %s\n%s\n%s, ONNX Runtime %s, %s, batch %d × %s\n\n",
		r.Model, english.Plural(r.Puzzles, "puzzle", ""), r.Of, r.File, r.Arch, r.Device, r.Runtime, r.Precision, r.Batch, english.Plural(r.Threads, "thread", ""))
	table := &ui.Table{
		Columns: []string{"run", "steps", "exact", "cells", "valid by rules", "mean steps", "puzzles/s"},
		Right:   []string{"steps", "mean steps", "puzzles/s"},
	}
	for _, run := range r.Runs {
		table.Add(run.Mode, run.Steps, run.Exact, run.Cells, run.Valid, fmt.Sprintf("%.2f", run.Mean), fmt.Sprintf("%.3g", run.Rate))
	}
	table.Print(term)
	plain := r.Runs[0]
	if len(compare) > 0 {
		steps := &ui.Table{Columns: []string{"after step", "exact", "cells"}, Right: []string{"after step"}}
		for _, at := range plain.ByStep {
			if slices.Contains(compare, at.Step) {
				steps.Add(at.Step, at.Exact, fmt.Sprintf("%.1f %%", 100*at.Cells))
			}
		}
		term.Printf("\nthe plain run of %d steps, cut short\n", plain.Steps)
		steps.Print(term)
	}
	for i, groups := range [][]Group{plain.BySource, plain.ByRating} {
		if len(groups) < 2 {
			continue
		}
		table := &ui.Table{Columns: []string{[]string{"source", "rating"}[i], "puzzles", "exact, plain"}, Right: []string{"puzzles"}}
		for _, g := range groups {
			table.Add(g.Name, g.Exact.Of, g.Exact)
		}
		term.Printf("\n")
		table.Print(term)
	}
}
