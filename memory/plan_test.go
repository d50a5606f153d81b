package memory

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// SQLite finds what has changed by its number, and the rows of a result by theirs, without going through all records or
// sessions.
func TestRecordsAreFoundByIndex(t *testing.T) {
	s, err := Create(t.Context(), filepath.Join(t.TempDir(), "store.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct {
		query string
		args  []any
		first string
	}{
		{changedQuery, []any{"", "ann", 1}, "INDEX records_changed (owner=? AND seq>?)"},
		{"SELECT r.row FROM " + fetchQuery(2), scopeArgs(ann, 1, 2), "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"},
		{"SELECT r.row FROM " + fetchQuery(500), scopeArgs(ann, slices.Repeat([]any{1}, 500)...), "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"},
	} {
		rows, err := s.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+c.query, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan strings.Builder
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan.WriteString(detail + "\n")
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(plan.String(), "\n"); !strings.Contains(first, c.first) {
			t.Errorf("the plan of %.300s is\n%s", c.query, plan.String())
		}
	}
}
