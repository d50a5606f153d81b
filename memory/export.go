package memory

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// An export is JSON Lines: one exportHead, then one Exported for each record in the order they were written, then one for each event
// of their history.
type exportHead struct {
	Format  string `json:"format"` // exportFormat
	Version int    `json:"version"`
	Model   string `json:"model"`
	Dim     int    `json:"dim"`
}

// Exported is one line of an export: a record, with how new it was when it was written, or an event of one before it.
type Exported struct {
	Record   *Record  `json:"record,omitempty"`
	Surprise *float64 `json:"surprise,omitempty"`
	Vector   string   `json:"vector,omitempty"` // the embedding: base64 of little-endian float32; what reads and writes exports sees to it
	Event    *Event   `json:"event,omitempty"`
}

const (
	exportFormat  = "refiner-memory"
	exportVersion = 1
	maxLine       = 16 << 20 // holds a text of MaxText with every character escaped, its vector and metadata
)

// Export writes the records of scopes, or of the whole store if none is given, as JSON Lines: with their history, counts
// of use and embeddings, so that [Store.Import] makes the same store of it. It returns the number of records.
func (s *Store) Export(ctx context.Context, w io.Writer, scopes ...Scope) (n int, err error) {
	defer func() { err = s.fail("export", err) }()
	t, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, err
	}
	defer func() { _ = t.Rollback() }()
	h, err := readHead(ctx, t)
	if err != nil {
		return 0, err
	}
	return WriteExport(w, h.model, h.dim, func(yield func(Exported, error) bool) {
		for r, err := range all(ctx, t, scopes, &AllOptions{History: true, Embeddings: true}) {
			if !yield(Exported{Record: &r.Record, Surprise: &r.surprise}, err) || err != nil {
				return
			}
		}
		where, args := inScopes(scopes)
		err := disk.Each(ctx, t, "SELECT e.at, e.what, r.id, e.by FROM records r JOIN scopes c ON c.scope = r.scope JOIN events e ON e.row = r.row WHERE "+
			where+" ORDER BY e.event", args, func(scan func(...any) error) error {
			var e Event
			var at int64
			err := scan(&at, &e.What, (*string)(&e.ID), (*string)(&e.By))
			e.At = fromMicros(at)
			if err == nil && !yield(Exported{Event: &e}, nil) {
				err = errStop
			}
			return err
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Exported{}, err)
		}
	})
}

// errStop ends a reading that nobody goes on with.
var errStop = errors.New("stop")

// ImportOptions say how an export is taken in. Nil is the same as a zero ImportOptions.
type ImportOptions struct {
	// Reembed leaves the embeddings of the export out and makes new ones. Without it, an export of another model is
	// refused with [ErrModel].
	Reembed bool
	// Scopes are those whose records the export may hold; none: any. A record outside of them makes the import fail with
	// [ErrInvalid].
	Scopes []Scope
	// Deleted takes in also what was deleted for privacy before.
	Deleted bool
}

// Import takes in what [Store.Export] wrote, all or nothing. Records that are there already are skipped, so importing
// twice adds nothing; records that were deleted for privacy do not come back.
func (s *Store) Import(ctx context.Context, r io.Reader, o *ImportOptions) (_ Added, err error) {
	defer func() { err = s.fail("import", err) }()
	if o == nil {
		o = &ImportOptions{}
	}
	h, err := s.head(ctx)
	if err != nil {
		return Added{}, err
	}
	w := &writer{s: s, imported: true, again: o.Deleted}
	err = w.run(ctx, Scope{}, func(yield func(Exported, error) bool) {
		for line, err := range ReadExport(r, h.model, h.dim, o.Reembed) {
			if r := line.Record; r != nil && len(o.Scopes) > 0 && !slices.ContainsFunc(o.Scopes, func(s Scope) bool { return s.Contains(r.Scope) }) {
				err = fmt.Errorf("%w: record %s is of the scope %s, outside of the one that is given", ErrInvalid, r.ID, r.Scope)
			}
			if !yield(line, err) {
				return
			}
		}
	})
	return w.added, err
}

// WriteExport writes the lines of an export of an engine whose vectors are a model's, and returns how many records it wrote.
func WriteExport(w io.Writer, model string, dim int, lines iter.Seq2[Exported, error]) (int, error) {
	out := bufio.NewWriterSize(w, 1<<16)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(exportHead{exportFormat, exportVersion, model, dim}); err != nil {
		return 0, err
	}
	n := 0
	for l, err := range lines {
		if err != nil {
			return n, err
		}
		if r := l.Record; r != nil {
			l.Vector = base64.StdEncoding.EncodeToString(vector.Encode(r.Embedding))
			r.Embedding, r.Model = nil, ""
			n++
		}
		if err := encoder.Encode(l); err != nil {
			return n, err
		}
	}
	return n, out.Flush()
}

// ReadExport reads the lines of an export into an engine whose vectors are a model's. An error names the line and ends the sequence.
// reembed leaves the embeddings out.
func ReadExport(r io.Reader, model string, dim int, reembed bool) iter.Seq2[Exported, error] {
	if reembed {
		dim = 0
	}
	return func(yield func(Exported, error) bool) {
		in := bufio.NewScanner(r)
		in.Buffer(make([]byte, 1<<16), maxLine)
		n := 0
		for in.Scan() {
			n++
			var l Exported
			var err error
			switch line := bytes.TrimSpace(in.Bytes()); {
			case n == 1:
				err = checkHead(line, model, dim)
			case len(line) == 0:
				continue
			default:
				l, err = readLine(line, model, dim)
			}
			if err != nil {
				yield(Exported{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if n > 1 && !yield(l, nil) {
				return
			}
		}
		err := in.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("%w: it is longer than %d bytes", ErrInvalid, maxLine)
		} else if err == nil && n == 0 {
			err = fmt.Errorf("%w: the export is empty", ErrInvalid)
		}
		if err != nil {
			yield(Exported{}, fmt.Errorf("line %d: %w", n+1, err))
		}
	}
}

// checkHead reads the first line of an export.
func checkHead(line []byte, model string, dim int) error {
	var h exportHead
	switch err := strictJSON(line, &h); {
	case err != nil || h.Format != exportFormat:
		return fmt.Errorf("%w: this is no export of a store: its first line must say format %q", ErrInvalid, exportFormat)
	case h.Version != exportVersion:
		return fmt.Errorf("%w: the export has version %d, this program reads %d", ErrSchema, h.Version, exportVersion)
	case dim > 0 && h.Dim > 0 && (h.Model != model || h.Dim != dim):
		return fmt.Errorf("%w: the export's embeddings were made by %q (%d dimensions), the store's by %q (%d): import with Reembed",
			ErrModel, h.Model, h.Dim, model, dim)
	}
	return nil
}

// readLine reads another line of an export.
func readLine(line []byte, model string, dim int) (l Exported, err error) {
	if err := strictJSON(line, &l); err != nil {
		return l, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	switch e := l.Event; {
	case (l.Record == nil) == (e == nil):
		return l, fmt.Errorf("%w: it is neither a record nor an event", ErrInvalid)
	case e == nil:
	case e.ID == "" || e.At.IsZero() || e.What != "superseded" && e.What != "revived":
		return l, fmt.Errorf("%w: an event must say at, id, and superseded or revived", ErrInvalid)
	default:
		return l, nil
	}
	l.Record.Embedding, l.Record.Model = nil, ""
	if l.Vector != "" && dim > 0 {
		data, err := base64.StdEncoding.DecodeString(l.Vector)
		if err != nil || len(data)%4 != 0 {
			return l, fmt.Errorf("%w: the vector is not base64 of float32", ErrInvalid)
		}
		l.Record.Embedding, l.Record.Model = vector.Decode(nil, data), model
	}
	if l.Surprise != nil && !(*l.Surprise >= 0 && *l.Surprise <= 1) {
		return l, fmt.Errorf("%w: surprise is %v, not between 0 and 1", ErrInvalid, *l.Surprise)
	}
	return l, nil
}

// strictJSON decodes one value and refuses fields that it does not know: they would be lost.
func strictJSON(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}
