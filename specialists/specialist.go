package specialists

import (
	"context"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Task is what an answer has to do: the question, and what is known. Specialists read it and change nothing in it.
type Task struct {
	Question string
	// Messages are the conversation before the question, oldest first, system messages included.
	Messages []Message
	// Evidence are the memories that may answer the question, best first. Only their text counts as evidence; a
	// reconstructed one counts only for what its quotes say.
	Evidence []memory.Record
	// Scope is whose memories they are. What belongs to another scope must not leave.
	Scope memory.Scope
	// Now is the moment of the question. It resolves "yesterday" and tells which memory is valid.
	Now time.Time

	prepared *evidence // see Prepare; nil: not prepared
}

// Message is a turn of a conversation, as chat APIs have it.
type Message struct {
	Role    string `json:"role"` // system, user, assistant or tool
	Content string `json:"content"`
	Name    string `json:"name,omitempty"`
}

// Specialist examines a draft, and may say how it should read instead. It must be safe for concurrent use.
type Specialist interface {
	// Name is unique in a chain, in lower case: "grounding".
	Name() string
	// Priority orders a chain: the lowest examines first. Ada's scale: critical 0, high 10, medium 50, low 100.
	Priority() int
	// Examine returns what it finds in the draft. An error means that the specialist is skipped and reported; the draft
	// stays as it was.
	Examine(ctx context.Context, t *Task, d Draft) (Finding, error)
}

// Draft is an answer in the making, with what the specialists before found in it.
type Draft struct {
	Text  string
	Notes []Note
}

// Finding is what one specialist makes of a draft.
type Finding struct {
	Notes []Note
	// Text is the draft as it should be. Empty: as it is.
	Text string
	// Recall are questions whose memories are missing; they are asked before the next round.
	Recall []string
	// Usage is what language models cost.
	Usage Usage
}

// Note is one thing that a specialist found.
type Note struct {
	Specialist string         `json:"specialist"`
	Kind       string         `json:"kind"`            // what sort of thing, in the specialist's words: "contradicted"
	Claim      string         `json:"claim,omitempty"` // the passage of the draft, verbatim
	Why        string         `json:"why"`             // one sentence for a person
	Quotes     []memory.Quote `json:"quotes,omitempty"`
}

// Model is a language model. adapters/openai has one for every OpenAI-compatible endpoint.
type Model interface {
	// Complete answers the messages. An error may come with what was written until then.
	Complete(ctx context.Context, p Prompt) (Completion, error)
}

// Prompt is what a [Model] answers.
type Prompt struct {
	Messages  []Message
	MaxTokens int // of the completion; 0: the model's own limit
	// Delta is called with each piece of the text as it is written. An error from it ends the completion. Nil disables it.
	Delta func(string) error
}

// Completion is what a [Model] wrote.
type Completion struct {
	Text  string
	Usage Usage
}

// Usage counts what language models were asked for.
type Usage struct {
	Calls            int     `json:"calls"`
	PromptTokens     int     `json:"prompt_tokens"`
	CompletionTokens int     `json:"completion_tokens"`
	Cost             float64 `json:"cost"` // in the currency of the configured prices; 0 without prices
}

// Plus is the sum of two usages.
func (u Usage) Plus(v Usage) Usage {
	return Usage{u.Calls + v.Calls, u.PromptTokens + v.PromptTokens, u.CompletionTokens + v.CompletionTokens, u.Cost + v.Cost}
}

// Tokens are those of prompts and completions together.
func (u Usage) Tokens() int { return u.PromptTokens + u.CompletionTokens }
