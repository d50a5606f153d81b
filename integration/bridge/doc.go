// Package bridge serves a plugin through the protocols of others: as the memory behind the tools of the Model Context
// Protocol, for package adapters/mcp, and as the backend of Ada's API, for package adapters/ada.
package bridge
