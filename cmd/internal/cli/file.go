package cli

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/trm-go/refiner/internal/ui"
)

// WriteFile writes a file beside path and moves it there once it is whole; "-" is the standard output.
func WriteFile(term *ui.Terminal, path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(term.Out)
	}
	return WritePrivate(path, 0o644, func(f *os.File) error { return write(f) })
}

// WritePrivate writes a file of these permissions beside path and moves it there once it is whole and on the disk.
func WritePrivate(path string, mode os.FileMode, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".writing-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has been moved
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// WriteJSON writes a value as [WriteFile] does.
func WriteJSON(term *ui.Terminal, path string, value any) error {
	return WriteFile(term, path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(value)
	})
}
