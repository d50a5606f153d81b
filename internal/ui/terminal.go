package ui

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// Terminal is where a command reads and writes.
type Terminal struct {
	In  io.Reader
	Out io.Writer // data
	Err io.Writer // talk

	// Color says whether Out may be coloured; ErrColor the same of Err.
	Color, ErrColor bool
	// Live says whether Err is a terminal, on which progress may be drawn.
	Live bool
	// Ask says whether In is a terminal, at which somebody can be asked.
	Ask bool
	// Width of Out in columns. Zero: it is no terminal, and lines are not cut.
	Width int
}

// Std is the process's own terminal.
func Std() *Terminal {
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	out, err := isTerminal(os.Stdout), isTerminal(os.Stderr)
	t := &Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Color: out && !plain, ErrColor: err && !plain,
		Live: err, Ask: isTerminal(os.Stdin) && err,
	}
	if out {
		t.Width = 80
		if w, _, e := term.GetSize(int(os.Stdout.Fd())); e == nil && w > 0 {
			t.Width = w
		} else if w, e := strconv.Atoi(os.Getenv("COLUMNS")); e == nil && w > 0 {
			t.Width = w
		}
	}
	return t
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Style is a look of text on a terminal, as an SGR code.
type Style string

// The styles in use. Meaning never rests on colour alone.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Cyan   Style = "36"
)

// Paint gives s a style if Out may be coloured.
func (t *Terminal) Paint(style Style, s string) string { return paint(t.Color, style, s) }

func paint(on bool, style Style, s string) string {
	if !on || s == "" {
		return s
	}
	return "\x1b[" + string(style) + "m" + s + "\x1b[0m"
}

// Printf writes data to Out.
func (t *Terminal) Printf(format string, args ...any) { fmt.Fprintf(t.Out, format, args...) }

// Notef writes a line of talk to Err.
func (t *Terminal) Notef(format string, args ...any) {
	fmt.Fprintln(t.Err, paint(t.ErrColor, Dim, fmt.Sprintf(format, args...)))
}

// JSON writes one value to Out, indented, with a newline at its end.
func (t *Terminal) JSON(value any) error {
	enc := json.NewEncoder(t.Out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// Confirm asks a yes-or-no question on Err. Only y and yes agree. Without somebody to ask it does not agree.
func (t *Terminal) Confirm(question string) bool {
	if !t.Ask {
		return false
	}
	fmt.Fprintf(t.Err, "%s [y/N] ", question)
	line, _ := bufio.NewReader(t.In).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true
	}
	return false
}

// Clean makes text safe and fit for one line: runs of space become one space, and control characters, escape sequences'
// heads and marks that turn the direction of writing become "·".
func Clean(s string) string {
	var b strings.Builder
	space := false
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if unicode.IsSpace(r) {
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		if unicode.IsControl(r) || (unicode.Is(unicode.Cf, r) && r != '\u200d') { // the joiner holds emoji together
			r = '·'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Short is s, cleaned and cut to n columns with an ellipsis. n ≤ 0 does not cut.
func Short(s string, n int) string {
	s = Clean(s)
	if n <= 0 {
		return s
	}
	return text.Snip(s, n, "…")
}
