package arc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Pair is an input and its output. The output of a test pair may be unknown: an empty grid.
type Pair struct {
	Input  Grid `json:"input"`
	Output Grid `json:"output,omitempty"`
}

// Task is one problem: pairs that show the rule, and pairs that ask for it.
type Task struct {
	ID    string `json:"-"`
	Train []Pair `json:"train"`
	Test  []Pair `json:"test"`
}

// solution returns the outputs of the test pairs, if all are known.
func (t *Task) solution() ([]Grid, bool) {
	outputs := make([]Grid, len(t.Test))
	for i, pair := range t.Test {
		if pair.Output.Empty() {
			return nil, false
		}
		outputs[i] = pair.Output
	}
	return outputs, true
}

// Solutions are the outputs of the test pairs of each task.
type Solutions map[string][]Grid

// LoadTasks reads a file in the Kaggle form, {id: {"train": [...], "test": [...]}}, a file of one task as in the ARC
// repositories, or a folder of such files. The id of a file of one task is its name without .json. The outputs of test pairs
// come from a file or folder of solutions, see [LoadSolutions], unless its name is empty; one with another number of outputs
// than the task has test pairs is an error.
func LoadTasks(path, solutions string) ([]Task, error) {
	tasks, err := loadTasks(path)
	if err != nil || solutions == "" {
		return tasks, err
	}
	known, err := LoadSolutions(solutions)
	if err != nil {
		return nil, err
	}
	for _, task := range tasks {
		outputs, ok := known[task.ID]
		if ok && len(outputs) != len(task.Test) {
			return nil, fmt.Errorf("task %s: %w: %d solutions for %d test pairs", task.ID, ErrFormat, len(outputs), len(task.Test))
		}
		for i, output := range outputs {
			task.Test[i].Output = output
		}
	}
	return tasks, nil
}

func loadTasks(path string) ([]Task, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return load(path, func(data []byte) ([]Task, error) {
			return readTasks(strings.TrimSuffix(filepath.Base(path), ".json"), data)
		})
	}
	names, err := filepath.Glob(filepath.Join(path, "*.json")) // sorted
	if err != nil || len(names) == 0 {
		return nil, errors.Join(fmt.Errorf("%s: %w: the folder holds no .json files", path, ErrFormat), err)
	}
	var tasks []Task
	for _, name := range names {
		more, err := loadTasks(name)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, more...)
	}
	return tasks, nil
}

// LoadSolutions reads solutions from a file in the Kaggle form, {id: [output, ...]}, or from tasks as [LoadTasks] takes
// them, of which those count whose outputs are all known.
func LoadSolutions(path string) (Solutions, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return load(path, readSolutions)
	}
	tasks, err := loadTasks(path)
	if err != nil {
		return nil, err
	}
	solutions := Solutions{}
	for _, task := range tasks {
		if outputs, ok := task.solution(); ok {
			solutions[task.ID] = outputs
		}
	}
	if len(solutions) == 0 {
		return nil, fmt.Errorf("%s: %w: no task has a solution", path, ErrFormat)
	}
	return solutions, nil
}

// load reads a file; errors name it.
func load[T any](path string, read func([]byte) (T, error)) (T, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		var none T
		return none, err
	}
	v, err := read(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return v, err
}

// readTasks reads tasks in the order of their ids, or one task with an id of its own.
func readTasks(id string, data []byte) ([]Task, error) {
	var single struct{ Train, Test *json.RawMessage }
	if json.Unmarshal(data, &single) == nil && single.Train != nil && single.Test != nil {
		task, err := readTask(id, data)
		if err != nil {
			err = fmt.Errorf("task %s: %w", id, err)
		}
		return []Task{task}, err
	}
	var tasks []Task
	err := each(data, "an object with a task for each id", func(id string, text []byte) error {
		task, err := readTask(id, text)
		tasks = append(tasks, task)
		return err
	})
	return tasks, err
}

// readTask reads {"train": [...], "test": [...]}.
func readTask(id string, data []byte) (Task, error) {
	var raw struct{ Train, Test []json.RawMessage }
	if err := unmarshal(data, &raw, `a task with "train" and "test"`); err != nil {
		return Task{}, err
	}
	if len(raw.Test) == 0 {
		return Task{}, fmt.Errorf("%w: it has no test pair", ErrFormat)
	}
	train, err := readPairs(raw.Train, true)
	if err != nil {
		return Task{}, fmt.Errorf("train %w", err)
	}
	test, err := readPairs(raw.Test, false)
	if err != nil {
		return Task{}, fmt.Errorf("test %w", err)
	}
	return Task{ID: id, Train: train, Test: test}, nil
}

func readPairs(raw []json.RawMessage, known bool) ([]Pair, error) {
	pairs := make([]Pair, len(raw))
	for i, text := range raw {
		err := unmarshal(text, &pairs[i], `a pair with "input" and "output"`)
		switch {
		case err != nil:
		case pairs[i].Input.Empty():
			err = fmt.Errorf("%w: it has no input", ErrFormat)
		case known && pairs[i].Output.Empty():
			err = fmt.Errorf("%w: it has no output", ErrFormat)
		}
		if err != nil {
			return nil, fmt.Errorf("pair %d: %w", i+1, err)
		}
	}
	return pairs, nil
}

// readSolutions reads {id: [output, ...]}. Tasks whose test pairs have outputs are solutions too.
func readSolutions(data []byte) (Solutions, error) {
	solutions := Solutions{}
	err := each(data, "an object with the test outputs of each id", func(id string, text []byte) error {
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			task, err := readTask(id, text)
			if outputs, ok := task.solution(); err == nil && ok {
				solutions[id] = outputs
			}
			return err
		}
		var outputs []json.RawMessage
		if err := unmarshal(text, &outputs, "a list of test outputs"); err != nil {
			return err
		}
		if len(outputs) == 0 {
			return fmt.Errorf("%w: it has no test output", ErrFormat)
		}
		grids := make([]Grid, len(outputs))
		for i, text := range outputs {
			err := unmarshal(text, &grids[i], "a grid")
			if err == nil && grids[i].Empty() {
				err = fmt.Errorf("%w: the grid is empty", ErrFormat)
			}
			if err != nil {
				return fmt.Errorf("output %d: %w", i+1, err)
			}
		}
		solutions[id] = grids
		return nil
	})
	if err == nil && len(solutions) == 0 {
		err = fmt.Errorf("%w: no task has a solution", ErrFormat)
	}
	return solutions, err
}

// each reads an object and calls read for each of its members, in the order of their ids, which errors name.
func each(data []byte, want string, read func(id string, text []byte) error) error {
	var raw map[string]json.RawMessage
	if err := unmarshal(data, &raw, want); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(raw)) {
		if err := read(id, raw[id]); err != nil {
			return fmt.Errorf("task %s: %w", id, err)
		}
	}
	return nil
}

// unmarshal reads JSON; want says what was looked for.
func unmarshal(data []byte, v any, want string) error {
	err := json.Unmarshal(data, v)
	if err == nil && bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		err = errors.New("it is null")
	}
	if err != nil && !errors.Is(err, ErrFormat) {
		return fmt.Errorf("%w: want %s: %w", ErrFormat, want, err)
	}
	return err
}
