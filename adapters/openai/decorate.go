package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	api "github.com/sashabaranov/go-openai"

	"github.com/trm-go/refiner/specialists"
)

// Client is go-openai's, which a backend has already.
type Client = api.Client

// Memory is what a [Remembering] client recalls from before an answer, and tells of it afterwards.
type Memory interface {
	// Begin recalls for the last message of the user in a conversation.
	Begin(ctx context.Context, conversation []specialists.Message) (Turn, error)
}

// Turn is one exchange.
type Turn interface {
	// Notes are the memories as a system message; empty where nothing is known.
	Notes() string
	// Refines reports whether Refine may change an answer.
	Refines() bool
	Refine(ctx context.Context, answer string) (string, error)
	// Remember writes the question and its answer; an empty answer is none.
	Remember(ctx context.Context, answer string) error
}

// Remembering is a go-openai client with a memory. Chat completions recall before they are sent, and are remembered;
// everything else is the client's own.
//
// A memory that fails takes nothing from an answer: it is logged, and the client does what it does without a memory. An
// error that wraps [ErrRefused] is the exception: the scope is not known, and no answer is better than somebody else's.
type Remembering struct {
	*Client
	memory Memory
	log    *slog.Logger
}

// ErrRefused is returned by a Memory when it is not to be used at all, such as for want of a user.
var ErrRefused = errors.New("refused")

// Decorate gives a client a memory. A nil log discards.
func Decorate(client *Client, m Memory, log *slog.Logger) *Remembering {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Remembering{Client: client, memory: m, log: log}
}

// begin recalls for a request, and returns it with what was recalled. The turn is nil if the memory failed.
func (c *Remembering) begin(ctx context.Context, r api.ChatCompletionRequest) (api.ChatCompletionRequest, Turn, error) {
	conversation := make([]specialists.Message, len(r.Messages))
	for i, m := range r.Messages {
		conversation[i] = specialists.Message{Role: m.Role, Content: textOf(&m), Name: m.Name}
	}
	turn, err := c.memory.Begin(ctx, conversation)
	switch {
	case errors.Is(err, ErrRefused):
		return r, nil, err
	case err != nil:
		c.log.ErrorContext(ctx, "answering without a memory", "error", err)
		return r, nil, nil
	}
	if notes := turn.Notes(); notes != "" {
		r.Messages = withNotes(r.Messages, notes)
	}
	return r, turn, nil
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

// withNotes puts the notes behind the conversation's first system message, or before everything if there is none: the
// templates of many models take one system message only, and only as the first. The given slice stays as it is.
func withNotes(messages []api.ChatCompletionMessage, notes string) []api.ChatCompletionMessage {
	if len(messages) > 0 && (messages[0].Role == api.ChatMessageRoleSystem || messages[0].Role == api.ChatMessageRoleDeveloper) {
		first := messages[0]
		if len(first.MultiContent) > 0 {
			first.MultiContent = append(append([]api.ChatMessagePart{}, first.MultiContent...), api.ChatMessagePart{Type: api.ChatMessagePartTypeText, Text: notes})
		} else {
			first.Content = strings.TrimSpace(first.Content + "\n\n" + notes)
		}
		return append([]api.ChatCompletionMessage{first}, messages[1:]...)
	}
	return append([]api.ChatCompletionMessage{{Role: api.ChatMessageRoleSystem, Content: notes}}, messages...)
}

// CreateChatCompletion is the client's, with a memory. An answer of one choice without tools, that is free text, may be
// refined.
func (c *Remembering) CreateChatCompletion(ctx context.Context, request api.ChatCompletionRequest) (api.ChatCompletionResponse, error) {
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
	if len(response.Choices) == 1 && free(&request) && turn.Refines() {
		message.Content = c.refine(ctx, turn, message.Content)
	}
	c.remember(ctx, turn, message.Content)
	return response, nil
}

// free reports whether an answer is text whose form nobody relies on.
func free(r *api.ChatCompletionRequest) bool {
	return r.ResponseFormat == nil || r.ResponseFormat.Type == "" || r.ResponseFormat.Type == api.ChatCompletionResponseFormatTypeText
}

func (c *Remembering) refine(ctx context.Context, turn Turn, answer string) string {
	refined, err := turn.Refine(ctx, answer)
	if err != nil {
		c.log.WarnContext(ctx, "the answer is not refined", "error", err)
		return answer
	}
	return refined
}

// writeTime bounds the writing of a turn, which goes on when the request is over.
const writeTime = 10 * time.Second

func (c *Remembering) remember(ctx context.Context, turn Turn, answer string) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer stop()
	if err := turn.Remember(ctx, answer); err != nil {
		c.log.ErrorContext(ctx, "a turn is not remembered", "error", err)
	}
}

// CreateChatCompletionStream is the client's, with a memory. Tokens pass as they come and are remembered at the end; where
// an answer is refined, which needs the whole of it, they come together then.
func (c *Remembering) CreateChatCompletionStream(ctx context.Context, request api.ChatCompletionRequest) (*api.ChatCompletionStream, error) {
	asked, turn, err := c.begin(ctx, request)
	if err != nil {
		return nil, err
	}
	inner, err := c.Client.CreateChatCompletionStream(ctx, asked)
	if err != nil || turn == nil {
		return inner, err
	}
	r := &relay{stream: inner, refines: request.N <= 1 && free(&request) && turn.Refines()}
	r.refine = func(answer string) string { return c.refine(ctx, turn, answer) }
	r.done = func(answer string) { c.remember(ctx, turn, answer) }
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

// Do implements the API's HTTPDoer.
func (a answered) Do(r *http.Request) (*http.Response, error) {
	a.response.Request = r
	return a.response, nil
}

// relay is a stream as the body of another one. It reads on when it is read from, and holds no goroutine.
type relay struct {
	stream  *api.ChatCompletionStream
	refines bool
	refine  func(string) string
	done    func(answer string)

	answer strings.Builder
	tools  bool
	over   bool
	held   [][]byte // events that wait for the refined answer
	out    bytes.Buffer
}

// mostKept bounds what is kept of an answer to remember it, in bytes.
const mostKept = 4 << 20

// Read implements io.Reader.
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
			r.hear(raw)
		}
	}
	return r.out.Read(p)
}

// event is what matters of a piece of an answer.
type event struct {
	Choices []struct {
		Index        int    `json:"index"`
		FinishReason string `json:"finish_reason"`
		Delta        struct {
			Content      string          `json:"content"`
			ToolCalls    json.RawMessage `json:"tool_calls"`
			FunctionCall json.RawMessage `json:"function_call"`
		} `json:"delta"`
	} `json:"choices"`
}

// hear takes a piece of the answer. It passes on as it came, unless the answer will be refined.
func (r *relay) hear(raw []byte) {
	var e event
	text := false
	if json.Unmarshal(raw, &e) == nil {
		for _, c := range e.Choices {
			r.tools = r.tools || len(c.Delta.ToolCalls) > 0 && string(c.Delta.ToolCalls) != "null" || len(c.Delta.FunctionCall) > 0 && string(c.Delta.FunctionCall) != "null"
			if c.Index == 0 && r.answer.Len() < mostKept {
				r.answer.WriteString(c.Delta.Content)
			}
			text = text || c.Delta.Content != ""
		}
	}
	raw = bytes.Clone(raw)
	if !r.refines {
		r.send(raw)
		return
	}
	r.held = append(r.held, raw)
	if r.tools || r.answer.Len() >= mostKept { // there is nothing to refine, or too much
		r.release()
	}
}

// release passes on what was held, and whatever follows at once.
func (r *relay) release() {
	r.refines = false
	for _, raw := range r.held {
		r.send(raw)
	}
	r.held = nil
}

func (r *relay) send(raw []byte) {
	r.out.WriteString("data: ")
	r.out.Write(raw)
	r.out.WriteString("\n\n")
}

// finish ends the stream.
func (r *relay) finish() {
	answer := r.answer.String()
	if r.refines && len(r.held) > 0 {
		if refined := r.refine(answer); refined != answer {
			answer = refined
			r.held = rewrite(r.held, refined)
		}
	}
	r.release()
	r.out.WriteString("data: [DONE]\n\n")
	r.over = true
	if !r.tools {
		r.done(answer)
	}
}

// rewrite puts an answer into the first piece with text, and takes the text of the others out.
func rewrite(events [][]byte, answer string) [][]byte {
	var list [][]byte
	for _, raw := range events {
		var e map[string]any
		if json.Unmarshal(raw, &e) != nil {
			list = append(list, raw)
			continue
		}
		choices, _ := e["choices"].([]any)
		for _, c := range choices {
			choice, _ := c.(map[string]any)
			delta, _ := choice["delta"].(map[string]any)
			if text, _ := delta["content"].(string); text != "" {
				delta["content"], answer = answer, ""
			}
		}
		if text, err := json.Marshal(e); err == nil {
			raw = text
		}
		list = append(list, raw)
	}
	return list
}

// Close implements io.Closer. A stream that is left before its end is not remembered: nobody knows what it would have said.
func (r *relay) Close() error {
	r.over = true
	return r.stream.Close()
}
