package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// finding is one line of the doctor's report.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
	Fix  string `json:"fix,omitempty"`

	Optional bool `json:"optional,omitempty"` // puzzles can be solved without it
}

func (a *app) doctorCommand() *cobra.Command {
	library, verbose := "", false
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what solving needs: the runtime, the devices, the bundled models",
		Long:  `Check what solving needs, and say how to fix what is missing. Exits with 3 if puzzles cannot be solved.`,
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
					switch {
					case !f.OK && f.Optional:
						mark = "no     "
					case !f.OK:
						mark = a.term.Paint(ui.Red, "missing")
					}
					a.term.Printf("%s  %-9s %s\n", mark, f.What, f.Says)
					if f.Fix != "" {
						a.term.Printf("%19s%s\n", "", f.Fix)
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
	add := func(what, says string, err error) *finding {
		f := finding{What: what, OK: err == nil, Says: says}
		if err != nil {
			f.Says = err.Error()
			if failure := (*ui.Failure)(nil); errors.As(cli.Explain(ctx, err, fixes), &failure) {
				f.Fix = failure.Hint
			}
		}
		findings = append(findings, f)
		return &findings[len(findings)-1]
	}
	library, err := onnx.FindLibrary(path)
	add("library", fmt.Sprintf("%s (%s)", library.Path, library.Source), err)

	// A tiny model shows whether the CPU runs at all, and whether CUDA computes the same, and faster.
	tiny, err := onnx.Random(onnx.Arch{VocabSize: 11, SeqLen: 81, HiddenSize: 64, LLayers: 2, HCycles: 1, LCycles: 1, MLPT: true}, 1, .5)
	if err != nil {
		add("model", "", err)
		return findings, false
	}
	tiny.Card.Name = "a small model"
	try := func(device onnx.Device) (used onnx.Device, runtime string, err error) {
		s, err := onnx.Open(ctx, tiny, &onnx.Options{Device: device, Library: path, Threads: 1, Log: log})
		if err != nil {
			return "", "", err
		}
		return s.Device(), s.Runtime(), s.Close()
	}
	_, runtime, err := try(onnx.CPU)
	add("cpu", "ONNX Runtime "+runtime, err)
	if well = err == nil; well {
		err := onnx.CheckCUDA(library.Path)
		if err == nil {
			_, _, err = try(onnx.CUDA)
		}
		add("cuda", "runs", err).Optional = true
		best, _, err := try(onnx.Auto) // compares what CUDA answers with the CPU
		add("auto", fmt.Sprintf("a small model runs best on %s", best), err)
	}
	for _, name := range models.Names() {
		says := ""
		m, err := onnx.LoadFS(models.FS(), name, nil)
		if err == nil {
			says = fmt.Sprintf("bundled, for %s: %s", m.Card.Task, m.Arch)
		}
		add(name, says, err)
	}
	if len(models.Names()) == 0 {
		add("models", "none bundled: name one with --model", nil)
	}
	return findings, well
}
