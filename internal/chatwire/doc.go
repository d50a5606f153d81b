// Package chatwire reads and writes the HTTP APIs by which clients talk with language models: chat completions and Responses
// (OpenAI), Messages (Anthropic), chat and generate (Ollama), and the forms that chat handlers of one's own have.
//
//	request ──Read──▶ Request ──Insert(notes)──▶ body for the model
//	answer  ──Tap───▶ Capture ──Rewrite────────▶ body for the client
//
// Each API is a [Wire]; what differs between them stands in one file each, and everything else is the same for all.
//
// Bytes that are not changed on purpose stay as they came: a [Request] and a [Rewrite] splice into the JSON text and never
// write it anew. Reasoning, calls of tools and their results are nobody's words and are not read.
package chatwire
