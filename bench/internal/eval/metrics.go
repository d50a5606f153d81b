package eval

import (
	"math"
	"slices"
	"time"
)

// Scores are the figures of one system over some questions, each the mean over the questions and in [0, 1].
type Scores struct {
	Recall5  float64 `json:"recall@5"`
	Recall10 float64 `json:"recall@10"`
	Recall20 float64 `json:"recall@20"`
	NDCG10   float64 `json:"ndcg@10"`
	MRR      float64 `json:"mrr"`
}

// metrics names the figures of Scores, in order.
var metrics = []struct {
	name  string
	value func(Scores) float64
}{
	{"recall@5", func(s Scores) float64 { return s.Recall5 }},
	{"recall@10", func(s Scores) float64 { return s.Recall10 }},
	{"recall@20", func(s Scores) float64 { return s.Recall20 }},
	{"ndcg@10", func(s Scores) float64 { return s.NDCG10 }},
	{"mrr", func(s Scores) float64 { return s.MRR }},
}

// Score scores one answer, best first, against the evidence. A turn that is named twice counts where it comes first.
//
// Recall at k is the share of the evidence among the first k turns. nDCG at 10 gives evidence at rank i the gain
// 1/log2(i+1), and divides by what the best order would have (Järvelin and Kekäläinen 2002, with binary gains). MRR is
// 1/i for the first evidence at rank i, and 0 if there is none in the answer.
func Score(evidence, answer []string) Scores {
	relevant := make(map[string]bool, len(evidence))
	for _, ref := range evidence {
		relevant[ref] = true
	}
	total := len(relevant)
	if total == 0 {
		return Scores{}
	}
	var s Scores
	found, rank, gain := 0, 0, 0.0
	seen := make(map[string]bool, len(answer))
	for _, ref := range answer {
		if seen[ref] {
			continue
		}
		seen[ref] = true
		rank++
		if relevant[ref] {
			found++
			if s.MRR == 0 {
				s.MRR = 1 / float64(rank)
			}
			if rank <= 10 {
				gain += 1 / math.Log2(float64(rank+1))
			}
		}
		recall := float64(found) / float64(total)
		if rank <= 5 {
			s.Recall5 = recall
		}
		if rank <= 10 {
			s.Recall10 = recall
		}
		if rank <= 20 {
			s.Recall20 = recall
		}
	}
	ideal := 0.0
	for i := 1; i <= min(total, 10); i++ {
		ideal += 1 / math.Log2(float64(i+1))
	}
	s.NDCG10 = gain / ideal
	return s
}

// mean averages scores.
func mean(scores []Scores) Scores {
	var m Scores
	n := float64(len(scores))
	for _, s := range scores {
		m.Recall5 += s.Recall5 / n
		m.Recall10 += s.Recall10 / n
		m.Recall20 += s.Recall20 / n
		m.NDCG10 += s.NDCG10 / n
		m.MRR += s.MRR / n
	}
	return m
}

// Latency is how long a system takes for a question, in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// latency takes percentiles by nearest rank: the smallest value that at least that share of all does not exceed.
func latency(times []time.Duration) Latency {
	if len(times) == 0 {
		return Latency{}
	}
	sorted := slices.Sorted(slices.Values(times))
	at := func(p float64) float64 {
		i := int(math.Ceil(p*float64(len(sorted)))) - 1
		return float64(sorted[max(0, i)]) / float64(time.Millisecond)
	}
	return Latency{P50: at(.50), P95: at(.95)}
}
