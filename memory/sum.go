package memory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"modernc.org/sqlite"
)

// Each row of what matters carries a checksum of its columns, which a full check compares: SQLite's own checks see damage to
// the structure of the file, and none to a number or a letter in it. It is FNV-1a, in which one flipped bit always shows.

// sums are the columns that each table's checksum is over.
var sums = map[string]string{
	"records": `id, scope, owner, kind, origin, role, speaker, position, key, created, valid_from, valid_until, recorded, superseded,
		superseded_by, importance, confidence, surprise, shown, last_shown, used, last_used, meta, derived_from, quotes, digest, text`,
	"vectors":    "row, scope, data",
	"events":     "row, at, what, by",
	"scopes":     "scope, tenant, user, agent, session",
	"tombstones": "id, row, key",
}

// The checksum is a function of SQL, so that a statement can keep it up with what it writes; so is the hash of a key.
var _ = func() struct{} {
	sqlite.MustRegisterDeterministicScalarFunction("checksum", -1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		h := fnv.New64a()
		var b []byte
		for _, a := range args {
			b = b[:0]
			switch v := a.(type) {
			case nil:
				b = append(b, 0)
			case int64:
				b = binary.LittleEndian.AppendUint64(append(b, 1), uint64(v))
			case float64:
				b = binary.LittleEndian.AppendUint64(append(b, 2), math.Float64bits(v))
			case string:
				b = append(binary.LittleEndian.AppendUint64(append(b, 3), uint64(len(v))), v...)
			case []byte:
				b = append(binary.LittleEndian.AppendUint64(append(b, 4), uint64(len(v))), v...)
			default:
				return nil, fmt.Errorf("a checksum over %T", a)
			}
			_, _ = h.Write(b)
		}
		return int64(h.Sum64()), nil
	})
	sqlite.MustRegisterDeterministicScalarFunction("keyhash", 5, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		var text [5]string
		for i, a := range args {
			text[i], _ = a.(string)
		}
		if text[4] == "" {
			return []byte{}, nil
		}
		return keyHash(Scope{text[0], text[1], text[2], text[3]}, text[4]), nil
	})
	return struct{}{}
}()

// keyHash is what remains of the key of a record that was deleted for privacy: 16 bytes of its scope and 16 of the key.
func keyHash(s Scope, key string) []byte {
	scope := sha256.Sum256([]byte(strings.Join([]string{s.Tenant, s.User, s.Agent, s.Session}, "\x00")))
	return append(scope[:16:16], hashOf(key)...)
}

func hashOf(key string) []byte {
	h := sha256.Sum256([]byte(key))
	return h[:16]
}

// sumOf is the checksum of a table's rows, in SQL.
func sumOf(table string) string { return "checksum(" + sums[table] + ")" }

// sealAll computes every checksum of a store.
func sealAll(ctx context.Context, t *sql.Tx) error {
	for table := range sums {
		if err := seal(ctx, t, table, "1"); err != nil {
			return err
		}
	}
	return nil
}

// seal computes the checksums of the rows that a condition names.
func seal(ctx context.Context, t *sql.Tx, table, where string, args ...any) error {
	_, err := t.ExecContext(ctx, "UPDATE "+table+" SET sum = "+sumOf(table)+" WHERE "+where, args...)
	return err
}

// Sign signs a text with a key that only the store and its copies have.
func (s *Store) Sign(ctx context.Context, text []byte) (string, error) {
	if s.closed.Load() {
		return "", fail("sign", ErrClosed)
	}
	var key []byte
	if err := s.reader.QueryRowContext(ctx, "SELECT secret FROM store").Scan(&key); err != nil {
		return "", fail("sign", err)
	}
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), nil
}
