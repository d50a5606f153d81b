package arc_test

import (
	"fmt"

	"github.com/trm-go/refiner/trmcore/puzzle/arc"
)

// A task is asked in three disguises; the answers are brought back, voted on and scored.
func Example() {
	task := arc.Task{
		ID:    "mirror",
		Train: []arc.Pair{{Input: arc.Grid{{1, 2, 0}}, Output: arc.Grid{{0, 2, 1}}}},
		Test:  []arc.Pair{{Input: arc.Grid{{3, 0, 4}}}},
	}
	var ballot arc.Ballot
	for _, name := range []string{"mirror", "mirror|||t1|||0213456789", "mirror|||t6|||0123456798"} {
		_, a, err := arc.ParseName(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		answer := reversed(a.Apply(task.Test[0].Input)) // a network would be asked here
		ballot.Add("mirror", task.Test[0].Input, a.Undo(answer), .9)
	}
	score, err := ballot.Submission([]arc.Task{task}).Score(arc.Solutions{"mirror": {{{4, 0, 3}}}})
	fmt.Printf("%v of %d tasks, %v\n", score.Pass2, score.Tasks, err)
	// Output: 1 of 1 tasks, <nil>
}

// reversed reverses rows and columns, which mirrors a line whichever way it is turned.
func reversed(g arc.Grid) arc.Grid {
	half := arc.Plain()
	half.Turn = 2
	return half.Apply(g)
}
