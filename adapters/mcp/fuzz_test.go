package mcp_test

import (
	"encoding/json"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/memory"
)

// Whatever a model sends, the server answers, shows nobody else's memories, and deletes nothing without its id.
func FuzzTools(f *testing.F) {
	for _, seed := range []struct{ tool, args string }{
		{"recall", `{"question":"Where is Ruth?","limit":3,"since":"2025-01-01","kinds":["turn"]}`},
		{"recall", `{"question":"\"","at":"9999-12-31"}`},
		{"recall", `{"question":"-*","until":"0001-01-01"}`},
		{"remember", `{"text":"x","importance":1e308,"said":"2025-02-30"}`},
		{"remember", `{"text":"x","replaces":["x"],"derived_from":[""]}`},
		{"forget", `{"ids":["01ARZ3NDEKTSV4RRFFQ69G5FAV"]}`},
		{"forget", `{"ids":[]}`},
		{"history", `{"id":"\u0000"}`},
		{"explain", `{"question":"` + strings.Repeat("a ", 1000) + `"}`},
		{"ask", `{"question":"?"}`},
		{"recall", `[1,2]`}, {"recall", `null`}, {"none", `{}`},
	} {
		f.Add(seed.tool, seed.args)
	}
	p := plugin(f)
	s := connect(f, mcp.New(p, memory.Scope{}, nil))
	before, err := p.Store.Stats(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, tool, args string) {
		if !json.Valid([]byte(args)) {
			t.Skip()
		}
		r, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(args)})
		if err == nil {
			for _, c := range r.Content {
				if text := c.(*sdk.TextContent).Text; strings.Contains(text, "Oslo") || strings.Contains(text, "log says why") {
					t.Errorf("%s %s gives %s", tool, args, text)
				}
			}
		}
		after, err := p.Store.Stats(t.Context())
		if err != nil || after.Records < before.Records {
			t.Errorf("%s %s leaves %d records, %v; there were %d", tool, args, after.Records, err, before.Records)
		}
		before = after
	})
}
