package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
)

func (a *app) reembedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reembed",
		Short: "Make all embeddings anew with the configured embedder",
		Long: `Makes the embedding of every record anew, with the embedder of --embedder and
embedder.* (refine config keys). The old ones serve until all new ones are there; an
interrupted run goes on where it stopped.`,
		Example: `  refine reembed --embedder openai
  refine reembed --embedder hashed --dim 1024`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.plugin(cmd, integration.Options{AnyModel: true})
			if err != nil {
				return err
			}
			defer p.Close()
			embedder, err := integration.Embedder(cmd.Context(), a.settings.Config)
			if err != nil {
				return err
			}
			if embedder == nil {
				embedder = memory.NewHashed(0)
			}
			before, err := p.Store.Stats(cmd.Context())
			if err != nil {
				return err
			}
			bar := a.term.Progress("embedding", "records", int64(before.Records))
			start := time.Now()
			err = p.Store.Reembed(cmd.Context(), embedder, func(done, _ int) { bar.Set(int64(done)) })
			bar.Done()
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(map[string]any{"records": before.Records, "from": before.Model, "model": embedder.Model(),
					"dim": embedder.Dim(), "seconds": time.Since(start).Seconds()})
			}
			a.term.Notef("embedded %s with %s, %d dimensions (before: %s)", counted(before.Records, "record"), embedder.Model(), embedder.Dim(), before.Model)
			return nil
		},
	}
	a.setting(cmd, false, "dim", "embedder.dim")
	a.setting(cmd, false, "model", "embedder.model")
	return cmd
}
