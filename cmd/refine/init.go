package main

import (
	"fmt"
	"os"

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
			path := a.settings.Config.Store.Path
			if info, err := os.Stat(path); err == nil && info.Size() > 0 {
				return &ui.Failure{Err: fmt.Errorf("create store %q: %w", path, memory.ErrExists), Code: ui.ExitError, Hint: "use the store that is there, or name another path with --store"}
			}
			p, err := integration.New(cmd.Context(), a.settings.Config, &integration.Options{Create: true, Log: a.log})
			if err != nil {
				return err
			}
			defer p.Close()
			stats, err := p.Store.Stats(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(map[string]any{"store": named(path, p), "model": stats.Model, "dim": stats.Dim})
			}
			a.term.Notef("made the store %s", named(path, p))
			a.term.Notef("next: refine import FILE..., or refine import --sample to try it")
			return nil
		},
	}
}
