package disk

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"fmt"
)

// SchemaVersion is the version that this program writes.
const SchemaVersion = 3

//go:embed schema.sql
var schema string

//go:embed from2.sql
var from2 string

// applicationID marks a SQLite file as ours ("RFNR").
const applicationID = 0x52464e52

// Migrate makes a store of an empty file, and brings the schema of an older one to SchemaVersion. It refuses a file of another
// program, and one of a version that it does not know.
func Migrate(ctx context.Context, db *sql.DB) error {
	if current, err := Version(ctx, db); err != nil || current == SchemaVersion {
		return err
	}
	// Another process may be doing the same: look again with the lock held.
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	current, err := Version(ctx, t)
	if err != nil || current == SchemaVersion {
		return err
	}
	step := from2
	if current == 0 {
		step = schema + "INSERT INTO store (one, epoch, lineage, secret) SELECT 1, e, e, randomblob(32) FROM (SELECT '" + NewEpoch() + "' AS e);"
	}
	step += fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, SchemaVersion)
	if _, err := t.ExecContext(ctx, step); err != nil {
		return err
	}
	return t.Commit()
}

// Version is the version of a store's schema; 0: an empty file.
func Version(ctx context.Context, q Queryer) (int, error) {
	var application, current, tables int
	if err := q.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return 0, err
	}
	if err := q.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
		return 0, err
	}
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&current); err != nil {
		return 0, err
	}
	switch {
	case tables == 0 && application == 0:
		return 0, nil
	case application != applicationID:
		return 0, fmt.Errorf("%w: the file is a database of another program", ErrCorrupt)
	case current > SchemaVersion:
		return 0, fmt.Errorf("%w: it has version %d, this program knows %d: use a newer one", ErrSchema, current, SchemaVersion)
	case current < 2:
		return 0, fmt.Errorf("%w: it has version %d, which only programs older than version 0.1 read", ErrSchema, current)
	}
	return current, nil
}

// NewEpoch is a name for contents that replace others as a whole.
func NewEpoch() string { return rand.Text() }
