// Command plugin is the least that a backend does with integration; the policy test measures it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
)

func main() {
	settings := config.Default()
	settings.Store.Path = "store.db"
	p, err := integration.New(context.Background(), settings, &integration.Options{Create: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer p.Close()
	r, err := p.Recall(context.Background(), p.Scope, memory.Query{Text: "Where does Nora live?"})
	fmt.Println(r, err)
}
