// Package serve gives any client of OpenAI's, Anthropic's or Ollama's API a memory, over HTTP.
//
// A [Server] stands in front of a language model's server, the upstream. It recalls memories for the last message of the
// user, puts them into the prompt, passes the request on, adds to the answer where memory contradicts it, and writes the turn
// back:
//
//	client ──/v1/chat/completions──▶ recall ──▶ upstream ──▶ refine ──▶ client
//	        /v1/responses              ▲                                  │
//	        /v1/messages               └────────── memory.Store ◀── write the turn
//	        /api/chat, /api/generate
//
// What it does not understand it does not touch: tools, images and unknown fields reach the upstream byte for byte, and a
// stream goes back event by event as it comes (internal/chatwire). What a client asks for itself, such as a title, is no
// conversation. Without an upstream the memories themselves answer.
//
// Beside it are a REST API for the memories under /api/v1, described by /api/v1/openapi.json; a page for people at /;
// /healthz, /readyz and /metrics.
//
// Who asks is known by a [Key], bound to one scope that no request can widen. Without keys a server answers on this machine
// only. Memories in a prompt are marked as data; text that was recalled or refined is never written back as something
// observed.
//
// The package wires nothing: it is given an [integration.Plugin] and an [Upstream]. It listens only in [Server.Run]; a
// Server is an http.Handler and can be mounted anywhere.
package serve
