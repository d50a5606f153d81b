package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// asked are the puzzles that every device answers.
type asked struct {
	problems []onnx.Problem
	answers  [][]int32 // nil for random weights
}

// puzzles reads the data, or makes puzzles of noise for random weights.
func (b *bench) puzzles() (asked, error) {
	var a asked
	if b.data == "" {
		for i := range 64 {
			p := onnx.Problem{Tokens: make([]int32, b.model.Arch.SeqLen)}
			for j := range p.Tokens {
				p.Tokens[j] = int32((i*i + 3*i*j + j) % b.model.Arch.VocabSize)
			}
			a.problems = append(a.problems, p)
		}
		return a, nil
	}
	file, err := os.Open(b.data)
	if err != nil {
		return a, err
	}
	defer file.Close()
	for p, err := range sudoku.ReadCSV(file) {
		if err == nil && !p.Answer.Full() {
			p.Answer, err = p.Question.Solve()
		}
		if err != nil {
			return a, fmt.Errorf("%s: %w", b.data, err)
		}
		a.problems = append(a.problems, onnx.Problem{Tokens: p.Question.Tokens()})
		a.answers = append(a.answers, p.Answer.Tokens())
		if len(a.problems) == b.limit {
			break
		}
	}
	return a, nil
}

// accuracy lets every device and precision answer the same puzzles in 16 steps, and compares with the CPU in fp32. With
// real puzzles it also halts by the q-head.
func (b *bench) accuracy(ctx context.Context) error {
	a, err := b.puzzles()
	if err != nil {
		return err
	}
	sides := []side{{name: "ours", device: onnx.CPU, precision: "fp32"}}
	for _, d := range b.devices {
		for _, p := range b.precisions {
			if d == onnx.CPU || d != onnx.CUDA && p == "tf32" {
				continue
			}
			sides = append(sides, side{name: "ours", device: d, precision: p, gpu: onnx.GPU{TF32: p == "tf32"}})
			if d == onnx.CUDA {
				sides = append(sides, side{name: "ours, recorded, turned, 16 steps a Run", device: d, precision: p, gpu: onnx.GPU{TF32: p == "tf32", Record: true, Turned: true, Steps: fullSteps}})
			}
		}
	}
	var reference [][]int32
	for _, s := range sides {
		r := result{Model: b.name, Side: s.name, Device: string(s.device), Precision: s.precision, Batch: len(a.problems), Mode: "accuracy"}
		if reference != nil && b.out.has(r) {
			continue
		}
		if err := b.spent(ctx); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "accuracy, %s, %s on %s\n", s.precision, s.name, s.device)
		answers, err := b.answer(ctx, s, a, &onnx.SolveOptions{Steps: fullSteps}, &r)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Error = err.Error()
			fmt.Fprintln(os.Stderr, "  ", err)
		} else {
			if reference == nil {
				reference = answers
			}
			r.Agreement, r.Exact = agreement(answers, reference), exact(answers, a.answers)
		}
		if !b.out.has(r) {
			if err := b.out.add(r); err != nil {
				return err
			}
		}
		if reference == nil {
			return err // without the CPU there is nothing to compare with
		}
		if b.data == "" || err != nil {
			continue
		}
		r = result{Model: b.name, Side: s.name, Device: string(s.device), Precision: s.precision, Batch: len(a.problems), Mode: "q-halt"}
		if answers, err = b.answer(ctx, s, a, &onnx.SolveOptions{Steps: fullSteps, QHalt: true}, &r); err != nil {
			return err
		}
		r.Agreement, r.Exact = agreement(answers, reference), exact(answers, a.answers)
		if !b.out.has(r) {
			if err := b.out.add(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// answer solves the puzzles and notes the rate.
func (b *bench) answer(ctx context.Context, s side, a asked, o *onnx.SolveOptions, r *result) ([][]int32, error) {
	solver, err := b.open(ctx, s, min(64, len(a.problems)))
	if err != nil {
		return nil, err
	}
	defer solver.Close()
	answers, steps := make([][]int32, len(a.problems)), 0
	busy := solver.Busy()
	for got, err := range solver.Solve(ctx, slices.Values(a.problems), o) {
		if err != nil {
			return nil, err
		}
		answers[got.Index] = got.Tokens
		steps += got.Steps
	}
	r.MeanSteps = float64(steps) / float64(len(answers))
	r.Seconds = (solver.Busy() - busy).Seconds() / float64(solver.Threads())
	r.Puzzles = float64(len(answers)) / r.Seconds
	return answers, nil
}

// agreement is the share of cells in which answers are the same.
func agreement(answers, want [][]int32) float64 {
	same, all := 0, 0
	for i := range want {
		for j := range want[i] {
			if all++; answers[i][j] == want[i][j] {
				same++
			}
		}
	}
	return float64(same) / float64(max(1, all))
}

// exact is the share of answers that are right in every cell.
func exact(answers, want [][]int32) float64 {
	right := 0
	for i := range want {
		if slices.Equal(answers[i], want[i]) {
			right++
		}
	}
	return float64(right) / float64(max(1, len(want)))
}
