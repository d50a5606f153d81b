package beside

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// half is what the name of a file begins with until it is whole.
const half = ".new-"

// WriteFile is [Write] of a file for its owner alone.
func WriteFile(path string, data []byte) error {
	return Write(path, 0o600, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// Write writes a file of these permissions beside path and moves it there once it is whole and on the disk: after a crash it has
// its old or its new contents.
func Write(path string, mode os.FileMode, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), half+"*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename there is none
	err = errors.Join(write(f), f.Chmod(mode), f.Sync())
	if err = errors.Join(err, f.Close()); err != nil {
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
