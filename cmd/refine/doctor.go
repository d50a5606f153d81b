package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/adapters/encoder"
	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/models"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

// finding is one thing the doctor looked at.
type finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// lowDisk is the free space below which the doctor complains: a snapshot of 100,000 records takes about 300 MB.
const lowDisk = 1 << 30

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at everything the command needs, and say how to fix it",
		Long:  "Looks at the settings, the store, its file and disk, and the embedder. Exits with 3 if\nsomething needs fixing.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := a.examine(cmd)
			bad := 0
			for _, f := range found {
				if !f.OK {
					bad++
				}
			}
			if a.json {
				if err := a.term.JSON(found); err != nil {
					return err
				}
			} else {
				for _, f := range found {
					mark := a.term.Paint(ui.Green, "ok  ")
					if !f.OK {
						mark = a.term.Paint(ui.Red, "FAIL")
					}
					a.term.Printf("%s  %s %s\n", mark, ui.Pad(f.What, 12), ui.Clean(f.Detail))
					if f.Fix != "" {
						a.term.Printf("%s%s\n", strings.Repeat(" ", 19), a.term.Paint(ui.Yellow, "fix: "+f.Fix))
					}
				}
			}
			if bad > 0 {
				return ui.Fail(ui.ExitThreshold, "", "%s", counted(bad, "fault"))
			}
			return nil
		},
	}
}

func (a *app) examine(cmd *cobra.Command) []finding {
	var found []finding
	note := func(what string, err error, fix, format string, args ...any) bool {
		f := finding{What: what, OK: err == nil, Detail: fmt.Sprintf(format, args...)}
		if err != nil {
			f.Detail, f.Fix = err.Error(), fix
		}
		found = append(found, f)
		return err == nil
	}
	ctx := cmd.Context()
	b := cli.Info()
	note("version", nil, "", "refine %s, %s, %s", b.Version, b.Go, b.Platform)
	err := a.load(cmd)
	files := "no file, defaults and variables only"
	if err == nil && len(a.settings.Files) > 0 {
		files = strings.Join(a.settings.Files, ", ")
	}
	if !note("settings", err, "refine config show --origin", "%s", files) {
		return found
	}
	path := a.settings.Store.Path
	if !integration.IsFile(path) {
		a.examineStore(ctx, path, note)
		a.examineEmbedder(ctx, note)
		return found
	}
	_, statErr := os.Stat(path)
	note("store", missing(path, statErr), "refine init", "%s", path)
	folder := existing(filepath.Dir(path))
	note("folder", writable(folder), "give yourself the right to write there, or choose another place with --store", "%s can be written", folder)
	if free, err := freeSpace(folder); err == nil {
		var low error
		if free < lowDisk {
			low = fmt.Errorf("%s left on the disk of %s", bytesText(free), folder)
		}
		note("disk", low, "make room: a snapshot and a privacy delete each need as much as the store", "%s left", bytesText(free))
	}
	if statErr == nil {
		a.examineStore(ctx, path, note)
	}
	a.examineEmbedder(ctx, note)
	return found
}

func (a *app) examineStore(ctx context.Context, path string, note func(what string, err error, fix, format string, args ...any) bool) {
	if info, err := os.Stat(path); integration.IsFile(path) && err == nil && info.Mode().Perm()&0o077 != 0 {
		note("privacy", fmt.Errorf("others of this machine may read %s (%s)", path, info.Mode().Perm()), "chmod 600 "+path, "")
	}
	start := time.Now()
	p, err := integration.New(ctx, a.settings.Config, &integration.Options{Log: a.log, AnyModel: true, ReadOnly: true})
	fix := ""
	if f := (*ui.Failure)(nil); errors.As(cli.Explain(ctx, err, fixes), &f) {
		fix = f.Hint
	}
	if !note("open", err, fix, "in %s", time.Since(start).Round(time.Millisecond)) {
		return
	}
	defer p.Close()
	s, err := p.Store.Stats(ctx)
	if note("contents", err, "refine check --full", "%s, %s, %s", counted(s.Records, "record"), bytesText(s.Bytes), s.Model) {
		fix, said := "refine reembed, or configure the embedder that the store was made with", "the store and the embedder agree"
		if name, _, local := strings.Cut(s.Model, "@"); local {
			fix = "refine models pull " + name + ", or refine reembed"
		} else if m, err := models.Choose(encoder.KindEncoder, ""); err == nil && a.settings.Embedder.Type == "auto" && s.Dim == 0 {
			said = fmt.Sprintf("%s; %s is at hand and finds more: refine reembed", s.Model, m.Name)
		}
		note("model", a.agree(ctx, s), fix, "%s", said)
	}
	if store, ok := p.Store.(*memory.Store); ok {
		report, err := store.Check(ctx, false)
		if err == nil && len(report.Problems) > 0 {
			err = fmt.Errorf("%s, the first: %s", counted(len(report.Problems), "problem"), report.Problems[0])
		}
		note("damage", err, "refine check --full, refine restore FILE --force", "none (quick check)")
	}
	if checked, ok := p.Store.(interface {
		Check(context.Context) (string, error)
	}); ok {
		told, err := checked.Check(ctx)
		note("engine", err, "see docs/engines.md", "%s", told)
	}
	pending, err := p.Store.Pending(ctx)
	if err == nil && len(pending) > 0 {
		err = fmt.Errorf("%s for privacy not carried out in every copy yet, the first of %s", counted(len(pending), "deletion"), pending[0].At.Format(time.DateTime))
	}
	note("deletions", err, "run `refine delete` again, or any command that writes: it goes on with them and names what it cannot reach", "all are carried out")
	if !integration.IsFile(path) {
		return
	}
	copies, err := memory.Copies(ctx, path)
	for _, c := range copies {
		if c.Missing && err == nil {
			err = fmt.Errorf("a copy was written to %s and is not there any more", c.Path)
		}
	}
	note("copies", err, "if it was moved, name it when you delete for privacy: `refine delete --snapshot FILE`", "%s", plural(len(copies), "copy", "copies"))
}

// agree reports whether the configured embedder is the one that made the store's vectors.
func (a *app) agree(ctx context.Context, s memory.Stats) error {
	if a.settings.Embedder.Type == "auto" {
		p, err := integration.New(ctx, a.settings.Config, &integration.Options{ReadOnly: true})
		if err != nil {
			return err
		}
		defer p.Close()
		if p.Store.Embedder() != nil {
			return nil
		}
		return fmt.Errorf("the store's vectors were made by %s (%d dimensions), which is not at hand: it finds by words alone, and takes no new records", s.Model, s.Dim)
	}
	e, err := integration.Embedder(ctx, a.settings.Config)
	if err != nil {
		return err
	}
	if e.Model() == s.Model && e.Dim() == s.Dim {
		return nil
	}
	configured := e.Model()
	return fmt.Errorf("the store's vectors were made by %s (%d dimensions), %s is configured", s.Model, s.Dim, configured)
}

// examineEmbedder embeds one word.
func (a *app) examineEmbedder(ctx context.Context, note func(what string, err error, fix, format string, args ...any) bool) {
	embedder, err := integration.Embedder(ctx, a.settings.Config)
	if c, ok := embedder.(io.Closer); ok {
		defer c.Close()
	}
	fix := "check embedder.* in `refine config show --origin`"
	if a.settings.Embedder.Type == "openai" {
		if key, keyErr := a.settings.Embedder.Key(ctx); keyErr != nil || key == "" {
			fix = fmt.Sprintf("no API key was found: set %s, embedder.key_file or embedder.key_command", config.Default().Embedder.KeyEnv)
		}
	}
	if err == nil && embedder.Dim() == 0 {
		note("embedder", nil, "", "none for new stores, which find by words alone; refine models pull minilm")
		return
	}
	if err == nil {
		start := time.Now()
		_, err = embedder.Embed(ctx, []string{"memory"}) // loads the model
		start, loaded := time.Now(), time.Since(start)
		if err == nil {
			_, err = embedder.Embed(ctx, []string{"memory"})
		}
		note("embedder", err, fix, "%s, %d dimensions, %s for one text after %s", embedder.Model(), embedder.Dim(),
			time.Since(start).Round(time.Microsecond), loaded.Round(time.Millisecond))
		return
	}
	note("embedder", err, fix, "")
}

func missing(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is none at %s", path)
	}
	return err
}

// existing is the nearest folder above that is there.
func existing(folder string) string {
	for {
		if _, err := os.Stat(folder); err == nil || filepath.Dir(folder) == folder {
			return folder
		}
		folder = filepath.Dir(folder)
	}
}

func writable(folder string) error {
	f, err := os.CreateTemp(folder, ".refine-doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
