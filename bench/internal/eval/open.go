package eval

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/refine/consolidate"
)

// Open puts the conversations of a dataset into a store of their own, consolidated if asked for, and opens a plugin on it. The
// function that it returns closes both and removes the store.
func Open(ctx context.Context, d *Dataset, c config.Config, consolidated bool) (*integration.Plugin, func() error, error) {
	dir, err := os.MkdirTemp("", "refiner-bench-")
	if err != nil {
		return nil, nil, err
	}
	c.Store.Path = filepath.Join(dir, "store.db")
	p, err := integration.New(ctx, c, &integration.Options{Create: true})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	done := func() error { return errors.Join(p.Close(), os.RemoveAll(dir)) }
	for _, conversation := range d.Conversations {
		if _, err := p.Store.Add(ctx, conversation.Scope, conversation.Records...); err != nil {
			return nil, nil, errors.Join(err, done())
		}
		if !consolidated {
			continue
		}
		if _, err := consolidate.Auto(ctx, p.Store, conversation.Scope, nil, &consolidate.RunOptions{NoSnapshot: true}); err != nil {
			return nil, nil, errors.Join(err, done())
		}
	}
	return p, done, nil
}
