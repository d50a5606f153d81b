package specialists_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
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

// BenchmarkRelate compares pairs of a suite's statements, parsed before.
func BenchmarkRelate(b *testing.B) {
	var parsed []*specialists.Parsed
	for _, name := range []string{"relations.jsonl", "relations_third.jsonl"} {
		f, err := os.Open("testdata/" + name)
		if err != nil {
			b.Fatal(err)
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var c relationCase
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				b.Fatal(err)
			}
			parsed = append(parsed, specialists.Parse(specialists.Said{Text: c.A, Speaker: "Ana"}), specialists.Parse(specialists.Said{Text: c.B, Speaker: "Ana"}))
		}
		f.Close()
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		a, b := parsed[i%len(parsed)], parsed[i*7%len(parsed)]
		a.Relate(b)
		i++
	}
}

// BenchmarkParse reads a statement.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		specialists.Parse(specialists.Said{Text: "The request timeout in our config is 90 seconds, since the upgrade.", Speaker: "Ana"})
	}
}
