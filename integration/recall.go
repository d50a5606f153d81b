package integration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/internal/batch"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// Recall returns the memories of a scope that answer a query, best first, with the certificate of their ranking. The zero
// Scope is the plugin's; a query without a limit has the configured one. It writes nothing: what is shown to somebody is
// marked with [Plugin.Shown], what was of use with [memory.Store.MarkUsed].
func (p *Plugin) Recall(ctx context.Context, scope memory.Scope, query memory.Query) (*refine.Recollection, error) {
	return p.recall(ctx, p.scope(scope), query, p.Options())
}

// recall turns the settings into the options of the recursion.
func recall(c config.Recall) *refine.Options {
	o := &refine.Options{Mode: refine.Mode(c.Mode), Weights: importance.Default}
	if c.Preset == "ada" {
		o.Weights = importance.Ada
	}
	parameters := refine.DefaultParameters
	parameters.Steps = cmp.Or(c.Steps, parameters.Steps)
	o.Parameters = &parameters
	return o
}

// Options are the configured recursion.
func (p *Plugin) Options() *refine.Options {
	o := recall(p.config.Recall)
	if t := p.config.Recall.Rerank; p.reranker != nil && t != "ask" {
		o.Reranker = p.reranker
		o.Rerank, _ = strconv.Atoi(t) // no number: the usual one
	}
	return o
}

// Explanation is why a question recalled what it did. Its JSON is a contract: docs/cli-json.md.
type Explanation struct {
	Query       string             `json:"query"`
	Scope       memory.Scope       `json:"scope"`
	Candidates  int                `json:"candidates"` // memories that took part
	Certificate refine.Certificate `json:"certificate"`
	Mode        refine.Mode        `json:"mode"`
	Weights     importance.Weights `json:"weights"` // of the signals
	Recursion   refine.Parameters  `json:"recursion"`
	// Residuals are the largest change of a weight in each step.
	Residuals []float64 `json:"residuals"`
	// Reranked tells what a reranker read and how long it took; nil: none did.
	Reranked *refine.Reranked     `json:"reranked,omitempty"`
	Memories []refine.Explanation `json:"memories"`

	// Best are the greatest weights before the first step and after each.
	Best []float64 `json:"-"`
}

// Explain recalls as [Plugin.Recall] does, and tells why.
func (p *Plugin) Explain(ctx context.Context, scope memory.Scope, query memory.Query) (*Explanation, error) {
	r, err := p.Recall(ctx, scope, query)
	if err != nil {
		return nil, err
	}
	o := p.Options()
	e := &Explanation{Query: query.Text, Scope: p.scope(scope), Candidates: len(r.Ranking.Weights), Certificate: r.Certificate,
		Mode: o.Mode, Weights: o.Weights, Recursion: *o.Parameters, Residuals: []float64{}, Reranked: r.Reranked}
	if e.Memories, err = r.Explain(ctx); err != nil {
		return nil, err
	}
	for step, err := range r.Ranking.Steps(ctx) {
		if err != nil {
			return nil, err
		}
		if step.N > 0 {
			e.Residuals = append(e.Residuals, step.Residual)
		}
		e.Best = append(e.Best, slices.Max(append(step.Weights, 0)))
	}
	return e, nil
}

// Forget deletes records of a scope for privacy: with what was derived from them, and from every known copy of the store.
// The zero Scope is the plugin's. If one of them is not there, nothing is deleted; no ids are an error, for elsewhere they
// mean all of a scope.
func (p *Plugin) Forget(ctx context.Context, scope memory.Scope, ids ...memory.ID) (memory.Deleted, error) {
	if len(ids) == 0 {
		return memory.Deleted{}, fmt.Errorf("forget: %w: name the records", memory.ErrInvalid)
	}
	if err := p.Writes("forget"); err != nil {
		return memory.Deleted{}, err
	}
	return p.Store.Delete(ctx, p.scope(scope), ids, &memory.DeleteOptions{Derived: true})
}

// Notes are memories that were packed for a prompt.
type Notes struct {
	// Memories are those in the prompt: what was recalled, best first, and then the turns that its summaries were opened into.
	Memories []refine.Recalled
	Packed   refine.Packed
}

func (n *Notes) has(id memory.ID) bool {
	return slices.ContainsFunc(n.Memories, func(m refine.Recalled) bool { return m.ID == id })
}

// Pack puts what was recalled into a budget of tokens, behind what is pinned. What leave reports is left out; line is as in
// [refine.PackOptions], and both may be nil.
func Pack(found *refine.Recollection, question string, budget int, line func(*memory.Record, string) string, leave func(*memory.Record) bool) *Notes {
	kept := refine.Recollection{PinnedTokens: found.PinnedTokens}
	for to, list := range map[*[]refine.Recalled][]refine.Recalled{&kept.Memories: found.Memories, &kept.Pinned: found.Pinned} {
		for _, m := range list {
			if m, ok := without(m, leave); ok {
				*to = append(*to, m)
			}
		}
	}
	n := &Notes{Packed: kept.Pack(question, budget, &refine.PackOptions{Line: line})}
	for _, m := range kept.Pinned {
		if !n.has(m.ID) && slices.ContainsFunc(n.Packed.Items, func(i refine.Item) bool { return i.ID == m.ID }) {
			n.Memories = append(n.Memories, m)
		}
	}
	for _, m := range kept.Memories {
		if !n.has(m.ID) && !slices.Contains(n.Packed.Dropped, m.ID) {
			n.Memories = append(n.Memories, m)
		}
	}
	n.Memories = append(n.Memories, n.Packed.Opened(kept.Memories)...)
	return n
}

// without is a memory without the turns that are left out, and whether anything speaks for it then.
func without(m refine.Recalled, leave func(*memory.Record) bool) (refine.Recalled, bool) {
	if leave == nil {
		return m, true
	}
	if leave(&m.Record) {
		return m, false
	}
	found := len(m.Turns)
	m.Turns = slices.DeleteFunc(slices.Clone(m.Turns), func(t refine.Recalled) bool { return leave(&t.Record) })
	return m, found == 0 || len(m.Turns) > 0
}

// numbered puts the memories into a budget, each with the number that an answer cites it by. Of the pinned ones those count
// that are evidence of the task.
func numbered(t *specialists.Task, found *refine.Recollection, budget int) refine.Packed {
	numbers := map[memory.ID]int{}
	for i, e := range t.Evidence {
		numbers[e.ID] = i + 1
	}
	return found.Pack(t.Question, budget, &refine.PackOptions{
		Line: func(r *memory.Record, text string) string {
			return fmt.Sprintf("[%d] %s", numbers[r.ID], refine.Line(r, text))
		}})
}

// IDs are those of memories.
func IDs(memories []refine.Recalled) []memory.ID {
	ids := make([]memory.ID, len(memories))
	for i, m := range memories {
		ids[i] = m.ID
	}
	return ids
}

// counter counts in the background which memories were shown: a count waits for the disk and for other processes that write, and no
// answer should.
type counter struct {
	store refine.Changes
	log   *slog.Logger
	queue *batch.Batcher[impression]
}

// impression are the memories that one answer showed.
type impression struct {
	scope memory.Scope
	ids   []memory.ID
}

// The bounds of counting. Beyond them an impression is not counted: it is a statistic, and nothing is lost with it.
const (
	mostImpressions = 1024                   // that wait
	countTime       = 10 * time.Second       // for those that wait together
	countLinger     = 100 * time.Millisecond // for more to come
)

func newCounter(s refine.Changes, log *slog.Logger) *counter {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &counter{store: s, log: log}
	c.queue = batch.New(mostImpressions, countLinger, c.count)
	return c
}

// put hands an impression over. It does not wait.
func (c *counter) put(scope memory.Scope, ids []memory.ID) {
	if len(ids) > 0 && !c.queue.Offer(impression{scope, ids}) {
		c.log.Warn("memories shown are not counted: too many counts are pending", "scope", scope.String())
	}
}

// count counts impressions, those of one scope in one transaction: a commit is an fsync.
func (c *counter) count(list []impression) {
	ctx, stop := context.WithTimeout(context.Background(), countTime) // the answers are given
	defer stop()
	var scopes []memory.Scope
	ids := map[memory.Scope][]memory.ID{}
	for _, s := range list {
		if _, known := ids[s.scope]; !known {
			scopes = append(scopes, s.scope)
		}
		ids[s.scope] = append(ids[s.scope], s.ids...)
	}
	for _, scope := range scopes {
		err := c.store.MarkShown(ctx, scope, ids[scope]...)
		if errors.Is(err, memory.ErrNotFound) { // one was deleted meanwhile
			err = nil
			for _, id := range ids[scope] {
				if one := c.store.MarkShown(ctx, scope, id); one != nil && !errors.Is(one, memory.ErrNotFound) {
					err = errors.Join(err, one)
				}
			}
		}
		if err != nil {
			c.log.Warn("memories shown are not counted", "scope", scope.String(), "error", err)
		}
	}
}

// Shown counts that memories of a scope were shown to somebody or put into a prompt, which habituation reckons with. The
// zero Scope is the plugin's. It counts in the background, within a tenth of a second, and does not wait;
// [Plugin.Flush] does. What cannot be counted is logged. A plugin that only reads counts nothing.
func (p *Plugin) Shown(scope memory.Scope, ids ...memory.ID) {
	if !p.readOnly {
		p.counter.put(p.scope(scope), slices.Clone(ids))
	}
}

// Flush returns when everything that was shown is counted.
func (p *Plugin) Flush() { p.counter.queue.Wait() }

// ReadOnly is a plugin on the same store that writes nothing: its writes return [memory.ErrReadOnly], and what it shows is
// not counted. [Plugin.Store] stays as it is. Closing either closes both.
func (p *Plugin) ReadOnly() *Plugin {
	reader := *p
	reader.readOnly = true
	return &reader
}

// Writes returns an error that wraps [memory.ErrReadOnly] if the plugin only reads. what is what would be done.
func (p *Plugin) Writes(what string) error {
	if p.readOnly {
		return fmt.Errorf("%s: %w", what, memory.ErrReadOnly)
	}
	return nil
}
