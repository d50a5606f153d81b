package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/trm-go/refiner/trmcore/onnx"
)

// haltingLine is what halting saves, against what it could save at most.
type haltingLine struct {
	Precision  onnx.Precision `json:"precision"`
	Batch      int            `json:"batch"`
	Problems   int            `json:"problems"`
	MeanSteps  float64        `json:"mean_steps"`
	Plain      float64        `json:"plain_puzzles"`   // a second, 16 steps each
	Halting    float64        `json:"halting_puzzles"` // a second
	Speedup    float64        `json:"speedup"`
	Ideal      float64        `json:"ideal"` // 16 / mean steps
	Efficiency float64        `json:"efficiency"`
}

// halting compares runs of 16 steps with runs in which every problem halts after a number of steps drawn beforehand, 4.2
// in the mean as a trained model's: most at once, some never. The weights are random, so the moment is prescribed; all
// the rest, the check, the compaction and the refill, is what a trained model gets.
func halting(ctx context.Context, c config, model *onnx.Model) error {
	const problems, full = 64, 16
	rng := rand.New(rand.NewPCG(1, 2))
	needs, sum := make([]int, problems), 0
	for i := range needs {
		needs[i] = full
		for n := 1; n < full; n++ {
			if rng.Float64() < .235 {
				needs[i] = n
				break
			}
		}
		sum += needs[i]
	}
	puzzles := slices.Repeat([]onnx.Problem{{Tokens: make([]int32, model.Arch.SeqLen)}}, problems)
	for _, p := range c.precisions {
		for _, batch := range []int{4, 8} {
			s, err := onnx.Open(ctx, model, &onnx.Options{Device: onnx.CPU, Precision: p, Batch: batch, Threads: c.threads})
			if err != nil {
				return err
			}
			solve := func(o *onnx.SolveOptions) (float64, error) {
				begin := time.Now()
				for _, err := range s.Solve(ctx, slices.Values(puzzles), o) {
					if err != nil {
						return 0, err
					}
				}
				return time.Since(begin).Seconds(), nil
			}
			var plain, halted []float64
			for range c.rounds {
				a, err := solve(&onnx.SolveOptions{Steps: full / 4}) // all steps cost the same: a quarter of them will do
				if err != nil {
					return err
				}
				b, err := solve(&onnx.SolveOptions{Steps: full, Halt: func(step *onnx.Step) bool { return step.N >= needs[step.Index] }})
				if err != nil {
					return err
				}
				plain, halted = append(plain, 4*a), append(halted, b)
			}
			if err := s.Close(); err != nil {
				return err
			}
			slices.Sort(plain)
			slices.Sort(halted)
			l := haltingLine{Precision: p, Batch: batch, Problems: problems, MeanSteps: float64(sum) / problems}
			l.Plain, l.Halting = problems/plain[len(plain)/2], problems/halted[len(halted)/2]
			l.Speedup, l.Ideal = l.Halting/l.Plain, full/l.MeanSteps
			l.Efficiency = l.Speedup / l.Ideal
			if c.asJSON {
				if err := json.NewEncoder(os.Stdout).Encode(l); err != nil {
					return err
				}
				continue
			}
			fmt.Printf("%-8s slots %d: %.3f puzzles/s at 16 steps, %.3f halting after %.2f: %.2fx of an ideal %.2fx, %.1f%%\n", p, batch, l.Plain, l.Halting, l.MeanSteps, l.Speedup, l.Ideal, 100*l.Efficiency)
		}
	}
	return nil
}
