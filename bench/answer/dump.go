package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/refine/extract"
)

// row is what is known of an answer, for the fitting of its confidence.
type row struct {
	ID, Set, Fold, Kind, Variant string
	Right                        bool
	Unanswerable                 bool
	Found, Refused               eval.Verdict
	Question, Text               string
	X                            []float64
}

// dump answers each question by a ranking that its conversation did not teach, and writes what is measured of it.
func dump(all []*example, base *extract.Model, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	groups := map[string]bool{}
	for _, x := range all {
		groups[fold(x)] = true
	}
	w := json.NewEncoder(f)
	for _, group := range sorted(groups) {
		var seen, unseen []*example
		for _, x := range all {
			if fold(x) == group {
				unseen = append(unseen, x)
			} else {
				seen = append(seen, x)
			}
		}
		fitRanking(seen, base)
		fmt.Fprintln(os.Stderr, group, len(unseen))
		for _, x := range unseen {
			if err := w.Encode(x.asked(group)); err != nil {
				return err
			}
			for _, name := range sorted(x.made) {
				v := x.made[name]
				r := extract.Read(v.task)
				a, features := r.Answer(), r.Answerable()
				o := row{ID: x.id, Set: x.set, Fold: group, Kind: x.kind, Variant: name, Unanswerable: len(v.answer) == 0, X: features[:]}
				o.Right = slices.ContainsFunc(a.Quotes, func(q extract.Quote) bool { return v.answer[v.task.Evidence[q.Record].ID] })
				if err := w.Encode(o); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// asked is what is measured of the answer to the question itself.
func (x *example) asked(group string) row {
	a, features := x.reading.Answer(), x.reading.Answerable()
	o := row{ID: x.id, Set: x.set, Fold: group, Kind: x.kind, Unanswerable: x.unanswerable, X: features[:], Question: x.task.Question, Right: x.isRight(&a)}
	text := func(found bool) string {
		a.Found = found
		return a.Text(x.task.Evidence, func(i int) int { return i + 1 })
	}
	o.Text = text(true)
	if x.question != nil {
		o.Found, o.Refused = x.question.Judge(o.Text, false), x.question.Judge(text(false), true)
	}
	return o
}

// fold is what is left out at once: a conversation, and with each of LoCoMo's a part of what was made.
func fold(x *example) string {
	if x.group == "oskar" {
		return "daiki"
	}
	if kind, n, ok := strings.Cut(x.group, " "); ok && (kind == "statements" || kind == "near" || kind == "people") {
		return leftOut[(n[0]-'0')%5]
	}
	if x.set == "invented" { // a fifth of the histories with each of LoCoMo's
		n := 0
		for _, c := range x.group {
			n += int(c)
		}
		return leftOut[n%len(leftOut)]
	}
	return x.group
}

// leftOut are the conversations of LoCoMo with each of which a part of what else there is is left out.
var leftOut = []string{"conv-26", "conv-41", "conv-43", "conv-47", "conv-49"}
