// Package serve gives any client of the OpenAI API a memory, over HTTP.
//
// A [Server] stands in front of any OpenAI-compatible server, the upstream. It recalls what bears on the last message,
// puts it into the prompt, passes the request on, refines the answer if that is asked for, and writes the turn back:
//
//	client ──/v1/chat/completions──▶ recall ──▶ upstream ──▶ refine ──▶ client
//	        or /v1/responses           ▲                                  │
//	                                   └────────── memory.Store ◀── write the turn
//
// What it does not understand it does not touch: tools, images and fields it has never heard of reach the upstream byte
// for byte, and a stream that is not refined goes back event by event as it comes. Without an upstream the memories
// themselves answer.
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
