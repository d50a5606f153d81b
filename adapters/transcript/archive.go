package transcript

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// Archive is what an exporter hands out: a ZIP, a folder, a file packed with gzip, or one plain file.
type Archive struct {
	// Files holds the files with conversations, in the order of their names.
	Files []File
	// Skipped names the files that hold none, with the reason. Pictures and the like are not mentioned.
	Skipped []string
	// Size is the number of bytes that reading all files takes; of packed files it is the packed size.
	Size int64

	in    fs.FS
	names map[string]string // people's names by their ids
}

// File is one file of an archive.
type File struct {
	Name   string // for messages: the archive's name and the file's own in it
	Format Format

	archive *Archive
	path    string // in the archive's file system
	member  string // its name in the archive; empty where the file is by itself
}

// maxFiles bounds how many files of an archive are looked at.
const maxFiles = 200_000

// Open looks into a file or folder and finds the files with conversations in it, each with its format. A plain file is
// not looked into: reading it says what is wrong with it. Close the archive after use.
func Open(name string) (*Archive, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		a := &Archive{in: os.DirFS(name)}
		return a, a.files(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	if _, err := io.ReadFull(f, head); err != nil || string(head) != "PK\x03\x04" {
		a := &Archive{in: os.DirFS(filepath.Dir(name)), Size: info.Size()}
		a.Files = []File{{Name: name, archive: a, path: filepath.Base(name)}}
		return a, nil
	}
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrSyntax, name, err)
	}
	a := &Archive{in: z}
	if err := a.files(name); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Close lets go of the archive.
func (a *Archive) Close() error {
	if z, ok := a.in.(io.Closer); ok {
		return z.Close()
	}
	return nil
}

// open opens the file, unpacked if it is packed with gzip.
func (f File) open() (io.Reader, io.Closer, error) {
	in, err := f.archive.in.Open(f.path)
	if err != nil {
		return nil, nil, err
	}
	b := bufio.NewReaderSize(in, prefixSize)
	if head, _ := b.Peek(2); string(head) != "\x1f\x8b" {
		return b, in, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w: %w", ErrSyntax, err), in.Close())
	}
	return z, in, nil
}

// Read reads the records of the file: see [Read]. watch, if it is not nil, is given every byte that is read.
func (f File) Read(ctx context.Context, o *Options, watch io.Writer) iter.Seq2[memory.Record, error] {
	return func(yield func(memory.Record, error) bool) {
		r, c, err := f.open()
		if err != nil {
			yield(memory.Record{}, &Error{File: f.Name, Err: err})
			return
		}
		defer c.Close()
		if watch != nil {
			r = io.TeeReader(r, watch)
		}
		opts := *cmp.Or(o, &Options{})
		opts.names, opts.member, opts.Format = f.archive.names, f.member, cmp.Or(opts.Format, f.Format)
		Read(ctx, r, strings.TrimSuffix(f.Name, ".gz"), &opts)(yield)
	}
}

// files finds the files with conversations in a folder or ZIP. Where an exporter's own format is among them, files of the
// forms that everybody writes are not conversations but what goes with them: ratings, settings, notes to a picture.
func (a *Archive) files(archive string) error {
	own, looked := false, 0
	err := fs.WalkDir(a.in, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "__MACOSX"):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular() || !readable(name):
			return nil
		}
		if looked++; looked > maxFiles {
			return fmt.Errorf("%w: %s has more than %d files: import its parts", ErrRecord, archive, maxFiles)
		}
		f := File{Name: filepath.ToSlash(archive) + "/" + name, archive: a, path: name, member: name}
		if f.Format, err = a.look(f); err != nil {
			a.Skipped = append(a.Skipped, fmt.Sprintf("%s: %v", f.Name, err))
		}
		if f.Format == "" {
			return nil
		}
		if info, err := d.Info(); err == nil {
			a.Size += info.Size()
		}
		i, _ := info(f.Format)
		own = own || !i.general
		a.Files = append(a.Files, f)
		return nil
	})
	if err != nil {
		return err
	}
	if own {
		a.Files = slices.DeleteFunc(a.Files, func(f File) bool {
			i, _ := info(f.Format)
			if i.general {
				a.Skipped = append(a.Skipped, f.Name+": not a conversation of this export; import it by itself if you want it")
			}
			return i.general
		})
	}
	if len(a.Files) == 0 {
		reason := ""
		if len(a.Skipped) > 0 {
			reason = "; of " + a.Skipped[0]
		}
		return fmt.Errorf("%w: %s holds no conversation that is known%s", ErrFormat, archive, reason)
	}
	return nil
}

// look finds the format of a file in an archive; empty where it is a list of people, which it remembers.
func (a *Archive) look(f File) (Format, error) {
	in, c, err := f.open()
	if err != nil {
		return "", err
	}
	defer c.Close()
	b := bufio.NewReaderSize(in, prefixSize)
	prefix, err := b.Peek(prefixSize)
	if err != nil && err != io.EOF {
		return "", err
	}
	if base := path.Base(f.member); base == "users.json" || base == "org_users.json" {
		if data, err := io.ReadAll(io.LimitReader(b, maxValue)); err == nil && a.people(data) {
			return "", nil
		}
	}
	return detect(f.member, prefix)
}

// people reads Slack's users.json: who is behind the ids that messages have.
func (a *Archive) people(data []byte) bool {
	list := value{raw: bytes.TrimSpace(data)}
	if !list.is('[') || !json.Valid(data) {
		return false
	}
	if a.names == nil {
		a.names = map[string]string{}
	}
	for _, v := range list.children() {
		u := v.object()
		name := cmp.Or(u.text("profile.display_name"), u.text("profile.real_name"), u.text("name"))
		if id := u.text("id"); id != "" && name != "" {
			a.names[id] = name
		}
	}
	return len(a.names) > 0
}

// readable reports whether a file's name is that of a text with conversations in it.
func readable(name string) bool {
	switch strings.ToLower(path.Ext(strings.TrimSuffix(name, ".gz"))) {
	case ".json", ".jsonl", ".ndjson", ".txt", ".md", ".markdown":
		return true
	}
	return false
}
