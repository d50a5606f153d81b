package ada

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

// ClientOptions say which Ada to talk to, and how. Nil is the same as a zero ClientOptions.
type ClientOptions struct {
	// BaseURL is the brain's address. Zero: [DefaultBaseURL].
	BaseURL string
	// Timeout of one request, an answer's stream included. Zero: [DefaultTimeout].
	Timeout time.Duration
	// ClientType is sent as X-Client-Type. Zero: "refiner".
	ClientType string
	// Key is sent as a bearer token, for an Ada behind a proxy that asks for one. Zero: none.
	Key string
	// Transport makes the connections. Zero: http.DefaultTransport.
	Transport http.RoundTripper
}

// The defaults of ClientOptions.
const (
	DefaultBaseURL = "http://localhost:7000"
	DefaultTimeout = 120 * time.Second
)

// Errors of a Client.
var (
	// ErrConnection is returned when Ada cannot be reached.
	ErrConnection = errors.New("cannot reach Ada")
	// ErrResponse is returned when Ada answers with an error, or with what cannot be read.
	ErrResponse = errors.New("Ada answered with an error")
)

// maxAnswer bounds an answer that is no stream, in bytes.
const maxAnswer = 64 << 20

// Client talks to an Ada. It serves any number of goroutines.
type Client struct {
	base                *url.URL
	http                *http.Client
	clientType, bearing string
}

// NewClient makes a client. It does not connect.
func NewClient(o *ClientOptions) (*Client, error) {
	if o == nil {
		o = &ClientOptions{}
	}
	base, err := url.Parse(cmp.Or(o.BaseURL, DefaultBaseURL))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("the address of Ada cannot be read: write it like %s", DefaultBaseURL)
	}
	return &Client{base: base, clientType: cmp.Or(o.ClientType, "refiner"), bearing: o.Key,
		http: &http.Client{Timeout: cmp.Or(o.Timeout, DefaultTimeout), Transport: o.Transport}}, nil
}

// do sends a request and returns the answer if its status is one of success.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("ask Ada: %w", err)
		}
		in = bytes.NewReader(text)
	}
	address := c.base.JoinPath(path)
	address.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, address.String(), in)
	if err != nil {
		return nil, fmt.Errorf("ask Ada: %w", err)
	}
	r.Header.Set("X-Client-Type", c.clientType)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.bearing != "" {
		r.Header.Set("Authorization", "Bearer "+c.bearing)
	}
	w, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrConnection, c.base.Host, err)
	}
	if w.StatusCode/100 != 2 {
		defer w.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(w.Body, 4<<10))
		var said struct{ Error, Detail any }
		_ = json.Unmarshal(text, &said)
		message := strings.TrimSpace(string(text))
		if why := cmp.Or(said.Error, said.Detail); why != nil {
			message = fmt.Sprint(why)
		}
		return nil, &StatusError{Status: w.StatusCode, Message: message}
	}
	return w, nil
}

// StatusError is an answer with a status of failure. It wraps [ErrResponse].
type StatusError struct {
	Status  int
	Message string // Ada's own
}

// Error implements error.
func (e *StatusError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%v: %d %s: %s", ErrResponse, e.Status, http.StatusText(e.Status), e.Message), ": ")
}

// Unwrap makes it ErrResponse.
func (e *StatusError) Unwrap() error { return ErrResponse }

// ask sends a request and reads the answer into out, if it is not nil.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body, out any) error {
	w, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrConnection, c.base.Host, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%w: its answer to %s cannot be read: %w", ErrResponse, path, err)
	}
	return nil
}

// Chat asks, and yields the events of the answer as they come. An error event of Ada's is an error that wraps
// [ErrResponse], a stream that breaks off one that wraps [ErrStream]. Breaking out of the range ends the request.
func (c *Client) Chat(ctx context.Context, r ChatRequest) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		w, err := c.do(ctx, http.MethodPost, "/v1/chat/stream", nil, r)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer w.Body.Close()
		for e, err := range decodeStream(w.Body) {
			switch {
			case err != nil:
			case e.Type == Failed:
				err = fmt.Errorf("%w: %s", ErrResponse, cmp.Or(e.Err, e.Content))
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Answer collects the answer of Chat. The summary is nil if the stream had none.
func (c *Client) Answer(ctx context.Context, r ChatRequest) (string, *Summary, error) {
	var text strings.Builder
	var summary *Summary
	for e, err := range c.Chat(ctx, r) {
		if err != nil {
			return text.String(), nil, err
		}
		switch e.Type {
		case Token:
			text.WriteString(e.Content)
		case Done:
			summary = e.Summary
		}
	}
	return text.String(), summary, nil
}

// Memories searches, or lists without a query.
func (c *Client) Memories(ctx context.Context, q MemoryQuery) ([]Memory, error) {
	query := url.Values{}
	for name, value := range map[string]string{"query": q.Query, "scope": q.Scope, "entity": q.Entity, "type": q.Type} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(min(q.Limit, MaxMemories)))
	}
	var answer struct{ Items, Memories []Memory }
	err := c.ask(ctx, http.MethodGet, "/v1/memory", query, nil, &answer)
	if answer.Items == nil {
		answer.Items = answer.Memories
	}
	return answer.Items, err
}

// AddMemory stores a memory and returns its id.
func (c *Client) AddMemory(ctx context.Context, m NewMemory) (string, error) {
	var answer struct{ ID string }
	err := c.ask(ctx, http.MethodPost, "/v1/memory", nil, m, &answer)
	return answer.ID, err
}

// DeleteMemory deletes a memory.
func (c *Client) DeleteMemory(ctx context.Context, id string) error {
	path, err := under("/v1/memory/", id)
	if err != nil {
		return err
	}
	return c.ask(ctx, http.MethodDelete, path, nil, nil, nil)
}

// Health asks how Ada is. An Ada that is not well answers too: then OK is false, and the error a [StatusError].
func (c *Client) Health(ctx context.Context) (Health, error) {
	var h Health
	err := c.ask(ctx, http.MethodGet, "/v1/healthz", nil, nil, &h)
	if s := strings.ToLower(h.Status); s == "ok" || s == "healthy" {
		h.OK = true
	}
	return h, err
}

// Info asks what Ada is.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var i Info
	return i, c.ask(ctx, http.MethodGet, "/v1/info", nil, nil, &i)
}

// Specialists lists Ada's specialists.
func (c *Client) Specialists(ctx context.Context) ([]Specialist, error) {
	var answer struct{ Specialists []Specialist }
	err := c.ask(ctx, http.MethodGet, "/v1/specialists", nil, nil, &answer)
	return answer.Specialists, err
}

// Recent lists the latest conversations; a limit of 0 is Ada's own, 10.
func (c *Client) Recent(ctx context.Context, limit int) ([]Conversation, error) {
	query := url.Values{}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var list []Conversation
	return list, c.ask(ctx, http.MethodGet, "/v1/conversations/recent", query, nil, &list)
}

// Conversation returns the turns of a conversation.
func (c *Client) Conversation(ctx context.Context, id string) ([]Turn, error) {
	path, err := under("/v1/conversations/", id)
	if err != nil {
		return nil, err
	}
	var answer struct{ Turns []Turn }
	err = c.ask(ctx, http.MethodGet, path, nil, nil, &answer)
	return answer.Turns, err
}

// under is the path of an id that names one thing, and nothing above it.
func under(path, id string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", fmt.Errorf("%w: %q is no id", memory.ErrInvalid, id)
	}
	return path + url.PathEscape(id), nil
}
