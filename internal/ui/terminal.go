package ui

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
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

// Interruptible reads from r until ctx is done, and then fails with its error even while a read waits, as one for a
// person's typing does. Nothing is read from r before the first Read. The goroutine that reads ends with r's end or the
// process: it is meant for stdin.
func Interruptible(ctx context.Context, r io.Reader) io.Reader {
	return &interruptible{ctx: ctx, from: r}
}

type interruptible struct {
	ctx   context.Context
	from  io.Reader
	start sync.Once
	pipe  *io.PipeReader
}

func (i *interruptible) Read(b []byte) (int, error) {
	i.start.Do(func() {
		out, in := io.Pipe()
		i.pipe = out
		context.AfterFunc(i.ctx, func() { in.CloseWithError(i.ctx.Err()) })
		go func() {
			_, err := io.Copy(in, i.from)
			in.CloseWithError(err)
		}()
	})
	return i.pipe.Read(b)
}

// Exit codes of every command. They are a contract: docs/exit-codes.md.
const (
	ExitOK          = 0   // done
	ExitError       = 1   // it failed
	ExitUsage       = 2   // the command line or the configuration is wrong
	ExitThreshold   = 3   // it completed, but something failed on the way or a threshold was missed
	ExitNoStore     = 10  // there is no store at the path
	ExitLocked      = 11  // another process holds the store
	ExitCorrupt     = 12  // the store is damaged, or the file is no store
	ExitInterrupted = 130 // Ctrl-C
)

// Failure is an error with what a person needs to get on.
type Failure struct {
	Err  error
	Hint string // what to do about it, in one line; may be empty
	Code int    // the exit code
}

func (f *Failure) Error() string { return f.Err.Error() }

func (f *Failure) Unwrap() error { return f.Err }

// Fail makes a Failure.
func Fail(code int, hint, format string, args ...any) error {
	return &Failure{Err: fmt.Errorf(format, args...), Hint: hint, Code: code}
}

// Report writes an error to Err, one line for what went wrong and one for the fix, and returns the exit code. Nil is
// silent and [ExitOK].
func (t *Terminal) Report(err error) int {
	if err == nil {
		return ExitOK
	}
	code, hint := ExitError, ""
	if f := (*Failure)(nil); errors.As(err, &f) {
		code, hint = f.Code, f.Hint
	}
	what := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	fmt.Fprintln(t.Err, paint(t.ErrColor, Red, "error:"), Clean(what))
	if hint != "" {
		fmt.Fprintln(t.Err, paint(t.ErrColor, Green, "  fix:"), hint)
	}
	return code
}
