package specialists_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// tenSentences is an answer to the first question of the grounding suite's world.
const tenSentences = "Your sister Ruth lives in Lisbon. She works as a nurse at the Santa Maria hospital. Your cat is called Pixel and " +
	"is three years old. You are allergic to peanuts. Iris was born on 18 March 2024. The sofa cost 1,500 euros. " +
	"You work at Bosch as a data analyst. Tom does not smoke. Your flight to Oslo is on 12 October at 7:45. Ben lives in Madrid."

func benchTask(tb testing.TB, memories int) *specialists.Task {
	cases := groundingCases(tb)
	task := &specialists.Task{Question: "What do you know about me?", Now: cases[0].task.Now}
	seen := map[memory.ID]bool{}
	for _, c := range cases {
		for _, r := range c.task.Evidence {
			if len(task.Evidence) < memories && !seen[r.ID] {
				seen[r.ID] = true
				task.Evidence = append(task.Evidence, r)
			}
		}
	}
	for i := 0; len(task.Evidence) < memories; i++ {
		r := task.Evidence[i]
		r.ID = memory.ID(fmt.Sprint("copy", len(task.Evidence)))
		r.Created = r.Created.Add(time.Duration(i) * time.Hour)
		task.Evidence = append(task.Evidence, r)
	}
	return task
}

func BenchmarkGround(b *testing.B) {
	for _, n := range []int{20, 100} {
		b.Run(fmt.Sprintf("memories=%d", n), func(b *testing.B) {
			task := benchTask(b, n)
			b.ReportAllocs()
			for b.Loop() {
				specialists.Ground(task, tenSentences)
			}
		})
	}
}

// BenchmarkChain examines an answer of ten sentences with all specialists, its task prepared and not.
func BenchmarkChain(b *testing.B) {
	chain := specialists.Default()
	for _, prepared := range []bool{false, true} {
		b.Run(fmt.Sprintf("prepared=%v", prepared), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				task := benchTask20(b)
				if prepared {
					task.Prepare()
				}
				run(b, chain, task, tenSentences)
			}
		})
	}
}

var benchTask20 = func() func(testing.TB) *specialists.Task {
	var made *specialists.Task
	return func(tb testing.TB) *specialists.Task {
		if made == nil {
			made = benchTask(tb, 20)
		}
		return &specialists.Task{Question: made.Question, Now: made.Now, Evidence: made.Evidence}
	}
}()
