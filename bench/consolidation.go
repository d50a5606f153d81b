package bench

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/trm-go/refiner/bench/internal/eval"
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
	// Short leaves Filled and Closed out, which take most of the time.
	Short bool
	// Policy is the rest of the policy.
	Policy consolidate.Policy
	// Dir is where the stores are made. Zero: a temporary folder.
	Dir string
}

// ConsolidationPoint is one system on the curve of compression against recall.
type ConsolidationPoint struct {
	System  string  `json:"system"` // turns, one pass, recursion
	Share   float64 `json:"share,omitempty"`
	Tokens  float64 `json:"tokens"`  // of the memories that are shown, as a share of the turns' own, headings included
	Records int     `json:"records"` // that are shown
	// Recall is the share of the evidence that is shown when ten memories are recalled and packed into the budget, by
	// budget in the order of the options; Strict asks half of the evidence's words by rarity beside its facts.
	Recall []float64 `json:"recall@10"`
	Strict []float64 `json:"recall@10_strict"`
	// Filled is Recall when sixty memories are recalled, so that it is the budget that bounds what is shown.
	Filled []float64 `json:"recall_filled,omitempty"`
	// Closed is Recall when no summary is opened: what the summaries themselves hold. Of the turns it is Recall.
	Closed []float64 `json:"recall@10_closed,omitempty"`
	// FactsAsked are the names, numbers, dates and negations of the turns of people, FactsKept those among them that the
	// summary of their turn holds; found again here from the texts. Invented are facts of summaries that no source has.
	FactsAsked int `json:"facts_asked"`
	FactsKept  int `json:"facts_kept"`
	Invented   int `json:"invented"`
}

// Consolidation measures what recall costs, or gains, when the memories of each conversation are consolidated up to the
// month level: by the recursion, and by the one pass that believes its first writing. Memories are recalled by
// [refine.Recall] and packed by [refine.Pack], as they are for a prompt.
//
// A turn is shown if it stands in the prompt, or if what a summary quotes of it there, or what is left of it where it was
// shortened, holds every name, number, date and negation of it.
func Consolidation(ctx context.Context, d *eval.Dataset, o *ConsolidationOptions) ([]ConsolidationPoint, error) {
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

func measurePoint(ctx context.Context, d *eval.Dataset, o *ConsolidationOptions, p *ConsolidationPoint, dir string) error {
	scores := []*[]float64{&p.Recall, &p.Strict}
	if !o.Short {
		scores = append(scores, &p.Filled, &p.Closed)
	}
	for _, s := range scores {
		*s = make([]float64, len(o.Budgets))
	}
	before, after := 0, 0
	for i, c := range d.Conversations {
		s, err := memory.Create(ctx, filepath.Join(dir, fmt.Sprintf("%d.db", i)), nil)
		if err != nil {
			return err
		}
		shelf, err := p.fill(ctx, s, &c, o)
		if err == nil {
			after += shelf.after
			for _, r := range c.Records {
				before += packedTokens(r)
			}
			err = p.ask(ctx, s, &c, o, shelf)
		}
		if err2 := s.Close(); err == nil {
			err = err2
		}
		if err != nil {
			return fmt.Errorf("conversation %s: %w", c.ID, err)
		}
	}
	n := float64(d.Questions())
	for _, s := range scores {
		for i := range *s {
			(*s)[i] /= n
		}
	}
	p.Tokens = float64(after) / float64(before)
	return nil
}

// shelf knows the turns of a conversation, and what must be shown of each.
type shelf struct {
	turns map[memory.ID]turnOf
	after int // tokens of the live memories
}

type turnOf struct {
	record memory.Record
	facts  []string
	rarity map[string]float64 // of its terms: 1 / the turns that hold it
}

// packedTokens is what a turn takes of a prompt.
func packedTokens(r memory.Record) int { return text.Tokens(refine.Line(&r, r.Text)) }

// fill puts a conversation into a store, consolidates it if the point says so, and counts what is kept.
func (p *ConsolidationPoint) fill(ctx context.Context, s *memory.Store, c *eval.Conversation, o *ConsolidationOptions) (*shelf, error) {
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
	shelf := &shelf{turns: map[memory.ID]turnOf{}}
	var live, summaries []memory.Record
	stoodFor := map[memory.ID]bool{} // turns stay live, and a summary is shown in their place
	frequency := map[string]float64{}
	for r, err := range s.All(ctx, c.Scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return nil, err
		}
		if r.Superseded.IsZero() {
			live = append(live, r)
			if r.Kind == memory.KindSummary {
				for _, id := range r.DerivedFrom {
					stoodFor[id] = true
				}
			}
		}
		if r.Origin == memory.Observed {
			shelf.turns[r.ID] = turnOf{record: r, facts: specialists.Facts(r.Text, r.Created), rarity: map[string]float64{}}
			for _, t := range distinctTerms(r.Text) {
				frequency[t]++
			}
		} else if r.Superseded.IsZero() {
			summaries = append(summaries, r)
		}
	}
	for _, r := range live {
		if !stoodFor[r.ID] {
			p.Records++
			shelf.after += packedTokens(r)
		}
	}
	for _, turn := range shelf.turns {
		for _, t := range distinctTerms(turn.record.Text) {
			turn.rarity[t] = 1 / frequency[t]
		}
	}
	for _, r := range summaries {
		facts := map[string]bool{}
		for _, q := range r.Quotes {
			for _, f := range specialists.Facts(q.Text, shelf.turns[q.Source].record.Created) {
				facts[f] = true
			}
		}
		sourceFacts, sourceWords := map[string]bool{}, map[string]bool{}
		for _, id := range r.DerivedFrom {
			turn := shelf.turns[id]
			for _, f := range turn.facts {
				sourceFacts[f] = true
			}
			for w := range words(turn.record.Text) {
				sourceWords[w] = true
			}
			if turn.record.Role != "assistant" || turn.record.Speaker != "" {
				p.FactsAsked += len(turn.facts)
				p.FactsKept += len(turn.facts) - len(specialists.Missing(turn.facts, facts))
			}
		}
		p.Invented += len(specialists.Invented(slices.Sorted(maps.Keys(facts)), sourceFacts, sourceWords))
	}
	return shelf, nil
}

// ask scores the point on the questions of a conversation.
func (p *ConsolidationPoint) ask(ctx context.Context, s *memory.Store, c *eval.Conversation, o *ConsolidationOptions, shelf *shelf) error {
	for _, q := range c.Questions {
		for _, limit := range []int{10, 60} {
			if limit > 10 && o.Short {
				continue
			}
			r, err := refine.Recall(ctx, s, c.Scope, memory.Query{Text: q.Text, Limit: limit}, nil)
			if err != nil {
				return err
			}
			for i, budget := range o.Budgets {
				packed := refine.Pack(r.Memories, q.Text, budget, nil)
				found, strict := shelf.shown(&packed, r.Memories)
				if limit > 10 {
					p.Filled[i] += shareOf(q.Evidence, found)
					continue
				}
				p.Recall[i] += shareOf(q.Evidence, found)
				p.Strict[i] += shareOf(q.Evidence, strict)
				if o.Short {
					continue
				}
				packed = refine.Pack(r.Memories, q.Text, budget, &refine.PackOptions{Open: func(*memory.Record) bool { return false }})
				found, _ = shelf.shown(&packed, r.Memories)
				p.Closed[i] += shareOf(q.Evidence, found)
			}
		}
	}
	return nil
}

// shown are the turns that a prompt shows: with all their facts, and strictly, with half of their words too.
func (s *shelf) shown(packed *refine.Packed, recalled []refine.Recalled) (found, strict map[string]bool) {
	texts := map[memory.ID][]string{} // what is shown of each turn
	for _, item := range packed.Items {
		if turn, ok := s.turns[item.ID]; ok {
			texts[item.ID] = append(texts[item.ID], strings.TrimPrefix(item.Text, refine.Line(&turn.record, "")))
			continue
		}
		i := slices.IndexFunc(recalled, func(m refine.Recalled) bool { return m.ID == item.ID })
		for _, q := range recalled[i].Quotes {
			if strings.Contains(item.Text, strings.Join(strings.Fields(q.Text), " ")) {
				texts[q.Source] = append(texts[q.Source], q.Text)
			}
		}
	}
	found, strict = map[string]bool{}, map[string]bool{}
	for id, parts := range texts {
		turn := s.turns[id]
		facts, kept, all := map[string]bool{}, 0.0, 0.0
		for _, part := range parts {
			for _, f := range specialists.Facts(part, turn.record.Created) {
				facts[f] = true
			}
		}
		if len(specialists.Missing(turn.facts, facts)) > 0 {
			continue
		}
		ref := eval.Ref(turn.record)
		found[ref] = true
		terms := distinctTerms(strings.Join(parts, " "))
		for t, rarity := range turn.rarity {
			all += rarity
			if _, ok := slices.BinarySearch(terms, t); ok {
				kept += rarity
			}
		}
		if kept >= all/2 {
			strict[ref] = true
		}
	}
	return found, strict
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
