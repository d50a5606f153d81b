package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/config/settings"
	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings, and where they come from",
		Long: `Settings come from flags, else from REFINE_* variables, else from files, else they
are the defaults. The files are the user's config.yaml and the folder's refine.yaml,
the latter winning; --config or REFINE_CONFIG name one to be read alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	origin := false
	show := &cobra.Command{
		Use:   "show",
		Short: "Print every setting; with --origin where each was set",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.load(cmd); err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(shown(a.settings.Values))
			}
			table := &ui.Table{Columns: []string{"setting", "value"}}
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
			table.Print(a.term)
			return nil
		},
	}
	show.Flags().BoolVar(&origin, "origin", false, "tell where each value was set")
	cmd.AddCommand(show,
		&cobra.Command{
			Use:   "keys",
			Short: "List every setting with its variable and its meaning",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				table := &ui.Table{Columns: []string{"setting", "variable", "meaning"}}
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
	return cmd
}

// configFile is the file that --config names, else the user's own.
func (a *app) configFile() string {
	if a.file != "" {
		return a.file
	}
	return settings.UserFile()
}

// shown turns values into what JSON can hold: durations as text.
func shown(values []settings.Value) []settings.Value {
	out := make([]settings.Value, len(values))
	for i, v := range values {
		if d, ok := v.Value.(fmt.Stringer); ok {
			v.Value = d.String()
		}
		out[i] = v
	}
	return out
}
