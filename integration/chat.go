package integration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/trm-go/refiner/adapters/openai"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// ChatOptions say how a decorated client remembers. Nil is the same as a zero ChatOptions.
type ChatOptions struct {
	// Scope tells whose memories a call is about, for a backend with many users: it reads the context, as whoever
	// authenticated the request left it. An error, or a scope of nobody, fails the call. Nil: the plugin's scope.
	//
	// A scope's session is where the turn is written; recall goes over all sessions of the user.
	Scope func(ctx context.Context) (memory.Scope, error)
	// Limit is the number of memories, Budget the tokens they may take. Zero: what is configured.
	Limit, Budget int
	// Refine says when an answer is refined: auto, always or off. Zero: off, for a backend expects its model's own words and
	// their stream as it comes; a refined answer comes as a whole.
	Refine refine.Refinement
	// Log gets what went wrong with the memory; the answer comes all the same. Nil disables it.
	Log *slog.Logger
}

// ErrRefused is what a call of a client made by [Chat] fails with when its scope cannot be told: no answer is better than
// one from somebody else's memories.
var ErrRefused = openai.ErrRefused

// Chat gives a go-openai client a memory: chat completions, streamed or not, recall before they are sent, may be refined,
// and are remembered. It has every method of the client, so that a backend changes the one line that makes it.
//
//	client := integration.Chat(plugin, openai.NewClient(key), nil)
func Chat(p *Plugin, client *openai.Client, o *ChatOptions) *openai.Remembering {
	if o == nil {
		o = &ChatOptions{}
	}
	return openai.Decorate(client, chatMemory{p, *o}, o.Log)
}

// chatMemory is a plugin as a client uses it.
type chatMemory struct {
	plugin  *Plugin
	options ChatOptions
}

// Begin implements openai.Memory.
func (m chatMemory) Begin(ctx context.Context, conversation []specialists.Message) (openai.Turn, error) {
	o := TurnOptions{Limit: m.options.Limit, Budget: m.options.Budget, Refine: cmp.Or(m.options.Refine, refine.Off)}
	if m.options.Scope != nil {
		scope, err := m.options.Scope(ctx)
		if err == nil {
			err = o.within(scope)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: whose memories are meant: %w", ErrRefused, err)
		}
	}
	t, err := m.plugin.Begin(ctx, conversation, &o)
	if err != nil {
		return nil, err
	}
	return chatTurn{t}, nil
}

// within sets the scope to recall in, and the session to write in. A scope of nobody is refused: it would be the plugin's.
func (o *TurnOptions) within(scope memory.Scope) error {
	o.Session, scope.Session = scope.Session, ""
	if o.Scope = scope; scope == (memory.Scope{}) {
		return errors.New("the scope names neither tenant nor user")
	}
	return nil
}

// chatTurn is a turn as a client uses it.
type chatTurn struct{ *Turn }

// Notes implements openai.Turn.
func (t chatTurn) Notes() string { return t.Turn.Notes }

// Refines implements openai.Turn.
func (t chatTurn) Refines() bool { return t.Turn.Refines() }
