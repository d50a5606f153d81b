package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) printReport(r *eval.Report) {
	t := a.term
	t.Printf("%s  %s about %s in %s\n", t.Paint(ui.Bold, r.Dataset), counted(r.Questions, "question"), counted(r.Turns, "turn"), counted(r.Conversations, "conversation"))
	if r.Unscored > 0 || r.Corrected > 0 {
		t.Printf("%s\n", t.Paint(ui.Dim, fmt.Sprintf("%s without evidence left out, evidence of %d corrected", counted(r.Unscored, "question"), r.Corrected)))
	}
	t.Printf("\n")
	table := figures("system", "recall@5", "recall@10", "recall@20", "ndcg@10", "mrr", "p50 ms", "p95 ms")
	row := func(name string, f eval.Figures) {
		table.Add(name, fraction(f.Recall5), fraction(f.Recall10), fraction(f.Recall20), fraction(f.NDCG10), fraction(f.MRR),
			fmt.Sprintf("%.2f", f.Latency.P50), fmt.Sprintf("%.2f", f.Latency.P95))
	}
	for _, name := range slices.SortedFunc(maps.Keys(r.Baselines), func(x, y string) int {
		return cmp.Compare(r.Baselines[x].Recall10, r.Baselines[y].Recall10)
	}) {
		row(name, r.Baselines[name])
	}
	mode := fmt.Sprint(r.Parameters["mode"])
	row(mode, r.Figures)
	table.Print(t)

	t.Printf("\n")
	table = figures("category", "questions", "recall@10", "mrr")
	for _, name := range slices.Sorted(maps.Keys(r.ByCategory)) {
		c := r.ByCategory[name]
		table.Add(name, thousands(c.Questions), fraction(c.Recall10), fraction(c.MRR))
	}
	table.Print(t)
	if d, ok := r.Delta["recall@10"]; ok {
		t.Printf("\nrecall@10, %s against %s: %+.4f, 95%% interval [%+.4f, %+.4f] over questions", mode, r.Against, d.Mean, d.CI95[0], d.CI95[1])
		if r.Conversations > 1 {
			t.Printf(", [%+.4f, %+.4f] over conversations", d.CI95Conversations[0], d.CI95Conversations[1])
		}
		t.Printf("\n")
	}
}

func (a *app) printAnswers(r *eval.AnswerReport, show int) {
	t := a.term
	t.Printf("%s  %s\n\n", t.Paint(ui.Bold, r.Dataset), counted(r.Questions, "answer"))
	table := figures("category", "questions", "contains", "all of it", "f1", "words", "refused", "wrong")
	row := func(name string, n int, s eval.AnswerScores) {
		table.Add(name, thousands(n), fraction(s.Contains), fraction(s.All), fraction(s.F1), fmt.Sprintf("%.1f", s.Words), fraction(s.Refused), fraction(s.Wrong))
	}
	for _, name := range slices.Sorted(maps.Keys(r.ByCategory)) {
		row(name, r.Counts[name], r.ByCategory[name])
	}
	row("all", r.Questions, r.Scores)
	table.Print(t)
	if r.Invented.Of > 0 {
		t.Printf("\nof %s without an answer %d were answered\n", counted(r.Invented.Of, "question"), r.Invented.N)
	}
	ci := r.CI95["contains"]
	t.Printf("\ncontains: 95%% interval [%.3f, %.3f] over questions; %.1f ms p50, %.1f ms p95\n", ci[0], ci[1], r.Latency.P50, r.Latency.P95)
	shown := map[string]int{}
	for _, answered := range r.Answers {
		if shown[answered.Question.Category] == show {
			continue
		}
		shown[answered.Question.Category]++
		a.printExchange(answered.Question.Text, fmt.Sprintf("%s, contains %.2f", answered.Question.Category, answered.Contains), answered.Answer)
		t.Printf("%s\n", t.Paint(ui.Dim, "known: "+ui.Clean(answered.Question.Answer)))
	}
}

func (a *app) printEveryday(r *eval.EverydayReport, show bool) {
	t := a.term
	columns := []string{"type", "questions", "first", "in 5", "in 10", "prompt"}
	for _, v := range eval.Verdicts {
		columns = append(columns, string(v))
	}
	table := figures(columns...)
	row := func(name string, recall *eval.EverydayRecall, answers map[eval.Verdict]int) {
		n := 0
		for _, count := range answers {
			n += count
		}
		cells := []any{name, n, recall.First, recall.Five, recall.Ten, recall.Prompt}
		for _, v := range eval.Verdicts {
			cells = append(cells, answers[v])
		}
		table.Add(cells...)
	}
	for _, name := range slices.Sorted(maps.Keys(r.ByType)) {
		row(name, &r.ByType[name].Recall, r.ByType[name].Answers)
	}
	row("all", &r.Recall, r.Answers)
	table.Print(t)
	t.Printf("\nthe present value leads for %d of %d; %d wrong with a score of .9 or more; %.0f words an answer\n", r.Recall.Current.N, r.Recall.Current.Of, r.WrongButSure, r.Words)
	for i, bin := range r.Reliability {
		if bin.Of > 0 {
			t.Printf("score %.1f to %.1f: %d of %d right\n", float64(i)/10, float64(i+1)/10, bin.N, bin.Of)
		}
	}
	for _, q := range r.Asked {
		if show && q.Verdict != eval.Right {
			a.printExchange(q.Question.Text, fmt.Sprintf("%s, %s, score %.2f", q.Question.ID, q.Verdict, q.Score), q.Answer)
		}
	}
}

func (a *app) printExchange(question, note, answer string) {
	t := a.term
	t.Printf("\n%s %s\n%s\n", t.Paint(ui.Bold, ui.Clean(question)), t.Paint(ui.Dim, note), printable(answer))
}

// figures is a table of a name and numbers.
func figures(columns ...string) *ui.Table { return &ui.Table{Columns: columns, Right: columns[1:]} }

func fraction(x float64) string { return fmt.Sprintf("%.3f", x) }
