package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// readArguments reads the arguments of real clients before the schema judges them. Models and frameworks write null for
// what they leave out, lists and numbers as strings, and no arguments at all as a list; each of these has one meaning. What
// is wrong for good is answered with what the tool takes, so that a model can do better.
func readArguments(schemas map[string]*jsonschema.Schema) sdk.Middleware {
	return func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			call, ok := req.(*sdk.CallToolRequest)
			if !ok || call.Params == nil || schemas[call.Params.Name] == nil {
				return next(ctx, method, req)
			}
			schema := schemas[call.Params.Name]
			arguments, err := normalize(call.Params.Arguments, schema)
			if err != nil {
				said := strings.TrimPrefix(err.Error(), "validating root: ") // the library's word for all arguments together
				text := fmt.Sprintf("%s: %s. %s", call.Params.Name, said, usage(call.Params.Name, schema))
				return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}, nil
			}
			call.Params.Arguments = arguments
			return next(ctx, method, req)
		}
	}
}

// normalize brings arguments into the form of the schema, where there is no doubt about what is meant, and holds them against
// it, bounds included.
func normalize(raw json.RawMessage, schema *jsonschema.Schema) (json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	var text string
	if json.Unmarshal(raw, &text) == nil && strings.HasPrefix(strings.TrimSpace(text), "{") { // an object in a string
		raw = []byte(text)
	}
	arguments := map[string]json.RawMessage{}
	if s := string(raw); s != "" && s != "null" && s != "[]" {
		if err := json.Unmarshal(raw, &arguments); err != nil {
			return nil, fmt.Errorf("the arguments are not an object")
		}
	}
	for name, p := range schema.Properties {
		if v := normalizeValue(arguments[name], p, slices.Contains(schema.Required, name)); v != nil {
			arguments[name] = v
		} else {
			delete(arguments, name)
		}
	}
	made, err := json.Marshal(arguments)
	if err != nil {
		return nil, err
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(made, &v); err != nil {
		return nil, err
	}
	return made, resolved.Validate(v)
}

// normalizeValue returns one argument, or nil if it says nothing.
func normalizeValue(raw json.RawMessage, schema *jsonschema.Schema, required bool) json.RawMessage {
	var text string
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if json.Unmarshal(raw, &text) != nil {
		return raw
	}
	trimmed := strings.TrimSpace(text)
	_, noNumber := strconv.ParseFloat(trimmed, 64)
	switch {
	case (trimmed == "" || trimmed == "null") && !required:
		return nil
	case schema.Type == "array" && strings.HasPrefix(trimmed, "[") && json.Valid([]byte(trimmed)),
		(schema.Type == "number" || schema.Type == "integer") && noNumber == nil && json.Valid([]byte(trimmed)):
		return json.RawMessage(trimmed)
	case schema.Type == "array":
		one, _ := json.Marshal([]string{trimmed}) // one element, not in a list
		return one
	}
	return raw
}

// kindOf names what an argument may be.
func kindOf(schema *jsonschema.Schema) string {
	switch {
	case len(schema.Enum) > 0:
		return fmt.Sprintf("one of %v", schema.Enum)
	case schema.Type == "array":
		return "a list of strings"
	case schema.Type == "integer":
		return "a whole number"
	}
	return "a " + schema.Type
}

// usage says what a tool takes.
func usage(tool string, schema *jsonschema.Schema) string {
	var must, may []string
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		entry := name + " (" + kindOf(schema.Properties[name]) + ")"
		if slices.Contains(schema.Required, name) {
			must = append(must, entry)
		} else {
			may = append(may, entry)
		}
	}
	text := tool + " needs " + strings.Join(must, ", ")
	if len(may) > 0 {
		text += "; it may have " + strings.Join(may, ", ")
	}
	return text + "."
}
