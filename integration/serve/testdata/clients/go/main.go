// Command clients runs the official Go client against the proxy, unchanged: clients BASE_URL KEY
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

const said = "You live in Madrid since 2019."

func main() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func run(ctx context.Context, base, key string) error {
	client := openai.NewClient(option.WithBaseURL(base), option.WithAPIKey(key), option.WithMaxRetries(0))
	ask := openai.ChatCompletionNewParams{Model: "scripted", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Where do I live?")}}
	answer, err := client.Chat.Completions.New(ctx, ask)
	if err != nil || answer.Choices[0].Message.Content != said || answer.Usage.TotalTokens != 9 {
		return fmt.Errorf("chat: %v, %w", answer, err)
	}
	text, err := stream(ctx, client, ask)
	if err != nil || text != said {
		return fmt.Errorf("stream: %q, %w", text, err)
	}
	text, err = stream(ctx, client, ask, option.WithHeader("X-Refine", "always"))
	if err != nil || !strings.Contains(text, "Lisbon") || !strings.HasPrefix(text, said) {
		return fmt.Errorf("refined stream: %q, %w", text, err)
	}

	weather := openai.ChatCompletionNewParams{Model: "scripted", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("What is the weather in Lisbon?")},
		Tools: []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "weather"})}}
	called, err := client.Chat.Completions.New(ctx, weather)
	if err != nil || len(called.Choices[0].Message.ToolCalls) != 1 || called.Choices[0].Message.ToolCalls[0].Function.Name != "weather" {
		return fmt.Errorf("tools: %v, %w", called, err)
	}
	weather.Messages = append(weather.Messages, called.Choices[0].Message.ToParam(), openai.ToolMessage("21 degrees", called.Choices[0].Message.ToolCalls[0].ID))
	if answer, err = client.Chat.Completions.New(ctx, weather); err != nil || answer.Choices[0].Message.Content != "It has 21 degrees." {
		return fmt.Errorf("after the tool: %v, %w", answer, err)
	}

	question := responses.ResponseNewParams{Model: "scripted", Input: responses.ResponseNewParamsInputUnion{OfString: openai.String("Where do I live?")}}
	responded, err := client.Responses.New(ctx, question)
	if err != nil || responded.OutputText() != said || responded.Usage.TotalTokens != 9 {
		return fmt.Errorf("responses: %v, %w", responded, err)
	}
	events := client.Responses.NewStreaming(ctx, question, option.WithHeader("X-Refine", "always"))
	var deltas, whole string
	for events.Next() {
		e := events.Current()
		if e.Type == "response.output_text.delta" {
			deltas += e.Delta
		}
		if e.Type == "response.completed" {
			whole = e.Response.OutputText()
		}
	}
	if err := events.Err(); err != nil || deltas != whole || !strings.Contains(whole, "Lisbon") || !strings.HasPrefix(whole, said) {
		return fmt.Errorf("refined responses: %q, %q, %w", deltas, whole, err)
	}

	models, err := client.Models.List(ctx)
	if err != nil || len(models.Data) != 1 {
		return fmt.Errorf("models: %v, %w", models, err)
	}
	for model, code := range map[string]string{"busy": "slow"} {
		ask.Model = model
		_, err := client.Chat.Completions.New(ctx, ask)
		if failure := (*openai.Error)(nil); !errors.As(err, &failure) || failure.Code != code || failure.StatusCode != 429 {
			return fmt.Errorf("%s: %w", model, err)
		}
	}
	ask.Model = "breaks"
	if text, err := stream(ctx, client, ask); err == nil {
		return fmt.Errorf("a stream that breaks off looks whole: %q", text)
	}
	wrong := openai.NewClient(option.WithBaseURL(base), option.WithAPIKey("rfn_wrong"), option.WithMaxRetries(0))
	_, err = wrong.Chat.Completions.New(ctx, ask)
	if failure := (*openai.Error)(nil); !errors.As(err, &failure) || failure.Code != "invalid_api_key" {
		return fmt.Errorf("a wrong key: %w", err)
	}
	return nil
}

func stream(ctx context.Context, client openai.Client, ask openai.ChatCompletionNewParams, o ...option.RequestOption) (string, error) {
	var b strings.Builder
	s := client.Chat.Completions.NewStreaming(ctx, ask, o...)
	defer s.Close()
	for s.Next() {
		for _, c := range s.Current().Choices {
			b.WriteString(c.Delta.Content)
		}
	}
	return b.String(), s.Err()
}
