package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/chatwire"
)

// operation is one of the REST API: its handler and its description.
type operation struct {
	Method, Path, ID, Summary string
	Status                    int // of success
	in, out                   reflect.Type
	stream                    reflect.Type // of each server-sent event; nil: it does not stream
	open                      bool         // other fields come and go
	handle                    func(w http.ResponseWriter, r *http.Request) error
}

// does makes an operation of a function from its input to its output.
func does[In, Out any](method string, status int, path, id, summary string, f func(context.Context, *caller, *In) (*Out, error)) operation {
	return operation{Method: method, Path: path, ID: id, Summary: summary, Status: status, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		handle: func(w http.ResponseWriter, r *http.Request) error {
			var in In
			if err := decode(w, r, &in); err != nil {
				return err
			}
			out, err := f(r.Context(), callerOf(r.Context()), &in)
			if err != nil {
				return err
			}
			writeJSON(w, status, out)
			return nil
		}}
}

func get[In, Out any](path, id, summary string, f func(context.Context, *caller, *In) (*Out, error)) operation {
	return does(http.MethodGet, http.StatusOK, path, id, summary, f)
}

func del[In, Out any](path, id, summary string, f func(context.Context, *caller, *In) (*Out, error)) operation {
	return does(http.MethodDelete, http.StatusOK, path, id, summary, f)
}

func post[In, Out any](status int, path, id, summary string, f func(context.Context, *caller, *In) (*Out, error)) operation {
	return does(http.MethodPost, status, path, id, summary, f)
}

func (s *Server) askOperation() operation {
	return operation{Method: http.MethodPost, Path: "/api/v1/ask", ID: "ask", Summary: "Answer a question from the memories, refined to a fixed point, with its rounds",
		Status: http.StatusOK, in: reflect.TypeFor[askRequest](), out: reflect.TypeFor[integration.Answer](), stream: reflect.TypeFor[integration.Event](), handle: s.ask}
}

// chat is the operation of an API of language models. Its types tell what is the same with every upstream.
func (s *Server) chat(wire chatwire.Wire, id, summary string, in, out, event reflect.Type) operation {
	path := wire.Path()
	if !strings.HasPrefix(path, "/api/") {
		path = "/v1" + path
	}
	return operation{Method: http.MethodPost, Path: path, ID: id, Summary: summary, Status: http.StatusOK, in: in, out: out, stream: event, open: true,
		handle: func(w http.ResponseWriter, r *http.Request) error {
			s.converse(wire, w, r)
			return nil
		}}
}

// completionRequest, completionAnswer and completionEvent describe chat completions.
type (
	completionRequest struct {
		Model    string           `json:"model,omitempty" jsonschema:"none, or refine: the configured one"`
		Messages []map[string]any `json:"messages"`
		Stream   *bool            `json:"stream,omitempty"`
		Refine   string           `json:"refine,omitempty" jsonschema:"off, auto (unless the draft passes) or always"`
	}
	completionAnswer struct {
		ID      string           `json:"id"`
		Object  string           `json:"object"`
		Model   string           `json:"model"`
		Choices []map[string]any `json:"choices"`
		Usage   map[string]any   `json:"usage,omitempty"`
		Refine  *report          `json:"refine,omitempty" jsonschema:"how the answer was refined"`
	}
	completionEvent struct {
		ID      string           `json:"id"`
		Choices []map[string]any `json:"choices"`
		Refine  *report          `json:"refine,omitempty" jsonschema:"how the answer was refined, in the last event with a choice"`
	}
)

// responseRequest, responseAnswer and responseEvent describe the Responses API.
type (
	responseRequest struct {
		Model        string  `json:"model,omitempty" jsonschema:"none, or refine: the configured one"`
		Input        any     `json:"input,omitempty" jsonschema:"a text, or a list of messages and other items"`
		Instructions *string `json:"instructions,omitempty" jsonschema:"notes from memory are put behind them"`
		Previous     *string `json:"previous_response_id,omitempty" jsonschema:"passed on; what it holds is not known here"`
		Conversation any     `json:"conversation,omitempty" jsonschema:"names the session if no header and no metadata do"`
		Stream       *bool   `json:"stream,omitempty"`
		Refine       string  `json:"refine,omitempty" jsonschema:"off, auto (unless the draft passes) or always"`
	}
	responseAnswer struct {
		ID     string           `json:"id"`
		Object string           `json:"object"`
		Status string           `json:"status,omitempty"`
		Model  string           `json:"model,omitempty"`
		Output []map[string]any `json:"output"`
		Usage  map[string]any   `json:"usage,omitempty"`
		Refine *report          `json:"refine,omitempty" jsonschema:"how the answer was refined"`
	}
	responseEvent struct {
		Type   string `json:"type"`
		Number int    `json:"sequence_number"`
	}
)

// messageRequest, messageAnswer and messageEvent describe Anthropic's API.
type (
	messageRequest struct {
		Model    string           `json:"model,omitempty" jsonschema:"none, or refine: the configured one"`
		Messages []map[string]any `json:"messages"`
		System   any              `json:"system,omitempty"`
		Stream   *bool            `json:"stream,omitempty"`
	}
	messageAnswer struct {
		ID      string           `json:"id"`
		Type    string           `json:"type"`
		Model   string           `json:"model"`
		Content []map[string]any `json:"content"`
		Usage   map[string]any   `json:"usage,omitempty"`
		Refine  *report          `json:"refine,omitempty" jsonschema:"how the answer was refined"`
	}
	messageEvent struct {
		Type string `json:"type"`
	}
)

// ollamaRequest and ollamaAnswer describe Ollama's own APIs, which stream JSON lines unless stream is false.
type (
	ollamaRequest struct {
		Model    string           `json:"model,omitempty" jsonschema:"none, or refine: the configured one"`
		Messages []map[string]any `json:"messages,omitempty" jsonschema:"of a chat"`
		Prompt   string           `json:"prompt,omitempty" jsonschema:"of a completion"`
		Stream   *bool            `json:"stream,omitempty"`
	}
	ollamaAnswer struct {
		Model    string         `json:"model"`
		Message  map[string]any `json:"message,omitempty"`
		Response string         `json:"response,omitempty"`
		Done     bool           `json:"done"`
		Refine   *report        `json:"refine,omitempty" jsonschema:"how the answer was refined"`
	}
)

// chats are the operations of the APIs of language models.
func (s *Server) chats() []operation {
	return []operation{
		s.chat(chatwire.Completions{}, "createChatCompletion", "Answer a chat, with memory", reflect.TypeFor[completionRequest](), reflect.TypeFor[completionAnswer](), reflect.TypeFor[completionEvent]()),
		s.chat(chatwire.Responses{}, "createResponse", "Answer in the Responses API, with memory", reflect.TypeFor[responseRequest](), reflect.TypeFor[responseAnswer](), reflect.TypeFor[responseEvent]()),
		s.chat(chatwire.Anthropic{}, "createMessage", "Answer in Anthropic's Messages API, with memory", reflect.TypeFor[messageRequest](), reflect.TypeFor[messageAnswer](), reflect.TypeFor[messageEvent]()),
		s.chat(chatwire.OllamaChat{}, "ollamaChat", "Answer in Ollama's API of chats, with memory", reflect.TypeFor[ollamaRequest](), reflect.TypeFor[ollamaAnswer](), reflect.TypeFor[ollamaAnswer]()),
		s.chat(chatwire.OllamaGenerate{}, "ollamaGenerate", "Answer in Ollama's API of completions, with memory", reflect.TypeFor[ollamaRequest](), reflect.TypeFor[ollamaAnswer](), reflect.TypeFor[ollamaAnswer]()),
	}
}

// rest adds the operations, and their description.
func (s *Server) rest(mux *http.ServeMux, protected func(string, http.HandlerFunc)) error {
	operations := s.operations()
	for _, o := range operations {
		protected(o.Method+" "+o.Path, func(w http.ResponseWriter, r *http.Request) {
			if err := o.handle(w, r); err != nil {
				s.fail(w, r, err)
			}
		})
	}
	description, err := describe(operations)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(description, "", " ")
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /api/v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text)
	})
	return nil
}

// bodyTime is how long a body may take to come.
const bodyTime = 2 * time.Minute

// patient runs a reading of the body within its time.
func patient(w http.ResponseWriter, read func() error) error {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // a test's recorder has none
	defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	return read()
}

// asBody is the failure of a body that cannot be decoded.
func asBody(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return badField("", "the body cannot be read: %v", err)
}

// decode fills a request in: from the path, from the body, or without a body from the query.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	v := reflect.ValueOf(into).Elem()
	known := map[string]bool{}
	if r.Method == http.MethodPost {
		if r.ContentLength != 0 {
			d := json.NewDecoder(r.Body)
			d.DisallowUnknownFields()
			err := patient(w, func() error {
				if err := d.Decode(into); err != nil {
					return err
				}
				if _, err := d.Token(); err != io.EOF {
					return errors.Join(errors.New("there is more after the JSON object"), err)
				}
				return nil
			})
			if err != nil {
				return asBody(err)
			}
		}
	} else {
		for _, f := range inputs(v.Type()) {
			known[f.name] = true
			if values := r.URL.Query()[f.name]; len(values) > 0 && !f.path {
				if err := set(v.FieldByIndex(f.index), values); err != nil {
					return badField(f.name, "%s: %v", f.name, err)
				}
			}
		}
		for name := range r.URL.Query() {
			if !known[name] {
				return badField(name, "there is no parameter %q", name)
			}
		}
	}
	for _, f := range inputs(v.Type()) {
		if f.path {
			v.FieldByIndex(f.index).SetString(r.PathValue(f.name))
		}
	}
	return nil
}

// input is a field of a request.
type input struct {
	name     string
	help     string
	path     bool
	optional bool
	index    []int
	kind     reflect.Type
}

// inputs are the fields of a request, those of embedded structs included.
func inputs(t reflect.Type) []input {
	var list []input
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" {
			continue
		}
		list = append(list, input{name, f.Tag.Get("jsonschema"), f.Tag.Get("in") == "path", strings.Contains(options, "omit"), f.Index, f.Type})
	}
	return list
}

// set parses the values of a query's parameter.
func set(v reflect.Value, values []string) error {
	if v.Kind() == reflect.Slice {
		list := reflect.MakeSlice(v.Type(), len(values), len(values))
		for i, text := range values {
			if err := set(list.Index(i), []string{text}); err != nil {
				return err
			}
		}
		v.Set(list)
		return nil
	}
	if len(values) > 1 {
		return errors.New("it is given twice")
	}
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		at, err := time.Parse(time.RFC3339, values[0])
		if err != nil {
			return fmt.Errorf("%q is no time: write it like 2025-03-09T18:30:00Z", values[0])
		}
		*x = at
		return nil
	case *bool:
		yes, err := strconv.ParseBool(values[0])
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", values[0])
		}
		*x = yes
		return nil
	case *int:
		n, err := strconv.Atoi(values[0])
		if err != nil {
			return fmt.Errorf("%q is no whole number", values[0])
		}
		*x = n
		return nil
	}
	v.SetString(values[0])
	return nil
}

// describe is the OpenAPI 3.1 description of operations. Types that Go names are components, once each.
func describe(operations []operation) (map[string]any, error) {
	paths := map[string]map[string]any{}
	for _, o := range operations {
		told := map[string]any{"operationId": o.ID, "summary": o.Summary}
		var parameters []any
		for _, f := range inputs(o.in) {
			if !f.path && o.Method == http.MethodPost {
				continue
			}
			place, required := "query", !f.optional
			if f.path {
				place, required = "path", true
			}
			schema, err := schemaOf(f.kind)
			if err != nil {
				return nil, err
			}
			parameter := map[string]any{"name": f.name, "in": place, "required": required, "schema": schema}
			if f.help != "" {
				parameter["description"] = f.help
			}
			parameters = append(parameters, parameter)
		}
		if parameters != nil {
			told["parameters"] = parameters
		}
		if body, err := bodyOf(o); err != nil {
			return nil, err
		} else if body != nil {
			told["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": body}}}
		}
		out, err := o.schema(o.out)
		if err != nil {
			return nil, err
		}
		content := map[string]any{"application/json": map[string]any{"schema": out}}
		if o.stream != nil {
			event, err := o.schema(o.stream)
			if err != nil {
				return nil, err
			}
			event.Description = "Each event's data, or each line, is one of these."
			kind := chatwire.EventStream
			if o.stream == reflect.TypeFor[ollamaAnswer]() {
				kind = chatwire.JSONLines
			}
			content[kind] = map[string]any{"schema": event}
		}
		told["responses"] = map[string]any{
			strconv.Itoa(o.Status): map[string]any{"description": "Done.", "content": content},
			"default":              map[string]any{"$ref": "#/components/responses/Error"},
		}
		if paths[o.Path] == nil {
			paths[o.Path] = map[string]any{}
		}
		paths[o.Path][strings.ToLower(o.Method)] = told
	}
	text := map[string]any{"type": "string"}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{"title": "Refiner", "version": "1", "summary": "A memory for assistants that thinks again",
			"description": "Memories of one scope: that of the key. Errors have the shape of OpenAI's."},
		"servers":  []any{map[string]any{"url": "/"}},
		"security": []any{map[string]any{"key": []any{}}, map[string]any{}},
		"paths":    paths,
		"components": map[string]any{
			"securitySchemes": map[string]any{"key": map[string]any{"type": "http", "scheme": "bearer", "description": "A key made with `refine serve key`. None where the server has no keys."}},
			"responses": map[string]any{"Error": map[string]any{"description": "It was not done; the message says why, and what to do.", "content": map[string]any{"application/json": map[string]any{"schema": map[string]any{
				"type": "object", "required": []string{"error"}, "properties": map[string]any{"error": map[string]any{
					"type": "object", "required": []string{"message", "type", "param", "code"},
					"properties": map[string]any{"message": text, "type": text, "code": text, "param": map[string]any{"type": []string{"string", "null"}}},
				}},
			}}}}},
		},
	}, nil
}

// schemaOf is the JSON schema of a type. Other fields may come: a client must let them be.
func schemaOf(t reflect.Type) (*jsonschema.Schema, error) {
	s, err := jsonschema.ForType(t, nil)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", t, err)
	}
	return s, nil
}

// schema is that of a type of the operation's.
func (o operation) schema(t reflect.Type) (*jsonschema.Schema, error) {
	s, err := schemaOf(t)
	if err == nil && o.open {
		s.AdditionalProperties = nil
	}
	return s, err
}

// bodyOf is the schema of an operation's body; nil without one.
func bodyOf(o operation) (*jsonschema.Schema, error) {
	if o.Method != http.MethodPost {
		return nil, nil
	}
	s, err := o.schema(o.in)
	if err != nil {
		return nil, err
	}
	for _, f := range inputs(o.in) {
		if f.path {
			delete(s.Properties, f.name)
			s.Required = without(s.Required, f.name)
			s.PropertyOrder = without(s.PropertyOrder, f.name)
		}
	}
	if len(s.Properties) == 0 {
		return nil, nil
	}
	return s, nil
}

func without(list []string, name string) []string {
	var kept []string
	for _, x := range list {
		if x != name {
			kept = append(kept, x)
		}
	}
	return kept
}
