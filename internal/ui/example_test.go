package ui_test

import (
	"fmt"
	"os"

	"github.com/trm-go/refiner/internal/ui"
)

func ExampleSettling_Places() {
	s := &ui.Settling{Lines: []ui.Line{
		{Label: "the answer", Weights: []float64{.5, .9, .9}},
		{Label: "the decoy", Weights: []float64{.8, .7, .7}},
	}}
	fmt.Print(s.Places(&ui.Terminal{Out: os.Stdout}))
	// Output:
	// place  start   1   2
	//     1      b  ›a   a
	//     2      a  ›b   b
	// the order stood from step 1 to step 2, the last
}
