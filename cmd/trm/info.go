package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// modelInfo is what info prints of a model.
type modelInfo struct {
	Card    onnx.Card `json:"card"`
	Passes  int       `json:"passes_per_step"`
	FLOPs   float64   `json:"flops_per_step"`
	Puzzles int       `json:"puzzle_embeddings"`
}

func (a *app) infoCommand() *cobra.Command {
	o := onnx.LoadOptions{}
	cmd := &cobra.Command{
		Use:   "info [MODEL]",
		Short: "Describe a model, or list the bundled ones",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listModels()
			}
			model, err := loadModel(args[0], &o)
			if err != nil {
				return err
			}
			return a.printModel(model)
		},
	}
	cmd.Flags().StringVar(&o.Task, "task", "", "task of weights without a card: sudoku, arc, maze")
	return cmd
}

func describe(m *onnx.Model) modelInfo {
	return modelInfo{Card: m.Card, Passes: m.Arch.Passes(), FLOPs: m.Arch.FLOPs(), Puzzles: m.Puzzles()}
}

func (a *app) listModels() error {
	all := []modelInfo{}
	table := &ui.Table{Columns: []string{"name", "task", "parameters", "GFLOP/step", "licence"}, Right: []string{"parameters", "GFLOP/step"}}
	for _, name := range models.Names() {
		m, err := onnx.LoadFS(models.FS(), name, nil)
		if err != nil {
			return fmt.Errorf("bundled model %s: %w", name, err)
		}
		all = append(all, describe(m))
		table.Add(name, m.Card.Task, humanize.Comma(int64(m.Card.Params)), fmt.Sprintf("%.2f", m.Arch.FLOPs()/1e9), m.Card.Licence)
	}
	if a.json {
		return a.term.JSON(all)
	}
	if table.Len() == 0 {
		a.term.Notef("no models are bundled; name a file or a folder: trm info MODEL")
	}
	table.Print(a.term)
	return nil
}

func (a *app) printModel(m *onnx.Model) error {
	info := describe(m)
	if a.json {
		return a.term.JSON(info)
	}
	table := &ui.Table{Columns: []string{"what", "value"}, Wrap: true}
	table.Add("name", m.Card.Name)
	table.Add("task", m.Card.Task)
	table.Add("architecture", m.Arch.String())
	table.Add("parameters", humanize.Comma(int64(m.Card.Params)))
	table.Add("one step", fmt.Sprintf("%d passes of the network, %.3f GFLOP", info.Passes, info.FLOPs/1e9))
	if info.Puzzles > 0 {
		table.Add("puzzle embeddings", info.Puzzles)
	}
	texts := short(m.Card)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		table.Add(name, texts[name])
	}
	table.Add("licence", m.Card.Licence)
	table.Add("note", m.Card.Note)
	table.Add("SHA-256", m.Card.SHA256)
	table.Print(a.term)
	return nil
}

// short is a card's text in one level: the strings of its data, training and metrics, by their names.
func short(c onnx.Card) map[string]string {
	short := map[string]string{}
	for name, value := range map[string]any{"data": c.Data, "training": c.Training, "metrics": c.Metrics} {
		switch value := value.(type) {
		case string:
			short[name] = value
		case map[string]any:
			for key, v := range value {
				if text, ok := v.(string); ok {
					short[name+", "+key] = text
				}
			}
		}
	}
	return short
}
