package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// migrated is what `refine migrate --json` prints.
type migrated struct {
	Users   int     `json:"users"`   // pairs of tenant and user
	Records int     `json:"records"` // of all of them, live and superseded
	Copied  int     `json:"copied"`  // of these, how many were copied now
	Seconds float64 `json:"seconds"`
}

func (a *app) migrateCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "migrate --from STORE --to STORE",
		Short: "Copy a store to another engine, and verify the copy",
		Long: `Copies all records with their history, counts of use and vectors from one store to
another, each a file or the URL of an engine (docs/engines.md). The records of each
tenant and user are copied as a whole, and compared by their number and a hash of
all that they hold. If it is interrupted, the same command goes on where it stopped.
The store that is copied is not changed, and should not be written to meanwhile.`,
		Example: `  refine migrate --from store.db --to postgres://refiner@db.example/memories
  refine migrate --from postgres://refiner@db.example/memories --to copy.db`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || to == "" || from == to {
				return ui.Fail(ui.ExitUsage, "name two stores with --from and --to", "it is not clear what to copy where")
			}
			if err := errors.Join(wholeStore(cmd), a.load(cmd)); err != nil {
				return err
			}
			ctx := cmd.Context()
			o := memory.Options{Log: a.log, Wait: a.settings.Store.Wait, ReadOnly: true}
			source, err := integration.OpenStore(ctx, from, false, &o)
			if err != nil {
				return err
			}
			defer source.Close()
			stats, err := source.Stats(ctx)
			if err != nil {
				return err
			}
			o.ReadOnly, o.Embedder = false, copied{stats.Model, stats.Dim}
			if stats.Dim == 0 {
				o.Embedder = memory.None{}
			}
			target, err := integration.OpenStore(ctx, to, true, &o)
			if err != nil {
				return err
			}
			defer target.Close()
			bar := a.term.Progress("copying", "records", int64(stats.Records))
			start := time.Now()
			m, err := migrate(ctx, source, target, func(done int) { bar.Set(int64(done)) })
			bar.Done()
			if err != nil {
				return err
			}
			m.Seconds = time.Since(start).Seconds()
			if a.json {
				return a.term.JSON(m)
			}
			a.term.Notef("copied %s of %s, %s there already; all verified (%.1f s)", counted(m.Copied, "record"), counted(m.Users, "user"), thousands(m.Records-m.Copied), m.Seconds)
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the store that is copied: a file or a URL")
	cmd.Flags().StringVar(&to, "to", "", "the store it is copied to, which is made if it is not there")
	return cmd
}

// copied is the embedder of a copy: all vectors come along.
type copied struct {
	model string
	dim   int
}

func (c copied) Model() string { return c.model }
func (c copied) Dim() int      { return c.dim }
func (c copied) Embed(context.Context, []string) ([][]float32, error) {
	return nil, fmt.Errorf("%w: a copy embeds nothing", memory.ErrModel)
}

// migrate copies the records of one tenant and user after the other.
func migrate(ctx context.Context, from, to refine.Store, progress func(done int)) (m migrated, err error) {
	places, err := from.Places(ctx, memory.Scope{}, true)
	if err != nil {
		return m, err
	}
	records := map[memory.Scope]int{}
	var owners []memory.Scope
	for _, p := range places {
		owner := memory.Scope{Tenant: p.Scope.Tenant, User: p.Scope.User}
		if records[owner] == 0 {
			owners = append(owners, owner)
		}
		records[owner] += p.Records
	}
	for _, owner := range owners {
		n := records[owner]
		there, err := to.Stats(ctx, owner)
		if err != nil {
			return m, err
		}
		var want string
		if there.Records == n {
			if want, _, err = sumOf(ctx, from, owner, io.Discard); err != nil {
				return m, err
			}
		} else {
			if want, err = copyOwner(ctx, from, to, owner); err != nil {
				return m, fmt.Errorf("copy the records of %s: %w", owner, err)
			}
			m.Copied += n
		}
		got, found, err := sumOf(ctx, to, owner, io.Discard)
		switch {
		case err != nil:
			return m, err
		case found != n:
			return m, differs("the copy of %s holds %s, not %s", owner, counted(found, "record"), thousands(n))
		case got != want:
			return m, differs("the copy of %s holds other records than the store, or others were written meanwhile", owner)
		}
		m.Users++
		m.Records += n
		progress(m.Records)
	}
	return m, nil
}

func differs(format string, args ...any) error {
	return ui.Fail(ui.ExitThreshold, "copy into a store that holds nothing else of that user, and from which nothing of theirs was deleted, while nobody writes", format, args...)
}

// sumOf is the hash of an export of a tenant and user, which it writes to w, and its number of records.
func sumOf(ctx context.Context, s refine.Store, owner memory.Scope, w io.Writer) (string, int, error) {
	h := sha256.New()
	n, err := s.Export(ctx, io.MultiWriter(h, w), owner)
	return string(h.Sum(nil)), n, err
}

// copyOwner copies the records of a tenant and user, and returns the hash of what it read.
func copyOwner(ctx context.Context, from, to refine.Store, owner memory.Scope) (string, error) {
	r, w := io.Pipe()
	var sum string
	done := make(chan error, 1)
	go func() {
		s, _, err := sumOf(ctx, from, owner, w)
		sum = s
		_ = w.CloseWithError(err) // of nil the reader sees the end
		done <- err
	}()
	_, err := to.Import(ctx, r, nil)
	_ = r.CloseWithError(errors.Join(err, os.ErrClosed)) // so that the other ends
	if other := <-done; err == nil {
		err = other
	}
	return sum, err
}
