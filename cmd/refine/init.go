package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Make a new, empty store",
		Long: `Makes a new, empty store at store.path. What is there already is never touched.
The store remembers the embedding model it is made with.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(cmd); err != nil {
				return err
			}
			c := a.settings.Config
			embedder, err := integration.Embedder(cmd.Context(), c)
			if err != nil {
				return err
			}
			store, err := memory.Create(cmd.Context(), c.Store.Path, &memory.Options{Embedder: embedder, Log: a.log, Wait: c.Store.Wait})
			if errors.Is(err, memory.ErrExists) {
				return &ui.Failure{Err: err, Code: ui.ExitError, Hint: "use the store that is there, or name another path with --store"}
			}
			if err != nil {
				return err
			}
			defer store.Close()
			stats, err := store.Stats(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(map[string]any{"store": store.Path(), "model": stats.Model, "dim": stats.Dim})
			}
			a.term.Notef("made the store %s", store.Path())
			a.term.Notef("next: refine import FILE..., or refine import --sample to try it")
			return nil
		},
	}
}
