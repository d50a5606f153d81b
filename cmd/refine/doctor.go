package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
			d := &doctor{app: a, ctx: cmd.Context()}
			d.examine(cmd)
			err := a.show(d.found, func() {
				for _, f := range d.found {
					mark := a.term.Paint(ui.Green, "ok  ")
					if !f.OK {
						mark = a.term.Paint(ui.Red, "FAIL")
					}
					a.term.Printf("%s  %s %s\n", mark, ui.Pad(f.What, 12), ui.Clean(f.Detail))
					if f.Fix != "" {
						a.term.Printf("%s%s\n", strings.Repeat(" ", 19), a.term.Paint(ui.Yellow, "fix: "+f.Fix))
					}
				}
			})
			faults := slices.DeleteFunc(slices.Clone(d.found), func(f finding) bool { return f.OK })
			if err == nil && len(faults) > 0 {
				err = ui.Fail(ui.ExitThreshold, "", "%s", counted(len(faults), "fault"))
			}
			return err
		},
	}
}

// doctor is one run of the command.
type doctor struct {
	*app
	ctx   context.Context
	found []finding
}

// note takes note of what was found: an error with its fix, else the detail.
func (d *doctor) note(what string, err error, fix, format string, args ...any) {
	f := finding{What: what, OK: err == nil, Detail: fmt.Sprintf(format, args...)}
	if err != nil {
		f.Detail, f.Fix = err.Error(), fix
	}
	d.found = append(d.found, f)
}

func (d *doctor) examine(cmd *cobra.Command) {
	b := cli.Info()
	d.note("version", nil, "", "refine %s, %s, %s", b.Version, b.Go, b.Platform)
	if err := d.load(cmd); err != nil {
		d.note("settings", err, "refine config show --origin", "")
		return
	}
	d.note("settings", nil, "", "%s", cmp.Or(strings.Join(d.settings.Files, ", "), "no file, defaults and variables only"))
	path := d.settings.Store.Path
	_, missing := os.Stat(path)
	if !integration.IsFile(path) {
		missing = nil
	} else {
		d.examineFile(path, missing)
	}
	if missing == nil {
		d.examineStore(path)
	}
	d.examineEmbedder()
}

// examineFile looks at where a store's file lies.
func (d *doctor) examineFile(path string, missing error) {
	if errors.Is(missing, fs.ErrNotExist) {
		missing = fmt.Errorf("there is none at %s", path)
	}
	d.note("store", missing, "refine init", "%s", path)
	folder := filepath.Dir(path) // the nearest one above that is there
	for _, err := os.Stat(folder); err != nil && filepath.Dir(folder) != folder; _, err = os.Stat(folder) {
		folder = filepath.Dir(folder)
	}
	f, err := os.CreateTemp(folder, ".refine-doctor-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	d.note("folder", err, "give yourself the right to write there, or choose another place with --store", "%s can be written", folder)
	if free, err := freeSpace(folder); err == nil {
		var low error
		if free < lowDisk {
			low = fmt.Errorf("%s left on the disk of %s", bytesText(free), folder)
		}
		d.note("disk", low, "make room: a snapshot and a privacy delete each need as much as the store", "%s left", bytesText(free))
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		d.note("privacy", fmt.Errorf("others of this machine may read %s (%s)", path, info.Mode().Perm()), "chmod 600 "+path, "")
	}
}

func (d *doctor) examineStore(path string) {
	ctx, start := d.ctx, time.Now()
	p, err := integration.New(ctx, d.settings.Config, &integration.Options{Log: d.log, AnyModel: true, ReadOnly: true})
	fix := ""
	if f := (*ui.Failure)(nil); errors.As(cli.Explain(ctx, err, fixes), &f) {
		fix = f.Hint
	}
	d.note("open", err, fix, "in %s", time.Since(start).Round(time.Millisecond))
	if err != nil {
		return
	}
	defer p.Close()
	s, err := p.Store.Stats(ctx)
	d.note("contents", err, "refine check --full", "%s, %s, %s", counted(s.Records, "record"), bytesText(s.Bytes), embeddings(s))
	if err == nil {
		fix, said := "refine reembed, or configure the embedder that the store was made with", "the store and the embedder agree"
		if name, _, local := strings.Cut(s.Model, "@"); local {
			fix = "refine models pull " + name + ", or refine reembed"
		} else if m, err := models.Choose(encoder.KindEncoder, ""); err == nil && d.settings.Embedder.Type == "auto" && s.Dim == 0 {
			said = fmt.Sprintf("%s; %s is at hand and finds more: refine reembed", s.Model, m.Name)
		}
		d.note("model", d.agree(s), fix, "%s", said)
	}
	if checked, ok := p.Store.(interface {
		Check(context.Context) (string, error)
	}); ok {
		told, err := checked.Check(ctx)
		d.note("engine", err, "see docs/engines.md", "%s", told)
	}
	pending, err := p.Store.Pending(ctx)
	if err == nil && len(pending) > 0 {
		err = fmt.Errorf("%s for privacy not carried out in every copy yet, the first of %s", counted(len(pending), "deletion"), pending[0].At.Format(time.DateTime))
	}
	d.note("deletions", err, "run `refine delete` again, or any command that writes: it goes on with them and names what it cannot reach", "all are carried out")
	store, ok := p.Store.(*memory.Store)
	if !ok {
		return
	}
	report, err := store.Check(ctx, false)
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("%s, the first: %s", counted(len(report.Problems), "problem"), report.Problems[0])
	}
	d.note("damage", err, "refine check --full, refine restore FILE --force", "none (quick check)")
	copies, err := memory.Copies(ctx, path)
	if i := slices.IndexFunc(copies, func(c memory.Copy) bool { return c.Missing }); i >= 0 {
		err = errors.Join(err, fmt.Errorf("a copy was written to %s and is not there any more", copies[i].Path))
	}
	d.note("copies", err, "if it was moved, name it when you delete for privacy: `refine delete --snapshot FILE`", "%s", plural(len(copies), "copy", "copies"))
}

// agree reports whether the configured embedder is the one that made the store's vectors.
func (d *doctor) agree(s memory.Stats) error {
	if d.settings.Embedder.Type == "auto" {
		p, err := integration.New(d.ctx, d.settings.Config, &integration.Options{ReadOnly: true})
		if err != nil {
			return err
		}
		defer p.Close()
		if p.Store.Embedder() != nil {
			return nil
		}
		return fmt.Errorf("the store's vectors were made by %s (%d dimensions), which is not at hand: it finds by words alone, and takes no new records", s.Model, s.Dim)
	}
	e, err := integration.Embedder(d.ctx, d.settings.Config)
	if err != nil || e.Model() == s.Model && e.Dim() == s.Dim {
		return err
	}
	return fmt.Errorf("the store's vectors were made by %s (%d dimensions), %s is configured", s.Model, s.Dim, e.Model())
}

// examineEmbedder embeds one word.
func (d *doctor) examineEmbedder() {
	fix := "check embedder.* in `refine config show --origin`"
	if d.settings.Embedder.Type == "openai" {
		if key, err := d.settings.Embedder.Key(d.ctx); err != nil || key == "" {
			fix = fmt.Sprintf("no API key was found: set %s, embedder.key_file or embedder.key_command", config.Default().Embedder.KeyEnv)
		}
	}
	embedder, err := integration.Embedder(d.ctx, d.settings.Config)
	if c, ok := embedder.(io.Closer); ok {
		defer c.Close()
	}
	if err != nil {
		d.note("embedder", err, fix, "")
		return
	}
	if embedder.Dim() == 0 {
		d.note("embedder", nil, "", "none for new stores, which find by words alone; refine models pull minilm")
		return
	}
	var took [2]time.Duration // the first embedding loads the model
	for i := range took {
		start := time.Now()
		if err == nil {
			_, err = embedder.Embed(d.ctx, []string{"memory"})
		}
		took[i] = time.Since(start)
	}
	d.note("embedder", err, fix, "%s, %d dimensions, %s for one text after %s", embedder.Model(), embedder.Dim(), took[1].Round(time.Microsecond), took[0].Round(time.Millisecond))
}
