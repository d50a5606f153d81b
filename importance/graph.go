package importance

import (
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// Sequence knows the turn before and the turn after each candidate, by its number in the list; -1: not a candidate.
type Sequence struct {
	Before, After []int32
}

// NewSequence finds the neighbours of candidates, which must be sorted by session and position as a store gives them.
// Turns are neighbours if their positions differ by one.
func NewSequence(list []memory.Candidate) Sequence {
	s := Sequence{Before: make([]int32, len(list)), After: make([]int32, len(list))}
	for i := range list {
		s.Before[i], s.After[i] = -1, -1
	}
	for i := 1; i < len(list); i++ {
		a, b := &list[i-1], &list[i]
		if a.Session == b.Session && a.Position >= 0 && b.Position-a.Position == 1 {
			s.Before[i], s.After[i-1] = int32(i-1), int32(i)
		}
	}
	return s
}

// Edge says that weight flows from the memory From to the one it belongs to.
type Edge struct {
	From   int32
	Weight float32 // of all that flows, in (0, 1]
	Reason Reason
	Link   memory.Term // the shared name, date or number, if that is the reason
}

// Reason is why two memories are joined.
type Reason string

// The reasons.
const (
	Before Reason = "before" // it is the turn just before
	After  Reason = "after"  // it is the turn just after
	Shared Reason = "shared" // both hold a name, date or number that few others hold
)

// Ties says how the weight that flows to a memory is divided.
type Ties struct {
	// Before is the share of the turn before in what flows along the conversation, and Answer that of a turn before that
	// ends in a question: what follows is likely to answer it. After is the share of the turn after. Before and Answer are
	// at most 1 − After.
	Before float64 `json:"before"`
	Answer float64 `json:"answer"`
	After  float64 `json:"after"`
	// Length bounds what a long turn takes from others, for it stands for itself: of n distinct terms, it takes the share
	// Length/(Length+n). Zero: every turn takes all.
	Length float64 `json:"length"`
	// Shared is the share of names, dates and numbers in all that flows.
	Shared float64 `json:"shared"`
	// Common bounds how many candidates may share a link for it to join them. Beyond it the link tells nothing, and the
	// bound keeps the graph linear in the number of links.
	Common int `json:"common"`
}

// DefaultTies was chosen on five LoCoMo conversations and ten BEAM chats; see bench/LOG.md.
var DefaultTies = Ties{Before: .6, Answer: .9, After: .1, Length: 80, Shared: .1, Common: 5}

// most is the greatest number of shared links that count for one memory: the rarest.
const most = 8

// Graph is where weight spreads: for each memory the edges along which it flows in. Their weights sum to at most 1
// for each memory, so that spreading never makes more of it (the matrix is row-substochastic).
type Graph struct {
	start []int32 // edges of i: start[i] to start[i+1]
	edges []Edge
}

// Len is the number of memories.
func (g *Graph) Len() int { return len(g.start) - 1 }

// Edges are the edges into memory i. The slice is the graph's: read it only.
func (g *Graph) Edges(i int) []Edge { return g.edges[g.start[i]:g.start[i+1]] }

// Spread writes into out, for each memory, the sum of what flows to it from weights: W·weights.
func (g *Graph) Spread(out, weights []float64) {
	for i := range out {
		sum := 0.0
		for _, e := range g.edges[g.start[i]:g.start[i+1]] {
			sum += float64(e.Weight) * weights[e.From]
		}
		out[i] = sum
	}
}

// NewGraph joins candidates. It takes time and space linear in the number of candidates and of their links.
func NewGraph(c *memory.Candidates, seq Sequence, ties Ties) *Graph {
	n := len(c.List)
	g := &Graph{start: make([]int32, n+1), edges: make([]Edge, 0, 3*n)}
	sharing := shared(c, ties)
	for i := range n {
		var links []Edge
		if sharing != nil {
			links = sharing[i]
		}
		total := float32(0)
		for _, l := range links {
			total += l.Weight
		}
		takes := float32(1)
		if ties.Length > 0 {
			takes = float32(ties.Length / (ties.Length + float64(len(c.List[i].Terms))))
		}
		along := takes
		if total > 0 {
			along *= float32(1 - ties.Shared)
		}
		if b := seq.Before[i]; b >= 0 {
			share := ties.Before
			if c.List[b].Asks {
				share = ties.Answer
			}
			if share > 0 {
				g.edges = append(g.edges, Edge{From: b, Weight: along * float32(share), Reason: Before})
			}
		}
		if a := seq.After[i]; a >= 0 && ties.After > 0 {
			g.edges = append(g.edges, Edge{From: a, Weight: along * float32(ties.After), Reason: After})
		}
		for _, l := range links {
			l.Weight *= takes * float32(ties.Shared) / max(total, 1)
			g.edges = append(g.edges, l)
		}
		g.start[i+1] = int32(len(g.edges))
	}
	return g
}

// shared are, for each candidate, the edges from those that hold the same rare link, the rarest first and at most [most].
// A link that k of them hold gives each of its edges the weight 1/(k−1).
func shared(c *memory.Candidates, ties Ties) [][]Edge {
	if ties.Shared <= 0 || ties.Common < 2 {
		return nil
	}
	last := memory.Term(0)
	for i := range c.List {
		for _, l := range c.List[i].Links {
			last = max(last, l)
		}
	}
	count := make([]int32, last+1)
	for i := range c.List {
		for _, l := range c.List[i].Links {
			count[l]++
		}
	}
	// A holder of a link that is neither alone nor common, as one number that sorts by the link's count, then by link, then
	// by place: 8, 32 and 24 bits.
	var holders []uint64
	for i := range c.List[:min(len(c.List), 1<<24)] {
		for _, l := range c.List[i].Links {
			if k := count[l]; k >= 2 && int(k) <= min(ties.Common, 255) {
				holders = append(holders, uint64(k)<<56|uint64(l)<<24|uint64(i))
			}
		}
	}
	slices.Sort(holders)
	edges := make([][]Edge, len(c.List))
	var room []Edge // made as it is needed: most candidates share nothing rare
	for len(holders) > 0 {
		k := int(holders[0] >> 56)
		same := holders[:min(k, len(holders))]
		if link := memory.Term(holders[0] >> 24); c.Word != nil && strings.HasPrefix(c.Word(link), text.PrefixType) {
			holders = holders[len(same):]
			continue // that two texts are of one type does not join them
		}
		for _, h := range same {
			to := h & (1<<24 - 1)
			if edges[to] == nil {
				if len(room) == 0 {
					room = make([]Edge, 64*most)
				}
				edges[to], room = room[:0:most], room[most:]
			}
			for _, other := range same {
				if other != h && len(edges[to]) < most {
					edges[to] = append(edges[to], Edge{From: int32(other & (1<<24 - 1)), Weight: 1 / float32(k-1), Reason: Shared, Link: memory.Term(h >> 24)})
				}
			}
		}
		holders = holders[len(same):]
	}
	return edges
}
