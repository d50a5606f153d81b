// Command refine-postgres is the command refine with one engine more: --store postgres://user@host/database.
//
// It consists of the files of ../refine, which `make refine-postgres` lays over this folder, and of what registers the engine. It is
// a module of its own, so that nobody links a database driver who keeps memories in a file.
package main

import (
	"context"

	"github.com/trm-go/refiner/adapters/postgres"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

func init() {
	open := func(ctx context.Context, url string, create bool, o *memory.Options) (refine.Store, error) {
		s, err := postgres.Open(ctx, url, create, o)
		if err != nil {
			return nil, err // and not a Store that holds a nil
		}
		return s, nil
	}
	for _, scheme := range []string{"postgres", "postgresql"} {
		integration.RegisterEngine(scheme, open)
	}
}
