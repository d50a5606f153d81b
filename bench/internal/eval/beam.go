package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/memory"
)

// BEAM loads chats of BEAM: folders that hold a chat.json and its probing_questions.json, at any depth below dir. Only
// questions with source_chat_ids can be scored; those of the category abstention have none.
func BEAM(ctx context.Context, dir string) (*Dataset, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() == "chat.json" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no chat.json of BEAM: give the folder of its chats, such as 100K", dir)
	}
	slices.SortFunc(files, func(a, b string) int {
		x, y := filepath.Dir(a), filepath.Dir(b)
		m, err1 := strconv.Atoi(filepath.Base(x))
		n, err2 := strconv.Atoi(filepath.Base(y))
		if err1 == nil && err2 == nil && m != n {
			return m - n
		}
		return slices.Compare([]byte(x), []byte(y))
	})
	d := &Dataset{Name: "beam"}
	for _, file := range files {
		if err := addBEAM(ctx, d, file); err != nil {
			return nil, err
		}
	}
	if d.Questions() == 0 {
		return nil, fmt.Errorf("%s holds no question with source_chat_ids", dir)
	}
	return d, nil
}

// addBEAM adds one chat with its questions.
func addBEAM(ctx context.Context, d *Dataset, file string) error {
	full, err := filepath.Abs(file) // the folder names the chat
	if err != nil {
		return err
	}
	folder := filepath.Dir(full)
	c := Conversation{ID: filepath.Base(folder), Scope: memory.Scope{User: filepath.Base(folder)}}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for r, err := range transcript.Read(ctx, f, full, &transcript.Options{Format: transcript.BEAM}) {
		if err != nil {
			return err
		}
		r.Scope.User = c.ID
		c.Records = append(c.Records, r)
	}
	name := filepath.Join(filepath.Dir(file), "probing_questions.json")
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var categories map[string][]struct {
		Question string          `json:"question"`
		Sources  json.RawMessage `json:"source_chat_ids"`
	}
	if err := json.Unmarshal(data, &categories); err != nil {
		return fmt.Errorf("%s are no questions of BEAM: %w", name, err)
	}
	var questions []Question
	for _, category := range slices.Sorted(maps.Keys(categories)) {
		for i, q := range categories[category] {
			refs, err := beamRefs(q.Sources)
			if err != nil {
				return fmt.Errorf("%s: question %d of %s: %w", name, i, category, err)
			}
			questions = append(questions, Question{ID: fmt.Sprintf("%s/%s/%d", c.ID, category, i), Text: q.Question, Category: category, Evidence: refs})
		}
	}
	d.Add(c, questions)
	return nil
}

// beamRefs collects the message ids of source_chat_ids: numbers, in lists and objects of any depth, in ascending order.
func beamRefs(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var sources any
	if err := json.Unmarshal(raw, &sources); err != nil {
		return nil, err
	}
	var ids []int
	var walk func(v any) error
	walk = func(v any) error {
		switch v := v.(type) {
		case nil:
		case float64:
			ids = append(ids, int(v))
		case string:
			n, err := strconv.Atoi(v)
			if err != nil {
				return fmt.Errorf("source_chat_ids holds %q, not the number of a message", v)
			}
			ids = append(ids, n)
		case []any:
			for _, e := range v {
				if err := walk(e); err != nil {
					return err
				}
			}
		case map[string]any:
			for _, e := range v {
				if err := walk(e); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("source_chat_ids holds %v, not the number of a message", v)
		}
		return nil
	}
	if err := walk(sources); err != nil {
		return nil, err
	}
	slices.Sort(ids)
	var refs []string
	for _, id := range slices.Compact(ids) {
		refs = append(refs, strconv.Itoa(id))
	}
	return refs, nil
}
