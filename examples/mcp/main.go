// Command mcp serves a memory over the Model Context Protocol, on stdin and stdout: the scope is fixed here, and no model
// can name another. `refine mcp` is the same with settings.
package main

import (
	"context"
	"flag"
	"log"
	"os"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
)

func main() {
	store := flag.String("store", "mcp.db", "the store's file; it is made if there is none")
	flag.Parse()
	if err := run(context.Background(), *store); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, store string) error {
	c := config.Default()
	c.Store.Path, c.Scope.User = store, "ada"
	plugin, err := integration.New(ctx, c, &integration.Options{Create: true})
	if err != nil {
		return err
	}
	defer plugin.Close()
	return mcp.Serve(ctx, mcp.New(plugin, plugin.Scope, nil), os.Stdin, os.Stdout)
}
