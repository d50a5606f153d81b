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

// Solutions are the outputs of the test pairs of each task.
type Solutions map[string][]Grid

// ReadTasks reads tasks in the Kaggle form, {id: {"train": [...], "test": [...]}}, in the order of their ids.
func ReadTasks(data []byte) ([]Task, error) {
	var raw map[string]json.RawMessage
	if err := unmarshal(data, &raw, "an object with a task for each id"); err != nil {
		return nil, err
	}
	var tasks []Task
	for _, id := range slices.Sorted(maps.Keys(raw)) {
		task, err := ReadTask(id, raw[id])
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// ReadTask reads one task, {"train": [...], "test": [...]}, as in the files of the ARC repositories.
func ReadTask(id string, data []byte) (Task, error) {
	var raw struct{ Train, Test []json.RawMessage }
	if err := unmarshal(data, &raw, `a task with "train" and "test"`); err != nil {
		return Task{}, fmt.Errorf("task %s: %w", id, err)
	}
	task := Task{ID: id}
	if len(raw.Test) == 0 {
		return Task{}, fmt.Errorf("task %s: %w: it has no test pair", id, ErrFormat)
	}
	var err error
	if task.Train, err = readPairs(raw.Train, true); err != nil {
		return Task{}, fmt.Errorf("task %s: train %w", id, err)
	}
	if task.Test, err = readPairs(raw.Test, false); err != nil {
		return Task{}, fmt.Errorf("task %s: test %w", id, err)
	}
	return task, nil
}

func readPairs(raw []json.RawMessage, known bool) ([]Pair, error) {
	pairs := make([]Pair, len(raw))
	for i, text := range raw {
		if err := unmarshal(text, &pairs[i], `a pair with "input" and "output"`); err != nil {
			return nil, fmt.Errorf("pair %d: %w", i+1, err)
		}
		if pairs[i].Input.Empty() {
			return nil, fmt.Errorf("pair %d: %w: it has no input", i+1, ErrFormat)
		}
		if known && pairs[i].Output.Empty() {
			return nil, fmt.Errorf("pair %d: %w: it has no output", i+1, ErrFormat)
		}
	}
	return pairs, nil
}

// ReadSolutions reads solutions in the Kaggle form, {id: [output, ...]}. Tasks whose test pairs have outputs are
// solutions too.
func ReadSolutions(data []byte) (Solutions, error) {
	var raw map[string]json.RawMessage
	if err := unmarshal(data, &raw, "an object with the test outputs of each id"); err != nil {
		return nil, err
	}
	solutions := Solutions{}
	for _, id := range slices.Sorted(maps.Keys(raw)) {
		if text := bytes.TrimSpace(raw[id]); len(text) > 0 && text[0] == '{' {
			task, err := ReadTask(id, text)
			if err != nil {
				return nil, err
			}
			if outputs, ok := task.solution(); ok {
				solutions[id] = outputs
			}
			continue
		}
		var outputs []json.RawMessage
		if err := unmarshal(raw[id], &outputs, "a list of test outputs"); err != nil {
			return nil, fmt.Errorf("task %s: %w", id, err)
		}
		if len(outputs) == 0 {
			return nil, fmt.Errorf("task %s: %w: it has no test output", id, ErrFormat)
		}
		grids := make([]Grid, len(outputs))
		for i, text := range outputs {
			if err := json.Unmarshal(text, &grids[i]); err != nil {
				return nil, fmt.Errorf("task %s: output %d: %w", id, i+1, formatError(err))
			}
			if grids[i].Empty() {
				return nil, fmt.Errorf("task %s: output %d: %w: the grid is empty", id, i+1, ErrFormat)
			}
		}
		solutions[id] = grids
	}
	if len(solutions) == 0 {
		return nil, fmt.Errorf("%w: no task has a solution", ErrFormat)
	}
	return solutions, nil
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

// Solve fills in the outputs of test pairs that have a solution. A solution with another number of outputs than the
// task has test pairs is an error.
func (s Solutions) Solve(tasks []Task) error {
	for _, task := range tasks {
		outputs, ok := s[task.ID]
		if !ok {
			continue
		}
		if len(outputs) != len(task.Test) {
			return fmt.Errorf("task %s: %w: %d solutions for %d test pairs", task.ID, ErrFormat, len(outputs), len(task.Test))
		}
		for i := range task.Test {
			task.Test[i].Output = outputs[i]
		}
	}
	return nil
}

// LoadTasks reads a file in the Kaggle form, a file of one task, or a folder of such files. The id of a file of one task
// is its name without .json.
func LoadTasks(path string) ([]Task, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		names, err := filepath.Glob(filepath.Join(path, "*.json"))
		if err != nil || len(names) == 0 {
			return nil, errors.Join(fmt.Errorf("%s: %w: the folder holds no .json files", path, ErrFormat), err)
		}
		slices.Sort(names)
		var tasks []Task
		for _, name := range names {
			more, err := LoadTasks(name)
			if err != nil {
				return nil, err
			}
			tasks = append(tasks, more...)
		}
		return tasks, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var single struct{ Train, Test *json.RawMessage }
	if json.Unmarshal(data, &single) == nil && single.Train != nil && single.Test != nil {
		task, err := ReadTask(strings.TrimSuffix(filepath.Base(path), ".json"), data)
		return []Task{task}, name(path, err)
	}
	tasks, err := ReadTasks(data)
	return tasks, name(path, err)
}

// LoadSolutions reads solutions from a file in the Kaggle form, or from tasks as [LoadTasks] takes them.
func LoadSolutions(path string) (Solutions, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.IsDir() {
		tasks, err := LoadTasks(path)
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
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	solutions, err := ReadSolutions(data)
	return solutions, name(path, err)
}

// name puts the file's name before an error.
func name(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
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

// formatError makes err an ErrFormat if it is none.
func formatError(err error) error {
	if errors.Is(err, ErrFormat) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFormat, err)
}
