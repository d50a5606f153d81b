package memory

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/filelock"
)

// Beside its copies a store has files that quote it: plans of consolidations in their folder, or where somebody has written
// them beside the store, and what a mirror has taken out of the store that it follows. They name the records they quote.

// companions are the files, other than databases, that may quote the store at path.
func companions(path string) []string {
	var all []string
	dir := filepath.Dir(path)
	for _, folder := range foldersOf(path) {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			name := e.Name()
			beside := folder == dir || folder == SnapshotFolder(path)
			if file := filepath.Join(folder, name); e.Type().IsRegular() && (!beside || filepath.Ext(name) == ".json" || strings.HasPrefix(name, ".plan-")) && !isDatabase(file) {
				all = append(all, file)
			}
		}
	}
	return all
}

// ulids finds what may be the ID of a record.
var ulids = regexp.MustCompile(`[0-7][0-9A-HJKMNP-TV-Z]{25}`)

// deleteFromText removes a file that names a deleted record; of one with a JSON value on each line, with an id or a key, only
// those lines.
func deleteFromText(ctx context.Context, path string, all []pendingDeletion) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fileError(err)
	}
	ids, keys := map[string]bool{}, map[string]bool{}
	for _, p := range all {
		for _, id := range p.IDs {
			ids[string(id)] = true
		}
		for _, k := range p.Keys {
			keys[string(k[min(16, len(k)):])] = true
		}
	}
	names := func(b []byte) bool {
		return slices.ContainsFunc(ulids.FindAll(b, -1), func(id []byte) bool { return ids[string(id)] })
	}
	if filepath.Ext(path) != ".jsonl" {
		if !names(data) {
			return nil
		}
		return overwrite(path)
	}
	var kept [][]byte
	lines := bytes.SplitAfter(data, []byte("\n"))
	for _, line := range lines {
		var document struct{ ID string }
		if !names(line) && (json.Unmarshal(line, &document) != nil || !keys[string(hashOf(document.ID))]) {
			kept = append(kept, line)
		}
	}
	if len(kept) == len(lines) {
		return nil
	}
	unlock, err := filelock.Lock(ctx, filepath.Join(filepath.Dir(path), "lock"), 0) // who writes it holds it
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.WriteFile(path+".new", bytes.Join(kept, nil), 0o600); err != nil {
		return fileError(err)
	}
	if err := syncFile(path + ".new"); err != nil {
		return fileError(err)
	}
	return fileError(os.Rename(path+".new", path))
}
