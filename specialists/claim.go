package specialists

import "github.com/trm-go/refiner/memory"

// Support says how a claim stands to the evidence.
type Support string

// The ways a claim can stand to the evidence.
const (
	Supported    Support = "supported"    // a memory says it, and none says otherwise
	Contradicted Support = "contradicted" // a memory that is valid denies it, or has another value
	Unknown      Support = "unknown"      // it states something, and no memory speaks of it
	Neutral      Support = "neutral"      // it states nothing that could be checked: a greeting, a question, "I do not know"
)

// Claim is one statement of an answer and how it stands to the evidence.
type Claim struct {
	Text    string         `json:"text"` // verbatim
	Support Support        `json:"support"`
	Quotes  []memory.Quote `json:"quotes,omitempty"` // the passages that support or contradict it
	Why     string         `json:"why"`
	Sure    float64        `json:"-"` // in [0, 1]
}
