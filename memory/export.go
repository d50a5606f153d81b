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

// An export is JSON Lines: one exportHead, then one line for each record in the order they were written, then one for
// each event of their history.
type (
	exportHead struct {
		Format  string `json:"format"` // exportFormat
		Version int    `json:"version"`
		Model   string `json:"model"`
		Dim     int    `json:"dim"`
	}
	exportLine struct {
		Record   *Record  `json:"record,omitempty"`
		Surprise *float64 `json:"surprise,omitempty"`
		Vector   string   `json:"vector,omitempty"` // the embedding: base64 of little-endian float32
		Event    *Event   `json:"event,omitempty"`
	}
)

const (
	exportFormat  = "refiner-memory"
	exportVersion = 1
	maxLine       = 16 << 20 // holds a text of MaxText with every character escaped, its vector and metadata
)

// Export writes the records of scopes, or of the whole store if none is given, as JSON Lines: with their history, counts
// of use and embeddings, so that [Store.Import] makes the same store of it. It returns the number of records.
func (s *Store) Export(ctx context.Context, w io.Writer, scopes ...Scope) (n int, err error) {
	defer func() { err = fail("export", err) }()
	if s.closed.Load() {
		return 0, ErrClosed
	}
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
		for r, err := range s.all(ctx, t, scopes, &AllOptions{History: true, Embeddings: true}) {
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
	defer func() { err = fail("import", err) }()
	if o == nil {
		o = &ImportOptions{}
	}
	h, err := s.head(ctx)
	if err != nil {
		return Added{}, err
	}
	var events []Event
	records := func(yield func(incoming, error) bool) {
		for line, err := range readExport(r, h.model, h.dim, o.Reembed || h.dim == 0) {
			if err == nil && line.Event != nil {
				events = append(events, *line.Event)
				continue
			}
			in := incoming{imported: true, again: o.Deleted, surprise: line.Surprise}
			if line.Record != nil {
				in.Record = *line.Record
				if len(o.Scopes) > 0 && !slices.ContainsFunc(o.Scopes, func(s Scope) bool { return s.Contains(in.Scope) }) {
					err = fmt.Errorf("%w: record %s is of the scope %s, outside of the one that is given", ErrInvalid, in.ID, in.Scope)
				}
			}
			if !yield(in, err) || err != nil {
				return
			}
		}
	}
	return s.addAll(ctx, Scope{}, records, &events)
}

// foreign reports whether the vectors of an export are of another model.
func (h exportHead) foreign(model string, dim int) bool {
	return h.Dim > 0 && (h.Model != model || h.Dim != dim)
}

// readExport reads the lines of an export after its head. An error names the line and ends the sequence.
func readExport(r io.Reader, model string, dim int, dropVectors bool) iter.Seq2[exportLine, error] {
	return func(yield func(exportLine, error) bool) {
		in := bufio.NewScanner(r)
		in.Buffer(make([]byte, 1<<16), maxLine)
		n := 0
		bad := func(err error) {
			yield(exportLine{}, fmt.Errorf("line %d: %w", n, err))
		}
		for in.Scan() {
			n++
			line := bytes.TrimSpace(in.Bytes())
			if len(line) == 0 {
				continue
			}
			if n == 1 {
				var h exportHead
				if err := strictJSON(line, &h); err != nil || h.Format != exportFormat {
					bad(fmt.Errorf("%w: this is no export of a store: its first line must say format %q", ErrInvalid, exportFormat))
					return
				}
				if h.Version != exportVersion {
					bad(fmt.Errorf("%w: the export has version %d, this program reads %d", ErrSchema, h.Version, exportVersion))
					return
				}
				if !dropVectors && h.foreign(model, dim) {
					bad(fmt.Errorf("%w: the export's embeddings were made by %q (%d dimensions), the store's by %q (%d): import with Reembed",
						ErrModel, h.Model, h.Dim, model, dim))
					return
				}
				continue
			}
			var l exportLine
			if err := strictJSON(line, &l); err != nil {
				bad(fmt.Errorf("%w: %w", ErrInvalid, err))
				return
			}
			if (l.Record == nil) == (l.Event == nil) {
				bad(fmt.Errorf("%w: it is neither a record nor an event", ErrInvalid))
				return
			}
			if l.Event != nil && (l.Event.ID == "" || l.Event.At.IsZero() || l.Event.What != "superseded" && l.Event.What != "revived") {
				bad(fmt.Errorf("%w: an event must say at, id, and superseded or revived", ErrInvalid))
				return
			}
			if l.Record != nil {
				l.Record.Embedding, l.Record.Model = nil, ""
				if l.Vector != "" && !dropVectors {
					data, err := base64.StdEncoding.DecodeString(l.Vector)
					if err != nil || len(data)%4 != 0 {
						bad(fmt.Errorf("%w: the vector is not base64 of float32", ErrInvalid))
						return
					}
					l.Record.Embedding, l.Record.Model = vector.Decode(nil, data), model
				}
				if l.Surprise != nil && !(*l.Surprise >= 0 && *l.Surprise <= 1) {
					bad(fmt.Errorf("%w: surprise is %v, not between 0 and 1", ErrInvalid, *l.Surprise))
					return
				}
			}
			if !yield(l, nil) {
				return
			}
		}
		switch err := in.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			n++
			bad(fmt.Errorf("%w: it is longer than %d bytes", ErrInvalid, maxLine))
		case err != nil:
			bad(err)
		case n == 0:
			n = 1
			bad(fmt.Errorf("%w: the export is empty", ErrInvalid))
		}
	}
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
