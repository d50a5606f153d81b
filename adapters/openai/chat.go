package openai

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	api "github.com/sashabaranov/go-openai"

	"github.com/trm-go/refiner/internal/endpoint"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/specialists"
)

// ChatOptions say which model of an endpoint to talk with, and how. Only Model is needed.
type ChatOptions struct {
	// Endpoint is the server. Its Timeout bounds an answer that is not streamed; of a streamed one, the wait for its first
	// piece and for each next one. Only what fails before the first piece is tried again.
	Endpoint
	// Model is its name at the endpoint, such as gpt-4o-mini or llama3.2.
	Model string
	// MaxTokens bounds a completion whose prompt does not. Zero: the endpoint's own limit.
	MaxTokens int
	// Concurrency bounds the requests under way at one time, over all calls. Zero: 4.
	Concurrency int
	// PriceIn and PriceOut are what a million tokens of prompts and of completions cost, in any currency.
	PriceIn, PriceOut float64

	maxBytes int64 // of an answer as it comes over the wire; zero: longestAnswer
}

// longestAnswer bounds an answer, in bytes: a stream takes about 200 bytes for each token, so this is the
// longest completion that models write, four times over.
const longestAnswer = 32 << 20

// Chat is a language model behind an endpoint. It is safe for concurrent use.
type Chat struct {
	options      ChatOptions
	full, stream *api.Client
	slots        chan struct{} // one for each request under way
	transport    *http.Transport
	folds        atomic.Bool // the model takes no instructions

	mu    sync.Mutex
	usage specialists.Usage
}

var _ specialists.Model = (*Chat)(nil)

// NewChat makes the model. It asks the endpoint nothing.
func NewChat(o *ChatOptions) (*Chat, error) {
	if o == nil {
		o = &ChatOptions{}
	}
	opts := *o
	if opts.Model == "" {
		return nil, errors.New("no chat model is named: give one that the endpoint has, such as gpt-4o-mini")
	}
	if opts.MaxTokens < 0 || opts.Concurrency < 0 || opts.Timeout < 0 || !(opts.PriceIn >= 0) || !(opts.PriceOut >= 0) {
		return nil, fmt.Errorf("a limit or a price of the model %s is negative: give 0 for the default, or more", opts.Model)
	}
	opts.maxBytes = cmp.Or(opts.maxBytes, longestAnswer)
	opts.Concurrency = cmp.Or(opts.Concurrency, concurrency)
	opts.Timeout = cmp.Or(opts.Timeout, usualTimeout)
	c := &Chat{options: opts, slots: make(chan struct{}, opts.Concurrency), transport: connections()}
	var err error
	if c.full, err = opts.client(opts.Timeout, whole{bounded{c.transport, opts.maxBytes}}); err != nil {
		return nil, err
	}
	c.stream, err = opts.client(0, bounded{endpoint.Transport{RoundTripper: c.transport, Patience: opts.Timeout}, opts.maxBytes})
	return c, err
}

// Model is the model's name.
func (c *Chat) Model() string { return c.options.Model }

// Usage is what was used since the model was made.
func (c *Chat) Usage() specialists.Usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.usage
}

// Close closes the connections that are idle. The model can be used again.
func (c *Chat) Close() { c.transport.CloseIdleConnections() }

// Complete answers the messages, streamed if the prompt has a Delta. An error may come with what was written until then;
// it is an [*Error], the connection's, ctx's or Delta's.
func (c *Chat) Complete(ctx context.Context, p specialists.Prompt) (specialists.Completion, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return specialists.Completion{}, ctx.Err()
	}
	complete := c.whole
	if p.Delta != nil {
		complete = c.streamed
	}
	folded := c.folds.Load()
	r := c.request(p, folded)
	written, said, err := complete(ctx, r, p.Delta)
	if refused := (*api.APIError)(nil); errors.As(err, &refused) && refused.HTTPStatusCode == http.StatusBadRequest && !folded && written == "" && instructed(r.Messages) {
		again := c.request(p, true) // the model's template may know no instructions
		if text, used, failed := complete(ctx, again, p.Delta); failed == nil {
			c.folds.Store(true)
			r, written, said, err = again, text, used, nil
		}
	}
	done := specialists.Completion{Text: written}
	if err == nil || written != "" {
		done.Usage = c.count(r, written, said)
	}
	switch {
	case err == nil:
		return done, nil
	case ctx.Err() != nil:
		return done, ctx.Err()
	}
	return done, fmt.Errorf("ask %s: %w", c.options.Model, c.options.failure(err))
}

// named are the names of speakers that the API takes.
var named = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// request is a prompt as a request. All instructions stand in its first message, for many models' templates take one system
// message only, and only as the first; folded puts them into the first message of the user, for those that take none.
func (c *Chat) request(p specialists.Prompt, folded bool) api.ChatCompletionRequest {
	//lint:ignore SA1019 Ollama, vLLM and llama.cpp know no other; models that refuse it get the new one below
	r := api.ChatCompletionRequest{Model: c.options.Model, MaxTokens: cmp.Or(p.MaxTokens, c.options.MaxTokens)}
	var instructions []string
	role := api.ChatMessageRoleSystem
	for _, m := range p.Messages {
		message := api.ChatCompletionMessage{Role: m.Role, Content: strings.ToValidUTF8(m.Content, "\uFFFD")}
		if m.Role == api.ChatMessageRoleSystem || m.Role == api.ChatMessageRoleDeveloper {
			instructions = append(instructions, message.Content)
			if m.Role == api.ChatMessageRoleDeveloper {
				role = m.Role // both do not go together
			}
			continue
		}
		if named.MatchString(m.Name) {
			message.Name = m.Name
		}
		if m.Role == api.ChatMessageRoleTool { // without the call that it answers, the API takes none
			message.Role, message.Content = api.ChatMessageRoleUser, "(a tool's result) "+message.Content
		}
		r.Messages = append(r.Messages, message)
	}
	if first := strings.Join(instructions, "\n\n"); first != "" {
		if folded && len(r.Messages) > 0 && r.Messages[0].Role == api.ChatMessageRoleUser {
			r.Messages[0].Content = first + "\n\n" + r.Messages[0].Content
		} else {
			if folded {
				role = api.ChatMessageRoleUser
			}
			r.Messages = slices.Insert(r.Messages, 0, api.ChatCompletionMessage{Role: role, Content: first})
		}
	}
	if errors.Is(api.NewReasoningValidator().Validate(r), api.ErrReasoningModelMaxTokensDeprecated) {
		//lint:ignore SA1019 see above
		r.MaxTokens, r.MaxCompletionTokens = 0, r.MaxTokens
	}
	return r
}

// instructed reports whether a conversation begins with instructions.
func instructed(messages []api.ChatCompletionMessage) bool {
	return len(messages) > 0 && (messages[0].Role == api.ChatMessageRoleSystem || messages[0].Role == api.ChatMessageRoleDeveloper)
}

// whole asks for an answer in one piece.
func (c *Chat) whole(ctx context.Context, r api.ChatCompletionRequest, _ func(string) error) (string, *api.Usage, error) {
	response, err := c.full.CreateChatCompletion(ctx, r)
	if err != nil {
		return "", nil, err
	}
	if len(response.Choices) == 0 {
		return "", nil, errors.New("the answer has no choice in it")
	}
	return response.Choices[0].Message.Content, &response.Usage, nil
}

// streamed asks for an answer piece by piece.
func (c *Chat) streamed(ctx context.Context, r api.ChatCompletionRequest, delta func(string) error) (string, *api.Usage, error) {
	r.StreamOptions = &api.StreamOptions{IncludeUsage: true}
	stream, err := c.stream.CreateChatCompletionStream(ctx, r)
	if err != nil {
		return "", nil, err
	}
	defer stream.Close()
	var b strings.Builder
	var usage *api.Usage
	finished := false
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) && finished {
			return b.String(), usage, nil
		}
		if errors.Is(err, io.EOF) {
			err = errors.New("the answer breaks off")
		}
		if err != nil {
			return b.String(), usage, err
		}
		if piece.Usage != nil {
			usage = piece.Usage
		}
		for _, choice := range piece.Choices {
			finished = finished || choice.FinishReason != ""
			if choice.Index != 0 || choice.Delta.Content == "" {
				continue
			}
			b.WriteString(choice.Delta.Content)
			if err := delta(choice.Delta.Content); err != nil {
				return b.String(), usage, err
			}
		}
	}
}

// count turns what the endpoint says it used into a usage, or estimates it where the endpoint says nothing.
func (c *Chat) count(r api.ChatCompletionRequest, written string, said *api.Usage) specialists.Usage {
	u := specialists.Usage{Calls: 1}
	if said != nil && said.PromptTokens+said.CompletionTokens > 0 {
		u.PromptTokens, u.CompletionTokens = max(0, said.PromptTokens), max(0, said.CompletionTokens)
	} else {
		for _, m := range r.Messages {
			u.PromptTokens += text.Tokens(m.Content) + 4
		}
		u.CompletionTokens = text.Tokens(written)
	}
	u.Cost = (float64(u.PromptTokens)*c.options.PriceIn + float64(u.CompletionTokens)*c.options.PriceOut) / 1e6
	c.mu.Lock()
	defer c.mu.Unlock()
	c.usage = c.usage.Plus(u)
	return u
}
