// Command chat is a chat in the terminal whose go-openai client has a memory: one line is a message, and what was said in
// an earlier run is remembered.
//
//	OPENAI_BASE_URL=http://localhost:11434/v1 go run ./examples/chat -model llama3.2
package main

import (
	"bufio"
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/sashabaranov/go-openai"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
)

func main() {
	store := flag.String("store", "chat.db", "the store's file; it is made if there is none")
	model := flag.String("model", "gpt-4o-mini", "the model that answers")
	flag.Parse()
	if err := run(context.Background(), *store, *model); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, store, model string) error {
	c := config.Default()
	c.Store.Path, c.Scope.User = store, "you"
	plugin, err := integration.New(ctx, c, &integration.Options{Create: true})
	if err != nil {
		return err
	}
	defer plugin.Close()

	endpoint := openai.DefaultConfig(os.Getenv("OPENAI_API_KEY"))
	endpoint.BaseURL = cmp.Or(os.Getenv("OPENAI_BASE_URL"), endpoint.BaseURL)
	client := integration.Chat(plugin, openai.NewClientWithConfig(endpoint), nil) // the line that changes

	var messages []openai.ChatCompletionMessage
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		messages = append(messages, openai.ChatCompletionMessage{Role: openai.ChatMessageRoleUser, Content: lines.Text()})
		answer, err := client.CreateChatCompletion(ctx, openai.ChatCompletionRequest{Model: model, Messages: messages})
		if err != nil {
			return err
		}
		messages = append(messages, answer.Choices[0].Message)
		fmt.Println(answer.Choices[0].Message.Content)
	}
	return nil
}
