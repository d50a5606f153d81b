// Package examples has programs to start from: a chat client, a backend's middleware, a proxy, an MCP server, and a
// consolidation. Each is one file; the test builds and runs them.
package examples
