package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) exportCommand() *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "export [FILE|-]",
		Short: "Write the records as JSON Lines, with history and embeddings",
		Long: `Writes the whole store, or the scope of --tenant, --user, --agent and --session if
one is given, to a file or to stdout. refine import makes the same store of it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.reading(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			name := "-"
			if len(args) > 0 {
				name = args[0]
			}
			if name == "-" {
				n, err := p.Store.Export(cmd.Context(), a.term.Out, a.chosen()...)
				if err == nil {
					a.term.Notef("wrote %s", counted(n, "record"))
				}
				return err
			}
			if _, err := os.Lstat(name); err == nil && !force {
				return ui.Fail(ui.ExitError, "name a file that is new, or replace it with --force", "%s is there already", name)
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			n := 0
			err := cli.WritePrivate(name, 0o600, func(f *os.File) (err error) {
				n, err = p.Store.Export(cmd.Context(), f, a.chosen()...)
				return err
			})
			if err != nil {
				return fmt.Errorf("export: %w", err)
			}
			if a.json {
				return a.term.JSON(map[string]any{"file": name, "records": n})
			}
			a.term.Notef("wrote %s to %s", counted(n, "record"), name)
			return nil
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if there is one")
	return cmd
}
