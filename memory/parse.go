package memory

import (
	"context"
	"strings"

	"github.com/trm-go/refiner/internal/query"
)

// MaxQuery is the longest text of a query, in bytes.
const MaxQuery = query.Max

// operators are the rows that a query's operators ask for, and those they exclude; nil where it has none.
func (s *Store) operators(ctx context.Context, scope Scope, asked, excluded []string) (must, not map[int64]bool, err error) {
	if len(asked) > 0 {
		if must, err = s.holding(ctx, scope, strings.Join(asked, " AND ")); err != nil {
			return nil, nil, err
		}
	}
	if len(excluded) > 0 {
		if not, err = s.holding(ctx, scope, strings.Join(excluded, " OR ")); err != nil {
			return nil, nil, err
		}
	}
	return must, not, nil
}

// holding are the rows of a scope whose text matches an FTS5 expression.
func (s *Store) holding(ctx context.Context, scope Scope, expression string) (map[int64]bool, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT r.row FROM words CROSS JOIN records r ON r.row = words.rowid CROSS JOIN scopes c ON c.scope = r.scope
		WHERE words MATCH ? AND +`+inScope, append([]any{expression}, scopeArgs(scope)...)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := map[int64]bool{}
	for rows.Next() {
		var row int64
		if err := rows.Scan(&row); err != nil {
			return nil, err
		}
		found[row] = true
	}
	return found, rows.Err()
}
