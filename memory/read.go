package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// Record returns one record of the scope, with its embedding, be it live or superseded.
func (s *Store) Record(ctx context.Context, scope Scope, id ID) (Record, error) {
	r, err := s.record(ctx, s.reader, scope, id)
	return r.Record, fail(fmt.Sprintf("read record %q", id), err)
}

func (s *Store) record(ctx context.Context, q disk.Queryer, scope Scope, id ID) (stored, error) {
	if s.closed.Load() {
		return stored{}, ErrClosed
	}
	var data []byte
	var model string
	row := q.QueryRowContext(ctx, "SELECT "+recordColumns+`, v.data, (SELECT model FROM store)
		FROM records r JOIN scopes c ON c.scope = r.scope LEFT JOIN vectors v ON v.row = r.row WHERE r.id = ? AND `+inScope,
		append([]any{string(id)}, scopeArgs(scope)...)...)
	r, err := scanRecord(row.Scan, &data, &model)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fmt.Errorf("%w in scope %s", ErrNotFound, scope)
	}
	if len(data) > 0 {
		r.Embedding, r.Model = vector.Decode(nil, data), model
	}
	return r, err
}

// LastPosition is the greatest position of exactly this scope's records, superseded ones too, or -1 if none has one. A
// position that the projection cannot tell from its neighbours, from 2³¹−1 on, does not count.
func (s *Store) LastPosition(ctx context.Context, scope Scope) (int, error) {
	if s.closed.Load() {
		return -1, fail("read the last position", ErrClosed)
	}
	last := -1
	err := s.reader.QueryRowContext(ctx, `SELECT coalesce(max(r.position), -1) FROM records r JOIN scopes c ON c.scope = r.scope
		WHERE c.tenant = ? AND c.user = ? AND c.agent = ? AND c.session = ? AND r.position < ?`,
		scope.Tenant, scope.User, scope.Agent, scope.Session, math.MaxInt32).Scan(&last)
	return last, fail("read the last position", err)
}

// Fetch returns the records of rows, in that order and without their embeddings. Rows that are not there, or not in the
// scope, are left out.
func (s *Store) Fetch(ctx context.Context, scope Scope, rows ...int64) ([]Record, error) {
	found, err := s.fetch(ctx, scope, rows)
	if err != nil {
		return nil, fail("fetch records", err)
	}
	records := make([]Record, 0, len(rows))
	for _, row := range rows {
		if r, ok := found[row]; ok {
			records = append(records, r)
		}
	}
	return records, nil
}

// fetchQuery reads n rows of a scope. CROSS JOIN has SQLite look the rows up and then their scopes: of 20 rows and more it
// would else look for each in every session, which took 25 ms for 100 rows among 834 sessions instead of 1.
func fetchQuery(n int) string {
	return "SELECT " + recordColumns + " FROM records r CROSS JOIN scopes c ON c.scope = r.scope WHERE +" + inScope + " AND r.row IN (?" + strings.Repeat(", ?", n-1) + ")"
}

func (s *Store) fetch(ctx context.Context, scope Scope, numbers []int64) (map[int64]Record, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	found := make(map[int64]Record, len(numbers))
	for batch := range slices.Chunk(numbers, 500) { // SQLite takes 32,766 variables; short statements are parsed faster
		args := scopeArgs(scope)
		for _, row := range batch {
			args = append(args, row)
		}
		err := disk.Each(ctx, s.reader, fetchQuery(len(batch)), args, func(scan func(...any) error) error {
			r, err := scanRecord(scan)
			found[r.row] = r.Record
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// AllOptions say what All goes through. Nil is the same as a zero AllOptions.
type AllOptions struct {
	History    bool // also the records that were superseded
	Embeddings bool // with their embeddings
}

// All goes through the records of a scope in the order in which they were written.
func (s *Store) All(ctx context.Context, scope Scope, o *AllOptions) iter.Seq2[Record, error] {
	if o == nil {
		o = &AllOptions{}
	}
	return func(yield func(Record, error) bool) {
		for r, err := range s.all(ctx, s.reader, []Scope{scope}, o) {
			if !yield(r.Record, fail("read records", err)) {
				return
			}
		}
	}
}

// all goes through the records of some scopes, or of the whole store if there are none.
func (s *Store) all(ctx context.Context, q disk.Queryer, scopes []Scope, o *AllOptions) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		if s.closed.Load() {
			yield(stored{}, ErrClosed)
			return
		}
		columns, join := recordColumns, ""
		where, args := inScopes(scopes)
		if o.Embeddings {
			columns += ", v.data, (SELECT model FROM store)"
			join = " LEFT JOIN vectors v ON v.row = r.row"
		}
		if !o.History {
			where += " AND r.superseded = 0"
		}
		rows, err := q.QueryContext(ctx, "SELECT "+columns+" FROM records r JOIN scopes c ON c.scope = r.scope"+join+
			" WHERE "+where+" ORDER BY r.row", args...)
		if err != nil {
			yield(stored{}, err)
			return
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var r stored
			var err error
			if o.Embeddings {
				var data sql.RawBytes
				var model string
				r, err = scanRecord(rows.Scan, &data, &model)
				if len(data) > 0 {
					r.Embedding, r.Model = vector.Decode(nil, data), model
				}
			} else {
				r, err = scanRecord(rows.Scan)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(stored{}, err)
		}
	}
}
