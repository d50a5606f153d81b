package transcript

import (
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// claudeCode reads one line of a session of Claude Code: {"type": "user", "sessionId": ..., "message": {...}}. Lines of
// other types are the program's own; a side chain is a talk between models.
func (r *reader) claudeCode(v value) bool {
	o := v.object()
	kind, err := o.text("type")
	if err != nil {
		return r.reject(v.line, err)
	}
	if kind != "user" && kind != "assistant" || o.members["isSidechain"].raw0() == 't' || o.members["isMeta"].raw0() == 't' {
		return true
	}
	session, err := o.text("sessionId")
	if err != nil {
		return r.reject(v.line, err)
	}
	t, err := speech(o.members["message"].object(), []string{"role"}, "content")
	if err != nil {
		return r.reject(v.line, err)
	}
	if t.role == "user" && command.MatchString(t.text) {
		return true // a command of the program, and what it printed
	}
	if t.session = session; session == "" {
		t.session = chatName(r.file)
	}
	if t.created, err = o.time("timestamp"); err != nil {
		return r.reject(v.line, err)
	}
	t.key = ""
	id, err := o.text("uuid")
	if err != nil {
		return r.reject(v.line, err)
	}
	if id != "" {
		t.key = session + "/" + id
	}
	return r.emitRef(v.line, t)
}

// command is what Claude Code writes in the user's name where a person ran a command of its own.
var command = regexp.MustCompile(`^\s*<(command-name|command-message|local-command-stdout|local-command-caveat|system-reminder)>`)

// gemini reads one entry of Google Takeout's MyActivity.json: a prompt in "title", the answer as HTML. The entries say
// nothing of the chat they belong to, so those of a day are a session.
func (r *reader) gemini(v value) bool {
	o := v.object()
	title, err := o.text("title")
	if err != nil {
		return r.reject(v.line, err)
	}
	at, err := o.time("time")
	if err != nil {
		return r.reject(v.line, err)
	}
	prompt, said := strings.CutPrefix(title, "Prompted ")
	var answer []string
	for e := range o.members["safeHtmlItem"].elements() {
		text, err := e.object().text("html")
		if err != nil {
			return r.reject(v.line, err)
		}
		answer = append(answer, plain(text))
	}
	if !said && len(answer) == 0 {
		return true // "Used an app", "Gave feedback"
	}
	session := daily("gemini", at)
	if !r.emit(v.line, turn{session: session, role: "user", text: prompt, created: at}) {
		return false
	}
	return r.emit(v.line, turn{session: session, role: "assistant", text: strings.Join(answer, "\n"), created: at})
}

var (
	tagBreak = regexp.MustCompile(`(?i)<(br|/p|/div|/li|/tr|/h[1-6])\b[^>]*>`)
	tag      = regexp.MustCompile(`<[^>]*>`)
)

// plain is the text of a piece of HTML.
func plain(s string) string {
	s = tag.ReplaceAllString(tagBreak.ReplaceAllString(s, "\n"), "")
	return strings.TrimSpace(html.UnescapeString(s))
}

// facts reads what another memory exports: objects with one memory each, or with a list of them under one of the names.
// They are facts, not turns: nobody said them in these words. Zep's valid_at and invalid_at say from when until when.
func (r *reader) facts(lists ...string) func(value) bool {
	return func(v value) bool {
		o := v.object()
		if _, list := o.first(lists...); list.is('[') {
			for e := range list.elements() {
				if !r.fact(e) {
					return false
				}
			}
			return true
		}
		return r.fact(v)
	}
}

func (r *reader) fact(v value) bool {
	if !v.is('{') {
		return r.reject(v.line, fmt.Errorf("a memory is %s, not an object", v.kind()))
	}
	o := v.object()
	t := turn{role: "user", kind: memory.KindFact, session: string(r.info.Name), meta: map[string]string{}}
	var err error
	if t.text, err = o.text("memory", "fact"); err != nil {
		return r.reject(v.line, err)
	}
	if strings.TrimSpace(t.text) == "" {
		return r.reject(v.line, fmt.Errorf("there is no %q", r.info.members[0]))
	}
	if t.created, err = o.time("created_at", "valid_at"); err != nil {
		return r.reject(v.line, err)
	}
	if t.from, err = o.time("valid_at"); err != nil {
		return r.reject(v.line, err)
	}
	if t.until, err = o.time("invalid_at", "expired_at", "expiration_date"); err != nil {
		return r.reject(v.line, err)
	}
	scalars(t.meta, o.members["metadata"].object(), nil)
	if t.key, err = o.text("id", "uuid"); err != nil {
		return r.reject(v.line, err)
	}
	if t.key != "" {
		t.meta["ref"] = t.key
		t.key = string(r.info.Name) + "/" + t.key
	}
	return r.emit(v.line, t)
}
