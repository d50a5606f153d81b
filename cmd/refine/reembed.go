package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
)

func (a *app) reembedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reembed",
		Short: "Make all embeddings anew with the configured embedder",
		Long: `Makes the embedding of every record anew, with the embedder of --embedder and
embedder.* (refine config keys): by default with the first local model of refine
models list, or none if there is none. The old ones serve until all new ones are
there; an interrupted run goes on where it stopped.`,
		Example: `  refine reembed
  refine reembed --embedder local --model minilm
  refine reembed --embedder none`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.plugin(cmd, integration.Options{AnyModel: true})
			if err != nil {
				return err
			}
			defer p.Close()
			store, err := a.inFile(cmd, p)
			if err != nil {
				return err
			}
			embedder, err := integration.Embedder(cmd.Context(), a.settings.Config)
			if err != nil {
				return err
			}
			if c, ok := embedder.(io.Closer); ok {
				defer c.Close()
			}
			before, err := store.Stats(cmd.Context())
			if err != nil {
				return err
			}
			bar := a.term.Progress("embedding", "records", int64(before.Records))
			start := time.Now()
			first, estimated := -1, a.json || a.term.Live // the bar has an estimate of its own
			err = store.Reembed(cmd.Context(), embedder, func(done, total int) {
				bar.Set(int64(done))
				switch {
				case first < 0:
					first = done
				case !estimated && done > first && done < total:
					estimated = true
					left := time.Since(start) / time.Duration(done-first) * time.Duration(total-done)
					a.term.Notef("%s of %s, about %s more", thousands(done), counted(total, "record"), left.Round(time.Second))
				}
			})
			bar.Done()
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(map[string]any{"records": before.Records, "from": before.Model, "model": embedder.Model(),
					"dim": embedder.Dim(), "seconds": time.Since(start).Seconds()})
			}
			if embedder.Dim() == 0 {
				a.term.Notef("removed the vectors of %s (before: %s)", counted(before.Records, "record"), before.Model)
				return nil
			}
			a.term.Notef("embedded %s with %s, %d dimensions (before: %s)", counted(before.Records, "record"), embedder.Model(), embedder.Dim(), before.Model)
			return nil
		},
	}
	a.setting(cmd, false, "dim", "embedder.dim")
	a.setting(cmd, false, "model", "embedder.model")
	return cmd
}
