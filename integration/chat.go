package integration

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	api "github.com/sashabaranov/go-openai"

	"github.com/trm-go/refiner/internal/chatwire"
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

// ErrRefused is what a call of a [ChatClient] fails with when its scope cannot be told: no answer is better than one from
// somebody else's memories.
var ErrRefused = errors.New("refused")

// ChatClient is a go-openai client with a memory. Chat completions recall before they are sent, and are remembered;
// everything else is the client's own.
//
// A memory that fails takes nothing from an answer: it is logged, and the client does what it does without a memory.
// [ErrRefused] is the exception.
type ChatClient struct {
	*api.Client
	plugin  *Plugin
	options ChatOptions
}

// Chat gives a go-openai client a memory: chat completions, streamed or not, recall before they are sent, may be refined,
// and are remembered. It has every method of the client, so that a backend changes the one line that makes it.
//
//	client := integration.Chat(plugin, openai.NewClient(key), nil)
func Chat(p *Plugin, client *api.Client, o *ChatOptions) *ChatClient {
	c := &ChatClient{Client: client, plugin: p}
	if o != nil {
		c.options = *o
	}
	c.options.Refine = cmp.Or(c.options.Refine, refine.Off)
	c.options.Log = cmp.Or(c.options.Log, slog.New(slog.DiscardHandler))
	return c
}

// begin recalls for a request, and returns it with what was recalled. The turn is nil if the memory failed.
func (c *ChatClient) begin(ctx context.Context, r api.ChatCompletionRequest) (api.ChatCompletionRequest, *Turn, error) {
	conversation := make([]specialists.Message, len(r.Messages))
	for i, m := range r.Messages {
		conversation[i] = specialists.Message{Role: m.Role, Content: chatwire.Spoken(m.Role, textOf(&m)), Name: m.Name}
	}
	o := TurnOptions{Limit: c.options.Limit, Budget: c.options.Budget, Refine: c.options.Refine}
	if c.options.Scope != nil {
		scope, err := c.options.Scope(ctx)
		if err == nil {
			err = o.within(scope)
		}
		if err != nil {
			return r, nil, fmt.Errorf("%w: whose memories are meant: %w", ErrRefused, err)
		}
	}
	turn, err := c.plugin.Begin(ctx, conversation, &o)
	if err != nil {
		c.options.Log.ErrorContext(ctx, "answering without a memory", "error", err)
		return r, nil, nil
	}
	if turn.Notes != "" {
		r.Messages = withNotes(r.Messages, turn.Notes)
	}
	return r, turn, nil
}

// within sets the scope to recall in, and the session to write in. A scope of nobody is refused: it would be the plugin's.
func (o *TurnOptions) within(scope memory.Scope) error {
	o.Session, scope.Session = scope.Session, ""
	if o.Scope = scope; scope == (memory.Scope{}) {
		return errors.New("the scope names neither tenant nor user")
	}
	return nil
}

// textOf is the text of a message, whose parts may be several.
func textOf(m *api.ChatCompletionMessage) string {
	texts := []string{}
	if m.Content != "" {
		texts = append(texts, m.Content)
	}
	for _, p := range m.MultiContent {
		if p.Type == api.ChatMessagePartTypeText {
			texts = append(texts, p.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// withNotes puts the notes behind the words of the last message of the user that has a text, and leaves the given slice as it
// is. No message is added: the templates of many models take one system message only, and only as the first; and what
// stands before stays a prefix that the model's server may have in its cache.
func withNotes(messages []api.ChatCompletionMessage, notes string) []api.ChatCompletionMessage {
	messages = slices.Clone(messages)
	for i := len(messages) - 1; i >= 0; i-- {
		m := &messages[i]
		switch {
		case m.Role != api.ChatMessageRoleUser || strings.TrimSpace(textOf(m)) == "":
			continue
		case len(m.MultiContent) > 0:
			m.MultiContent = append(slices.Clone(m.MultiContent), api.ChatMessagePart{Type: api.ChatMessagePartTypeText, Text: notes})
		default:
			m.Content += "\n\n" + notes
		}
		break
	}
	return messages
}

// CreateChatCompletion is the client's, with a memory. An answer of one choice without tools, that is free text, may be
// refined.
func (c *ChatClient) CreateChatCompletion(ctx context.Context, request api.ChatCompletionRequest) (api.ChatCompletionResponse, error) {
	asked, turn, err := c.begin(ctx, request)
	if err != nil {
		return api.ChatCompletionResponse{}, err
	}
	response, err := c.Client.CreateChatCompletion(ctx, asked)
	if err != nil || turn == nil || len(response.Choices) == 0 {
		return response, err
	}
	message := &response.Choices[0].Message
	if len(message.ToolCalls) > 0 || message.FunctionCall != nil {
		return response, nil // it is not over: the answer comes once the tools have run
	}
	said := chatwire.Spoken(message.Role, message.Content)
	if len(response.Choices) == 1 && free(&request) && turn.Refines() {
		refined := c.refine(ctx, turn, said)
		if more, added := strings.CutPrefix(refined, said); added {
			message.Content += more
			said = refined
		}
	}
	c.remember(ctx, turn, said)
	return response, nil
}

// free reports whether an answer is text whose form nobody relies on.
func free(r *api.ChatCompletionRequest) bool {
	return r.ResponseFormat == nil || r.ResponseFormat.Type == "" || r.ResponseFormat.Type == api.ChatCompletionResponseFormatTypeText
}

func (c *ChatClient) refine(ctx context.Context, turn *Turn, answer string) string {
	refined, err := turn.Refine(ctx, answer)
	if err != nil {
		c.options.Log.WarnContext(ctx, "the answer is not refined", "error", err)
		return answer
	}
	return refined
}

// rememberTime bounds the writing of a turn, which goes on when the request is over.
const rememberTime = 10 * time.Second

func (c *ChatClient) remember(ctx context.Context, turn *Turn, answer string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), rememberTime)
	defer stop()
	if err := turn.Remember(ctx, answer); err != nil {
		c.options.Log.ErrorContext(ctx, "a turn is not remembered", "error", err)
	}
}

// CreateChatCompletionStream is the client's, with a memory. Tokens pass as they come and are remembered at the end; what
// memory adds to an answer follows its text.
func (c *ChatClient) CreateChatCompletionStream(ctx context.Context, request api.ChatCompletionRequest) (*api.ChatCompletionStream, error) {
	asked, turn, err := c.begin(ctx, request)
	if err != nil {
		return nil, err
	}
	inner, err := c.Client.CreateChatCompletionStream(ctx, asked)
	if err != nil || turn == nil {
		return inner, err
	}
	var refine func(string) string
	if request.N <= 1 && free(&request) && turn.Refines() {
		refine = func(answer string) string { return c.refine(ctx, turn, answer) }
	}
	r := newRelay(inner, refine, func(answer string) { c.remember(ctx, turn, answer) })
	outer, err := replay(ctx, request, inner.Header(), r)
	if err != nil {
		inner.Close()
	}
	return outer, err
}

// replay makes a stream of go-openai's out of a body: it is made by its client only, from an answer over HTTP.
func replay(ctx context.Context, request api.ChatCompletionRequest, header http.Header, body io.ReadCloser) (*api.ChatCompletionStream, error) {
	config := api.DefaultConfig("")
	config.HTTPClient = answered{&http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: header, Body: body}}
	return api.NewClientWithConfig(config).CreateChatCompletionStream(ctx, request)
}

// answered has the answer to a request already.
type answered struct{ response *http.Response }

func (a answered) Do(r *http.Request) (*http.Response, error) {
	a.response.Request = r
	return a.response, nil
}

// relay is a stream as the body of another one. It reads on when it is read from, and holds no goroutine.
type relay struct {
	stream *api.ChatCompletionStream
	done   func(answer string)

	tail  *chatwire.Tail
	added string // the answer with what memory added to it; empty: nothing
	out   bytes.Buffer
	over  bool
}

// newRelay makes the relay of a stream. refine may be nil.
func newRelay(stream *api.ChatCompletionStream, refine func(string) string, done func(string)) *relay {
	r := &relay{stream: stream, done: done}
	r.tail = chatwire.NewTail(chatwire.NewTap(chatwire.Completions{}, chatwire.EventStream, longest), func(c *chatwire.Capture) (string, []byte) {
		said := c.Spoken()
		if refine == nil || c.Other || c.Long || said == "" {
			return "", nil
		}
		more, added := strings.CutPrefix(refine(said), said)
		if added && more != "" {
			r.added = said + more
		}
		return more, nil
	})
	return r
}

func (r *relay) Read(p []byte) (int, error) {
	for r.out.Len() == 0 {
		if r.over {
			return 0, io.EOF
		}
		raw, err := r.stream.RecvRaw()
		switch {
		case errors.Is(err, io.EOF):
			r.finish()
		case err != nil:
			r.over = true
			return 0, err
		default:
			r.take(raw)
		}
	}
	return r.out.Read(p)
}

// take passes a piece of the answer on.
func (r *relay) take(raw []byte) {
	var event bytes.Buffer
	chatwire.WriteEvent(&event, chatwire.EventStream, "", raw)
	r.out.Write(r.tail.Pass(event.Bytes()))
}

// finish ends the stream.
func (r *relay) finish() {
	r.over = true
	answer := r.tail.End()
	chatwire.WriteEvent(&r.out, chatwire.EventStream, "", []byte("[DONE]"))
	if answer.Complete && !answer.Other {
		r.done(cmp.Or(r.added, answer.Spoken()))
	}
}

// Close implements io.Closer. A stream that is left before its end is not remembered: nobody knows what it would have said.
func (r *relay) Close() error {
	r.over = true
	return r.stream.Close()
}
