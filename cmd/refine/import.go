package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/sample"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

// imported is what an import did. Its JSON is a contract: docs/cli-json.md.
type imported struct {
	Files    int     `json:"files"`
	Added    int     `json:"added"`
	Known    int     `json:"known"`   // were there already
	Deleted  int     `json:"deleted"` // of those known, how many were deleted for privacy and stay so
	Bad      int     `json:"bad"`     // could not be read and were skipped
	Empty    int     `json:"empty"`   // conversations with messages of which none can be remembered
	Sessions int     `json:"sessions"`
	From     string  `json:"from,omitempty"` // the day of the first record, and of the last
	To       string  `json:"to,omitempty"`
	DryRun   bool    `json:"dry_run"`
	Seconds  float64 `json:"seconds"`
}

// importer is one run of the command.
type importer struct {
	*app
	options transcript.Options
	bar     *ui.Progress
	done    imported
	deleted bool           // also what was deleted for privacy
	within  []memory.Scope // what an export may hold

	archives map[string]*transcript.Archive

	sessions    map[memory.Scope]bool
	first, last time.Time
}

func (a *app) importCommand() *cobra.Command {
	im := &importer{app: a, sessions: map[memory.Scope]bool{}}
	bundled, reembed := false, false
	names := []string{}
	var list strings.Builder
	for _, f := range transcript.Formats() {
		names = append(names, string(f.Name))
		fmt.Fprintf(&list, "  %-12s %s\n", f.Name, f.File)
	}
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Import conversations: ChatGPT, Claude, Slack, WhatsApp, API transcripts and more, as downloaded",
		Long: `Reads conversations into the store, in the scope of --tenant, --user, --agent and
--session. A FILE is what you downloaded: a ZIP, a folder, a .gz or a plain file; - reads
stdin. The format is found by content. A run imports all of its files or nothing; the
same import again adds nothing. A record that cannot be used ends the run and is named
with its file and line; --skip-bad leaves it out, and the exit code is 3. What refine
export wrote is imported with its history, if it lies within the scope that is given;
with none given, an export of the whole store is imported as it is. What was deleted for
privacy stays so, unless --deleted is given.

Formats:
` + strings.TrimRight(list.String(), "\n"),
		Example: `  refine import --sample
  refine import chatgpt-export.zip --user ada
  refine import notes/ --user ada
  refine import chats/*.jsonl --skip-bad
  ssh host cat log.jsonl | refine import - --format jsonl`,
		RunE: a.loaded(func(cmd *cobra.Command, args []string) error {
			if bundled == (len(args) > 0) {
				return ui.Fail(ui.ExitUsage, "run `refine import FILE...` or `refine import --sample`", "name files to import, or --sample, but not both")
			}
			if o := im.options.Format; o != "" && !slices.Contains(names, string(o)) {
				return ui.Fail(ui.ExitUsage, "use one of "+strings.Join(names, ", "), "there is no format %q", o)
			}
			if im.within = im.chosen(); im.within == nil && anyChanged(cmd, "tenant", "user", "agent", "session") {
				im.within = []memory.Scope{{}}
			}
			im.options.Scope = integration.Scope(a.settings.Config)
			return im.run(cmd, args, reembed)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&im.options.Format), "format", "", "one of "+strings.Join(names, ", ")+"; found by content if it is not given")
	flags.BoolVar(&bundled, "sample", false, "import the bundled conversation")
	flags.BoolVar(&im.options.Skip, "skip-bad", false, "leave out what cannot be used, and exit with 3")
	flags.BoolVar(&im.options.System, "system", false, "also read system prompts and the output of tools")
	flags.BoolVar(&im.done.DryRun, "dry-run", false, "read and check everything, write nothing")
	flags.BoolVar(&im.deleted, "deleted", false, "also take in what was deleted for privacy before")
	flags.BoolVar(&reembed, "reembed", false, "make new embeddings for an export of another model")
	return cmd
}

func (im *importer) run(cmd *cobra.Command, files []string, reembed bool) error {
	ctx := cmd.Context()
	archives, size, exports, err := look(files)
	defer func() {
		for _, a := range archives {
			a.Close()
		}
	}()
	if err != nil {
		return err
	}
	im.archives = archives
	if exports > 0 && len(files) > 1 {
		return ui.Fail(ui.ExitUsage, "import an export by itself", "one of the files is an export of a store")
	}
	im.done.Files = len(files)
	im.bar = im.term.Progress("importing", "B", size)
	defer im.bar.Done()
	start := time.Now()
	switch {
	case im.done.DryRun && exports > 0:
		return ui.Fail(ui.ExitUsage, "import it into a store of its own to look at it", "an export cannot be read with --dry-run")
	case im.done.DryRun:
		for _, err := range im.all(ctx, files) {
			if err != nil {
				return err
			}
			im.done.Added++
		}
	default:
		p, err := im.open(cmd)
		if err != nil {
			return err
		}
		defer p.Close()
		var added memory.Added
		if exports > 0 {
			added, err = im.export(ctx, p, files[0], reembed)
		} else {
			added, err = p.Store.AddAll(ctx, p.Scope, im.all(ctx, files), &memory.AddOptions{Deleted: im.deleted})
		}
		if err != nil {
			return err
		}
		im.done.Added, im.done.Known, im.done.Deleted = added.Count, added.Skipped, added.Deleted
	}
	im.done.Seconds = time.Since(start).Seconds()
	im.bar.Done()
	return im.report()
}

// report tells what was done.
func (im *importer) report() error {
	d := &im.done
	d.Sessions = len(im.sessions)
	if !im.first.IsZero() {
		d.From, d.To = im.first.Format(time.DateOnly), im.last.Format(time.DateOnly)
	}
	if err := im.show(d, im.printDone); err != nil {
		return err
	}
	if d.Added+d.Known+d.Bad == 0 && len(im.archives) > 0 {
		return ui.Fail(ui.ExitThreshold, "look at the files; `refine import --help` lists the formats", "no record was found")
	}
	if d.Bad > 0 {
		return ui.Fail(ui.ExitThreshold, "fix those lines and import the file again: what is there already is not added twice",
			"%s left out that could not be used", plural(d.Bad, "record was", "records were"))
	}
	return nil
}

func (im *importer) printDone() {
	d, verb := &im.done, "added"
	if d.DryRun {
		verb = "dry run: would add up to"
	}
	parts := []string{verb + " " + counted(d.Added, "record")}
	if d.From != "" {
		parts[0] += fmt.Sprintf(" of %s, %s to %s", counted(d.Sessions, "session"), d.From, d.To)
	}
	if !d.DryRun {
		parts = append(parts, thousands(d.Known-d.Deleted)+" there already")
	}
	if d.Deleted > 0 {
		parts = append(parts, thousands(d.Deleted)+" stay deleted (--deleted takes them in)")
	}
	if d.Bad > 0 {
		parts = append(parts, "left out "+thousands(d.Bad))
	}
	if d.Empty > 0 {
		parts = append(parts, counted(d.Empty, "conversation")+" without a text")
	}
	im.term.Printf("%s (%.2g s, %s records/s)\n", strings.Join(parts, "; "), d.Seconds, thousands(int(float64(d.Added+d.Known)/max(d.Seconds, 1e-9))))
}

// all reads every file, or the bundled conversation if there is none.
func (im *importer) all(ctx context.Context, files []string) iter.Seq2[memory.Record, error] {
	return func(yield func(memory.Record, error) bool) {
		if len(files) == 0 {
			im.read(transcript.Read(ctx, bytes.NewReader(sample.Conversation), "sample.jsonl", &im.options), yield)
			return
		}
		for _, name := range files {
			if name == "-" {
				if !im.read(transcript.Read(ctx, im.term.In, name, &im.options), yield) {
					return
				}
				continue
			}
			archive := im.archives[name]
			for _, skipped := range archive.Skipped {
				im.term.Notef("not imported: %s", ui.Clean(skipped))
			}
			for _, file := range archive.Files {
				if !im.read(file.Read(ctx, &im.options, im.bar), yield) {
					return
				}
			}
		}
	}
}

// mostReported bounds how many bad records are named one by one.
const mostReported = 20

// read passes the records of one file on, and reports whether to go on to the next.
func (im *importer) read(records iter.Seq2[memory.Record, error], yield func(memory.Record, error) bool) bool {
	for record, err := range records {
		if bad := (*transcript.Error)(nil); errors.As(err, &bad) {
			count, said := &im.done.Bad, "left out "
			switch {
			case errors.Is(bad, transcript.ErrEmpty):
				count, said = &im.done.Empty, ""
			case !bad.Skipped:
				yield(record, im.withHint(bad))
				return false
			}
			if *count++; *count <= mostReported {
				im.term.Notef("%s%s", said, ui.Clean(bad.Error()))
			}
			continue
		}
		if err == nil {
			im.sessions[record.Scope] = true
			if im.first.IsZero() || record.Created.Before(im.first) {
				im.first = record.Created
			}
			if record.Created.After(im.last) {
				im.last = record.Created
			}
		}
		if !yield(record, err) || err != nil {
			return false
		}
	}
	return true
}

// withHint adds to a reader's error what to do about it.
func (im *importer) withHint(err *transcript.Error) error {
	hint := "nothing was imported; fix that record, or leave such records out with --skip-bad"
	switch {
	case errors.Is(err, transcript.ErrFormat):
		hint = "nothing was imported; name the format with --format, one of `refine import --help`"
	case !errors.Is(err, transcript.ErrRecord):
		hint = "nothing was imported; fix the file"
	}
	return ui.Fail(ui.ExitError, hint, "%w", err)
}

// export takes in what refine export wrote.
func (im *importer) export(ctx context.Context, p *integration.Plugin, name string, reembed bool) (memory.Added, error) {
	in := im.term.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return memory.Added{}, err
		}
		defer f.Close()
		in = io.TeeReader(f, im.bar)
	}
	added, err := p.Store.Import(ctx, in, &memory.ImportOptions{Reembed: reembed, Deleted: im.deleted, Scopes: im.within})
	if errors.Is(err, memory.ErrModel) {
		return added, ui.Fail(ui.ExitError, "take it in with --reembed, which makes new embeddings", "%s: %w", name, err)
	}
	if err != nil {
		return added, fmt.Errorf("%s: %w", name, err)
	}
	return added, nil
}

// exportMark begins what refine export wrote.
var exportMark = []byte(`{"format":"refiner-memory"`)

// look opens the files: archives of conversations by their names, their size in bytes, negative if it is not known, and
// how many of them are exports of a store.
func look(files []string) (archives map[string]*transcript.Archive, size int64, exports int, err error) {
	archives = map[string]*transcript.Archive{}
	for _, name := range files {
		if name == "-" {
			size = -1 << 62
			continue
		}
		a, err := transcript.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return archives, 0, 0, ui.Fail(ui.ExitError, "nothing was imported; check the name and the folder", "there is no file %q", name)
		}
		if err != nil {
			return archives, 0, 0, ui.Fail(ui.ExitError, "nothing was imported; `refine import --help` lists the formats", "%w", err)
		}
		archives[name] = a
		size += a.Size
		if f, err := os.Open(name); err == nil {
			head, _ := bufio.NewReader(f).Peek(len(exportMark))
			f.Close()
			if bytes.Equal(head, exportMark) {
				exports++
			}
		}
	}
	return archives, max(size, -1), exports, nil
}
