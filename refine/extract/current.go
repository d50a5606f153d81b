package extract

import (
	"cmp"
	"math"
	"slices"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// NumPair is the number of features of a pair of passages.
const NumPair = 15

// Pair measures whether a later passage takes the place of an earlier one as an answer to the question: what they share,
// whether their values differ, how they stand to the question, and whether the later one is worded as a change.
func (r *Reading) Pair(a, b *Passage) [NumPair]float64 {
	old, new := &r.task.Evidence[a.Record], &r.task.Evidence[b.Record]
	shared, normA, normB, sharedQ := 0.0, 0.0, 0.0, 0.0
	for _, t := range a.tokens.terms {
		w := r.weights[t]
		normA += w * w
		if b.tokens.has(t) {
			shared += w * w
		}
		if r.question.has(t) && r.records[b.Record].has(t) {
			sharedQ += w / max(r.total, 1e-9)
		}
	}
	around := 0.0
	for t := range r.records[b.Record].set {
		if a.tokens.has(t) {
			around += r.weights[t] * r.weights[t]
		}
	}
	for _, t := range b.tokens.terms {
		normB += r.weights[t] * r.weights[t]
	}
	cos := shared / max(1e-9, math.Sqrt(normA*normB))
	valuesA, valuesB, same := 0.0, 0.0, 0.0
	for t := range a.tokens.set {
		if hasDigit(t) {
			valuesA = 1
			if b.tokens.has(t) {
				same = 1
			}
		}
	}
	newNames := 0.0
	for t := range b.tokens.set {
		if hasDigit(t) {
			valuesB = 1
		} else if b.tokens.names[t] && !a.tokens.has(t) && !r.question.has(t) {
			newNames = 1
		}
	}
	days := new.Created.Sub(old.Created).Hours() / 24
	return [NumPair]float64{1, b.change, a.change, cos, around / max(1e-9, normA), a.Features[fOwn], b.Features[fOwn] + b.Features[fAround],
		truth(old.Speaker == new.Speaker && old.Role == new.Role), valuesA * valuesB * (1 - same), same, newNames,
		truth(old.Scope.Session != "" && old.Scope.Session == new.Scope.Session), math.Log1p(max(0, days)), sharedQ, b.change * cos}
}

// mostPairs is how many of the best passages are held against each other.
const mostPairs = 14

// current finds which of the best passages a later one takes the place of, and scores them anew by that.
func (r *Reading) current() {
	best := r.Passages[:min(mostPairs, len(r.Passages))]
	updates := make([]float64, len(best))
	for i := range best {
		a := &best[i]
		for j := range best {
			b := &best[j]
			if !r.task.Evidence[a.Record].Created.Before(r.task.Evidence[b.Record].Created) {
				continue
			}
			x := r.Pair(a, b)
			p := sigmoid(dot(model.Pair, x[:]))
			if p > a.Outdated {
				a.Outdated = p
				if p >= sure {
					a.By = b.Record
				}
			}
			updates[j] = max(updates[j], p*math.Exp(a.Score-best[0].Score))
		}
	}
	for i := range best {
		best[i].Second = [NumSecond]float64{best[i].Score, best[i].Outdated, updates[i], best[i].change}
	}
	for i := range r.Passages {
		if i >= len(best) {
			r.Passages[i].Second[0] = r.Passages[i].Score
		}
		if len(model.Second) > 0 {
			r.Passages[i].Score = dot(model.Second, r.Passages[i].Second[:])
		}
	}
	slices.SortStableFunc(r.Passages, func(a, b Passage) int { return cmp.Compare(b.Score, a.Score) })
}

// Update is a memory that takes the place of an earlier one, by their places in the evidence.
type Update struct{ Old, New int }

// Updates are those among the memories of a task that are sure, in the order of the earlier ones' scores. Here whatever was
// said counts, for what a model repeated grows old as well.
func Updates(t *specialists.Task) []Update {
	r := read(t, func(*memory.Record) bool { return true })
	r.Rank()
	var list []Update
	for i := range r.Passages[:min(mostPairs, len(r.Passages))] {
		p := &r.Passages[i]
		if p.By >= 0 && p.Outdated >= sure && !slices.ContainsFunc(list, func(u Update) bool { return u.Old == p.Record }) {
			list = append(list, Update{p.Record, p.By})
		}
	}
	return list
}

// sure is the least probability by which a memory is shown as out of date.
const sure = .55

// NumSecond is the number of features by which passages are scored once they were held against each other: the first score,
// how surely a later one takes its place, how surely it takes the place of a good one, and whether it tells of a change.
const NumSecond = 4

// ChangeOf tells how surely a sentence tells of a change, by its wording.
func ChangeOf(weights []float64, grams []int) float64 {
	sum := 0.0
	for _, g := range grams {
		if g < len(weights) {
			sum += weights[g]
		}
	}
	return sigmoid(sum / math.Sqrt(float64(max(1, len(grams)))))
}
