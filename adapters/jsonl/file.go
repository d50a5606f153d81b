// Package jsonl makes a file of JSON Lines a [mirror.Remote], so that it can be consolidated where it is.
//
// A line is an object with a text, and what else is known of it:
//
//	{"id": "7", "text": "We moved to Porto.", "role": "user", "time": "2024-05-31T18:30:00Z", "session": "may"}
//
// The members may have other names that are usual (content, timestamp, conversation_id and so on); those that mean nothing
// here are kept. Lines that do not change keep every byte, and an undo gives the file back as it was. What is derived is
// written at the end, with the member names that the file has. The file is replaced as a whole: whoever reads it has the old
// or the new one. A program that keeps it open to append must be stopped meanwhile.
package jsonl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

// ErrLine is returned for a line that is no memory; the message says which, and why.
var ErrLine = errors.New("unusable line")

// ErrChanged is returned when somebody else wrote to the file at the same time.
var ErrChanged = errors.New("the file is being written to")

// File is a file of JSON Lines.
type File struct{ path string }

var _ mirror.Remote = (*File)(nil)

// Open finds a file; it must be there.
func Open(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	real, err := filepath.EvalSymlinks(path) // a link stays one
	if err != nil {
		return nil, err
	}
	return &File{real}, nil
}

// line is a line of the file, with its end; its document is nil if it is blank.
type line struct {
	raw string
	*mirror.Document
}

// read reads all lines.
func (f *File) read() ([]line, os.FileInfo, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	var lines []line
	count := map[string]int{}
	before := ""
	for raw := range bytes.Lines(data) {
		l := line{raw: string(raw)}
		if len(bytes.TrimSpace(raw)) > 0 {
			d, err := parse(raw)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w %d: %w", f.path, ErrLine, len(lines)+1, err)
			}
			if count[d.ID]++; count[d.ID] > 1 { // said twice: two lines
				d.ID = fmt.Sprintf("%s#%d", d.ID, count[d.ID])
			}
			d.Place, d.After = len(lines)+1, before
			before, l.Document = d.ID, d
		}
		lines = append(lines, l)
	}
	return lines, info, nil
}

// parse reads a line's members.
func parse(raw []byte) (*mirror.Document, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	meta := map[string]any{}
	if err := decoder.Decode(&meta); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	text, err := member(meta, texts)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, errors.New(`it has no "text"`)
	}
	d := &mirror.Document{Text: text, Meta: meta, Raw: string(raw)}
	session, _ := member(meta, sessions)
	if record, ok := meta[mirror.MetaRecord].(string); ok {
		d.ID = record
		return d, nil
	}
	id, err := member(meta, ids)
	if err != nil {
		return nil, err
	}
	if id == "" {
		h := sha256.New()
		for _, names := range [][]string{texts, roles, speakers, sessions, times} {
			v, _ := member(meta, names)
			fmt.Fprintf(h, "%d:%s", len(v), v)
		}
		id = "sha256-" + hex.EncodeToString(h.Sum(nil)[:12])
	}
	if d.ID = id; session != "" {
		d.ID = session + "/" + id // IDs often begin anew in every session
	}
	return d, nil
}

// All yields the documents of the file, in order.
func (f *File) All(context.Context) iter.Seq2[mirror.Document, error] {
	return func(yield func(mirror.Document, error) bool) {
		lines, _, err := f.read()
		if err != nil {
			yield(mirror.Document{}, err)
			return
		}
		for _, l := range lines {
			if l.Document != nil && !yield(*l.Document, nil) {
				return
			}
		}
	}
}

// Fetch returns those documents that are there.
func (f *File) Fetch(_ context.Context, ids []string) ([]mirror.Document, error) {
	lines, _, err := f.read()
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	var found []mirror.Document
	for _, l := range lines {
		if l.Document != nil && wanted[l.ID] {
			d := *l.Document
			d.Raw = mark(d.Raw, "") // so it comes back
			found = append(found, d)
		}
	}
	return found, nil
}

// Write makes the changes in a new file, which takes the place of the old one.
func (f *File) Write(ctx context.Context, c mirror.Changes) error {
	for range 3 {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := f.write(c)
		if !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("%s: %w by somebody else: stop that, and do it again", f.path, ErrChanged)
}

func (f *File) write(c mirror.Changes) error {
	lines, info, err := f.read()
	if err != nil {
		return err
	}
	remove := map[string]bool{}
	for _, id := range c.Remove {
		remove[id] = true
	}
	at := map[string]int{}
	var next []line
	for _, l := range lines {
		if l.Document != nil {
			if remove[l.ID] {
				continue
			}
			if by, ok := c.Mark[l.ID]; ok {
				l.raw = mark(l.raw, by)
			}
			at[l.ID] = len(next)
		}
		next = append(next, l)
	}
	for _, d := range c.Put {
		if _, there := at[d.ID]; there {
			continue
		}
		l := line{raw: d.Raw, Document: &d}
		if l.raw == "" {
			data, err := encode(d)
			if err != nil {
				return err
			}
			l.raw = data
		}
		if l.raw[len(l.raw)-1] != '\n' {
			l.raw += "\n"
		}
		i := len(next)
		if d.Raw != "" { // it was here before
			if d.After == "" {
				i = 0
			} else if before, ok := at[d.After]; ok {
				i = before + 1
			}
		}
		if i > 0 && next[i-1].raw[len(next[i-1].raw)-1] != '\n' {
			next[i-1].raw += "\n"
		}
		next = slices.Insert(next, i, l)
		for id, j := range at {
			if j >= i {
				at[id] = j + 1
			}
		}
		at[d.ID] = i
	}
	return f.replace(next, info)
}

// replace puts the lines in the place of the file, unless somebody wrote to it since.
func (f *File) replace(lines []line, read os.FileInfo) error {
	out, err := os.CreateTemp(filepath.Dir(f.path), ".refine-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	var b bytes.Buffer
	for _, l := range lines {
		b.WriteString(l.raw)
	}
	_, err = out.Write(b.Bytes())
	if err := errors.Join(err, out.Chmod(read.Mode().Perm()), out.Sync(), out.Close()); err != nil {
		return err
	}
	now, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	if !os.SameFile(now, read) || now.Size() != read.Size() || !now.ModTime().Equal(read.ModTime()) {
		return ErrChanged
	}
	return os.Rename(out.Name(), f.path)
}

var marked = regexp.MustCompile(`,"` + mirror.MetaSupersededBy + `":"[^"\\]*"(\}\s*)$`)

// mark writes into a line what supersedes it, at the end and byte for byte as it takes it away again; "" takes it away.
func mark(raw, by string) string {
	raw = marked.ReplaceAllString(raw, "$1")
	if by == "" {
		return raw
	}
	end := len(raw) - 1
	for raw[end] != '}' { // parse has seen it
		end--
	}
	value, err := json.Marshal(by)
	if err != nil {
		panic(err) // a string is JSON
	}
	return raw[:end] + `,"` + mirror.MetaSupersededBy + `":` + string(value) + raw[end:]
}
