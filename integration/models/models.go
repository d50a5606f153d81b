// Package models keeps the small text models of this machine: it fetches them, lists them, removes them, and opens the one that
// is wanted.
//
// They live in one folder, [Root], each in a folder of its own with a card (see package encoder). [Catalogue] names those
// that were measured, with the packages that carry them; any other BERT-like model can be had from a folder, an archive or a
// model hub.
package models

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/adrg/xdg"

	"github.com/trm-go/refiner/adapters/encoder"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// variable is the environment variable that names the folder of the models.
const variable = "REFINE_MODELS"

// Root is the folder of the models: what $REFINE_MODELS says, or refine/models in the user's cache.
func Root() string {
	return cmp.Or(os.Getenv(variable), filepath.Join(xdg.CacheHome, "refine", "models"))
}

// Errors.
var (
	// ErrUnknown is returned for a name that neither the folder nor the catalogue knows.
	ErrUnknown = errors.New("no such model")
	// ErrClient is returned if no package client is at hand that could fetch a model.
	ErrClient = errors.New("no package client that can fetch it")
	// ErrHash is returned for a file that is not the one that was asked for.
	ErrHash = errors.New("another file than expected")
)

// Installed is a model in the folder.
type Installed struct {
	encoder.Card
	Dir   string `json:"dir"`
	Bytes int64  `json:"bytes"`
	// Unusable says why this program cannot run the model; empty if it can.
	Unusable string `json:"unusable,omitempty"`
}

// List are the models in the folder, those of the catalogue first in its order, others by name. Folders without a card are
// left out.
func List() ([]Installed, error) {
	entries, err := os.ReadDir(Root())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Installed
	for _, e := range entries {
		m, err := find(e.Name())
		if errors.Is(err, encoder.ErrNoModel) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err != nil {
			m = Installed{Card: encoder.Card{Name: e.Name()}, Unusable: err.Error()}
		}
		all = append(all, m)
	}
	place := func(m Installed) int {
		if i := slices.IndexFunc(Catalogue, func(e Entry) bool { return e.Name == m.Name }); i >= 0 {
			return i
		}
		return len(Catalogue)
	}
	slices.SortStableFunc(all, func(a, b Installed) int { return cmp.Compare(place(a), place(b)) })
	return all, nil
}

// find is the installed model of a name.
func find(name string) (Installed, error) {
	dir := filepath.Join(Root(), name)
	card, err := encoder.ReadCard(dir)
	if err != nil {
		return Installed{}, err
	}
	m := Installed{Card: card, Dir: dir}
	for _, file := range []string{card.Weights, card.Tokenizer} {
		if info, err := os.Stat(filepath.Join(dir, file)); err == nil {
			m.Bytes += info.Size()
		} else {
			m.Unusable = fmt.Sprintf("its file %s is missing: refine models pull %s", file, name)
		}
	}
	if card.Graph() && m.Unusable == "" {
		if !cgo {
			m.Unusable = onnx.ErrNoRuntime.Error()
		} else if _, err := onnx.FindLibrary(library()); err != nil {
			m.Unusable = "ONNX Runtime is missing: refine models pull " + name
		}
	}
	return m, nil
}

// libraryDir is where a model's pull puts ONNX Runtime, if it is nowhere else.
func libraryDir() string { return filepath.Join(Root(), ".onnxruntime") }

// library is ONNX Runtime in the models' folder; empty if it is not there, or another is named.
func library() string {
	if _, err := os.Stat(libraryDir()); err != nil || os.Getenv(onnx.LibraryVariable) != "" {
		return ""
	}
	return libraryDir()
}

// Choose is the installed model of a kind that this program can run: that of the name, with or without the @ and the digits of
// [encoder.Card.Model], or if the name is empty the first of the list. It returns [ErrUnknown] if there is none.
func Choose(kind encoder.Kind, name string) (Installed, error) {
	name, _, _ = strings.Cut(name, "@")
	all, err := List()
	if err != nil {
		return Installed{}, err
	}
	var unusable error
	for _, m := range all {
		if m.Kind != kind || name != "" && m.Name != name {
			continue
		}
		if m.Unusable == "" {
			return m, nil
		}
		unusable = errors.Join(unusable, fmt.Errorf("%w that can run: %s: %s", ErrUnknown, m.Name, m.Unusable))
	}
	if unusable != nil {
		return Installed{}, unusable
	}
	return Installed{}, fmt.Errorf("%w of the kind %s in %s: refine models pull %s", ErrUnknown, kind, Root(), cmp.Or(name, suggestion(kind)))
}

// suggestion is the first model of the catalogue that this program can run.
func suggestion(kind encoder.Kind) string {
	for _, e := range Catalogue {
		if e.Kind == kind && (cgo || !e.Graph()) {
			return e.Name
		}
	}
	return "FOLDER"
}

// Encoder opens the encoder that [Choose] chooses.
func Encoder(name string) (*encoder.Encoder, error) {
	m, err := Choose(encoder.KindEncoder, name)
	if err != nil {
		return nil, err
	}
	return encoder.Open(m.Dir, &encoder.Options{Library: library()})
}

// Reranker opens the reranker that [Choose] chooses.
func Reranker(name string) (*encoder.Reranker, error) {
	m, err := Choose(encoder.KindReranker, name)
	if err != nil {
		return nil, err
	}
	return encoder.OpenReranker(m.Dir, &encoder.Options{Library: library()})
}

// Remove deletes an installed model, and returns it.
func Remove(name string) (Installed, error) {
	if name != filepath.Base(name) {
		return Installed{}, fmt.Errorf("%w: %q", ErrUnknown, name)
	}
	m, err := find(name)
	if errors.Is(err, encoder.ErrNoModel) {
		return Installed{}, fmt.Errorf("%w: %s is not in %s", ErrUnknown, name, Root())
	}
	if err != nil && !errors.Is(err, encoder.ErrFormat) {
		return Installed{}, err
	}
	return m, os.RemoveAll(filepath.Join(Root(), name))
}
