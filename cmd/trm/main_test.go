package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"trm": main})
}

// TestScripts runs the commands. Scripts find models with random weights in $MODELS, and skip what needs ONNX Runtime
// where it is not installed.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	for task, arch := range map[string]onnx.Arch{
		"sudoku": {VocabSize: 11, SeqLen: 81, HiddenSize: 32, LLayers: 1, HCycles: 1, LCycles: 1, MLPT: true},
		"maze":   {VocabSize: 6, SeqLen: 25, HiddenSize: 32, LLayers: 1, HCycles: 1, LCycles: 1, MLPT: true},
		"arc":    {VocabSize: 12, SeqLen: 900, HiddenSize: 16, LLayers: 1, HCycles: 1, LCycles: 1, MLPT: true},
	} {
		model, err := onnx.Random(arch, 1, .5)
		if err != nil {
			t.Fatal(err)
		}
		model.Card.Name, model.Card.Task = "random-"+task, task
		if err := model.Save(filepath.Join(dir, task)); err != nil {
			t.Fatal(err)
		}
	}
	library, missing := onnx.FindLibrary("")
	if missing == nil {
		missing = opens(t, filepath.Join(dir, "sudoku")) // there is no runtime in a build without cgo
	}
	if missing != nil {
		t.Log("without ONNX Runtime (make runtime) the scripts that solve are skipped: ", missing)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("XDG_CACHE_HOME", env.WorkDir+"/home/cache")
			env.Setenv("MODELS", dir)
			env.Setenv(onnx.LibraryVariable, library.Path)
			return nil
		},
		Condition: func(name string) (bool, error) {
			switch name {
			case "runtime":
				return missing == nil, nil
			case "bundled":
				return missing == nil && len(models.Names()) > 0, nil
			}
			return false, fmt.Errorf("there is no condition %q", name)
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// opens says whether a model can be run.
func opens(t *testing.T, path string) error {
	t.Helper()
	model, err := onnx.LoadModel(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	solver, err := onnx.Open(t.Context(), model, &onnx.Options{Device: onnx.CPU})
	if err != nil {
		return err
	}
	return solver.Close()
}

// exits runs a program that must end with a code: exits CODE PROGRAM ARGS...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("run %s: %v", args[1], err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("%v exits with %d, want %s", args[1:], got, args[0])
	}
}
