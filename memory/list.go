package memory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// State says which versions of memories are meant.
type State string

// The states of a record.
const (
	StateLive       State = "live"       // what holds now; the zero State means it too
	StateSuperseded State = "superseded" // what was replaced or taken back
	StateAny        State = "any"
)

// ListOptions say what List lists. Nil is the same as a zero ListOptions.
type ListOptions struct {
	// Limit is the number of records. Zero means DefaultLimit.
	Limit int
	// Before continues a list: the number that the list before returned. Zero: from the newest on.
	Before int64
	State  State
	// Kinds and Role keep only records of these kinds, and of this role. Empty: all.
	Kinds []Kind
	Role  string
	// Since and Until bound Created, inclusive and exclusive. Zero: open.
	Since, Until time.Time
}

// List returns records of a scope, the last written first and without their embeddings, and the number with which the list
// goes on; 0 at its end.
func (s *Store) List(ctx context.Context, scope Scope, o *ListOptions) (_ []Record, next int64, err error) {
	defer func() { err = fail("list records", err) }()
	if s.closed.Load() {
		return nil, 0, ErrClosed
	}
	if o == nil {
		o = &ListOptions{}
	}
	limit, more := o.Limit, false
	if limit <= 0 {
		limit = DefaultLimit
	}
	where, args := inScope, scopeArgs(scope)
	and := func(condition string, values ...any) {
		where += " AND " + condition
		args = append(args, values...)
	}
	switch o.State {
	case "", StateLive:
		and("r.superseded = 0")
	case StateSuperseded:
		and("r.superseded <> 0")
	case StateAny:
	default:
		return nil, 0, fmt.Errorf("%w: unknown state %q: use live, superseded or any", ErrInvalid, o.State)
	}
	if o.Before > 0 {
		and("r.row < ?", o.Before)
	}
	if len(o.Kinds) > 0 {
		kinds := make([]any, len(o.Kinds))
		for i, k := range o.Kinds {
			kinds[i] = string(k)
		}
		and("r.kind IN (?"+strings.Repeat(", ?", len(kinds)-1)+")", kinds...)
	}
	if o.Role != "" {
		and("r.role = ?", o.Role)
	}
	if !o.Since.IsZero() {
		and("r.created >= ?", micros(o.Since))
	}
	if !o.Until.IsZero() {
		and("r.created < ?", micros(o.Until))
	}
	records := make([]Record, 0, min(limit, 100))
	err = disk.Each(ctx, s.reader, "SELECT "+recordColumns+" FROM records r JOIN scopes c ON c.scope = r.scope WHERE "+
		where+" ORDER BY r.row DESC LIMIT ?", append(args, limit+1), func(scan func(...any) error) error {
		r, err := scanRecord(scan)
		if len(records) == limit {
			more = true
			return err
		}
		records = append(records, r.Record)
		next = r.row
		return err
	})
	if !more {
		next = 0
	}
	return records, next, err
}
