package ui

import (
	"errors"
	"fmt"
	"strings"
)

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
