// Package bridge serves a plugin through the tools of the Model Context Protocol, for package adapters/mcp.
package bridge
