package cli

import (
	"encoding/json"
	"io"
	"os"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/internal/ui"
)

// WriteFile writes a file beside path and moves it there once it is whole; "-" is the standard output.
func WriteFile(term *ui.Terminal, path string, write func(io.Writer) error) error {
	if path == "-" {
		return write(term.Out)
	}
	return beside.Write(path, 0o644, func(f *os.File) error { return write(f) })
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
