package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// finding is one line of the doctor's report.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	Mend string `json:"mend,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	library, verbose := "", false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what solving needs: the runtime, the devices, the bundled models",
		Long:  `Check what solving needs, and say how to mend what is missing. Exits with 3 if puzzles cannot be solved.`,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.DiscardHandler)
			if verbose {
				log = slog.New(slog.NewTextHandler(a.term.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
			}
			findings, well := examine(cmd.Context(), library, log)
			if a.json {
				if err := a.term.JSON(findings); err != nil {
					return err
				}
			} else {
				for _, f := range findings {
					mark := a.term.Paint(ui.Green, "ok     ")
					if !f.OK {
						mark = a.term.Paint(ui.Red, "missing")
					}
					a.term.Printf("%s  %-9s %s\n", mark, f.What, f.Says)
					if f.Mend != "" {
						a.term.Printf("%19s%s\n", "", f.Mend)
					}
				}
			}
			if !well {
				return ui.Fail(ui.ExitThreshold, "follow the lines above", "puzzles cannot be solved here yet")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&library, "library", "", "path of ONNX Runtime's shared library")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "tell why devices are not used")
	return cmd
}

// examine makes the findings; well says whether the CPU at least can solve.
func examine(ctx context.Context, path string, log *slog.Logger) (findings []finding, well bool) {
	add := func(what, says string, err error) {
		f := finding{What: what, OK: err == nil, Says: says}
		if err != nil {
			f.Says = err.Error()
			explainedErr := explained(ctx, err)
			if failure := (*ui.Failure)(nil); errors.As(explainedErr, &failure) {
				f.Mend = failure.Hint
			}
		}
		findings = append(findings, f)
	}
	library, err := onnx.FindLibrary(path)
	add("library", fmt.Sprintf("%s (%s)", library.Path, library.Source), err)

	// A tiny model shows whether the CPU runs at all, and whether another device computes the same, and faster.
	tiny, err := onnx.Random(onnx.Arch{VocabSize: 11, SeqLen: 81, HiddenSize: 64, LLayers: 2, HCycles: 1, LCycles: 1, MLPT: true}, 1, .5)
	if err != nil {
		add("model", "", err)
		return findings, false
	}
	for _, device := range []onnx.Device{onnx.CPU, onnx.Auto} {
		solver, err := onnx.Open(ctx, tiny, &onnx.Options{Device: device, Library: path, Threads: 1, Log: log})
		if err != nil {
			add(string(device), "", err)
			continue
		}
		says := "ONNX Runtime " + solver.Runtime()
		if device == onnx.Auto {
			says = fmt.Sprintf("a small model runs best on %s", solver.Device())
		}
		add(string(device), says, nil)
		well = well || device == onnx.CPU
		solver.Close()
	}
	for _, name := range models.Names() {
		m, err := onnx.LoadFS(models.FS(), name, nil)
		says := ""
		if err == nil {
			says = fmt.Sprintf("bundled, for %s: %s", m.Card.Task, m.Arch)
		}
		add(name, says, err)
	}
	if len(models.Names()) == 0 {
		findings = append(findings, finding{What: "models", OK: true, Says: "none bundled: name one with --model"})
	}
	return findings, well
}
