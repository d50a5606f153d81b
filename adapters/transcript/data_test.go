package transcript

import (
	"os"
	"path/filepath"
	"testing"
)

// TestEvaluationSets reads the real sets where they are: nothing is refused, and nothing lost.
func TestEvaluationSets(t *testing.T) {
	const folder = "../../../shared/data"
	tests := []struct {
		pattern  string
		files    int
		records  int
		sessions int
	}{
		{"locomo/locomo_dev.json", 1, 2960, 136},
		{"beam/100K/*/chat.json", 10, 2998, 46},
	}
	for _, tt := range tests {
		t.Run(tt.pattern, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(folder, filepath.FromSlash(tt.pattern)))
			if err != nil {
				t.Fatal(err)
			}
			if len(files) == 0 {
				t.Skipf("no evaluation data at %s", filepath.Join(folder, tt.pattern))
			}
			if len(files) != tt.files {
				t.Errorf("%d files, want %d", len(files), tt.files)
			}
			records, keys, sessions := 0, map[string]bool{}, map[string]bool{}
			for _, name := range files {
				f, err := os.Open(name)
				if err != nil {
					t.Fatal(err)
				}
				got, problems := collect(t, f, name, nil)
				f.Close()
				if len(problems) > 0 {
					t.Errorf("errors: %q", problems)
				}
				for _, r := range got {
					records++
					keys[r.Key] = true
					sessions[r.Scope.Session] = true
					if r.Meta["ref"] == "" || r.Created.Equal(epoch) {
						t.Fatalf("%s: record without a ref or a time: %+v", name, r)
					}
				}
			}
			if records != tt.records || len(keys) != tt.records || len(sessions) != tt.sessions {
				t.Errorf("%d records, %d keys, %d sessions; want %d, %d, %d", records, len(keys), len(sessions), tt.records, tt.records, tt.sessions)
			}
		})
	}
}
