package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/trm-go/refiner/trmcore/puzzle/arc"
)

// arcData is trm train-data arc.
type arcData struct {
	evaluate  string
	solutions []string
	augment   int
	seed      uint64
}

// read makes the parts and the names of their identifiers.
func (a *arcData) read(file string) (parts map[string]*dataset, names []string, err error) {
	tasks, err := a.tasks(file)
	if err != nil {
		return nil, nil, err
	}
	train := newDataset(arc.Canvas, arc.Vocabulary)
	parts, names = map[string]*dataset{"train": train}, []string{blankName}
	rng := rand.New(rand.NewPCG(a.seed, 0))
	for _, task := range tasks {
		for _, as := range arc.Augment(task, a.augment, rng) {
			disguised := as.Disguise(task)
			if err := addPairs(train, len(names), append(disguised.Train, disguised.Test...), rng); err != nil {
				return nil, nil, fmt.Errorf("task %s: %w", task.ID, err)
			}
			names = append(names, disguised.ID)
		}
		train.endGroup()
	}
	if a.evaluate == "" {
		return parts, names, nil
	}
	if tasks, err = a.tasks(a.evaluate); err != nil {
		return nil, nil, err
	}
	test := newDataset(arc.Canvas, arc.Vocabulary)
	parts["test"] = test
	for _, task := range tasks {
		for _, as := range arc.Augment(task, a.augment, rng) {
			disguised := as.Disguise(task)
			err := addPairs(train, len(names), disguised.Train, rng)
			if err == nil {
				err = addPairs(test, len(names), disguised.Test, nil)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("task %s: %w", task.ID, err)
			}
			names = append(names, disguised.ID)
		}
		train.endGroup()
		test.endGroup()
	}
	return parts, names, nil
}

// tasks reads tasks and fills in the solutions that are known.
func (a *arcData) tasks(file string) ([]arc.Task, error) {
	tasks, err := arc.LoadTasks(file)
	if err != nil {
		return nil, err
	}
	for _, name := range a.solutions {
		known, err := arc.LoadSolutions(name)
		if err != nil {
			return nil, err
		}
		if err := known.Solve(tasks); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return tasks, nil
}

// addPairs adds a puzzle with its pairs. With rng all pairs but one are shifted at random, input and output alike. A
// pair without a known output is left out of training, and has no label in testing.
func addPairs(d *dataset, id int, pairs []arc.Pair, rng *rand.Rand) error {
	unshifted := 0
	if rng != nil {
		pairs = slices.DeleteFunc(slices.Clone(pairs), func(p arc.Pair) bool { return p.Output.Empty() })
		if len(pairs) > 0 {
			unshifted = rng.IntN(len(pairs))
		}
	}
	for i, pair := range pairs {
		top, left := 0, 0
		if rng != nil && i != unshifted {
			top = rng.IntN(arc.MaxSide - max(len(pair.Input), len(pair.Output)) + 1)
			left = rng.IntN(arc.MaxSide - max(len(pair.Input[0]), len(pair.Output[0])) + 1)
		}
		input, err := pair.Input.TokensAt(top, left)
		if err != nil {
			return err
		}
		label := make([]int32, arc.Canvas) // 0 everywhere: nothing to compare with
		if !pair.Output.Empty() {
			if label, err = pair.Output.TokensAt(top, left); err != nil {
				return err
			}
		}
		d.example(input, label)
	}
	d.endPuzzle(id)
	return nil
}
