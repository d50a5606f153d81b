// Package models bundles trained weights, so that the trm command solves puzzles out of the box.
//
// Each model is a folder of [FS] with model.safetensors and card.json; [Names] lists the folders. Load one with
// onnx.LoadFS(models.FS(), name, nil).
package models

import (
	"embed"
	"io/fs"
)

//go:embed weights
var files embed.FS

// FS is the file system with a folder for each model.
func FS() fs.FS {
	weights, err := fs.Sub(files, "weights")
	if err != nil {
		panic(err) // cannot be: the folder is compiled in
	}
	return weights
}

// Names lists the bundled models in order. It is empty in a build without weights.
func Names() []string {
	cards, err := fs.Glob(FS(), "*/card.json")
	if err != nil {
		panic(err) // cannot be: the pattern is well formed
	}
	names := make([]string, len(cards))
	for i, card := range cards {
		names[i] = card[:len(card)-len("/card.json")]
	}
	return names
}
