package disk

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// SchemaVersion is the version that this program writes: the number of the last migration.
const SchemaVersion = 3

// applicationID marks a SQLite file as ours ("RFNR").
const applicationID = 0x52464e52

// Migrate brings the schema to SchemaVersion, one transaction for all steps. It refuses a file of another program, and
// one of a newer version.
func Migrate(ctx context.Context, db *sql.DB) (err error) {
	if current, err := Version(ctx, db); err != nil || current == SchemaVersion {
		return err
	}
	// Another process may be doing the same: look again with the lock held.
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = t.Rollback()
		}
	}()
	current, err := Version(ctx, t)
	if err != nil {
		return err
	}
	if current == SchemaVersion {
		return t.Rollback()
	}
	steps, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	for i, name := range steps {
		if i < current {
			continue
		}
		step, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, string(step)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if current == 0 {
		if _, err := t.ExecContext(ctx, "INSERT INTO store (one, epoch, lineage, secret) VALUES (1, ?1, ?1, randomblob(32))", NewEpoch()); err != nil {
			return err
		}
	}
	if current < 2 {
		if err := sealAll(ctx, t); err != nil {
			return err
		}
	}
	if _, err := t.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, SchemaVersion)); err != nil {
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
	}
	return current, nil
}

// NewEpoch is a name for contents that replace others as a whole.
func NewEpoch() string { return rand.Text() }
