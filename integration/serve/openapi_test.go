package serve

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/trm-go/refiner/internal/chatwire"
)

var update = flag.Bool("update", false, "write the description of the REST API anew")

// The description is what the types say.
func TestDescription(t *testing.T) {
	var operations []operation
	for _, o := range (&Server{}).operations() {
		if chat, found := chatTypes[o.Path]; found {
			o.ID, o.Summary, o.Status, o.in, o.out, o.stream = chat.id, chat.summary, http.StatusOK, chat.in, chat.out, chat.event
		}
		operations = append(operations, o)
	}
	made, err := describe(operations)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text)+"\n" != string(description) {
		t.Error("openapi.json is not what the types say: run this test with -update")
	}
}

// chatTypes tell of the APIs of language models what is the same with every upstream. Other fields come and go.
var chatTypes = map[string]struct {
	id, summary    string
	in, out, event reflect.Type
}{
	"/v1/chat/completions": {"createChatCompletion", "Answer a chat, with memory", reflect.TypeFor[completionRequest](), reflect.TypeFor[completionAnswer](), reflect.TypeFor[completionEvent]()},
	"/v1/responses":        {"createResponse", "Answer in the Responses API, with memory", reflect.TypeFor[responseRequest](), reflect.TypeFor[responseAnswer](), reflect.TypeFor[responseEvent]()},
	"/v1/messages":         {"createMessage", "Answer in Anthropic's Messages API, with memory", reflect.TypeFor[messageRequest](), reflect.TypeFor[messageAnswer](), reflect.TypeFor[messageEvent]()},
	"/api/chat":            {"ollamaChat", "Answer in Ollama's API of chats, with memory", reflect.TypeFor[ollamaRequest](), reflect.TypeFor[ollamaAnswer](), reflect.TypeFor[ollamaAnswer]()},
	"/api/generate":        {"ollamaGenerate", "Answer in Ollama's API of completions, with memory", reflect.TypeFor[ollamaRequest](), reflect.TypeFor[ollamaAnswer](), reflect.TypeFor[ollamaAnswer]()},
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
			help := f.Tag.Get("jsonschema")
			place, required := "query", !strings.Contains(f.Tag.Get("json"), "omit")
			if f.path {
				place, required = "path", true
			}
			schema, err := schemaOf(f.Type)
			if err != nil {
				return nil, err
			}
			parameter := map[string]any{"name": f.name, "in": place, "required": required, "schema": schema}
			if help != "" {
				parameter["description"] = help
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
	_, open := chatTypes[o.Path]
	s, err := schemaOf(t)
	if err == nil && open {
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
