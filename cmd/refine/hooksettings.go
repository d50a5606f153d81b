package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/trm-go/refiner/cmd/internal/cli"
)

// object is a JSON object whose members stay in their order, and as they were written.
type object []member

type member struct {
	name  string
	value json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *object) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("it is no object"), err)
	}
	*o = nil
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m := member{name: name.(string)}
		if err := d.Decode(&m.value); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, m := range o {
		b.WriteByte("{,"[min(i, 1)])
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		b.Write(append(append(name, ':'), m.value...))
	}
	if len(o) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// get reads a member; one that is not there leaves v as it is.
func (o object) get(name string, v any) error {
	for _, m := range o {
		if m.name == name {
			if err := json.Unmarshal(m.value, v); err != nil {
				return fmt.Errorf("%q cannot be read: %w", name, err)
			}
		}
	}
	return nil
}

// set writes a member; nil takes it out.
func (o *object) set(name string, value any) error {
	var raw json.RawMessage
	if value != nil {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			return err
		}
		raw = bytes.TrimSpace(b.Bytes())
	}
	for i := range *o {
		if (*o)[i].name == name {
			if (*o)[i].value = raw; raw == nil {
				*o = append((*o)[:i], (*o)[i+1:]...)
			}
			return nil
		}
	}
	if raw != nil {
		*o = append(*o, member{name, raw})
	}
	return nil
}

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
	var settings, hooks object
	if text := bytes.TrimSpace(bytes.TrimPrefix(before, []byte("\xef\xbb\xbf"))); len(text) > 0 {
		if err := json.Unmarshal(text, &settings); err != nil {
			return false, fmt.Errorf("%s is not the JSON of settings: %w", path, err)
		}
	}
	if err := settings.get("hooks", &hooks); err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	for _, event := range a.events {
		if err := changeEvent(&hooks, event, a, command); err != nil {
			return false, fmt.Errorf("%s: hooks: %w", path, err)
		}
	}
	if a.flat && missing {
		settings = object{{"version", json.RawMessage("1")}}
	}
	var value any
	if len(hooks) > 0 {
		value = hooks
	}
	if err := settings.set("hooks", value); err != nil {
		return false, err
	}
	compact, err := settings.MarshalJSON()
	if err != nil {
		return false, err
	}
	var was, is, after bytes.Buffer
	if err := json.Compact(&is, compact); err != nil {
		return false, err
	}
	if json.Compact(&was, bytes.TrimPrefix(before, []byte("\xef\xbb\xbf"))) == nil && bytes.Equal(was.Bytes(), is.Bytes()) {
		return false, nil
	}
	if err := json.Indent(&after, compact, "", "  "); err != nil {
		return false, err
	}
	after.WriteByte('\n')
	return true, replaceFile(path, before, after.Bytes(), missing)
}

// changeEvent is changeHooks for one event.
func changeEvent(hooks *object, event string, a *agent, command string) error {
	var list []json.RawMessage
	if err := hooks.get(event, &list); err != nil {
		return err
	}
	at := len(list)
	kept := []json.RawMessage{}
	for i, entry := range list {
		if isOurs(entry, a.flat) {
			at = min(at, i)
			continue
		}
		kept = append(kept, entry)
	}
	if command == "" {
		if len(kept) == 0 {
			return hooks.set(event, nil)
		}
		return hooks.set(event, kept)
	}
	var hook any = struct {
		Type    string `json:"type,omitempty"`
		Command string `json:"command"`
		Timeout int    `json:"timeout"`
	}{map[bool]string{false: "command"}[a.flat], command, a.limit}
	if !a.flat {
		hook = map[string]any{"hooks": []any{hook}}
	}
	var one object
	if err := one.set("", hook); err != nil {
		return err
	}
	return hooks.set(event, append(kept[:at:at], append([]json.RawMessage{one[0].value}, kept[at:]...)...))
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
	return cli.WritePrivate(path, mode, func(f *os.File) error {
		_, err := io.Copy(f, bytes.NewReader(after))
		return err
	})
}
