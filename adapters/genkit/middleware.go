package genkit

import (
	"context"
	"slices"

	"github.com/firebase/genkit/go/ai"
	"github.com/firebase/genkit/go/core/logger"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/specialists"
)

// Middleware gives a model a memory: what bears on the user's last message stands behind it, marked as data, and the exchange is
// remembered when the answer is complete. turn says whose memories, and which conversation.
//
// A memory that fails takes nothing from an answer: Genkit's logger is told. A session that cannot be stored is an error.
func Middleware(p *integration.Plugin, turn integration.TurnOptions) ai.ModelMiddleware {
	return func(next ai.ModelFunc) ai.ModelFunc {
		return func(ctx context.Context, request *ai.ModelRequest, stream ai.ModelStreamCallback) (*ai.ModelResponse, error) {
			t, err := p.Turn(conversation(request.Messages), &turn)
			if err != nil {
				return nil, err
			}
			if err := t.Recall(ctx); err != nil {
				logger.FromContext(ctx).ErrorContext(ctx, "answering without a memory", "error", err)
			}
			asked := withNotes(request, t.Notes)
			response, err := next(ctx, asked, stream)
			if err != nil || response == nil {
				return response, err
			}
			if response.Request == asked {
				response.Request = request // so that the history that is sent again holds no notes
			}
			switch response.FinishReason {
			case ai.FinishReasonLength, ai.FinishReasonBlocked, ai.FinishReasonInterrupted:
				return response, nil
			}
			if response.Message == nil || len(response.ToolRequests()) > 0 {
				return response, nil // it is not over: the answer comes once the tools have run
			}
			if err := t.Remember(ctx, textOf(response.Message.Content)); err != nil {
				logger.FromContext(ctx).ErrorContext(ctx, "the turn is not remembered", "error", err)
			}
			return response, nil
		}
	}
}

// conversation are the messages as the plugin knows them. A message without a text, as a call of a tool, stays as an empty one.
func conversation(messages []*ai.Message) []specialists.Message {
	list := make([]specialists.Message, len(messages))
	for i, m := range messages {
		role := string(m.Role)
		if m.Role == ai.RoleModel {
			role = "assistant"
		}
		list[i] = specialists.Message{Role: role, Content: textOf(m.Content)}
	}
	return list
}

// withNotes is a request with notes behind the words of the user's last message that has a text; the given one stays as it is.
func withNotes(r *ai.ModelRequest, notes string) *ai.ModelRequest {
	if notes == "" {
		return r
	}
	asked := *r
	asked.Messages = slices.Clone(r.Messages)
	for i, m := range slices.Backward(asked.Messages) {
		if m.Role == ai.RoleUser && textOf(m.Content) != "" {
			said := *m
			note := ai.NewTextPart("\n\n" + notes)
			note.Metadata = map[string]any{"purpose": "memory"}
			said.Content = append(slices.Clone(m.Content), note)
			asked.Messages[i] = &said
			break
		}
	}
	return &asked
}
