package importance

import "github.com/trm-go/refiner/memory"

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
}

// How the weight that flows to a memory is divided: the share of the turn before, that of a turn before that ends in a
// question, for what follows is likely to answer it, and that of the turn after. Of n distinct terms, a turn takes the share
// fullLength/(fullLength+n) from others, for a long one stands for itself.
const (
	beforeShare = .6
	answerShare = .9
	afterShare  = .1
	fullLength  = 80
)

// Graph is where weight spreads: for each memory the edges along which it flows in. Their weights sum to at most 1
// for each memory, so that spreading never makes more of it (the matrix is row-substochastic).
type Graph struct {
	start []int32 // edges of i: start[i] to start[i+1]
	edges []Edge
}

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

// NewGraph joins candidates that follow each other in a conversation.
func NewGraph(list []memory.Candidate, seq Sequence) *Graph {
	g := &Graph{start: make([]int32, len(list)+1), edges: make([]Edge, 0, 2*len(list))}
	for i := range list {
		takes := float32(fullLength / (fullLength + float64(len(list[i].Terms))))
		if b := seq.Before[i]; b >= 0 {
			share := takes * beforeShare
			if list[b].Asks {
				share = takes * answerShare
			}
			g.edges = append(g.edges, Edge{From: b, Weight: share, Reason: Before})
		}
		if a := seq.After[i]; a >= 0 {
			g.edges = append(g.edges, Edge{From: a, Weight: takes * afterShare, Reason: After})
		}
		g.start[i+1] = int32(len(g.edges))
	}
	return g
}
