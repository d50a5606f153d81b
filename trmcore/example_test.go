package trmcore_test

import (
	"context"
	"fmt"
	"math"

	"github.com/trm-go/refiner/trmcore"
)

// newton finds a square root: the latent is the error of the answer, and the answer is mended by half of it.
type newton struct{}

func (newton) Reason(_ context.Context, x, y, _ float64) (float64, error) { return x/y - y, nil }

func (newton) Answer(_ context.Context, _, y, z float64) (float64, error) { return y + z/2, nil }

func Example() {
	loop := trmcore.Loop[float64, float64, float64]{
		Stepper: trmcore.Deep(newton{}, 1, 1),
		Halt: []trmcore.Rule[float64, float64]{
			trmcore.FixedPoint[float64, float64](1e-9, func(a, b float64) float64 { return math.Abs(a - b) }),
		},
	}
	start := trmcore.State[float64, float64]{Y: 1}
	for step, err := range loop.Steps(context.Background(), 2, start) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d: %.6f\n", step.N, step.State.Y)
		if step.Stop != "" {
			fmt.Println(step.Stop)
		}
	}
	// Output:
	// 1: 1.500000
	// 2: 1.416667
	// 3: 1.414216
	// 4: 1.414214
	// 5: 1.414214
	// fixed point
}
