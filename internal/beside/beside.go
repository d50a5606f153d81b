// Package beside knows the folders and files that a store has beside itself: snapshots, what consolidations and mirrors keep,
// and what was interrupted.
package beside

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/filelock"
)

// Snapshots is where snapshots of a store lie unless they are told elsewhere.
func Snapshots(store string) string { return filepath.Join(filepath.Dir(store), "snapshots") }

// Folders are the folders in which a store writes: its own, that of its snapshots, and those that begin with its name.
func Folders(path string) []string {
	folders := []string{filepath.Dir(path), Snapshots(path)}
	entries, _ := os.ReadDir(filepath.Dir(path)) // what cannot be read is found out when it is looked into
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), filepath.Base(path)+".") {
			folders = append(folders, filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	return folders
}

// Clean removes what killed processes left half written. Whoever writes a copy holds the lock on copies, as the caller does,
// so that nobody is at work on it.
func Clean(path string, elsewhere []string) error {
	folders := Folders(path)
	for _, file := range elsewhere {
		folders = append(folders, filepath.Dir(file))
	}
	slices.Sort(folders)
	var errs []error
	for _, folder := range slices.Compact(folders) {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			name := e.Name()
			before, _, partial := strings.Cut(name, ".partial-")
			ours := folder == Snapshots(path) || strings.HasPrefix(name, filepath.Base(path)) || slices.Contains(elsewhere, filepath.Join(folder, before))
			if partial && ours && e.IsDir() || folder == path+".consolidate" && (partial || strings.HasPrefix(name, half)) {
				errs = append(errs, os.RemoveAll(filepath.Join(folder, name)))
			}
		}
	}
	return errors.Join(errs...)
}

// IsDatabase reports whether a file is a SQLite database with the mark of a store.
func IsDatabase(path string) bool {
	head := make([]byte, 72)
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	if _, err := io.ReadFull(f, head); err != nil || !bytes.HasPrefix(head, []byte("SQLite format 3\x00")) {
		return false
	}
	return string(head[68:72]) == "RFNR"
}

// Beside its copies a store has files that quote it: plans of consolidations in their folder, or where somebody has written
// them beside the store, and what a mirror has taken out of the store that it follows. They name the records they quote.

// Files are the files, other than databases, that may quote the store at path.
func Files(path string) []string {
	var all []string
	dir := filepath.Dir(path)
	for _, folder := range Folders(path) {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			name := e.Name()
			beside := folder == dir || folder == Snapshots(path)
			if file := filepath.Join(folder, name); e.Type().IsRegular() && (!beside || filepath.Ext(name) == ".json" && !strings.HasSuffix(name, ".run.json") || strings.HasPrefix(name, ".plan-")) && !IsDatabase(file) {
				all = append(all, file)
			}
		}
	}
	return all
}

// ulids finds what may be the ID of a record.
var ulids = regexp.MustCompile(`[0-7][0-9A-HJKMNP-TV-Z]{25}`)

// Delete removes a file that names a deleted record by its id; of one with a JSON value on each line only those lines that do, or
// that have its key as their id.
func Delete(ctx context.Context, path string, id, key func(string) bool) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names := func(b []byte) bool {
		return slices.ContainsFunc(ulids.FindAll(b, -1), func(found []byte) bool { return id(string(found)) })
	}
	if filepath.Ext(path) != ".jsonl" {
		if !names(data) {
			return nil
		}
		if err := os.WriteFile(path, make([]byte, len(data)), 0o600); err != nil { // no byte of it is to be left
			return err
		}
		return os.Remove(path)
	}
	var kept [][]byte
	lines := bytes.SplitAfter(data, []byte("\n"))
	for _, line := range lines {
		var document struct{ ID string }
		if !names(line) && (json.Unmarshal(line, &document) != nil || !key(document.ID)) {
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
	return WriteFile(path, bytes.Join(kept, nil))
}
