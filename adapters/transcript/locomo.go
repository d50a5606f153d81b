package transcript

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// locomo reads one conversation of LoCoMo (snap-research/LoCoMo): sample_id, and in conversation the
// lists session_1, session_2, ... with session_1_date_time, ... Every turn has speaker, dia_id ("D3:12"), text and, where
// it shares a picture, the caption that a model gave it.
func (r *reader) locomo(v value) bool {
	o := v.object()
	id, err := o.text("sample_id")
	if err != nil {
		return r.reject(v.line, err)
	}
	if id == "" {
		id = fmt.Sprintf("%s-%d", stem(r.file), r.values)
	}
	if c := o.members["conversation"]; c.is('{') {
		o = c.object()
	}
	var numbers []int
	for _, name := range o.names {
		if n, ok := strings.CutPrefix(name, "session_"); ok {
			if n, err := strconv.Atoi(n); err == nil && o.members[name].is('[') {
				numbers = append(numbers, n)
			}
		}
	}
	if len(numbers) == 0 {
		return r.reject(v.line, fmt.Errorf("the conversation %q has no list session_1", id))
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		name := fmt.Sprintf("session_%d", n)
		created, err := o.time(name + "_date_time")
		if err != nil && !r.reject(o.members[name+"_date_time"].line, err) {
			return false
		}
		for e := range o.members[name].elements() {
			t, err := locomoTurn(e)
			if err != nil {
				if !r.reject(e.line, err) {
					return false
				}
				continue
			}
			ref := t.meta["ref"]
			t.session, t.created = id+"/"+name, created
			t.meta["conversation"] = id
			if ref != "" {
				t.key = "locomo/" + id + "/" + ref
			}
			if !r.emit(e.line, t) {
				return false
			}
		}
	}
	return true
}

func locomoTurn(v value) (turn, error) {
	if !v.is('{') {
		return turn{}, fmt.Errorf("a turn is %s, not an object", v.kind())
	}
	o := v.object()
	t := turn{role: "user", meta: map[string]string{}}
	var err error
	if t.speaker, err = o.text("speaker"); err != nil {
		return t, err
	}
	if t.text, err = o.text("text"); err != nil {
		return t, err
	}
	ref, err := o.text("dia_id")
	if err != nil {
		return t, err
	}
	if ref != "" {
		t.meta["ref"] = ref
	}
	caption, err := o.text("blip_caption")
	if err != nil {
		return t, err
	}
	if caption != "" {
		t.text = strings.TrimSpace(t.text + "\n[image: " + caption + "]")
	}
	return t, nil
}

// stem is a file's name without folder and ending.
func stem(file string) string {
	base := path.Base(strings.ReplaceAll(file, "\\", "/"))
	if base == "." || base == "/" {
		return "conversation"
	}
	if i := strings.IndexByte(base, '.'); i > 0 {
		base = base[:i]
	}
	return base
}
