package integration

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// Request is a question to be answered from memories. Zero fields mean what is configured.
type Request struct {
	// Scope is whose memories answer. The zero Scope means the plugin's. Nothing else in the request widens it.
	Scope memory.Scope
	// Question is the last message of the user.
	Question string
	// Messages are the conversation before it, oldest first.
	Messages []specialists.Message
	// Draft is an answer that somebody else wrote, to be refined. Empty: the model writes one, or without a model
	// [refine.Extract].
	Draft string
	// Limit is the number of memories that are recalled, and Budget the tokens that they may take in the model's prompt.
	Limit, Budget int
	// Refine says when a draft is refined: auto, always or off.
	Refine refine.Refinement
	// Remember writes the question and the answer back: the question as an observed turn, the answer as one that is
	// derived from the memories it rests on, so that it is no evidence for itself.
	Remember bool
	// Eager lets AskStream yield the first draft's tokens as the model writes them, before they are refined. Otherwise its
	// tokens are those of the answer.
	Eager bool
	// At is the moment of the question. Zero: now.
	At time.Time

	Rounds    int
	MaxTokens int
	MaxCost   float64
	Timeout   time.Duration
}

// Answer is what was found, and how.
type Answer struct {
	Question string       `json:"question"`
	Scope    memory.Scope `json:"scope"`
	refine.Response
	// Memories are those recalled, best first; the answer cites the first of them as [1].
	Memories []refine.Recalled `json:"memories"`
	// Packed is what of them stood in the model's prompt.
	Packed refine.Packed `json:"packed"`
	// Remembered are the records that were written back.
	Remembered []memory.ID `json:"remembered,omitempty"`
	Ms         float64     `json:"ms"`
}

// The types of an Event.
const (
	EventMemories = "memories" // what was recalled; the first event
	EventToken    = "token"    // a piece of text
	EventRound    = "round"    // a round of the recursion is over
	EventAnswer   = "answer"   // the last event
)

// Event is one thing that happens while a question is answered.
type Event struct {
	Type     string            `json:"type"`
	Token    string            `json:"token,omitempty"`
	Memories []refine.Recalled `json:"memories,omitempty"`
	Round    *refine.Round     `json:"round,omitempty"`
	Answer   *Answer           `json:"answer,omitempty"`
}

// Ask answers a question from the memories of a scope. An answer comes whatever happens to the language model, and says
// what was skipped; an error means that the question cannot be read or that the store failed.
func (p *Plugin) Ask(ctx context.Context, r Request) (*Answer, error) {
	return p.ask(ctx, r, func(Event) bool { return true })
}

// AskStream is Ask, with an event for everything that happens. Breaking out of the range ends the work.
func (p *Plugin) AskStream(ctx context.Context, r Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		open := true
		emit := func(e Event) bool {
			open = open && yield(e, nil)
			return open
		}
		answer, err := p.ask(ctx, r, emit)
		switch {
		case !open:
		case err != nil:
			yield(Event{}, err)
		default:
			if !r.Eager && !emit(Event{Type: EventToken, Token: answer.Text}) {
				return
			}
			emit(Event{Type: EventAnswer, Answer: answer})
		}
	}
}

// RecallIn is Recall for callers with many scopes: the scope is an argument, and the zero Scope is the plugin's.
func (p *Plugin) RecallIn(ctx context.Context, scope memory.Scope, query memory.Query) (*refine.Recollection, error) {
	query.Limit = cmp.Or(query.Limit, p.config.Recall.Limit)
	return refine.Recall(ctx, p.Store, p.scope(scope), query, p.Options())
}

// RememberIn is Remember for callers with many scopes.
func (p *Plugin) RememberIn(ctx context.Context, scope memory.Scope, records ...memory.Record) (memory.Added, error) {
	return p.Store.Add(ctx, p.scope(scope), records...)
}

func (p *Plugin) scope(s memory.Scope) memory.Scope { return cmp.Or(s, p.Scope) }

// ask does the work of Ask and hands every event but the last to emit, until that returns false.
func (p *Plugin) ask(ctx context.Context, r Request, emit func(Event) bool) (*Answer, error) {
	start := time.Now()
	scope := p.scope(r.Scope)
	now := r.At
	if now.IsZero() {
		now = time.Now()
	}
	query := memory.Query{Text: searchable(r.Question), Limit: r.Limit, At: r.At}
	if query.Text == "" {
		return nil, fmt.Errorf("ask: %w: the question is empty", memory.ErrInvalid)
	}
	found, err := p.RecallIn(ctx, scope, query)
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	a := &Answer{Question: r.Question, Scope: scope, Memories: found.Memories}
	if !emit(Event{Type: EventMemories, Memories: a.Memories}) {
		return a, nil
	}
	a.Packed = refine.Pack(a.Memories, r.Question, cmp.Or(r.Budget, defaultBudget), nil)
	task := &specialists.Task{Question: r.Question, Messages: r.Messages, Scope: scope, Now: now}
	for _, m := range a.Memories {
		task.Evidence = append(task.Evidence, m.Record)
	}
	a.Response, err = refine.Respond(ctx, task, &refine.RespondOptions{Model: p.Model, Draft: r.Draft, Refine: r.Refine,
		Rounds: r.Rounds, MaxTokens: r.MaxTokens, MaxCost: r.MaxCost, Timeout: r.Timeout})
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	if r.Remember {
		if err := p.rememberAnswer(ctx, a, now); err != nil {
			return nil, fmt.Errorf("ask: remember the answer: %w", err)
		}
	}
	a.Ms = float64(time.Since(start).Microseconds()) / 1000
	return a, nil
}

// defaultBudget is the tokens that memories may take in a prompt where nothing else is configured: a tenth of the
// smallest context that is common.
const defaultBudget = 800

// rememberAnswer writes a question and its answer back. The question is what somebody said. The answer was made from
// memories, so it is reconstructed and names them: recalled text never becomes evidence for itself.
func (p *Plugin) rememberAnswer(ctx context.Context, a *Answer, now time.Time) error {
	// The pair is adjacent, and behind whatever positions the session has.
	position := int(now.UnixMilli())
	question := memory.Record{Kind: memory.KindTurn, Role: "user", Text: a.Question, Position: position, Created: now, Origin: memory.Observed, Importance: .5, Confidence: 1}
	answer := memory.Record{Kind: memory.KindTurn, Role: "assistant", Text: a.Text, Position: position + 1, Created: now, Origin: memory.Observed, Importance: .5, Confidence: a.Score}
	for _, c := range a.Citations {
		answer.DerivedFrom = append(answer.DerivedFrom, c.Memory.ID)
		answer.Origin = memory.Reconstructed
	}
	added, err := p.RememberIn(ctx, a.Scope, question, answer)
	a.Remembered = added.IDs
	return err
}

// longestQuery is how much of a question is searched for, in bytes. Pasted documents are longer than any index needs.
const longestQuery = 4 << 10

// searchable is a question without what the query language would take for its own: quotes, asterisks and minus signs.
func searchable(question string) string {
	if len(question) > longestQuery {
		question = strings.ToValidUTF8(question[:longestQuery], "")
	}
	words := strings.FieldsFunc(question, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"*“”„", r) })
	for i, w := range words {
		words[i] = strings.TrimLeft(w, "-")
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}
