package beside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// half is what the name of a file begins with until it is whole.
const half = ".new-"

// WriteFile writes a file for its owner alone, so that after a crash it has its old or its new contents.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), half+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename there is none
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		_ = d.Sync() // not every file system can
		_ = d.Close()
	}
	return nil
}
