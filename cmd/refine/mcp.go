package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
)

// mcpPath is where streamable HTTP is served.
const mcpPath = "/mcp"

func (a *app) mcpCommand() *cobra.Command {
	address, keyEnv := "", ""
	readOnly, create := false, false
	budget := mcp.DefaultBudget
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Serve the memory to language models over MCP",
		Long: `Serves the memories of the configured scope over the Model Context Protocol, with the
tools recall, explain, history, ask, remember and forget. A client starts it and talks
to its stdin and stdout; docs/mcp.md has the lines for the usual ones. The scope is
fixed by --tenant, --user, --agent and --session: no model can name another.

With --http it serves streamable HTTP at ADDR/mcp instead. An address that other
machines can reach needs a key, which clients send as a bearer token.`,
		Example: `  refine mcp --user mara --init
  refine mcp --user mara --read-only
  REFINE_MCP_KEY=... refine mcp --user mara --http 127.0.0.1:7077`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key := os.Getenv(keyEnv)
			if address != "" && key == "" && !mcp.IsLoopback(address) {
				return ui.Fail(ui.ExitUsage, fmt.Sprintf("set the key in %s, or serve on 127.0.0.1", keyEnv), "%s can be reached from other machines and there is no key", address)
			}
			p, err := a.plugin(cmd, integration.Options{ReadOnly: readOnly, Create: create && !readOnly})
			if err != nil {
				return err
			}
			defer p.Close()
			server := mcp.New(p, p.Scope, &mcp.Options{Version: cli.Info().Version, ReadOnly: readOnly, Budget: budget, Logger: a.log})
			if address == "" {
				return mcp.Serve(cmd.Context(), server, a.term.In, a.term.Out)
			}
			return a.serveMCP(cmd.Context(), server, address, key)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&address, "http", "", "serve streamable HTTP at this address, like 127.0.0.1:7077, instead of stdin and stdout")
	flags.StringVar(&keyEnv, "key-env", "REFINE_MCP_KEY", "environment variable that holds the key which clients send (--http)")
	flags.BoolVar(&readOnly, "read-only", false, "offer only the tools that change nothing")
	flags.BoolVar(&create, "init", false, "make the store if there is none")
	flags.IntVar(&budget, "max-tokens", mcp.DefaultBudget, "tokens that the memories of one result may take")
	return cmd
}

// serveMCP serves streamable HTTP until the command is interrupted.
func (a *app) serveMCP(ctx context.Context, server *mcp.Server, address, key string) error {
	handler := mcp.Handler(func(r *http.Request) *mcp.Server {
		if key != "" && !mcp.HasBearer(r, key) {
			return nil
		}
		return server
	})
	mux := http.NewServeMux()
	mux.Handle(mcpPath, handler)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return ui.Fail(ui.ExitError, "name an address that is free", "%w", err)
	}
	a.term.Notef("serving MCP at http://%s%s", listener.Addr(), mcpPath)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	err = s.Shutdown(ending)
	<-failed
	return err
}
