package transcript

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// WhatsApp writes a text file whose form follows the phone and its language: "[31/12/2025, 18:30:00] Ana: Hello" on an
// iPhone, "31.12.25, 18:30 - Ana: Hello" on Android. Lines without a date belong to the message before them.

// messageStart is the beginning of a message: date, time, and what comes after them.
var messageStart = regexp.MustCompile(`^\x{200E}?\[?(\d{1,4})[./\-](\d{1,2})[./\-](\d{1,4}),? (?:[^\s\d]+ )?(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:[\s\x{202F}\x{A0}]?([AaPp])\.?[\s\x{A0}]?[Mm]\.?)?(?:\] | - )(.*)$`)

// messageStarts finds the beginnings of messages among the first lines, of which the first must be one.
func messageStarts(text []byte, most int) (starts [][]string) {
	for line := range strings.Lines(string(text)) {
		m := messageStart.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil && len(starts) == 0 {
			return nil
		}
		if m != nil {
			if starts = append(starts, m); len(starts) == most {
				break
			}
		}
	}
	return starts
}

// clock reads the date and time of a message's beginning in one order of day, month and year.
func clock(m []string, order string) (time.Time, bool) {
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1])
	}
	place := func(unit string) int { return n[strings.Index(order, unit)] }
	day, month, year := place("d"), place("m"), place("y")
	if year < 100 {
		year += 2000
	}
	hour := n[3]
	if m[7] != "" {
		hour %= 12
		if strings.EqualFold(m[7], "p") {
			hour += 12
		}
	}
	t := time.Date(year, time.Month(month), day, hour, n[4], n[5], 0, time.UTC)
	return t, t.Month() == time.Month(month) && t.Day() == day && t.Hour() == hour
}

// dateOrder finds the order of day, month and year: the one in which most dates exist and the fewest go back in time.
// Where both do as well, it is the day first, which most of the world writes.
func dateOrder(starts [][]string) string {
	best, least := "dmy", 1<<30
	for _, order := range []string{"dmy", "mdy", "ymd"} {
		bad, last := 0, time.Time{}
		for _, m := range starts {
			t, ok := clock(m, order)
			if !ok || t.Year() < 2009 || t.Year() > 2100 {
				bad += 2
			} else if t.Before(last) {
				bad++
			}
			last = t
		}
		if bad < least {
			best, least = order, bad
		}
	}
	return best
}

// whatsappChat is the other's name: in the name of the file on Android, in that of its folder or ZIP on an iPhone.
func whatsappChat(file string) string {
	file = strings.ReplaceAll(file, "\\", "/")
	name := strings.TrimSuffix(path.Base(file), path.Ext(file))
	if name == "_chat" {
		name = strings.TrimSuffix(path.Base(path.Dir(file)), ".zip")
	}
	for _, before := range []string{"WhatsApp Chat with ", "WhatsApp Chat - "} {
		name = strings.TrimPrefix(name, before)
	}
	if name == "" || name == "." || name == "-" || name == "/" {
		return "whatsapp"
	}
	return name
}

// whatsapp reads a chat of WhatsApp line by line.
func (r *reader) whatsapp(b *bufio.Reader, prefix []byte) error {
	order, chat := dateOrder(messageStarts(prefix, 5000)), whatsappChat(r.file)
	var t turn
	at := 0
	flush := func() bool {
		done := t
		t = turn{}
		return done.text == "" || r.emit(at, done)
	}
	for number := 1; ; number++ {
		line, err := readLine(b)
		if err == io.EOF {
			flush()
			return nil
		}
		if err == nil {
			err = checkText(line)
		}
		if err != nil {
			return err
		}
		text := strings.TrimRight(string(line), "\r\n")
		m := messageStart.FindStringSubmatch(text)
		if m == nil {
			if t.text != "" {
				t.text += "\n" + text
			}
			continue
		}
		r.values++
		if !flush() {
			return nil
		}
		created, ok := clock(m, order)
		speaker, said, found := strings.Cut(m[8], ": ")
		switch {
		case !ok:
			if !r.reject(number, fmt.Errorf("%.30q is no date", text)) {
				return nil
			}
			continue
		case !found || said == "":
			continue // "Ana joined", and the like
		}
		if said = strings.TrimSpace(said); strings.HasPrefix(said, "<") && strings.HasSuffix(said, ">") || strings.HasPrefix(said, "\u200e") {
			said = "[file]" // a picture or a recording that the export leaves out
		}
		at = number
		t = turn{session: daily(chat, created), role: "user", speaker: strings.Trim(speaker, "\u200e~ \u202f"), text: said, created: created}
	}
}

// heading is a line that begins a section of a note.
var heading = regexp.MustCompile(`^#{1,6}\s+\S`)

// noteDate is a day in a note's name, as 2024-05-31.md.
var noteDate = regexp.MustCompile(`\d{4}-\d{2}-\d{2}`)

// markdown reads a note. Each section, with its heading, is a record; the note is their session. The time is that of
// "date" or "created" in the front matter, else the day in the file's name, else Options.Created.
func (r *reader) markdown(b *bufio.Reader) error {
	data, err := io.ReadAll(io.LimitReader(b, maxValue+1))
	if err == nil && len(data) > maxValue {
		err = fmt.Errorf("%w: the note has more than %d bytes: break it into several", ErrRecord, maxValue)
	}
	if err = cmp.Or(err, checkText(data)); err != nil {
		return err
	}
	session := cmp.Or(r.options.member, path.Base(strings.ReplaceAll(r.file, "\\", "/"))) // the notes of a folder may have one name in two places
	t := turn{session: strings.TrimSuffix(session, path.Ext(session)), role: "user"}
	if day := noteDate.FindString(path.Base(r.file)); day != "" {
		t.created, _ = time.Parse(time.DateOnly, day)
	}
	note, line := strings.ReplaceAll(string(data), "\r\n", "\n"), 1
	if after, found := strings.CutPrefix(note, "---\n"); found {
		if front, body, ended := strings.Cut(after, "\n---"); ended {
			t.frontMatter(front)
			note, line = strings.TrimLeft(body, "-"), line+strings.Count(front, "\n")+2
		}
	}
	r.values++
	began, code := line, false
	flush := func() bool {
		section := t
		section.text, section.meta = strings.TrimSpace(t.text), maps.Clone(t.meta) // records share no map
		t.text = ""
		return r.emit(began, section)
	}
	for l := range strings.Lines(note) {
		if strings.HasPrefix(l, "```") || strings.HasPrefix(l, "~~~") {
			code = !code
		}
		if !code && heading.MatchString(l) {
			if !flush() {
				return nil
			}
			began = line
		}
		t.text += l
		line++
	}
	flush()
	return nil
}

// frontMatter reads what a note says of itself before its text.
func (t *turn) frontMatter(front string) {
	for entry := range strings.Lines(front) {
		name, value, _ := strings.Cut(entry, ":")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch name = strings.TrimSpace(name); name {
		case "title":
			if value != "" {
				t.meta = map[string]string{"title": value}
			}
		case "date", "created", "created_at":
			if at, err := text.ParseStamp(value); err == nil {
				t.created = at
			}
		}
	}
}
