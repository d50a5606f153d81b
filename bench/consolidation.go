package bench

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/refine/consolidate"
	"github.com/trm-go/refiner/specialists"
)

// ConsolidationOptions say how to measure consolidation. The zero value, or nil, is the published way.
type ConsolidationOptions struct {
	// Shares are the points of the curve. Nil: .2, .3, the default and .6.
	Shares []float64
	// Budgets are the tokens that recall may pack. Nil: 250, 500, 1000 and 2000.
	Budgets []int
	// Policy is the rest of the policy.
	Policy consolidate.Policy
	// Dir is where the stores are made. Zero: a temporary folder.
	Dir string
}

// ConsolidationPoint is one system on the curve of compression against recall.
type ConsolidationPoint struct {
	System  string  `json:"system"` // turns, one pass, recursion
	Share   float64 `json:"share,omitempty"`
	Tokens  float64 `json:"tokens"`  // of the live memories, as a share of the turns' own, headings included
	Records int     `json:"records"` // live
	// Recall is the share of the evidence among the first ten memories that fit into the budget, by budget in the order
	// of the options. Strict counts a summary only if it also holds half of the evidence's words by rarity.
	Recall []float64 `json:"recall@10"`
	Strict []float64 `json:"recall@10_strict"`
	// Opened is Recall when what is left of the budget opens the summaries into their turns; of the turns, when it is
	// filled with the next fifty hits.
	Opened []float64 `json:"recall@10_opened"`
	// FactsAsked are the names, numbers, dates and negations of the turns of people, FactsKept those among them that the
	// summary of their turn holds; found again here from the texts. Invented are facts of summaries that no source has.
	FactsAsked int `json:"facts_asked"`
	FactsKept  int `json:"facts_kept"`
	Invented   int `json:"invented"`
}

// Consolidation measures what recall costs, or gains, when the memories of each conversation are consolidated up to the
// month level: by the recursion, and by the one pass that believes its first writing. Memories are ranked by
// [memory.Store.Search] and the first ten packed in order as far as they fit; a turn is packed with its day and speaker, as
// a summary is.
//
// A summary counts as a turn of its sources only if it quotes it and holds every name, number, date and negation of it.
func Consolidation(ctx context.Context, d *Dataset, o *ConsolidationOptions) ([]ConsolidationPoint, error) {
	opts := ConsolidationOptions{}
	if o != nil {
		opts = *o
	}
	if opts.Shares == nil {
		opts.Shares = []float64{.2, .3, consolidate.DefaultShare, .6}
	}
	if opts.Budgets == nil {
		opts.Budgets = []int{250, 500, 1000, 2000}
	}
	if opts.Dir == "" {
		dir, err := os.MkdirTemp("", "refiner-consolidation-")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		opts.Dir = dir
	}
	points := []ConsolidationPoint{{System: "turns"}}
	for _, system := range []string{"one pass", "recursion"} {
		for _, share := range opts.Shares {
			points = append(points, ConsolidationPoint{System: system, Share: share})
		}
	}
	for i := range points {
		if err := measurePoint(ctx, d, &opts, &points[i], filepath.Join(opts.Dir, fmt.Sprintf("p%d", i))); err != nil {
			return nil, fmt.Errorf("%s at share %v: %w", points[i].System, points[i].Share, err)
		}
	}
	return points, nil
}

func measurePoint(ctx context.Context, d *Dataset, o *ConsolidationOptions, p *ConsolidationPoint, dir string) error {
	p.Recall, p.Strict, p.Opened = make([]float64, len(o.Budgets)), make([]float64, len(o.Budgets)), make([]float64, len(o.Budgets))
	before, after := 0, 0
	for i, c := range d.Conversations {
		s, err := memory.Create(ctx, filepath.Join(dir, fmt.Sprintf("%d.db", i)), nil)
		if err != nil {
			return err
		}
		shelf, err := p.fill(ctx, s, &c, o)
		if err == nil {
			for _, m := range shelf {
				after += m.tokens
			}
			for _, r := range c.Records {
				before += packedTokens(r)
			}
			err = p.ask(ctx, s, &c, o.Budgets, shelf)
		}
		if err2 := s.Close(); err == nil {
			err = err2
		}
		if err != nil {
			return fmt.Errorf("conversation %s: %w", c.ID, err)
		}
	}
	n := float64(d.Questions())
	for i := range p.Recall {
		p.Recall[i], p.Strict[i], p.Opened[i] = p.Recall[i]/n, p.Strict[i]/n, p.Opened[i]/n
	}
	p.Tokens = float64(after) / float64(before)
	return nil
}

// shelved is a live memory with the turns it counts as.
type shelved struct {
	tokens       int
	refs, strict []string
	turns        []memory.Record // that it stands for
}

// packedTokens is what a turn takes of a prompt.
func packedTokens(r memory.Record) int {
	who := r.Speaker
	if who == "" {
		who = r.Role
	}
	return text.Tokens(r.Created.UTC().Format(time.DateOnly) + "\n" + who + ": " + r.Text)
}

// fill puts a conversation into a store, consolidates it if the point says so, and tells what each live record counts as.
func (p *ConsolidationPoint) fill(ctx context.Context, s *memory.Store, c *Conversation, o *ConsolidationOptions) (map[memory.ID]shelved, error) {
	if _, err := s.Add(ctx, c.Scope, c.Records...); err != nil {
		return nil, err
	}
	if p.System != "turns" {
		policy := o.Policy
		policy.Share = p.Share
		plan, err := consolidate.New(ctx, s, c.Scope, &consolidate.Options{Policy: policy, OnePass: p.System == "one pass"})
		if err != nil {
			return nil, err
		}
		if _, err := consolidate.Apply(ctx, s, plan, &consolidate.RunOptions{NoSnapshot: true}); err != nil {
			return nil, err
		}
	}
	turns := map[memory.ID]memory.Record{}
	var live []memory.Record
	frequency := map[string]int{}
	for r, err := range s.All(ctx, c.Scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return nil, err
		}
		if r.Origin == memory.Observed {
			turns[r.ID] = r
			for _, t := range distinctTerms(r.Text) {
				frequency[t]++
			}
		}
		if r.Superseded.IsZero() {
			live = append(live, r)
		}
	}
	shelf := map[memory.ID]shelved{}
	for _, r := range live {
		p.Records++
		if r.Origin == memory.Observed {
			ref := []string{Ref(r)}
			shelf[r.ID] = shelved{tokens: packedTokens(r), refs: ref, strict: ref}
			continue
		}
		m := shelved{tokens: text.Tokens(r.Text)}
		facts, terms := map[string]bool{}, map[string]bool{}
		quoted := map[memory.ID]bool{}
		for _, q := range r.Quotes {
			quoted[q.Source] = true
			for _, f := range specialists.Facts(q.Text, turns[q.Source].Created) {
				facts[f] = true
			}
			for _, t := range text.Terms(q.Text) {
				terms[t] = true
			}
		}
		sourceFacts, sourceWords := map[string]bool{}, map[string]bool{}
		for _, id := range r.DerivedFrom {
			turn := turns[id]
			m.turns = append(m.turns, turn)
			said := specialists.Facts(turn.Text, turn.Created)
			for _, f := range said {
				sourceFacts[f] = true
			}
			for w := range words(turn.Text) {
				sourceWords[w] = true
			}
			lost := specialists.Missing(said, facts)
			if turn.Role != "assistant" || turn.Speaker != "" {
				p.FactsAsked += len(said)
				p.FactsKept += len(said) - len(lost)
			}
			if !quoted[id] || len(lost) > 0 {
				continue
			}
			m.refs = append(m.refs, Ref(turn))
			all, kept := 0.0, 0.0
			for _, t := range distinctTerms(turn.Text) {
				weight := 1 / float64(frequency[t])
				all += weight
				if terms[t] {
					kept += weight
				}
			}
			if kept >= all/2 {
				m.strict = append(m.strict, Ref(turn))
			}
		}
		p.Invented += len(specialists.Invented(slices.Sorted(maps.Keys(facts)), sourceFacts, sourceWords))
		shelf[r.ID] = m
	}
	return shelf, nil
}

// ask scores the point on the questions of a conversation.
func (p *ConsolidationPoint) ask(ctx context.Context, s *memory.Store, c *Conversation, budgets []int, shelf map[memory.ID]shelved) error {
	for _, q := range c.Questions {
		hits, err := s.Search(ctx, c.Scope, memory.Query{Text: q.Text, Limit: 60})
		if err != nil {
			return err
		}
		hits, more := hits[:min(10, len(hits))], hits[min(10, len(hits)):]
		for i, left := range budgets {
			found, strict := map[string]bool{}, map[string]bool{}
			for _, h := range hits {
				m := shelf[h.Record.ID]
				if m.tokens > left {
					continue
				}
				left -= m.tokens
				for _, ref := range m.refs {
					found[ref] = true
				}
				for _, ref := range m.strict {
					strict[ref] = true
				}
			}
			p.Recall[i] += shareOf(q.Evidence, found)
			p.Strict[i] += shareOf(q.Evidence, strict)
			sources := map[memory.ID][]memory.Record{}
			recalled := make([]refine.Recalled, len(hits))
			for n, h := range hits {
				sources[h.Record.ID] = shelf[h.Record.ID].turns
				recalled[n] = refine.Recalled{Record: h.Record, Weight: h.Score / hits[0].Score}
			}
			unfolded := refine.Unfold(recalled, sources, q.Text)
			if p.System == "turns" { // they have nothing to open: the next hits take the room
				for _, h := range more {
					unfolded = append(unfolded, refine.Recalled{Record: h.Record})
				}
			}
			for _, turn := range unfolded {
				if n := packedTokens(turn.Record); n <= left {
					left -= n
					found[Ref(turn.Record)] = true
				}
			}
			p.Opened[i] += shareOf(q.Evidence, found)
		}
	}
	return nil
}

func shareOf(evidence []string, found map[string]bool) float64 {
	n := 0
	for _, e := range evidence {
		if found[e] {
			n++
		}
	}
	return float64(n) / float64(len(evidence))
}

func distinctTerms(s string) []string {
	t := text.Terms(s)
	slices.Sort(t)
	return slices.Compact(t)
}

// words are the words of s in lower case.
func words(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		set[w] = true
	}
	return set
}
