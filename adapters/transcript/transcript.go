package transcript

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

var (
	// ErrFormat is returned when the content is none of the formats, or not the one asked for.
	ErrFormat = errors.New("unknown format")
	// ErrSyntax is returned when the file is not JSON, not UTF-8, or ends too early.
	ErrSyntax = errors.New("unreadable")
	// ErrRecord is returned when one record cannot be used: a part is missing, of the wrong type or too large.
	ErrRecord = errors.New("unusable record")
	// ErrEmpty is reported, with Error.Skipped set and whatever Options.Skip says, for a conversation that has messages of
	// which none can be remembered.
	ErrEmpty = errors.New("nothing to remember")
)

// Error says where in a file something is wrong.
type Error struct {
	File    string // the name given to Read
	Line    int    // from 1; 0: not known
	Record  int    // the number of the record in the file, from 1; 0: the fault is not in one record
	Skipped bool   // reading goes on after it: Options.Skip was set, or it is an ErrEmpty
	Err     error  // wraps ErrFormat, ErrSyntax, ErrRecord, ErrEmpty or the reader's error
}

// Error renders it as file:line: record n: cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Record > 0 {
		fmt.Fprintf(&b, ": record %d", e.Record)
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Options say how to read. The zero value, or nil, finds the format and stops at the first error.
type Options struct {
	// Format of the file. Empty: it is found by content.
	Format Format
	// Scope of the records. Its Session, if set, replaces the sessions that the file names.
	Scope memory.Scope
	// Skip reports a bad record, with Error.Skipped set, and goes on with the next.
	Skip bool
	// Created is the time of the records that come before the first time in their session. Zero: the time of reading.
	Created time.Time
	// System also reads system prompts and the output of tools. They are seldom worth remembering, and often repeated.
	System bool

	names  map[string]string // people's names by the ids that messages have instead
	member string            // the file's name in an archive
}

// Read reads the records of r. The name is used in errors, and to tell files apart that do not name their conversations:
// a path with at least one folder is best, since every chat of BEAM is called chat.json.
//
// An error ends the sequence, except an [*Error] with Skipped set. It is an *Error, or ctx's.
func Read(ctx context.Context, r io.Reader, name string, o *Options) iter.Seq2[memory.Record, error] {
	if o == nil {
		o = &Options{}
	}
	return func(yield func(memory.Record, error) bool) {
		rd := newReader(ctx, name, *o, yield)
		if err := rd.read(r); err != nil {
			rd.stop(1, err)
		}
	}
}
