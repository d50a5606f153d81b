package main

import (
	"cmp"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration/ada"
)

// adaKeyEnv holds the key of an Ada behind a proxy that asks for one.
const adaKeyEnv = "ADA_API_KEY"

func (a *app) adaCommand() *cobra.Command {
	timeout := 2 * time.Minute
	cmd := &cobra.Command{
		Use:   "ada",
		Short: "Take over the memories of an Ada",
		Long:  `Works with the Ada assistant; docs/ada.md tells how an Ada uses this memory in turn.`,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
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
		RunE: func(cmd *cobra.Command, args []string) error {
			from := ada.Source{BaseURL: os.Getenv("ADA_BASE_URL"), Key: os.Getenv(adaKeyEnv), Timeout: timeout}
			if len(args) > 0 {
				from.BaseURL = args[0]
			}
			p, err := a.open(cmd)
			if err != nil {
				return err
			}
			defer p.Close()
			start := time.Now()
			added, full, err := ada.Import(cmd.Context(), p, p.Scope, from)
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(struct {
					Added   int     `json:"added"`
					Known   int     `json:"known"` // were there already
					Full    bool    `json:"full"`  // Ada listed as many memories as it lists at most
					Seconds float64 `json:"seconds"`
				}{added.Count, added.Skipped, full, time.Since(start).Seconds()})
			}
			a.term.Notef("read %s from %s in %.1f s; %s were there already", counted(added.Count, "record"), cmp.Or(from.BaseURL, ada.DefaultBaseURL), time.Since(start).Seconds(), thousands(added.Skipped))
			if full {
				a.term.Notef("warning: Ada lists at most %d memories and may have more; its conversations are whole", ada.MaxMemories)
			}
			return nil
		},
	}
	imports.Flags().DurationVar(&timeout, "timeout", timeout, "limit of one request")
	cmd.AddCommand(imports)
	return cmd
}
