package transcript

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"
)

// heading is a line that begins a section of a note.
var heading = regexp.MustCompile(`^#{1,6}\s+\S`)

// noteDate is a day in a note's name, as 2024-05-31.md.
var noteDate = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)

// markdown reads a note. Each section, with its heading, is a record; the note is their session. The time is that of
// "date" or "created" in the front matter, else the day in the file's name, else Options.Created.
func (r *reader) markdown(b *bufio.Reader) error {
	text, err := io.ReadAll(io.LimitReader(b, maxValue+1))
	if err != nil {
		return err
	}
	if len(text) > maxValue {
		return fmt.Errorf("%w: the note has more than %d bytes: break it into several", ErrRecord, maxValue)
	}
	if err := checkText(text); err != nil {
		return err
	}
	note := strings.ReplaceAll(string(text), "\r\n", "\n")
	created, title := time.Time{}, ""
	if day := noteDate.FindString(path.Base(r.file)); day != "" {
		created, _ = time.Parse(time.DateOnly, day)
	}
	line := 1
	if rest, ok := strings.CutPrefix(note, "---\n"); ok {
		if front, body, ended := strings.Cut(rest, "\n---"); ended {
			for entry := range strings.Lines(front) {
				name, value, _ := strings.Cut(entry, ":")
				value = strings.Trim(strings.TrimSpace(value), `"'`)
				switch strings.TrimSpace(name) {
				case "title":
					title = value
				case "date", "created", "created_at":
					for _, layout := range layouts {
						if t, err := time.Parse(layout, value); err == nil {
							created = t
						}
					}
				}
			}
			line += strings.Count(front, "\n") + 2
			note = strings.TrimLeft(body, "-")
		}
	}
	session := r.options.member // the notes of a folder may have one name in two places
	if session == "" {
		session = path.Base(strings.ReplaceAll(r.file, "\\", "/"))
	}
	session = strings.TrimSuffix(session, path.Ext(session))
	var section []string
	began, code := line, false
	flush := func() bool {
		text := strings.TrimSpace(strings.Join(section, "\n"))
		section = nil
		if text == "" {
			return true
		}
		t := turn{session: session, role: "user", text: text, created: created}
		if title != "" {
			t.meta = map[string]string{"title": title}
		}
		return r.emit(began, t)
	}
	r.values++
	for l := range strings.Lines(note) {
		l = strings.TrimRight(l, "\n")
		if strings.HasPrefix(l, "```") || strings.HasPrefix(l, "~~~") {
			code = !code
		}
		if !code && heading.MatchString(l) {
			if !flush() {
				return nil
			}
			began = line
		}
		section = append(section, l)
		line++
	}
	flush()
	return nil
}
