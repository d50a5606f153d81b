package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/trm-go/refiner/internal/ui"
)

// writeFile writes a file beside path and moves it there once it is whole; "-" is the standard output.
func writeFile(term *ui.Terminal, path string, write func(io.Writer) error) (err error) {
	if path == "-" {
		return write(term.Out)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".trm-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has been moved
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// writeJSON writes a value as [writeFile] does.
func writeJSON(term *ui.Terminal, path string, value any) error {
	return writeFile(term, path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(value)
	})
}
