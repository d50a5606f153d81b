package main

import (
	"cmp"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/ada"
)

// adaKeyEnv holds the key of an Ada behind a proxy that asks for one.
const adaKeyEnv = "ADA_API_KEY"

func (a *app) adaCommand() *cobra.Command {
	timeout := 2 * time.Minute
	imports := &cobra.Command{
		Use:   "import [URL]",
		Short: "Read the conversations and memories of a running Ada into the scope",
		Long: `Reads every conversation of a running Ada, turn by turn, and its memories, over its HTTP
API at URL, or at ADA_BASE_URL, or at http://localhost:7000. Ada's conversations become
sessions, its importance from 1 to 5 becomes one from 0 to 1. Importing again adds only
what is new. A key for a proxy in front of Ada is taken from ADA_API_KEY.

Ada lists at most 100 memories; it is said if there may be more.`,
		Example: `  refine ada import --user luna
  refine ada import http://ada.local:7000 --user luna`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.writing(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			from := ada.Source{BaseURL: cmp.Or(strings.Join(args, ""), os.Getenv("ADA_BASE_URL"), ada.DefaultBaseURL), Key: os.Getenv(adaKeyEnv), Timeout: timeout}
			start := time.Now()
			added, full, err := ada.Import(cmd.Context(), p, p.Scope, from)
			if err != nil {
				return err
			}
			seconds := time.Since(start).Seconds()
			return a.show(map[string]any{"added": added.Count, "known": added.Skipped, "full": full, "seconds": seconds}, func() {
				a.term.Notef("read %s from %s in %.1f s; %s were there already", counted(added.Count, "record"), from.BaseURL, seconds, thousands(added.Skipped))
				if full {
					a.term.Notef("warning: Ada lists at most %d memories and may have more; its conversations are whole", ada.MaxMemories)
				}
			})
		}),
	}
	imports.Flags().DurationVar(&timeout, "timeout", timeout, "limit of one request")
	cmd := cli.Group("ada", "Take over the memories of an Ada", imports)
	cmd.Long = `Works with the Ada assistant; docs/ada.md tells how an Ada uses this memory in turn.`
	return cmd
}
