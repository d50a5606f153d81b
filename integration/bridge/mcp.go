package bridge

import (
	"cmp"
	"context"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// MCP is a plugin's memory of one scope as package mcp serves it to language models. The zero Scope is the plugin's. It is an
// [mcp.Asker].
func MCP(p *integration.Plugin, scope memory.Scope) mcp.Memory {
	return mcpMemory{p, cmp.Or(scope, p.Scope)}
}

type mcpMemory struct {
	plugin *integration.Plugin
	scope  memory.Scope
}

var _ mcp.Asker = mcpMemory{}

// Remember implements mcp.Memory.
func (m mcpMemory) Remember(ctx context.Context, r memory.Record, old ...memory.ID) (memory.ID, error) {
	if err := m.plugin.Writes("remember"); err != nil {
		return "", err
	}
	if len(old) > 0 {
		return m.plugin.Store.Supersede(ctx, m.scope, r, old...)
	}
	added, err := m.plugin.Store.Add(ctx, m.scope, r)
	if err != nil {
		return "", err
	}
	return added.IDs[0], nil
}

// Recall implements mcp.Memory.
func (m mcpMemory) Recall(ctx context.Context, q memory.Query) (*refine.Recollection, error) {
	return m.plugin.Recall(ctx, m.scope, q)
}

// Record implements mcp.Memory.
func (m mcpMemory) Record(ctx context.Context, id memory.ID) (memory.Record, error) {
	return m.plugin.Store.Record(ctx, m.scope, id)
}

// History implements mcp.Memory.
func (m mcpMemory) History(ctx context.Context, id memory.ID) (memory.History, error) {
	return m.plugin.Store.History(ctx, m.scope, id)
}

// Forget implements mcp.Memory.
func (m mcpMemory) Forget(ctx context.Context, ids ...memory.ID) (memory.Deleted, error) {
	return m.plugin.Forget(ctx, m.scope, ids...)
}

// MarkShown implements mcp.Memory.
func (m mcpMemory) MarkShown(_ context.Context, ids ...memory.ID) error {
	m.plugin.Shown(m.scope, ids...)
	return nil
}

// Ask implements mcp.Asker.
func (m mcpMemory) Ask(ctx context.Context, question string) (mcp.Answer, error) {
	a, err := m.plugin.Ask(ctx, integration.Request{Scope: m.scope, Question: question})
	if err != nil {
		return mcp.Answer{}, err
	}
	answer := mcp.Answer{Text: a.Text, Claims: a.Claims, Stop: string(a.Stop), Rounds: len(a.Rounds)}
	for _, memory := range a.Memories {
		answer.Memories = append(answer.Memories, memory.ID)
	}
	return answer, nil
}
