package arc

import (
	"cmp"
	"slices"
)

// Ballot counts the answers that a network gives to a test input in its many disguises. The zero value is empty.
type Ballot struct {
	votes map[question]*tally
}

// question is a test input of a task; two test pairs with the same input share their votes, as in the official
// evaluator, which finds the pair by a hash of the input.
type question struct{ task, input string }

type tally struct {
	index      map[string]int
	candidates []candidate // in the order of their first vote
}

// candidate is an answer with the votes for it.
type candidate struct {
	output     Grid
	votes      int
	confidence float64 // mean of the votes' confidences
}

// Add counts a vote: an answer to an input of a task, both without disguise, and how sure the network is of it, the
// logistic function of its q-head.
func (b *Ballot) Add(task string, input, output Grid, confidence float64) {
	if b.votes == nil {
		b.votes = map[question]*tally{}
	}
	q := question{task, input.String()}
	t := b.votes[q]
	if t == nil {
		t = &tally{index: map[string]int{}}
		b.votes[q] = t
	}
	key := output.String()
	i, ok := t.index[key]
	if !ok {
		i = len(t.candidates)
		t.index[key] = i
		t.candidates = append(t.candidates, candidate{output: output})
	}
	c := &t.candidates[i]
	c.votes++
	c.confidence += (confidence - c.confidence) / float64(c.votes)
}

// sorted returns the answers to an input, the most voted first; among equals the most confident, and then the one
// that was voted for first.
func (b *Ballot) sorted(task string, input Grid) []candidate {
	t := b.votes[question{task, input.String()}]
	if t == nil {
		return nil
	}
	return slices.SortedStableFunc(slices.Values(t.candidates), func(x, y candidate) int {
		return cmp.Or(cmp.Compare(y.votes, x.votes), cmp.Compare(y.confidence, x.confidence))
	})
}

// PassAt says for each k which share of the tasks is solved when any of the k best candidates of a test pair may be
// right: for each test pair 0 or 1, averaged over the pairs of a task, then over the tasks. Tasks without known outputs
// are left out; tasks counts the others.
func (b *Ballot) PassAt(tasks []Task, ks ...int) (pass map[int]float64, scored int) {
	pass = map[int]float64{}
	for _, task := range tasks {
		outputs, ok := task.solution()
		if !ok {
			continue
		}
		scored++
		for i, pair := range task.Test {
			candidates := b.sorted(task.ID, pair.Input)
			for _, k := range ks {
				if slices.ContainsFunc(candidates[:min(k, len(candidates))], func(c candidate) bool { return c.output.equal(outputs[i]) }) {
					pass[k] += 1 / float64(len(task.Test))
				}
			}
		}
	}
	for _, k := range ks {
		pass[k] /= float64(max(scored, 1))
	}
	return pass, scored
}

// Submission gives the two best candidates of each test pair. A single candidate is given twice; a pair without any gets
// empty grids, so that the pairs after it keep their places.
func (b *Ballot) Submission(tasks []Task) Submission {
	s := Submission{}
	for _, task := range tasks {
		for _, pair := range task.Test {
			var attempts Attempts
			if c := b.sorted(task.ID, pair.Input); len(c) > 0 {
				attempts = Attempts{First: c[0].output, Second: c[min(1, len(c)-1)].output}
			}
			s[task.ID] = append(s[task.ID], attempts)
		}
	}
	return s
}
