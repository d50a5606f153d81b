package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/trm-go/refiner/bench/people"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/memory"
)

// readInvented reads the invented histories of a folder as a suite.
func readInvented(dir string) (*eval.Everyday, error) {
	all, err := people.Read(dir)
	if err != nil {
		return nil, err
	}
	suite := new(eval.Everyday)
	for _, h := range all {
		suite.Conversations = append(suite.Conversations, h.Conversation)
		for _, q := range h.Questions {
			suite.Questions = append(suite.Questions, q.EverydayQuestion)
		}
	}
	return suite, nil
}

// recallPeople makes a store of what each invented person of a file says, and asks the questions under it: see people.txt.
func recallPeople(ctx context.Context, p *integration.Plugin, file string) ([]*example, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	type question struct {
		text         string
		right, stale int // lines that answer, and did before; -1: none
	}
	var all []*example
	for n, person := range strings.Split("\n"+string(data), "\n@ ")[1:] {
		name, rest, _ := strings.Cut(person, "\n")
		scope := memory.Scope{User: fmt.Sprintf("people %d", n)}
		var records []memory.Record
		var questions []question
		stale := -1
		for _, line := range strings.Split(strings.TrimSpace(rest), "\n") {
			mark, text, ok := strings.Cut(line, " ")
			last := len(records) - 1
			switch {
			case !ok:
				return nil, fmt.Errorf("%s: %q is no mark and a text", file, line)
			case mark == "-" || mark == "=":
				if stale = -1; mark == "=" {
					stale = last
				}
				r := memory.Record{Scope: scope, Kind: memory.KindTurn, Role: "user", Text: text, Position: 2 * (len(records) % 3), Origin: memory.Observed, Confidence: 1, Importance: .5,
					Created: time.Date(2026, 2, 1+4*len(records), 19, 0, 0, 0, time.UTC)}
				r.Scope.Session = fmt.Sprint(len(records) / 3)
				switch {
				case strings.HasPrefix(text, name): // said of the person, and not by them
					r.Kind, r.Role, r.Position, r.Scope.Session = memory.KindFact, "", -1, ""
				case n%2 == 1:
					r.Speaker = name
				}
				records = append(records, r)
			case mark == "?":
				questions = append(questions, question{text, last, stale})
			case mark == "!":
				questions = append(questions, question{text, -1, -1})
			default:
				return nil, fmt.Errorf("%s: %q does not begin with a mark (-, =, ? or !)", file, line)
			}
		}
		if _, err := p.Store.Add(ctx, scope, records...); err != nil {
			return nil, err
		}
		for i, q := range questions {
			x := &example{id: fmt.Sprintf("p%d-%d", n+1, i+1), set: "people", group: scope.User, kind: "answered", unanswerable: q.right < 0}
			if x.unanswerable {
				x.kind = "unknown"
			}
			if err := x.recall(ctx, p, scope, memory.Query{Text: q.text}); err != nil {
				return nil, err
			}
			x.right, x.stale = map[[2]int]bool{}, map[[2]int]bool{}
			for k := range x.reading.Passages {
				passage := &x.reading.Passages[k]
				switch said := x.task.Evidence[passage.Record].Text; {
				case q.right >= 0 && said == records[q.right].Text:
					x.right[key(passage)] = true
				case q.stale >= 0 && said == records[q.stale].Text:
					x.stale[key(passage)] = true
				}
			}
			if !x.unanswerable {
				x.strip()
			}
			all = append(all, x)
		}
	}
	return all, nil
}
