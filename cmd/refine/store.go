package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/beside"
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
		RunE: a.loaded(func(cmd *cobra.Command, _ []string) error {
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
			return a.show(map[string]any{"store": named(path, p), "model": stats.Model, "dim": stats.Dim}, func() {
				a.term.Notef("made the store %s", named(path, p))
				a.term.Notef("next: refine import FILE..., or refine import --sample to try it")
			})
		}),
	}
}

func (a *app) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count what is in the store",
		Long:  "Counts what is in the whole store, or in the scope of --tenant, --user, --agent and\n--session if one is given.",
		Args:  cobra.NoArgs,
		RunE: a.reading(func(cmd *cobra.Command, _ []string, p *integration.Plugin) error {
			s, err := p.Store.Stats(cmd.Context(), a.chosen()...)
			if err != nil {
				return err
			}
			var kinds []string
			for _, k := range slices.SortedFunc(maps.Keys(s.Kinds), func(x, y memory.Kind) int { return s.Kinds[y] - s.Kinds[x] }) {
				kinds = append(kinds, fmt.Sprintf("%s %s", thousands(s.Kinds[k]), k))
			}
			table := &ui.Table{Columns: []string{"", ""}}
			table.Add("records", thousands(s.Live)+" live, "+thousands(s.Superseded)+" superseded")
			table.Add("kinds", strings.Join(kinds, ", "))
			table.Add("made by refinement", thousands(s.Derived))
			table.Add("tenants, users, sessions", thousands(s.Tenants)+", "+thousands(s.Users)+", "+thousands(s.Sessions))
			table.Add("shown, used", thousands(s.Shown)+", "+thousands(s.Used))
			table.Add("embeddings", embeddings(s))
			table.Add("store", s.Path+", "+bytesText(s.Bytes))
			table.Add("generation, schema", fmt.Sprintf("%d, %d", s.Generation, s.Schema))
			return a.show(s, func() { table.Print(a.term) })
		}),
	}
}

// bytesText is a size for people, in units of 1024.
func bytesText(n int64) string { return humanize.IBytes(uint64(n)) }

func (a *app) exportCommand() *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "export [FILE|-]",
		Short: "Write the records as JSON Lines, with history and embeddings",
		Long: `Writes the whole store, or the scope of --tenant, --user, --agent and --session if
one is given, to a file or to stdout. refine import makes the same store of it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: a.reading(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			name := strings.Join(args, "")
			if name == "" || name == "-" {
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
			err := beside.Write(name, 0o600, func(f *os.File) (err error) {
				n, err = p.Store.Export(cmd.Context(), f, a.chosen()...)
				return err
			})
			if err != nil {
				return fmt.Errorf("export: %w", err)
			}
			return a.show(map[string]any{"file": name, "records": n}, func() { a.term.Notef("wrote %s to %s", counted(n, "record"), name) })
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if there is one")
	return cmd
}

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
			result := map[string]any{"records": before.Records, "from": before.Model, "model": embedder.Model(), "dim": embedder.Dim(), "seconds": time.Since(start).Seconds()}
			return a.show(result, func() {
				records := counted(before.Records, "record")
				switch {
				case embedder.Dim() == 0 && before.Dim == 0:
					a.term.Notef("the store has no vectors, and none were made: there is no embedder (`refine models pull minilm`)")
				case embedder.Dim() == 0:
					a.term.Notef("removed the vectors of %s (before: %s)", records, before.Model)
				default:
					a.term.Notef("embedded %s with %s, %d dimensions (before: %s)", records, embedder.Model(), embedder.Dim(), before.Model)
				}
			})
		},
	}
	a.setting(cmd, false, "dim", "embedder.dim")
	a.setting(cmd, false, "model", "embedder.model")
	return cmd
}

// embeddings names the model of a store's vectors.
func embeddings(s memory.Stats) string {
	if s.Dim == 0 {
		return "no vectors"
	}
	return fmt.Sprintf("%s, %d dimensions", s.Model, s.Dim)
}

func (a *app) migrateCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "migrate --from STORE --to STORE",
		Short: "Copy a store to another engine, and verify the copy",
		Long: `Copies all records with their history, counts of use and vectors from one store to
another, each a file or the URL of an engine (docs/engines.md). The records of each
tenant and user are copied as a whole, and compared by their number and a hash of
all that they hold. What was deleted for privacy stays deleted in the copy. If it is
interrupted, the same command goes on where it stopped.
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
			return a.show(m, func() {
				a.term.Notef("copied %s of %s, %s there already, and %s; all verified (%.1f s)", counted(m.Copied, "record"), counted(m.Users, "user"), thousands(m.Records-m.Copied),
					counted(m.Deleted, "deletion"), m.Seconds)
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the store that is copied: a file or a URL")
	cmd.Flags().StringVar(&to, "to", "", "the store it is copied to, which is made if it is not there")
	return cmd
}
