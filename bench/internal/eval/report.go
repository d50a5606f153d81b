package eval

import (
	"maps"
	"runtime"
)

// Report is what a run found. Its JSON is a contract: names are only ever added.
type Report struct {
	Dataset   string `json:"dataset"`
	Questions int    `json:"questions"` // that were scored
	// Unscored questions have no evidence; Corrected ones have another than was published.
	Unscored      int `json:"questions_without_evidence"`
	Corrected     int `json:"questions_corrected"`
	Conversations int `json:"conversations"`
	Turns         int `json:"turns"`

	Figures

	// Baselines are the other systems' figures, by name.
	Baselines map[string]Figures `json:"baselines"`
	// Delta is the main system's gain over the baseline Against, by metric.
	Delta   map[string]Delta `json:"delta"`
	Against string           `json:"delta_against"`

	Parameters map[string]any `json:"parameters"`

	// Results are the main system's answers, question by question. They are not part of the JSON.
	Results []Result `json:"-"`
}

// Figures are one system's.
type Figures struct {
	Scores
	ByCategory map[string]Category `json:"by_category"`
	Latency    Latency             `json:"latency_ms"`
}

// Category is the figures of one category of questions.
type Category struct {
	Questions int `json:"questions"`
	Scores
}

func newReport(d *Dataset, main *measured, o Options) *Report {
	r := &Report{
		Dataset: d.Name, Questions: len(main.scores), Unscored: d.Unscored, Corrected: d.Corrected,
		Conversations: len(d.Conversations), Turns: d.Records(),
		Figures: main.figures(d), Baselines: map[string]Figures{}, Delta: map[string]Delta{}, Against: o.Against,
		Parameters: map[string]any{},
	}
	maps.Copy(r.Parameters, o.Parameters)
	maps.Copy(r.Parameters, map[string]any{
		"depth": o.Depth, "resamples": o.Resamples, "seed": o.Seed, "go": runtime.Version(), "cpus": runtime.NumCPU(),
	})
	i := 0
	for _, c := range d.Conversations {
		for _, q := range c.Questions {
			r.Results = append(r.Results, Result{Conversation: c.ID, Question: q, Answer: main.answers[i], Scores: main.scores[i]})
			i++
		}
	}
	return r
}

// figures averages a system's scores, over all questions and by category.
func (m *measured) figures(d *Dataset) Figures {
	byCategory := map[string][]Scores{}
	i := 0
	for _, c := range d.Conversations {
		for _, q := range c.Questions {
			byCategory[q.Category] = append(byCategory[q.Category], m.scores[i])
			i++
		}
	}
	f := Figures{Scores: mean(m.scores), ByCategory: map[string]Category{}, Latency: latency(m.times)}
	for name, scores := range byCategory {
		f.ByCategory[name] = Category{Questions: len(scores), Scores: mean(scores)}
	}
	return f
}

// compare adds the differences between the main system and another.
func (r *Report) compare(d *Dataset, main, other *measured, o Options) {
	for _, metric := range metrics {
		differences := make([][]float64, len(d.Conversations))
		i := 0
		for c, conversation := range d.Conversations {
			for range conversation.Questions {
				differences[c] = append(differences[c], metric.value(main.scores[i])-metric.value(other.scores[i]))
				i++
			}
		}
		r.Delta[metric.name] = Bootstrap(differences, o.Resamples, o.Seed)
	}
}
