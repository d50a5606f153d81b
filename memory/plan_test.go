package memory

import (
	"path/filepath"
	"strings"
	"testing"
)

// What has changed since is found by its number, without going through all records.
func TestChangesAreFoundByIndex(t *testing.T) {
	s, err := Create(t.Context(), filepath.Join(t.TempDir(), "store.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, query := range []string{changedQuery, changedVectorsQuery} {
		rows, err := s.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, 1)
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
		if !strings.Contains(plan.String(), "INDEX records_seq (seq>?)") {
			t.Errorf("the plan of %s is\n%s", query, plan.String())
		}
	}
}
