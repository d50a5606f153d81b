package memory

import (
	"context"
	"fmt"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// Tombstone is what is left of a record that was deleted for privacy, so that no import brings it back.
type Tombstone struct {
	ID  ID
	Key []byte // the [KeyHash] of its key; empty: it had none
}

// KeyHash is what is left of the key of a record of a scope that was deleted: 32 bytes, or none of an empty key.
func KeyHash(s Scope, key string) []byte {
	return disk.KeyHash([]string{s.Tenant, s.User, s.Agent, s.Session}, key)
}

// Tombstones are those of all deletions, by ID.
func (s *Store) Tombstones(ctx context.Context) (list []Tombstone, err error) {
	err = disk.Each(ctx, s.reader, "SELECT id, key FROM tombstones ORDER BY id", nil, func(scan func(...any) error) error {
		var t Tombstone
		err := scan((*string)(&t.ID), &t.Key)
		list = append(list, t)
		return err
	})
	return list, s.fail("read the tombstones", err)
}

// Bury takes in the tombstones of another store: what was deleted there is not taken in here. A record that is here stays.
func (s *Store) Bury(ctx context.Context, tombstones ...Tombstone) error {
	err := s.write(ctx, false, func(t *tx) error {
		for _, b := range tombstones {
			if err := b.Check(); err != nil {
				return err
			}
			if _, err := t.ExecContext(ctx, `INSERT OR IGNORE INTO tombstones (id, row, seq, key, sum)
				SELECT ?1, 0, ?2, ?3, checksum(?1, 0, ?3) WHERE NOT EXISTS (SELECT 1 FROM records WHERE id = ?1)`, string(b.ID), t.seq, append([]byte{}, b.Key...)); err != nil {
				return err
			}
		}
		return nil
	})
	return s.fail("take in tombstones", err)
}

// Check reports with [ErrInvalid] what no store has written.
func (t *Tombstone) Check() error {
	if n := len(t.Key); t.ID == "" || n != 0 && n != len(KeyHash(Scope{}, "a")) {
		return fmt.Errorf("%w: a tombstone of the ID %q with a hash of %d bytes", ErrInvalid, t.ID, n)
	}
	return nil
}
