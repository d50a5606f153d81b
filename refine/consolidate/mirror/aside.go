package mirror

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/trm-go/refiner/memory"
)

// aside is the file of the documents that were taken out of the remote, one in each line. It is replaced as a whole.
type aside struct{ path string }

func (a aside) read() (map[string]*Document, error) {
	all := map[string]*Document{}
	data, err := os.ReadFile(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(data) {
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		var d Document
		if err := decoder.Decode(&d); err != nil || d.ID == "" {
			return nil, fmt.Errorf("what was put aside in %s: %w: %w", a.path, memory.ErrCorrupt, err)
		}
		all[d.ID] = &d
	}
	return all, nil
}

// write replaces the file, and overwrites what was in it: it may hold what somebody deleted for privacy.
func (a aside) write(all map[string]*Document) error {
	f, err := os.CreateTemp(filepath.Dir(a.path), ".aside-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		err = errors.Join(err, e.Encode(all[id]))
	}
	if err := errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	old, oldErr := os.OpenFile(a.path, os.O_WRONLY, 0)
	if err := os.Rename(f.Name(), a.path); err != nil {
		return err
	}
	if oldErr == nil { // nobody finds it by its name any more
		defer func() { _ = old.Close() }()
		info, err := old.Stat()
		if err != nil {
			return err
		}
		if _, err := old.Write(make([]byte, info.Size())); err != nil {
			return err
		}
		return old.Sync()
	}
	return nil
}
