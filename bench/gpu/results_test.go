package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/trm-go/refiner/trmcore/onnx"
)

// TestResultsGoOnWhereTheyStopped writes results, reads them back, and makes what failed again.
func TestResultsGoOnWhereTheyStopped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gpu.json")
	done := result{Model: "m", Mode: "plain", Side: "ours", Device: "cuda", Precision: "fp16", Batch: 64}
	failed := result{Model: "m", Mode: "plain", Side: "ours", Device: "webgpu", Precision: "fp16", Batch: 64, Error: "no driver\nat all"}
	done.rate(onnx.Arch{}, 64, 2)
	done.TFLOPS = 9.57
	for run := range 2 {
		r, err := openResults(path)
		if err != nil {
			t.Fatal(err)
		}
		if r.has(done) != (run > 0) || r.has(failed) {
			t.Fatalf("run %d: has what was done %v, has what failed %v", run, r.has(done), r.has(failed))
		}
		if run == 0 {
			if err := r.add(done); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.add(failed); err != nil {
			t.Fatal(err)
		}
		if err := r.file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := openResults(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.file.Close()
	if len(r.all) != 2 {
		t.Errorf("%d results, want 2", len(r.all))
	}
	table := r.table(onnx.Arch{})
	for _, want := range []string{"| 64 | plain | fp16 | ours | cuda | 32 | 9.57 |", "failed: no driver |"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
}

func TestEverySideRunsThePrecisionItIsListedFor(t *testing.T) {
	b := &bench{config: config{python: "python", torchDevice: "cuda", devices: []onnx.Device{onnx.CUDA, onnx.WebGPU, onnx.CPU}}}
	for precision, sides := range map[string]int{"fp32": 2 + 8 + 2, "tf32": 2 + 8, "fp16": 4 + 8 + 1} {
		all := b.sides(precision)
		if len(all) != sides {
			t.Errorf("%s: %d sides, want %d", precision, len(all), sides)
		}
		for _, s := range all {
			if s.gpu.TF32 != (precision == "tf32" && s.device == onnx.CUDA) {
				t.Errorf("%s: %s has TF32 %v", precision, s.name, s.gpu.TF32)
			}
		}
	}
}

func TestHaltingHasTheMeanOfTrainedModels(t *testing.T) {
	needs, sum := halting(4096)
	if mean := float64(sum) / float64(len(needs)); mean < 3.9 || mean > 4.5 {
		t.Errorf("%.2f steps in the mean, want about 4.2", mean)
	}
}
