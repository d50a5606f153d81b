package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/internal/jsonedit"
)

// ourHook finds the commands that `refine hook install` has written.
var ourHook = regexp.MustCompile(`(^|[/\\'" ])refine[^/\\ ]* hook run\b`)

// isOurs reports whether a hook, or a group of hooks, holds nothing but a command of ours.
func isOurs(raw json.RawMessage, flat bool) bool {
	var entry struct {
		Command string
		Hooks   []struct{ Command string }
	}
	if json.Unmarshal(raw, &entry) != nil {
		return false
	}
	if flat {
		return ourHook.MatchString(entry.Command)
	}
	return len(entry.Hooks) == 1 && ourHook.MatchString(entry.Hooks[0].Command)
}

// changeHooks puts a command into each event of an agent's settings in place of what was there of ours; an empty command only
// takes that out. It reports whether the file is another now. A file that cannot be read is left as it is.
func changeHooks(path string, a *agent, command string) (bool, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	before, err := os.ReadFile(path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return false, err
	}
	if missing && command == "" {
		return false, nil
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(before, []byte("\xef\xbb\xbf")))
	switch {
	case len(text) > 0:
	case a.flat && missing:
		text = []byte(`{"version":1}`)
	default:
		text = []byte("{}")
	}
	changed, err := withHooks(text, a, command)
	if err != nil {
		return false, fmt.Errorf("%s is not the JSON of settings: %w", path, err)
	}
	var was, is, after bytes.Buffer
	if err := errors.Join(json.Compact(&was, text), json.Compact(&is, changed), json.Indent(&after, changed, "", "  ")); err != nil {
		return false, err
	}
	if !missing && len(before) > 0 && bytes.Equal(was.Bytes(), is.Bytes()) {
		return false, nil
	}
	after.WriteByte('\n')
	return true, replaceFile(path, before, after.Bytes(), missing)
}

// withHooks is changeHooks for the text of settings.
func withHooks(text []byte, a *agent, command string) ([]byte, error) {
	settings, err := jsonedit.Members(text)
	if err != nil {
		return nil, err
	}
	hooks := settings["hooks"]
	if hooks == nil {
		hooks = []byte("{}")
	}
	events, err := jsonedit.Members(hooks)
	if err != nil {
		return nil, fmt.Errorf(`"hooks": %w`, err)
	}
	for _, event := range a.events {
		var list []json.RawMessage
		if raw := events[event]; raw != nil {
			if err := json.Unmarshal(raw, &list); err != nil {
				return nil, fmt.Errorf("hooks: %q: %w", event, err)
			}
		}
		ours := func(entry json.RawMessage) bool { return isOurs(entry, a.flat) }
		at := slices.IndexFunc(list, ours)
		list = slices.DeleteFunc(list, ours)
		if command != "" {
			if at < 0 {
				at = len(list)
			}
			list = slices.Insert(list, at, a.hook(command))
		}
		if len(list) == 0 {
			hooks = jsonedit.Remove(hooks, event)
		} else {
			var raw bytes.Buffer
			e := json.NewEncoder(&raw)
			e.SetEscapeHTML(false)
			if err := e.Encode(list); err != nil {
				return nil, err
			}
			hooks = jsonedit.Set(hooks, bytes.TrimSpace(raw.Bytes()), event)
		}
	}
	if left, err := jsonedit.Members(hooks); len(left) == 0 {
		return jsonedit.Remove(text, "hooks"), err
	}
	return jsonedit.Set(text, hooks, "hooks"), nil
}

// hook is what an agent's settings hold for a command.
func (a *agent) hook(command string) json.RawMessage {
	quoted, _ := json.Marshal(command) // a string
	if a.flat {
		return fmt.Appendf(nil, `{"command":%s,"timeout":%d}`, quoted, a.limit)
	}
	return fmt.Appendf(nil, `{"hooks":[{"type":"command","command":%s,"timeout":%d}]}`, quoted, a.limit)
}

// replaceFile replaces a file as a whole, and keeps what it was beside it.
func replaceFile(path string, before, after []byte, missing bool) error {
	mode := os.FileMode(0o600)
	if missing {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
	} else {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
		if err := os.WriteFile(path+".bak", before, mode); err != nil {
			return fmt.Errorf("keep the file before: %w", err)
		}
	}
	return beside.Write(path, mode, func(f *os.File) error {
		_, err := f.Write(after)
		return err
	})
}
