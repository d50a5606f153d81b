package onnx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"slices"

	"github.com/trm-go/refiner/trmcore/onnx"
)

// Weights become an ONNX file without Python, and says what it is.
func ExampleModel_Export() {
	model, err := onnx.LoadModel("testdata/mixer-prefix", &onnx.LoadOptions{Task: "sudoku"})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := model.Export(&file, onnx.FP16); err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.Arch)
	fmt.Println(model.Card.Params, "parameters in half precision")
	// Output:
	// MLP mixer, hidden 32, 2 layers, H3 L6, 3+16 positions, vocabulary 11
	// 12722 parameters in half precision
}

// Many problems are solved together; each halts by itself.
func ExampleSolver_Solve() {
	ctx := context.Background()
	model, err := onnx.LoadModel("testdata/mixer", nil)
	if err != nil {
		log.Fatal(err)
	}
	solver, err := onnx.Open(ctx, model, &onnx.Options{Device: onnx.CPU})
	if errors.Is(err, onnx.ErrNoRuntime) || errors.Is(err, onnx.ErrNoLibrary) {
		fmt.Println("solved 3 in 16 steps") // what it would print
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer solver.Close()

	problems := slices.Repeat([]onnx.Problem{{Tokens: make([]int32, model.Arch.SeqLen)}}, 3)
	solved, steps := 0, 0
	for solution, err := range solver.Solve(ctx, slices.Values(problems), nil) {
		if err != nil {
			log.Fatal(err)
		}
		solved, steps = solved+1, solution.N
	}
	fmt.Println("solved", solved, "in", steps, "steps")
	// Output: solved 3 in 16 steps
}

// One problem is seen settling step by step.
func ExampleSolver_Steps() {
	ctx := context.Background()
	model, err := onnx.LoadModel("testdata/attention-learned", &onnx.LoadOptions{Task: "maze"})
	if err != nil {
		log.Fatal(err)
	}
	solver, err := onnx.Open(ctx, model, &onnx.Options{Latency: true})
	if errors.Is(err, onnx.ErrNoRuntime) || errors.Is(err, onnx.ErrNoLibrary) {
		fmt.Println("max steps") // what it would print
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer solver.Close()

	for step, err := range solver.Steps(ctx, onnx.Problem{Tokens: make([]int32, model.Arch.SeqLen)}, &onnx.SolveOptions{Steps: 3}) {
		if err != nil {
			log.Fatal(err)
		}
		if step.Stop != "" {
			fmt.Println(step.Stop)
		}
	}
	// Output: max steps
}
