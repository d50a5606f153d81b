package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

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
			bar, start := a.term.Progress("copying", "records", 0), time.Now()
			m, err := integration.Migrate(cmd.Context(), from, to, &memory.Options{Log: a.log, Wait: a.settings.Store.Wait}, func(done, _ int) { bar.Set(int64(done)) })
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
