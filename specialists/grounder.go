package specialists

// Grounder is [Ground] for many texts about one task: it reads the evidence once. It is not safe for concurrent use.
type Grounder struct{ g *grounder }

// NewGrounder reads the question and the evidence of a task. What changes in them later is not seen.
func NewGrounder(t *Task) *Grounder { return &Grounder{newGrounder(t)} }

// Ground is the function Ground of the grounder's task.
func (g *Grounder) Ground(text string) []Claim {
	g.g.said = nil
	spans := g.g.ground(text)
	claims := make([]Claim, len(spans))
	for i := range spans {
		claims[i] = spans[i].Claim
	}
	return claims
}
