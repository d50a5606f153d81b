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
			if err == nil {
				err = within(arguments, schema)
			}
			if err != nil {
				text := fmt.Sprintf("%s: %v. %s", call.Params.Name, err, usage(call.Params.Name, schema))
				return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}, nil
			}
			call.Params.Arguments = arguments
			return next(ctx, method, req)
		}
	}
}

// within holds arguments against the whole schema, bounds included.
func within(arguments json.RawMessage, schema *jsonschema.Schema) error {
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(arguments, &v); err != nil {
		return err
	}
	return resolved.Validate(v)
}

// normalize brings arguments into the form of the schema, where there is no doubt about what is meant.
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
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		p := schema.Properties[name]
		if p == nil {
			return nil, fmt.Errorf("there is no argument %q", name)
		}
		v, err := normalizeValue(arguments[name], p, slices.Contains(schema.Required, name))
		switch {
		case err != nil:
			return nil, fmt.Errorf("%q %w", name, err)
		case v == nil:
			delete(arguments, name)
		default:
			arguments[name] = v
		}
	}
	for _, name := range schema.Required {
		if arguments[name] == nil {
			return nil, fmt.Errorf("%q is missing", name)
		}
	}
	return json.Marshal(arguments)
}

// normalizeValue returns one argument, or nil if it says nothing.
func normalizeValue(raw json.RawMessage, schema *jsonschema.Schema, required bool) (json.RawMessage, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		if schema.Type == "array" && raw[0] != '[' || schema.Type == "string" && (raw[0] == '[' || raw[0] == '{') {
			return nil, fmt.Errorf("is %.60s, not %s", raw, kindOf(schema))
		}
		return raw, nil
	}
	trimmed := strings.TrimSpace(text)
	if (trimmed == "" || trimmed == "null") && !required {
		return nil, nil
	}
	switch schema.Type {
	case "array":
		var list []json.RawMessage
		if json.Unmarshal([]byte(trimmed), &list) == nil {
			return json.RawMessage(trimmed), nil
		}
		return json.Marshal([]string{trimmed}) // one element, not in a list
	case "number", "integer":
		if _, err := strconv.ParseFloat(trimmed, 64); err != nil {
			return nil, fmt.Errorf("is %.60q, not %s", text, kindOf(schema))
		}
		return json.RawMessage(trimmed), nil
	case "string":
		if len(schema.Enum) > 0 && !slices.Contains(schema.Enum, any(text)) {
			return nil, fmt.Errorf("is %.60q, not %s", text, kindOf(schema))
		}
	}
	return raw, nil
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
