// Package openai embeds texts and completes chats by any endpoint that speaks the OpenAI API: OpenAI itself, or a server
// of one's own such as Ollama, vLLM, llama.cpp or LiteLLM.
//
// An [Endpoint] says where it is and how patient to be. [NewChat] makes a [specialists.Model] of one of its models, and
// [NewEmbedder] a [memory.Embedder]:
//
//	embedder, err := openai.NewEmbedder(ctx, &openai.EmbedderOptions{
//		Endpoint: openai.Endpoint{BaseURL: "http://localhost:11434/v1"},
//		Model:    "nomic-embed-text",
//	})
//
// integration.Chat gives a go-openai client that is there already a memory.
//
// Texts go out in batches, several at a time. What fails for a moment (a lost connection, a body that breaks off, status
// 408, 429 and 5xx) is tried again with growing, jittered waits, or after the wait that Retry-After asks for. What comes
// back is checked: one vector for each text, of one length, finite and not zero; anything else is an error, since a
// memory with a wrong vector in it would never say so.
//
// The key is sent to the endpoint and nowhere else: it prints as "[hidden]", and is cut out of the endpoint's messages.
package openai
