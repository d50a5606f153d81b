// Command proxy gives a memory to every client of an OpenAI-compatible server: point OPENAI_BASE_URL of the client at it.
// `refine serve` is the same with keys, TLS, limits and a page.
//
//	OPENAI_BASE_URL=http://localhost:11434/v1 go run ./examples/proxy
package main

import (
	"cmp"
	"context"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/serve"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8377", "address and port, on this machine: there are no keys")
	store := flag.String("store", "proxy.db", "the store's file; it is made if there is none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *listen, *store); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, listen, store string) error {
	c := config.Default()
	c.Store.Path, c.Scope.User = store, "ada"
	plugin, err := integration.New(ctx, c, &integration.Options{Create: true})
	if err != nil {
		return err
	}
	defer plugin.Close()
	server, err := serve.New(plugin, &serve.Options{Upstream: &serve.Upstream{
		BaseURL: cmp.Or(os.Getenv("OPENAI_BASE_URL"), "https://api.openai.com/v1"), Key: config.Secret(os.Getenv("OPENAI_API_KEY"))}})
	if err != nil {
		return err
	}
	defer server.Close()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	log.Printf("listening on http://%s/v1", listener.Addr())
	return server.Run(ctx, listener, nil)
}
