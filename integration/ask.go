package integration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/trm-go/refiner/internal/text"
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
	// the memories are quoted.
	Draft string
	// Limit is the number of memories that are recalled, and Budget the tokens that they may take in the model's prompt.
	Limit, Budget int
	// Refine says when a draft is refined: auto, always or off.
	Refine refine.Refinement
	// Open lets the answer hold what the memories know nothing of, as a conversation does; see refine.RespondOptions.
	Open bool
	// Remember writes the question and the answer back: the question as an observed turn, the answer as one that is
	// derived from the memories it rests on, so that it is no evidence for itself.
	Remember bool
	// Quiet leaves uncounted that memories were shown: for measurements, and where the caller has counted them.
	Quiet bool
	// Eager lets AskStream yield the first draft's tokens as the model writes them, before they are refined. Otherwise its
	// tokens are those of the answer.
	Eager bool
	// At is the moment of the question. Zero: now.
	At time.Time

	// Rounds, MaxTokens and Timeout bound the refinement. Zero: what is configured.
	Rounds, MaxTokens int
	Timeout           time.Duration

	turn *Turn // that the question is of, and that has recalled or recalls for it; nil: none
}

// Answer is what was found, and how.
type Answer struct {
	Question string       `json:"question"`
	Scope    memory.Scope `json:"scope"`
	refine.Response
	// Memories are those recalled, best first, with the turns that answer in place of the summaries that stand for them; the
	// answer cites the first of them as [1].
	Memories []refine.Recalled `json:"memories"`
	// Packed is what of them stood in the model's prompt. Empty without a model.
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

// mostPinned bounds how many pinned memories are looked at for a prompt.
const mostPinned = 100

// recall recalls, and adds what is pinned in the scope, unless the query asks for a part of the memories only.
func (p *Plugin) recall(ctx context.Context, scope memory.Scope, query memory.Query, o *refine.Options) (*refine.Recollection, error) {
	query.Limit = cmp.Or(query.Limit, p.config.Recall.Limit)
	found, err := refine.Recall(ctx, p.Store, scope, query, o)
	part := len(query.Kinds)+len(query.Where) > 0 || !query.Since.IsZero() || !query.Until.IsZero()
	if err != nil || part || p.config.Recall.Pinned == 0 {
		return found, err
	}
	pinned, err := p.Store.Pinned(ctx, scope, mostPinned)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(pinned, func(a, b memory.Record) int { return cmp.Compare(b.Importance, a.Importance) })
	found.Pin(pinned, p.config.Recall.Pinned)
	return found, nil
}

// scope is s, or the plugin's if s is zero.
func (p *Plugin) scope(s memory.Scope) memory.Scope { return cmp.Or(s, p.Scope) }

// ask does the work of Ask and hands every event but the last to emit, until that returns false.
func (p *Plugin) ask(ctx context.Context, r Request, emit func(Event) bool) (*Answer, error) {
	start := time.Now()
	scope := p.scope(r.Scope)
	now := r.At
	if now.IsZero() {
		now = time.Now()
	}
	limit, quoted := cmp.Or(r.Limit, p.config.Recall.Limit), p.Model == nil && r.Draft == ""
	query := memory.Query{Text: text.Query(r.Question), Limit: limit, At: r.At}
	if quoted {
		query.Limit = max(limit, 3*readForQuotes)
	}
	if query.Text == "" {
		return nil, fmt.Errorf("ask: %w: the question is empty", memory.ErrInvalid)
	}
	var found *refine.Recollection
	var err error
	if r.turn != nil {
		now = r.turn.options.At
		found, err = r.turn.recall(ctx)
	} else {
		options := p.Options()
		if p.reranker != nil {
			options.Reranker = p.reranker
		}
		found, err = p.recall(ctx, scope, query, options)
	}
	if err != nil {
		return nil, fmt.Errorf("ask: %w", err)
	}
	a := &Answer{Question: r.Question, Scope: scope, Memories: refine.Unfold(found.Memories, max(limit, len(found.Memories)))}
	if quoted { // copies take one place
		a.Memories = refine.Distinct(a.Memories, max(limit, readForQuotes))
	} else {
		for _, m := range found.Pinned {
			if !slices.ContainsFunc(a.Memories, func(had refine.Recalled) bool { return had.ID == m.ID }) {
				a.Memories = append(a.Memories, m)
			}
		}
	}
	task := &specialists.Task{Question: r.Question, Messages: r.Messages, Scope: scope, Now: now}
	for _, m := range a.Memories {
		task.Evidence = append(task.Evidence, m.Record)
	}
	if quoted {
		var kept []int
		a.Response, kept = refine.Quote(task, limit)
		for n, i := range kept {
			a.Memories[n] = a.Memories[i]
		}
		a.Memories = a.Memories[:len(kept)]
	}
	if !r.Quiet {
		defer func() { p.Shown(scope, IDs(a.Memories)...) }()
	}
	if !emit(Event{Type: EventMemories, Memories: slices.Clone(a.Memories)}) {
		return a, nil
	}
	if quoted && r.Eager && !emit(Event{Type: EventToken, Token: a.Text}) {
		return a, nil
	}
	if !quoted {
		if open, err := p.respond(ctx, task, r, a, found, emit); err != nil || !open {
			return a, err
		}
	}
	if r.Remember {
		if err := p.rememberAnswer(ctx, a, now); err != nil {
			return nil, fmt.Errorf("ask: remember the answer: %w", err)
		}
	}
	a.Ms = float64(time.Since(start).Microseconds()) / 1000
	return a, nil
}

// readForQuotes is how many memories are read where no model is to see them: the sentence that answers is looked for among
// more than a prompt would hold.
const readForQuotes = 40

// respond lets the model answer, or refines a draft. It reports whether anybody still listens.
func (p *Plugin) respond(ctx context.Context, task *specialists.Task, r Request, a *Answer, found *refine.Recollection, emit func(Event) bool) (bool, error) {
	for round, err := range refine.RespondSteps(ctx, task, p.respondOptions(r, a, found, emit), &a.Response) {
		if errors.Is(err, errStopped) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("ask: %w", err)
		}
		if !emit(Event{Type: EventRound, Round: &round}) {
			return false, nil
		}
	}
	return true, nil
}

// errStopped ends the work of a caller who has gone.
var errStopped = errors.New("nobody listens any more")

// respondOptions are those of the configuration and of the request, whose wins.
func (p *Plugin) respondOptions(r Request, a *Answer, found *refine.Recollection, emit func(Event) bool) *refine.RespondOptions {
	c := p.config.Respond
	o := &refine.RespondOptions{
		Model: p.Model, Specialists: p.chain(), Draft: r.Draft, Open: r.Open,
		Refine:    cmp.Or(r.Refine, refine.Refinement(c.Refine)),
		Threshold: c.Threshold,
		Rounds:    cmp.Or(r.Rounds, c.Rounds),
		MaxTokens: cmp.Or(r.MaxTokens, c.Tokens),
		MaxCost:   c.Cost,
		MaxAnswer: p.config.Model.MaxTokens,
		Timeout:   cmp.Or(r.Timeout, c.Time),
		Recall: func(ctx context.Context, question string) ([]memory.Record, error) {
			query := memory.Query{Text: text.Query(question), Limit: cmp.Or(r.Limit, p.config.Recall.Limit), At: r.At}
			if query.Text == "" {
				return nil, nil
			}
			found, err := p.Recall(ctx, a.Scope, query)
			if err != nil {
				return nil, err
			}
			var records []memory.Record
			for _, m := range refine.Unfold(found.Memories, query.Limit) {
				records = append(records, m.Record)
				if !slices.ContainsFunc(a.Memories, func(had refine.Recalled) bool { return had.ID == m.ID }) {
					m.Weight *= followed
					a.Memories = append(a.Memories, m)
				}
			}
			return records, nil
		},
		Memories: func(t *specialists.Task) string {
			a.Packed = numbered(t, &refine.Recollection{Memories: a.Memories, Pinned: found.Pinned, PinnedTokens: found.PinnedTokens}, cmp.Or(r.Budget, c.Budget))
			return a.Packed.Text()
		},
	}
	if r.Eager {
		o.Delta = func(token string) error {
			if !emit(Event{Type: EventToken, Token: token}) {
				return errStopped
			}
			return nil
		}
	}
	return o
}

// chain are the specialists that were set, or else those that are configured.
func (p *Plugin) chain() []specialists.Specialist {
	switch {
	case p.Specialists != nil:
		return p.Specialists
	case p.config.Respond.Chain == "none":
		return []specialists.Specialist{}
	}
	return specialists.Default()
}

// followed is the weight of the best memory of a question that a specialist asks, against the best of the user's own:
// they complete what is there, and do not push it out of the prompt.
const followed = .5

// rememberAnswer writes a question and its answer back. The question is what somebody said. The answer was made from
// memories, so it is reconstructed and names them: recalled text never becomes evidence for itself.
func (p *Plugin) rememberAnswer(ctx context.Context, a *Answer, now time.Time) error {
	last, err := p.Store.LastPosition(ctx, a.Scope)
	if err != nil {
		return err
	}
	// The pair is adjacent, and next after the session's last. Two that are written at the same moment may share their
	// positions: recall then takes each for the other's neighbour, in what order does not matter to it, and nothing is lost.
	position := last + 1
	question := memory.Record{Kind: memory.KindTurn, Role: "user", Text: a.Question, Position: position, Created: now, Origin: memory.Observed, Importance: .5, Confidence: 1}
	answer := memory.Record{Kind: memory.KindTurn, Role: "assistant", Text: a.Text, Position: position + 1, Created: now, Origin: memory.Observed, Importance: .5, Confidence: a.Score}
	derive(&answer, a.Claims, a.Citations)
	added, err := p.Remember(ctx, a.Scope, question, answer)
	a.Remembered = added.IDs
	return err
}
