// Package mcp offers a memory to language models over the Model Context Protocol, on the official SDK.
//
//	Plugin ──New──▶ mcp.Server ──Serve────▶ stdin and stdout of a process that the client starts
//	                           ──Handler──▶ streamable HTTP
//
// The tools are remember, recall, explain, forget, history and ask. A memory is also a resource, refine://memory/{id}, and the
// prompt recall_first puts what is known in front of a question.
//
// Three things hold whatever a model sends:
//
//   - No tool can name a scope. Whoever makes the server decides whose it is; an argument such as "user" is refused.
//   - What is recalled is marked as data ([refine.Mark]), and its text cannot leave its mark.
//   - What a model concludes is not what somebody said: a memory that names what it rests on is stored as reconstructed,
//     with no more confidence than its sources, and goes when they go.
//
// Results carry structured content and the same as text for clients that show the model nothing else, within a budget of
// tokens.
package mcp
