package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/config/settings"
	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) configCommand() *cobra.Command {
	origin := false
	show := &cobra.Command{
		Use:   "show",
		Short: "Print every setting; with --origin where each was set",
		Args:  cobra.NoArgs,
		RunE: a.loaded(func(*cobra.Command, []string) error {
			table := &ui.Table{Columns: []string{"setting", "value"}, Wrap: true}
			if origin {
				table.Columns = append(table.Columns, "from")
			}
			for _, v := range a.settings.Values {
				row := []any{v.Key, fmt.Sprint(v.Value)}
				if origin {
					row = append(row, v.Origin)
				}
				table.Add(row...)
			}
			return a.show(a.settings.Values, func() { table.Print(a.term) })
		}),
	}
	show.Flags().BoolVar(&origin, "origin", false, "tell where each value was set")
	cmd := cli.Group("config", "Show the settings, and where they come from", show,
		&cobra.Command{
			Use:   "keys",
			Short: "List every setting with its variable and its meaning",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				table := &ui.Table{Columns: []string{"setting", "variable", "meaning"}, Wrap: true}
				for _, key := range settings.Keys() {
					table.Add(key.Name, key.Env, key.Help)
				}
				table.Print(a.term)
				return nil
			},
		},
		&cobra.Command{
			Use:   "path",
			Short: "Print the path of the user's configuration file",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				a.term.Printf("%s\n", a.configFile())
				return nil
			},
		},
		&cobra.Command{
			Use:   "init",
			Short: "Write a configuration file in which every setting is explained; never overwrites",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				path := a.configFile()
				err := settings.Init(path)
				if errors.Is(err, fs.ErrExist) {
					return ui.Fail(ui.ExitError, "edit it, or name another file with --config", "%s is there already", path)
				}
				if err != nil {
					return err
				}
				a.term.Notef("wrote %s", path)
				return nil
			},
		})
	cmd.Long = `Settings come from flags, else from REFINE_* variables, else from files, else they
are the defaults. The files are the user's config.yaml and the folder's refine.yaml,
the latter winning; --config or REFINE_CONFIG name one to be read alone.`
	return cmd
}

// configFile is the file that --config names, else the user's own.
func (a *app) configFile() string { return cmp.Or(a.file, settings.UserFile()) }
