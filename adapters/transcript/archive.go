package transcript

import (
	"archive/zip"
	"bufio"
	"bytes"
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

	names map[string]string
	zip   *zip.ReadCloser
}

// File is one file of an archive.
type File struct {
	Name   string // for messages: the archive's name and the file's own in it
	Format Format

	archive *Archive
	member  string // its name in the archive; empty where the file is by itself
	open    func() (io.ReadCloser, error)
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
	a := &Archive{}
	if info.IsDir() {
		return a, a.files(name, os.DirFS(name))
	}
	head := make([]byte, 4)
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	n, err := io.ReadFull(f, head)
	f.Close()
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	switch head = head[:n]; {
	case bytes.Equal(head, []byte("PK\x03\x04")) || bytes.Equal(head, []byte("PK\x05\x06")):
		if a.zip, err = zip.OpenReader(name); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrSyntax, name, err)
		}
		if err := a.files(name, a.zip); err != nil {
			a.Close()
			return nil, err
		}
		return a, nil
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		a.Files = []File{{Name: name, archive: a, open: func() (io.ReadCloser, error) { return gunzip(name) }}}
	default:
		a.Files = []File{{Name: name, archive: a, open: func() (io.ReadCloser, error) { return os.Open(name) }}}
	}
	a.Size = info.Size()
	return a, nil
}

// Close lets go of the archive.
func (a *Archive) Close() error {
	if a.zip == nil {
		return nil
	}
	return a.zip.Close()
}

// Read reads the records of the file: see [Read]. watch, if it is not nil, is given every byte that is read.
func (f File) Read(ctx context.Context, o *Options, watch io.Writer) iter.Seq2[memory.Record, error] {
	return func(yield func(memory.Record, error) bool) {
		in, err := f.open()
		if err != nil {
			yield(memory.Record{}, &Error{File: f.Name, Err: err})
			return
		}
		defer in.Close()
		var r io.Reader = in
		if watch != nil {
			r = io.TeeReader(r, watch)
		}
		if o == nil {
			o = &Options{}
		}
		opts := *o
		opts.names, opts.member = f.archive.names, f.member
		name := strings.TrimSuffix(f.Name, ".gz")
		if opts.Format == "" {
			opts.Format = f.Format
		}
		for rec, err := range Read(ctx, r, name, &opts) {
			if !yield(rec, err) {
				return
			}
		}
	}
}

// files finds the files with conversations in a folder or ZIP. Where an exporter's own format is among them, files of the
// forms that everybody writes are not conversations but what goes with them: ratings, settings, notes to a picture.
func (a *Archive) files(archive string, in fs.FS) error {
	_, zipped := in.(*zip.ReadCloser)
	own, looked := false, 0
	err := fs.WalkDir(in, ".", func(name string, d fs.DirEntry, err error) error {
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
		f := File{Name: filepath.ToSlash(archive) + "/" + name, archive: a, member: name, open: func() (io.ReadCloser, error) {
			if zipped {
				return in.Open(name)
			}
			return openFile(filepath.Join(archive, filepath.FromSlash(name)))
		}}
		if f.Format, err = a.look(f); err != nil {
			a.Skipped = append(a.Skipped, fmt.Sprintf("%s: %v", f.Name, err))
			return nil
		}
		if f.Format == "" {
			return nil
		}
		if info, err := d.Info(); err == nil {
			a.Size += info.Size()
		}
		f1, _ := info(f.Format)
		own = own || !f1.general
		a.Files = append(a.Files, f)
		return nil
	})
	if err != nil {
		return err
	}
	if own {
		kept := a.Files[:0]
		for _, f := range a.Files {
			if i, _ := info(f.Format); i.general {
				a.Skipped = append(a.Skipped, f.Name+": not a conversation of this export; import it by itself if you want it")
				continue
			}
			kept = append(kept, f)
		}
		a.Files = kept
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

// look finds the format of a file in an archive; "" where it is a list of people, which it remembers.
func (a *Archive) look(f File) (Format, error) {
	in, err := f.open()
	if err != nil {
		return "", err
	}
	defer in.Close()
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
	var users []struct {
		ID, Name string
		Profile  struct {
			Real    string `json:"real_name"`
			Display string `json:"display_name"`
		}
	}
	if json.Unmarshal(data, &users) != nil {
		return false
	}
	for _, u := range users {
		for _, name := range []string{u.Profile.Display, u.Profile.Real, u.Name} {
			if name != "" && u.ID != "" {
				if a.names == nil {
					a.names = map[string]string{}
				}
				a.names[u.ID] = name
				break
			}
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

func openFile(name string) (io.ReadCloser, error) {
	if strings.HasSuffix(name, ".gz") {
		return gunzip(name)
	}
	return os.Open(name)
}

// gunzip opens a file that is packed with gzip.
func gunzip(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s: %w", ErrSyntax, name, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}
