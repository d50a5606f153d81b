package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/trmcore/onnx"
)

func (a *app) exportCommand() *cobra.Command {
	o, precision, output := onnx.LoadOptions{}, "", ""
	cmd := &cobra.Command{
		Use:   "export MODEL -o FILE.onnx|FOLDER",
		Short: "Write a model as an ONNX file or a model folder",
		Long: `Read .safetensors with the names of the official code, or a model folder, and write it as one ONNX file with its model card beside it, or as a folder with
model.safetensors and card.json.

What the weights do not say comes from a card beside them, from --task, which stands for
the published configuration, or from the flags for the cycles and the heads.`,
		Example: `  trm export step_65100.safetensors --task sudoku -o sudoku.onnx
  trm export model.safetensors --task sudoku --h-cycles 6 --l-cycles 9 -o sudoku/`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return cli.Usagef(cmd, "say where to write with -o: FILE.onnx or a folder")
			}
			model, err := loadModel(args[0], &o)
			if err != nil {
				return err
			}
			if strings.EqualFold(filepath.Ext(output), ".onnx") {
				if err := a.exportONNX(model, output, onnx.Precision(precision)); err != nil {
					return err
				}
			} else {
				if precision != "" {
					return cli.Usagef(cmd, "--precision is for ONNX files; a folder keeps the weights as they are")
				}
				if err := model.Save(output); err != nil {
					return err
				}
			}
			a.term.Notef("wrote %s: %s", output, model.Arch)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "", "`path` to write: FILE.onnx, or a folder")
	f.StringVar(&o.Task, "task", "", "task of the model: sudoku, arc, maze")
	f.StringVar(&precision, "precision", "", "precision of an ONNX file: "+join(onnx.Precisions()))
	f.IntVar(&o.Arch.HCycles, "h-cycles", 0, "answers in a step, if no card says so")
	f.IntVar(&o.Arch.LCycles, "l-cycles", 0, "latent updates before each answer")
	f.IntVar(&o.Arch.NumHeads, "heads", 0, "heads of the attention")
	f.IntVar(&o.Arch.SeqLen, "seq-len", 0, "tokens of a problem")
	return cmd
}

// exportONNX writes the file, and beside it the card with the file's own hash.
func (a *app) exportONNX(model *onnx.Model, path string, p onnx.Precision) error {
	hash := sha256.New()
	err := cli.WriteFile(a.term, path, func(w io.Writer) error { return model.Export(io.MultiWriter(w, hash), p) })
	if err != nil {
		return err
	}
	card := model.Card
	card.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return cli.WriteJSON(a.term, strings.TrimSuffix(path, filepath.Ext(path))+".card.json", card)
}
