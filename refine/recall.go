package refine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
)

// Source is where memories are recalled from. [memory.Store] is one.
type Source interface {
	// Candidates are the records a query may be answered from, sorted by session and position.
	Candidates(ctx context.Context, scope memory.Scope, query memory.Query) (*memory.Candidates, error)
	// Fetch returns records by row, in the order asked. Rows that are gone are left out.
	Fetch(ctx context.Context, scope memory.Scope, rows ...int64) ([]memory.Record, error)
}

// Recalled is a memory with its weight for the question.
type Recalled struct {
	memory.Record
	Weight  float64            `json:"weight"` // in (0, 1], the best at 1
	Level   importance.Level   `json:"level"`
	Signals importance.Signals `json:"signals"`
	// OutdatedBy is the memory that takes its place as an answer to the question, Outdated the moment it was said. Empty: none
	// that was recalled does.
	OutdatedBy memory.ID `json:"outdated_by,omitempty"`
	Outdated   time.Time `json:"outdated,omitzero"`
	// Turns are what a summary was found by: those of the records it stands for that answer the question, best first, as if
	// they were live. Its weight and its signals are those of the first.
	Turns []Recalled `json:"-"`
	// Of is the summary that stands for a turn of Turns, and Brief what it quotes of the turn.
	Of    memory.ID `json:"-"`
	Brief string    `json:"-"`
}

// Recollection is the answer of [Recall].
type Recollection struct {
	Memories    []Recalled  `json:"memories"` // best first
	Certificate Certificate `json:"certificate"`
	// Matched reports whether any memory holds a word of the question, or one related to it. If none does, what was recalled
	// is near by its vector alone.
	Matched bool `json:"matched"`
	// Pinned are memories that stand in every prompt, most important first, and PinnedTokens what they may take there; see
	// [Recollection.Pin].
	Pinned       []Recalled `json:"pinned,omitempty"`
	PinnedTokens int        `json:"-"`

	Ranking *Ranking `json:"-"` // of all candidates
	// Reranked tells what a reranker read and how long it took; nil: none did.
	Reranked *Reranked `json:"reranked,omitempty"`

	source Source
	scope  memory.Scope
	at     []int // the candidate of each memory; of a summary, the best of its turns
}

// Recall returns the memories of a scope that answer a query, best first, at most query.Limit of them (zero:
// [memory.DefaultLimit]). A nil o means the measured default. What nothing speaks for is not returned: there may be fewer,
// or none.
func Recall(ctx context.Context, src Source, scope memory.Scope, query memory.Query, o *Options) (*Recollection, error) {
	opts, err := o.resolve()
	if err != nil {
		return nil, fmt.Errorf("recall: %w", err)
	}
	if opts.Now.IsZero() {
		opts.Now = query.At
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	candidates, err := src.Candidates(ctx, scope, query)
	if err != nil {
		return nil, fmt.Errorf("recall: %w", err)
	}
	ranking, err := Rescore(ctx, candidates, &opts)
	if err != nil {
		return nil, err
	}
	reranked, err := rerank(ctx, src, scope, query.Text, ranking, &opts)
	if err != nil {
		return nil, fmt.Errorf("recall: %w", err)
	}
	limit := query.Limit
	if limit <= 0 {
		limit = memory.DefaultLimit
	}
	chosen := choose(candidates, ranking.Order, limit, func(at int) bool {
		return importance.DefaultThresholds.Level(ranking.Weights[at]) != importance.Dropped
	})
	var rows []int64
	for _, c := range chosen {
		rows = append(rows, c.row)
		for _, at := range c.turns {
			rows = append(rows, candidates.List[at].Row)
		}
	}
	records, err := fetch(ctx, src, scope, rows)
	if err != nil {
		return nil, fmt.Errorf("recall: %w", err)
	}
	r := &Recollection{Memories: make([]Recalled, 0, len(chosen)), Certificate: ranking.Certificate, Ranking: ranking, Reranked: reranked,
		Matched: slices.ContainsFunc(candidates.List, func(c memory.Candidate) bool { return c.Lexical > 0 }), source: src, scope: scope}
	recalled := func(record *memory.Record, at int) Recalled {
		w := ranking.Weights[at]
		return Recalled{Record: *record, Weight: w, Level: importance.DefaultThresholds.Level(w), Signals: ranking.Signals[at]}
	}
	for _, c := range chosen {
		record := records[0]
		turns := records[1 : 1+len(c.turns)]
		records = records[1+len(c.turns):]
		if record == nil {
			continue
		}
		m := recalled(record, c.at)
		for i, t := range turns {
			if t != nil {
				turn := recalled(t, c.turns[i])
				turn.Of, turn.Brief = record.ID, brief(record, t)
				m.Turns = append(m.Turns, turn)
			}
		}
		r.at = append(r.at, c.at)
		r.Memories = append(r.Memories, m)
	}
	r.levels()
	r.current(query.Text, opts.Now)
	return r, nil
}

// levels sets what is shown of each memory by its weight beside the best that states something. A question that was asked
// before is nearest to the same question, and must not push what answers it below the threshold.
func (r *Recollection) levels() {
	best := 0.0
	for _, m := range r.Memories {
		if m.Meta["asks"] != "true" {
			best = max(best, m.Weight)
		}
	}
	if best <= 0 {
		return
	}
	for i := range r.Memories {
		m := &r.Memories[i]
		m.Level = importance.DefaultThresholds.Level(min(1, m.Weight/best))
	}
}

// chosen is a memory that is recalled.
type chosen struct {
	row   int64
	at    int   // its candidate, or the best of its turns
	turns []int // the candidates by which a summary was found, best first
}

// turnsPerMemory bounds how far down the ranking turns are looked for that belong to summaries, in multiples of the limit.
const turnsPerMemory = 10

// choose takes the best candidates, up to the limit; of those that gave way to one summary, the summary takes one place, and
// keeps the best of them and those that are worth showing.
func choose(c *memory.Candidates, order []int, limit int, worth func(at int) bool) []chosen {
	var all []chosen
	places := map[int64]int{}
	for n, at := range order {
		row, summary := c.List[at].Row, c.List[at].Summary
		if n >= turnsPerMemory*limit && len(all) == limit {
			break
		}
		if summary != 0 {
			row = summary
		}
		i, ok := places[row]
		if !ok {
			if len(all) == limit {
				continue
			}
			i = len(all)
			places[row] = i
			all = append(all, chosen{row: row, at: at})
		}
		if summary != 0 && (!ok || worth(at)) {
			all[i].turns = append(all[i].turns, at)
		}
	}
	return all
}

// fetch returns a record for each row; nil for one that was deleted since it became a candidate.
func fetch(ctx context.Context, src Source, scope memory.Scope, rows []int64) ([]*memory.Record, error) {
	records := make([]*memory.Record, len(rows))
	all, err := src.Fetch(ctx, scope, rows...)
	if err != nil {
		return nil, err
	}
	if len(all) == len(rows) {
		for i := range all {
			records[i] = &all[i]
		}
		return records, nil
	}
	for i, row := range rows { // rare: one by one shows which are gone
		one, err := src.Fetch(ctx, scope, row)
		if err != nil {
			return nil, err
		}
		if len(one) == 1 {
			records[i] = &one[0]
		}
	}
	return records, nil
}
