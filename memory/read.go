package memory

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// inRecords is where records r with their scopes c are read from.
const inRecords = "records r JOIN scopes c ON c.scope = r.scope WHERE "

// readRecords reads the records of a query that begins as inRecords does.
func readRecords(ctx context.Context, q disk.Queryer, embeddings bool, query string, args ...any) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		columns := recordColumns
		var more []any
		var data sql.RawBytes
		var model string
		if embeddings {
			columns += ", (SELECT v.data FROM vectors v WHERE v.row = r.row), (SELECT model FROM store)"
			more = []any{&data, &model}
		}
		rows, err := q.QueryContext(ctx, "SELECT "+columns+" FROM "+query, args...)
		if err != nil {
			yield(stored{}, err)
			return
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			r, err := scanRecord(rows.Scan, more...)
			if len(data) > 0 {
				r.Embedding, r.Model = vector.Decode(nil, data), model
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

// Record returns one record of the scope, with its embedding, be it live or superseded.
func (s *Store) Record(ctx context.Context, scope Scope, id ID) (Record, error) {
	r, err := s.record(ctx, s.reader, scope, id)
	return r.Record, s.fail(fmt.Sprintf("read record %q", id), err)
}

func (s *Store) record(ctx context.Context, q disk.Queryer, scope Scope, id ID) (stored, error) {
	for r, err := range readRecords(ctx, q, true, inRecords+"r.id = ? AND "+inScope, append([]any{string(id)}, scopeArgs(scope)...)...) {
		return r, err
	}
	return stored{}, fmt.Errorf("%w in scope %s", ErrNotFound, scope)
}

// LastPosition is the greatest position of exactly this scope's records, superseded ones too, or -1 if none has one. A
// position that the index cannot tell from its neighbours, from 2³¹−1 on, does not count.
func (s *Store) LastPosition(ctx context.Context, scope Scope) (int, error) {
	last := -1
	err := s.reader.QueryRowContext(ctx, "SELECT coalesce(max(r.position), -1) FROM "+inRecords+"c.tenant = ? AND c.user = ? AND c.agent = ? AND c.session = ? AND r.position < ?",
		scope.Tenant, scope.User, scope.Agent, scope.Session, math.MaxInt32).Scan(&last)
	return last, s.fail("read the last position", err)
}

// Fetch returns the records of rows, in that order and without their embeddings. Rows that are not there, or not in the
// scope, are left out.
func (s *Store) Fetch(ctx context.Context, scope Scope, rows ...int64) ([]Record, error) {
	found, err := s.fetch(ctx, scope, rows)
	if err != nil {
		return nil, s.fail("fetch records", err)
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
	return "records r CROSS JOIN scopes c ON c.scope = r.scope WHERE +" + inScope + " AND r.row IN (?" + strings.Repeat(", ?", n-1) + ")"
}

func (s *Store) fetch(ctx context.Context, scope Scope, numbers []int64) (map[int64]Record, error) {
	found := make(map[int64]Record, len(numbers))
	for batch := range slices.Chunk(numbers, 500) { // SQLite takes 32,766 variables; short statements are parsed faster
		args := scopeArgs(scope)
		for _, row := range batch {
			args = append(args, row)
		}
		for r, err := range readRecords(ctx, s.reader, false, fetchQuery(len(batch)), args...) {
			if err != nil {
				return nil, err
			}
			found[r.row] = r.Record
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
	return func(yield func(Record, error) bool) {
		for r, err := range all(ctx, s.reader, []Scope{scope}, cmp.Or(o, &AllOptions{})) {
			if !yield(r.Record, s.fail("read records", err)) {
				return
			}
		}
	}
}

// all goes through the records of some scopes, or of the whole store if there are none.
func all(ctx context.Context, q disk.Queryer, scopes []Scope, o *AllOptions) iter.Seq2[stored, error] {
	where, args := inScopes(scopes)
	if !o.History {
		where += " AND r.superseded = 0"
	}
	return readRecords(ctx, q, o.Embeddings, inRecords+where+" ORDER BY r.row", args...)
}

// Sign signs a text with a key that only the store and its copies have.
func (s *Store) Sign(ctx context.Context, text []byte) (string, error) {
	var key []byte
	if err := s.reader.QueryRowContext(ctx, "SELECT secret FROM store").Scan(&key); err != nil {
		return "", s.fail("sign", err)
	}
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), nil
}
