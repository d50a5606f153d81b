package refine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// Opener finds records by their IDs, superseded ones too. [memory.Store] is one.
type Opener interface {
	Record(ctx context.Context, scope memory.Scope, id memory.ID) (memory.Record, error)
}

// Sources are the records that the recalled summaries stand for, by the ID of the summary, as far as they are still there.
// Given to [PackOptions], they open summaries within the budget. One that only gave way to a summary holds as it did, and
// comes as live; one that something else superseded comes as superseded.
func (r *Recollection) Sources(ctx context.Context) (map[memory.ID][]memory.Record, error) {
	src, ok := r.source.(Opener)
	if !ok {
		return nil, nil
	}
	sources, summaries := map[memory.ID][]memory.Record{}, map[memory.ID]bool{}
	for _, m := range r.Memories {
		if summaries[m.ID] = isSummary(&m.Record); !summaries[m.ID] {
			continue
		}
		for _, id := range m.DerivedFrom {
			s, err := src.Record(ctx, r.scope, id)
			switch {
			case errors.Is(err, memory.ErrNotFound): // deleted for privacy
				continue
			case err != nil:
				return nil, fmt.Errorf("open %s: %w", m.ID, err)
			}
			if by := s.SupersededBy; by != "" {
				summary, known := summaries[by]
				if !known { // a summary of summaries stands for what lower ones took the place of
					later, err := src.Record(ctx, r.scope, by)
					if err != nil && !errors.Is(err, memory.ErrNotFound) {
						return nil, fmt.Errorf("open %s: %w", m.ID, err)
					}
					summary = err == nil && isSummary(&later)
					summaries[by] = summary
				}
				if summary {
					s.Superseded, s.SupersededBy = time.Time{}, ""
				}
			}
			s.Embedding, s.Model = nil, ""
			sources[m.ID] = append(sources[m.ID], s)
		}
	}
	return sources, nil
}

// isSummary reports whether a record is a summary that stands for others.
func isSummary(r *memory.Record) bool {
	return r.Kind == memory.KindSummary && r.Origin == memory.Reconstructed
}

// Unfold orders what summaries stand for by how much it says about the question beyond them: the turns of the heaviest
// summary first that have most of the question's words, or stand beside one that has. A turn that the summary quotes whole is left out. The weights of
// the turns are below that of their summary.
func Unfold(summaries []Recalled, sources map[memory.ID][]memory.Record, question string) []Recalled {
	asked := distinct(question)
	var all []Recalled
	for _, m := range summaries {
		turns := sources[m.ID]
		hits := make([]float64, len(turns))
		for i := range turns {
			for t := range distinct(turns[i].Text) {
				if asked[t] {
					hits[i]++
				}
			}
		}
		for i, s := range turns {
			if !slices.ContainsFunc(text.Sentences(s.Text), func(sentence string) bool { return !strings.Contains(m.Text, sentence) }) {
				continue
			}
			// An answer stands beside its question, and often has none of its words.
			beside := 0.0
			for _, j := range [...]int{i - 1, i + 1} {
				if j >= 0 && j < len(turns) && turns[j].Scope == s.Scope {
					beside = max(beside, hits[j])
				}
			}
			share := .1 + .8*min(1, (hits[i]+beside/2)/float64(max(len(asked), 1)))
			all = append(all, Recalled{Record: s, Weight: m.Weight * share, Level: importance.Full, Signals: m.Signals})
		}
	}
	slices.SortStableFunc(all, func(a, b Recalled) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Opened are the turns that summaries were opened into when they were packed with these sources, the heaviest first.
func (p *Packed) Opened(sources map[memory.ID][]memory.Record) []Recalled {
	var turns []Recalled
	for _, item := range p.Items {
		for _, s := range sources[item.Of] {
			if s.ID == item.ID {
				turns = append(turns, Recalled{Record: s, Weight: item.Weight, Level: item.Level})
				break
			}
		}
	}
	slices.SortStableFunc(turns, func(a, b Recalled) int { return cmp.Compare(b.Weight, a.Weight) })
	return turns
}

// open fills what is left of the budget with the turns that the chosen summaries stand for.
func (p *packer) open(chosen []choice) []choice {
	var summaries []Recalled
	of := map[memory.ID]memory.ID{}
	for _, c := range chosen {
		for _, s := range p.Sources[c.r.ID] {
			of[s.ID] = c.r.ID
		}
		summaries = append(summaries, *c.r)
	}
	for _, turn := range Unfold(summaries, p.Sources, p.asked) {
		c := choice{r: &turn, terms: distinct(turn.Text), of: of[turn.ID]}
		if p.repeats(c, chosen) {
			continue
		}
		if p.render(&c, importance.Full); p.used(chosen)+c.cost+1 <= p.budget {
			chosen = append(chosen, c)
		}
	}
	return chosen
}
