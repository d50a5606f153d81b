package langchaingo

import (
	"cmp"
	"context"

	"github.com/tmc/langchaingo/llms"
	chainmemory "github.com/tmc/langchaingo/memory"
	"github.com/tmc/langchaingo/schema"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/specialists"
)

// Memory is the memory of one conversation of a chain. Its variable holds notes of what is known from before and bears on the
// user's message, marked as data, and then the conversation itself. Each exchange is remembered. It is not for concurrent use.
type Memory struct {
	Plugin *integration.Plugin
	// Turn says whose memories, which session, how many of them.
	Turn integration.TurnOptions
	// History is the conversation so far, for instance one that langchaingo keeps in a file.
	History schema.ChatMessageHistory
	// InputKey and OutputKey name the message and the answer. They may be empty where a chain has one of each.
	InputKey, OutputKey string
	// MemoryKey is the variable. Empty: "history".
	MemoryKey string
}

var _ schema.Memory = (*Memory)(nil)

// NewMemory makes the memory of a conversation that begins now.
func NewMemory(p *integration.Plugin, turn integration.TurnOptions) *Memory {
	return &Memory{Plugin: p, Turn: turn, History: chainmemory.NewChatMessageHistory()}
}

// GetMemoryKey implements schema.Memory.
func (m *Memory) GetMemoryKey(context.Context) string { return cmp.Or(m.MemoryKey, "history") }

// MemoryVariables implements schema.Memory.
func (m *Memory) MemoryVariables(ctx context.Context) []string { return []string{m.GetMemoryKey(ctx)} }

// LoadMemoryVariables implements schema.Memory.
func (m *Memory) LoadMemoryVariables(ctx context.Context, inputs map[string]any) (map[string]any, error) {
	turn, messages, err := m.begin(ctx, inputs, false)
	if err != nil {
		return nil, err
	}
	text, err := llms.GetBufferString(messages, "Human", "AI")
	if err != nil {
		return nil, err
	}
	if turn.Notes != "" && text != "" {
		text = "\n\n" + text
	}
	return map[string]any{m.GetMemoryKey(ctx): turn.Notes + text}, nil
}

// SaveContext implements schema.Memory. An answer that was made from memories is written as such, and one that contradicts
// them is not written, as [integration.Turn.Remember] has it; the conversation goes on with it all the same.
func (m *Memory) SaveContext(ctx context.Context, inputs, outputs map[string]any) error {
	answer, err := chainmemory.GetInputValue(outputs, m.OutputKey)
	if err != nil {
		return err
	}
	turn, _, err := m.begin(ctx, inputs, true)
	if err != nil {
		return err
	}
	if err := turn.Remember(ctx, answer); err != nil {
		return err
	}
	question, err := chainmemory.GetInputValue(inputs, m.InputKey)
	if err != nil {
		return err
	}
	if err := m.History.AddUserMessage(ctx, question); err != nil {
		return err
	}
	return m.History.AddAIMessage(ctx, answer)
}

// Clear implements schema.Memory: a new conversation begins. What was remembered stays; [integration.Plugin.Forget] deletes it.
func (m *Memory) Clear(ctx context.Context) error { return m.History.Clear(ctx) }

// begin is the turn of the message that a chain was given, and the conversation before it. quiet: nobody gets to see what is recalled.
func (m *Memory) begin(ctx context.Context, inputs map[string]any, quiet bool) (*integration.Turn, []llms.ChatMessage, error) {
	question, err := chainmemory.GetInputValue(inputs, m.InputKey)
	if err != nil {
		return nil, nil, err
	}
	history, err := m.History.Messages(ctx)
	if err != nil {
		return nil, nil, err
	}
	var messages []specialists.Message
	for _, said := range history {
		role := string(said.GetType())
		switch said.GetType() {
		case llms.ChatMessageTypeHuman:
			role = "user"
		case llms.ChatMessageTypeAI:
			role = "assistant"
		}
		messages = append(messages, specialists.Message{Role: role, Content: said.GetContent()})
	}
	o := m.Turn
	o.Quiet = o.Quiet || quiet
	turn, err := m.Plugin.Begin(ctx, append(messages, specialists.Message{Role: "user", Content: question}), &o)
	return turn, history, err
}
