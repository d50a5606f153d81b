package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// Report is what a check found.
type Report struct {
	Full     bool      `json:"full"`
	Records  int       `json:"records"`
	Problems []Problem `json:"problems"` // none: the store is sound
	// Pending are deletions for privacy that are not carried out in every copy yet.
	Pending []PendingDeletion `json:"pending,omitempty"`
}

// Problem is something that is not as it must be.
type Problem struct {
	Where  string `json:"where"` // file, record, vector, source, history, scope
	ID     ID     `json:"id,omitempty"`
	Detail string `json:"detail"`
}

func (p Problem) String() string {
	if p.ID == "" {
		return p.Where + ": " + p.Detail
	}
	return fmt.Sprintf("%s %s: %s", p.Where, p.ID, p.Detail)
}

// mostProblems bounds a report: of a file that is all damaged, the first hundred say enough.
const mostProblems = 100

// Check looks for damage. The quick check reads the structure of the file and counts; the full one reads everything: each page, and
// every record, vector, source, quote and event against its checksum and what it must agree with. An error means that the check could
// not be made; damage is in the report.
func (s *Store) Check(ctx context.Context, full bool) (Report, error) {
	c := checker{db: s.reader, report: Report{Full: full, Problems: []Problem{}}}
	err := c.run(ctx, full)
	if err == nil {
		c.report.Pending, err = s.Pending(ctx)
	}
	return c.report, s.fail("check", err)
}

// CheckFile is [Store.Check] of a file that may be too damaged to be opened as a store. It never changes the file.
func CheckFile(ctx context.Context, path string, full bool) (Report, error) {
	c, err := checkFile(ctx, path, full, full)
	return c.report, fail(fmt.Sprintf("check %q", path), err)
}

func checkFile(ctx context.Context, path string, full, contents bool) (c checker, err error) {
	c.report = Report{Full: full, Problems: []Problem{}}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%w at %q", ErrNoStore, path)
	} else if err != nil {
		return c, disk.FileError(err)
	}
	if c.db, err = disk.OpenReadOnly(ctx, path, disk.DefaultWait); err != nil {
		return c, err
	}
	defer func() { _ = c.db.Close() }()
	return c, c.run(ctx, contents)
}

type checker struct {
	db     *sql.DB
	head   head
	report Report
}

func (c *checker) problem(where string, id ID, format string, args ...any) {
	if len(c.report.Problems) < mostProblems {
		c.report.Problems = append(c.report.Problems, Problem{where, id, fmt.Sprintf(format, args...)})
	}
}

func (c *checker) run(ctx context.Context, contents bool) error {
	steps := []func(context.Context) error{c.pages, c.counts}
	if contents {
		steps = append(steps, c.sums, c.records, c.references)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			if errors.Is(fail("", err), ErrCorrupt) {
				c.problem("file", "", "%v", err)
				return nil
			}
			return err
		}
	}
	return nil
}

func (c *checker) pages(ctx context.Context) error {
	switch v, err := disk.Version(ctx, c.db); {
	case err != nil:
		return err
	case v == 0:
		return fmt.Errorf("%w: the database is empty", ErrNoStore)
	}
	pragma := "quick_check"
	if c.report.Full {
		pragma = "integrity_check"
	}
	if err := c.each(ctx, "PRAGMA "+pragma, func(scan func(...any) error) error {
		var line string
		err := scan(&line)
		if err == nil && line != "ok" {
			c.problem("file", "", "%s", line)
		}
		return err
	}); err != nil {
		return err
	}
	return c.each(ctx, "PRAGMA foreign_key_check", func(scan func(...any) error) error {
		var table, parent string
		var row, key sql.NullInt64
		err := scan(&table, &row, &parent, &key)
		if err == nil {
			c.problem("file", "", "row %d of %s refers to nothing in %s", row.Int64, table, parent)
		}
		return err
	})
}

func (c *checker) counts(ctx context.Context) (err error) {
	if c.head, err = readHead(ctx, c.db); err != nil {
		return err
	}
	if c.head.model == "" || (c.head.dim == 0) != (c.head.model == noModel) {
		c.problem("file", "", "the store does not say its embedding model")
	}
	var vectors, want int
	if err := c.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM records), (SELECT count(*) FROM vectors)").Scan(&c.report.Records, &vectors); err != nil {
		return err
	}
	if c.head.dim > 0 {
		want = c.report.Records
	}
	if vectors != want {
		c.problem("vector", "", "%d records have %d vectors", c.report.Records, vectors)
	}
	return nil
}

// sums compares the checksums of all rows.
func (c *checker) sums(ctx context.Context) error {
	const ofRow = "ifnull((SELECT r.id FROM records r WHERE r.row = t.row), '')"
	for _, of := range []struct{ table, id, where string }{
		{"records", "id", "record"}, {"vectors", ofRow, "vector"}, {"events", ofRow, "history"}, {"scopes", "''", "scope"}, {"tombstones", "id", "file"},
	} {
		if err := c.each(ctx, "SELECT "+of.id+" FROM "+of.table+" AS t WHERE sum <> "+disk.SumOf(of.table), func(scan func(...any) error) error {
			var id ID
			err := scan((*string)(&id))
			if err == nil {
				c.problem(of.where, id, "it is not what was written: its checksum does not agree")
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) records(ctx context.Context) error {
	return c.each(ctx, "SELECT "+recordColumns+`, v.data, ifnull(v.scope = r.scope, true) FROM records r JOIN scopes c ON c.scope = r.scope
		LEFT JOIN vectors v ON v.row = r.row ORDER BY r.row`, func(scan func(...any) error) error {
		var data sql.RawBytes
		var sameScope bool
		r, err := scanRecord(scan, &data, &sameScope)
		if errors.Is(err, ErrCorrupt) {
			c.problem("record", r.ID, "%v", err)
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.Validate(); err != nil {
			c.problem("record", r.ID, "%v", err)
		}
		if len(data) != 4*c.head.dim {
			c.problem("vector", r.ID, "it has %d bytes, not %d", len(data), 4*c.head.dim)
		}
		if !sameScope {
			c.problem("scope", r.ID, "its vector lies in another scope")
		}
		switch {
		case r.Recorded.IsZero():
			c.problem("record", r.ID, "it was never recorded")
		case !r.Superseded.IsZero() && r.Superseded.Before(r.Recorded):
			c.problem("history", r.ID, "it was superseded before it was recorded")
		case r.Superseded.IsZero() && r.SupersededBy != "":
			c.problem("history", r.ID, "it is live, but superseded by %s", r.SupersededBy)
		}
		return nil
	})
}

// references looks for what refers to nothing, or to another's.
func (c *checker) references(ctx context.Context) error {
	for _, q := range []struct{ where, detail, query string }{
		{"scope", "it is listed under another tenant or user than its scope%.0s",
			"SELECT r.id, '' FROM records r JOIN scopes c ON c.scope = r.scope LEFT JOIN owners o ON o.owner = r.owner WHERE o.tenant IS NOT c.tenant OR o.user IS NOT c.user"},
		{"source", "its source %s has another number",
			"SELECT r.id, s.source FROM sources s JOIN records r ON r.row = s.row JOIN records o ON o.id = s.source WHERE o.row <> s.source_row"},
		{"source", "it rests on %s, which its tenant and user do not have",
			`SELECT r.id, s.source FROM sources s JOIN records r ON r.row = s.row JOIN scopes c ON c.scope = r.scope
			WHERE NOT EXISTS (SELECT 1 FROM records o JOIN scopes d ON d.scope = o.scope WHERE o.id = s.source AND d.tenant = c.tenant AND d.user = c.user)`},
		{"source", "it quotes %s, which does not say so",
			`SELECT r.id, printf('"%s" from %s', q.value ->> 'text', q.value ->> 'source') FROM records r, json_each(iif(json_valid(r.quotes), r.quotes, '[]')) q
			LEFT JOIN records o ON o.id = q.value ->> 'source' WHERE r.quotes IS NOT NULL AND NOT instr(ifnull(o.text, ''), q.value ->> 'text')`},
		{"history", "it is superseded by %s, which its tenant and user do not have",
			`SELECT r.id, r.superseded_by FROM records r JOIN scopes c ON c.scope = r.scope WHERE r.superseded_by <> '' AND NOT EXISTS
			(SELECT 1 FROM records o JOIN scopes d ON d.scope = o.scope WHERE o.id = r.superseded_by AND d.tenant = c.tenant AND d.user = c.user)`},
		{"record", "it was deleted for privacy and is there again%.0s", "SELECT r.id, '' FROM records r JOIN tombstones t ON t.id = r.id"},
		{"history", "its state does not agree with its last event, %s",
			`SELECT r.id, e.what FROM records r JOIN events e ON e.row = r.row WHERE e.event = (SELECT max(event) FROM events WHERE row = r.row)
			AND (e.what = 'superseded') <> (r.superseded <> 0)`},
	} {
		if err := c.each(ctx, q.query, func(scan func(...any) error) error {
			var id ID
			var other string
			err := scan((*string)(&id), &other)
			if err == nil {
				c.problem(q.where, id, q.detail, other)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// each calls f for each row of a query.
func (c *checker) each(ctx context.Context, query string, f func(scan func(...any) error) error) error {
	return disk.Each(ctx, c.db, query, nil, f)
}
