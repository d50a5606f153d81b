package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// modelFlags say which model runs, and on what.
type modelFlags struct {
	model     string
	device    string
	precision string
	threads   int
	batch     int
	library   string
	verbose   bool
}

// add adds the flags to a command.
func (m *modelFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&m.model, "model", "m", "", "`model`: a folder or .safetensors, or the name of a bundled one, see trm info")
	f.StringVar(&m.device, "device", string(onnx.Auto), "where it runs: "+join(onnx.Devices()))
	f.StringVar(&m.precision, "precision", "", "precision of the weights: "+join(onnx.Precisions())+"; empty is fp32")
	f.IntVar(&m.threads, "threads", 0, "threads that run steps; 0 is one for each core")
	f.IntVar(&m.batch, "batch", 0, "problems that a thread steps together; 0 is what suits the model and the device")
	f.StringVar(&m.library, "library", "", "path of ONNX Runtime's shared library")
	f.BoolVarP(&m.verbose, "verbose", "v", false, "tell how the device is chosen")
	_ = cmd.RegisterFlagCompletionFunc("device", cobra.FixedCompletions(strings.Split(join(onnx.Devices()), ", "), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("precision", cobra.FixedCompletions(strings.Split(join(onnx.Precisions()), ", "), cobra.ShellCompDirectiveNoFileComp))
}

// load loads the model for a task; an empty task takes any.
func (m *modelFlags) load(task string) (*onnx.Model, error) {
	return loadModel(m.model, &onnx.LoadOptions{Task: task})
}

// loadModel loads a model by path or by the name of a bundled one; without a name the first bundled one for the task.
func loadModel(name string, o *onnx.LoadOptions) (*onnx.Model, error) {
	if slices.Contains(models.Names(), name) {
		return onnx.LoadFS(models.FS(), name, o)
	}
	if name != "" {
		m, err := onnx.LoadModel(name, o)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ui.Fail(ui.ExitError, "name a folder, a .safetensors, or a bundled model: "+strings.Join(models.Names(), ", "), "%w", err)
		}
		return m, err
	}
	for _, bundled := range models.Names() {
		if m, err := onnx.LoadFS(models.FS(), bundled, o); !errors.Is(err, onnx.ErrTask) {
			return m, err
		}
	}
	return nil, ui.Fail(ui.ExitUsage, "name one with --model: a folder or .safetensors", "no model for %s is bundled", o.Task)
}

// fitted is the model for problems of this size, which a model of another size refuses unless its weights do not depend on
// it.
func fitted(model *onnx.Model, p *problem) (*onnx.Model, error) {
	resized, err := model.Resized(len(p.tokens))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", onnx.ErrProblem, err)
	}
	return resized, nil
}

// open opens a solver and tells where it runs.
func (m *modelFlags) open(ctx context.Context, term *ui.Terminal, model *onnx.Model, latency bool) (*onnx.Solver, error) {
	o := &onnx.Options{
		Device: onnx.Device(m.device), Precision: onnx.Precision(m.precision),
		Threads: m.threads, Batch: m.batch, Library: m.library, Latency: latency,
	}
	if m.verbose {
		o.Log = slog.New(slog.NewTextHandler(term.Err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if !slices.Contains(onnx.Devices(), o.Device) {
		return nil, ui.Fail(ui.ExitUsage, "take one of "+join(onnx.Devices()), "there is no device %q", m.device)
	}
	if o.Precision != "" && !slices.Contains(onnx.Precisions(), o.Precision) {
		return nil, ui.Fail(ui.ExitUsage, "take one of "+join(onnx.Precisions()), "there is no precision %q", m.precision)
	}
	solver, err := onnx.Open(ctx, model, o)
	if err != nil {
		return nil, err
	}
	term.Notef("%s on %s, ONNX Runtime %s, %s", modelName(model), solver.Device(), solver.Runtime(), english.Plural(solver.Threads(), "thread", ""))
	return solver, nil
}

// modelName is what a model is called.
func modelName(m *onnx.Model) string { return cmp.Or(m.Card.Name, "model") }

func join[S ~string](values []S) string {
	text := make([]string, len(values))
	for i, v := range values {
		text[i] = string(v)
	}
	return strings.Join(text, ", ")
}
