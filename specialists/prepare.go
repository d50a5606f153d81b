package specialists

import (
	"sync"
	"time"

	"github.com/trm-go/refiner/memory"
)

// prepared is what all who examine answers to one task share: its evidence, indexed, and what was found of texts.
type prepared struct {
	question string
	now      time.Time
	scope    memory.Scope
	records  []memory.Record
	evidence *evidence

	mu     sync.Mutex
	claims map[string][]placed // by text
}

// mostTexts is how many texts are remembered.
const mostTexts = 32

// Prepare indexes the evidence of a task once for everybody who examines its answers, and lets them share what they find
// of a text: a chain of specialists and a judge ground the same drafts again and again. It is not safe for concurrent
// use with them. A task that changes afterwards is indexed anew by each of them, as one that was never prepared.
func (t *Task) Prepare() {
	if t.prepared != nil && t.prepared.fits(t) {
		return
	}
	t.prepared = &prepared{question: t.Question, now: t.Now, scope: t.Scope, records: append([]memory.Record(nil), t.Evidence...), evidence: gather(t), claims: map[string][]placed{}}
}

// fits reports whether nothing has changed that evidence or question depend on.
func (p *prepared) fits(t *Task) bool {
	if p.question != t.Question || !p.now.Equal(t.Now) || p.scope != t.Scope || len(p.records) != len(t.Evidence) {
		return false
	}
	for i := range p.records {
		a, b := &p.records[i], &t.Evidence[i]
		if a.ID != b.ID || a.Text != b.Text || a.Role != b.Role || a.Speaker != b.Speaker || a.Kind != b.Kind || a.Origin != b.Origin ||
			a.Scope != b.Scope || a.Position != b.Position || !a.Created.Equal(b.Created) || !a.ValidFrom.Equal(b.ValidFrom) ||
			!a.ValidUntil.Equal(b.ValidUntil) || !a.Superseded.Equal(b.Superseded) || a.SupersededBy != b.SupersededBy || len(a.Quotes) != len(b.Quotes) {
			return false
		}
		for k := range a.Quotes {
			if a.Quotes[k] != b.Quotes[k] {
				return false
			}
		}
	}
	return true
}

// remembered returns what was found of a text.
func (p *prepared) remembered(text string) ([]placed, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	claims, ok := p.claims[text]
	return claims, ok
}

func (p *prepared) remember(text string, claims []placed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.claims) >= mostTexts {
		clear(p.claims)
	}
	p.claims[text] = claims
}
