package disk

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"modernc.org/sqlite"
)

// Each row of what matters carries a checksum of its columns, which a full check compares: SQLite's own checks see damage to
// the structure of the file, and none to a number or a letter in it. It is FNV-1a, in which one flipped bit always shows.

// Sums are the columns that each table's checksum is over.
var Sums = map[string]string{
	"records": `id, scope, owner, kind, origin, role, speaker, position, key, created, valid_from, valid_until, recorded, superseded,
		superseded_by, importance, confidence, surprise, shown, last_shown, used, last_used, meta, derived_from, quotes, digest, text`,
	"vectors":    "row, scope, data",
	"events":     "row, at, what, by",
	"scopes":     "scope, tenant, user, agent, session",
	"tombstones": "id, row, key",
}

// The checksum is a function of SQL, so that a statement can keep it up with what it writes; so is the hash of a key.
func init() {
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
		return KeyHash(text[:4], text[4]), nil
	})
}

// KeyHash is what remains of the key of a record that was deleted for privacy: 16 bytes of its scope and 16 of the key; empty
// where there is no key.
func KeyHash(scope []string, key string) []byte {
	if key == "" {
		return []byte{}
	}
	of := sha256.Sum256([]byte(strings.Join(scope, "\x00")))
	return append(of[:16:16], HashOf(key)...)
}

// HashOf is the part of it that is the key's.
func HashOf(key string) []byte {
	h := sha256.Sum256([]byte(key))
	return h[:16]
}

// SumOf is the checksum of a table's rows, in SQL.
func SumOf(table string) string { return "checksum(" + Sums[table] + ")" }

// Seal computes the checksums of the rows that a condition names.
func Seal(ctx context.Context, t *sql.Tx, table, where string, args ...any) error {
	_, err := t.ExecContext(ctx, "UPDATE "+table+" SET sum = "+SumOf(table)+" WHERE "+where, args...)
	return err
}
