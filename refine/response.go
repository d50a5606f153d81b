package refine

import (
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
	"github.com/trm-go/refiner/trmcore"
)

// Response is an answer with its account: what it states, what it rests on, and how it came to read as it does.
type Response struct {
	Text string `json:"text"`
	// Draft is the text that the recursion began with.
	Draft string `json:"draft,omitempty"`
	// Claims are the statements of Text, each with how it stands to the evidence.
	Claims []specialists.Claim `json:"claims"`
	// Citations are the memories that Text cites, by the number it cites them with.
	Citations []Citation `json:"citations"`
	// Score is the judge's of Text, and FirstScore that of Draft on the same evidence; both in [0, 1]. Score is never less
	// than FirstScore.
	Score      float64 `json:"score"`
	FirstScore float64 `json:"first_score"`
	// Rounds are the steps of the recursion. There is none if Draft passed, or was not to be refined.
	Rounds []Round `json:"rounds"`
	// Stop says why there are no more of them. Empty: the draft was not to be refined.
	Stop trmcore.Stop `json:"stop,omitempty"`
	// Usage is what language models cost, drafts and specialists included.
	Usage specialists.Usage `json:"usage"`
	// Skipped are the parts that failed, were too slow, or would have broken a budget. The answer stands without them.
	Skipped []Skip `json:"skipped,omitempty"`
}

// Citation is a memory that an answer cites as [Number].
type Citation struct {
	Number int           `json:"number"` // from 1: the place in the task's evidence
	Memory memory.Record `json:"memory"`
}

// Round is one step of the recursion over a response.
type Round struct {
	N     int                `json:"round"` // 1 for the first
	Notes []specialists.Note `json:"notes,omitempty"`
	// Proposals are the revisions that were put to the judge, in order.
	Proposals []Proposal `json:"proposals,omitempty"`
	// Recalled are the questions whose memories were asked for, and Found how many new ones joined the evidence.
	Recalled []string `json:"recalled,omitempty"`
	Found    int      `json:"found,omitempty"`
	// Text is the answer after the round, and Score the judge's of it.
	Text  string            `json:"text"`
	Score float64           `json:"score"`
	Usage specialists.Usage `json:"usage"` // of this round
	Stop  trmcore.Stop      `json:"stop,omitempty"`
}

// Proposal is a revision, and what became of it.
type Proposal struct {
	By       string  `json:"by"`             // a specialist, or "reviser" for the language model
	Text     string  `json:"text,omitempty"` // shortened where it is very long
	Score    float64 `json:"score"`          // the judge's; 0 if it did not get so far
	Accepted bool    `json:"accepted"`
	Why      string  `json:"why"` // one sentence for a person
}

// Skip is a part that did not do its work, and why.
type Skip struct {
	Name  string `json:"name"`
	Round int    `json:"round"` // 0: before the first
	Why   string `json:"why"`
}
