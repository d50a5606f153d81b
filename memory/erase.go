package memory

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// choice says which records are to be deleted.
type choice struct {
	scope   Scope
	ids     []ID
	where   string // a condition of others; empty: there are none
	derived bool   // also those that rest on them; without it, it is an error that there are any
	strict  bool   // every ID must be there
}

// chosen are records that are to be deleted.
type chosen struct {
	rows  []int64
	ids   []ID
	keys  [][]byte // their hashes, of those that have any
	asked int      // how many are not only derived
}

// look finds the records.
func (c *choice) look(ctx context.Context, q disk.Queryer) (found chosen, err error) {
	known := map[int64]bool{}
	collect := func(from string, args ...any) (int, error) {
		n := 0
		err := disk.Each(ctx, q, "SELECT r.row, r.id, keyhash(c.tenant, c.user, c.agent, c.session, r.key) FROM "+from, args, func(scan func(...any) error) error {
			var row int64
			var id ID
			var key []byte
			if err := scan(&row, (*string)(&id), &key); err != nil {
				return err
			}
			if n++; known[row] {
				return nil
			}
			known[row] = true
			found.rows, found.ids = append(found.rows, row), append(found.ids, id)
			if len(key) > 0 {
				found.keys = append(found.keys, key)
			}
			return nil
		})
		return n, err
	}
	const from = "records r JOIN scopes c ON c.scope = r.scope WHERE "
	if c.where != "" {
		if _, err := collect(from+inScope+" AND "+c.where, scopeArgs(c.scope)...); err != nil {
			return found, err
		}
	}
	for _, id := range c.ids {
		n, err := collect(from+inScope+" AND r.id = ?", scopeArgs(c.scope, string(id))...)
		if err != nil {
			return found, err
		}
		if n == 0 && c.strict {
			return found, fmt.Errorf("record %q: %w in scope %s", id, ErrNotFound, c.scope)
		}
	}
	found.asked = len(found.rows)
	for i := 0; i < len(found.rows); i++ {
		before := len(found.rows)
		if _, err := collect("sources s JOIN records r ON r.row = s.row JOIN scopes c ON c.scope = r.scope WHERE s.source = ?", string(found.ids[i])); err != nil {
			return found, err
		}
		if !c.derived && len(found.rows) > before {
			return found, fmt.Errorf("%w: record %s rests on %s: delete derived records too, or delete it first", ErrDerived, found.ids[before], found.ids[i])
		}
	}
	return found, nil
}

// The statements that delete records, whose rows are the JSON array ?1. What gave way to a derived record is live again.
var erasing = func() []string {
	const these = "(SELECT value FROM json_each(?1))"
	const ids = "(SELECT id FROM records WHERE row IN " + these + ")"
	const derived = "(SELECT id FROM records WHERE row IN " + these + " AND origin = 'reconstructed')"
	const others = " AND superseded_by <> '' AND row NOT IN " + these // the index leaves out what is live
	without := func(table, column string) string {                    // the checksum without what a column said
		return strings.Replace(disk.SumOf(table), column, "''", 1)
	}
	return []string{
		"DELETE FROM vectors WHERE row IN " + these,
		"DELETE FROM revectors WHERE row IN " + these,
		"DELETE FROM sources WHERE row IN " + these,
		"DELETE FROM sources WHERE source IN " + ids,
		"DELETE FROM events WHERE row IN " + these,
		"UPDATE events SET by = '', sum = " + without("events", "by") + " WHERE by IN " + ids,
		"INSERT INTO events (row, at, what, by, sum) SELECT row, s.clock, 'revived', '', checksum(row, s.clock, 'revived', '') FROM records, store s" +
			" WHERE superseded_by IN " + derived + others,
		"UPDATE records SET superseded = 0, superseded_by = '', seq = (SELECT seq FROM store), sum = " + revivedSum + " WHERE superseded_by IN " + derived + others,
		"UPDATE records SET superseded_by = '', seq = (SELECT seq FROM store), sum = " + without("records", "superseded_by") + " WHERE superseded_by IN " + ids + others,
		"DELETE FROM records WHERE row IN " + these,
	}
}()

// revivedSum is the checksum of a record that is made live again.
var revivedSum = strings.Replace(strings.Replace(disk.SumOf("records"), "superseded,", "0,", 1), "superseded_by,", "'',", 1)

// burying leaves a tombstone of each of the records ?1.
const burying = `INSERT OR REPLACE INTO tombstones (id, row, seq, key, sum) SELECT r.id, r.row, (SELECT seq FROM store), keyhash(c.tenant, c.user, c.agent, c.session, r.key),
	checksum(r.id, r.row, keyhash(c.tenant, c.user, c.agent, c.session, r.key)) FROM records r JOIN scopes c ON c.scope = r.scope
	WHERE r.row IN (SELECT value FROM json_each(?1))`

// erase deletes records. For good: each leaves a tombstone.
func erase(ctx context.Context, t *sql.Tx, rows []int64, forGood bool) error {
	if len(rows) == 0 {
		return nil
	}
	these, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	// Scopes and owners that are left without records go too.
	places := map[string]string{"scopes": "scope", "owners": "owner"}
	touched := map[string]string{}
	for table, column := range places {
		var them string
		if err := t.QueryRowContext(ctx, "SELECT json_group_array(DISTINCT "+column+") FROM records WHERE row IN (SELECT value FROM json_each(?))", string(these)).Scan(&them); err != nil {
			return err
		}
		touched[table] = them
	}
	if forGood {
		if _, err := t.ExecContext(ctx, burying, string(these)); err != nil {
			return err
		}
	}
	for _, statement := range erasing {
		if _, err := t.ExecContext(ctx, statement, string(these)); err != nil {
			return err
		}
	}
	for table, column := range places {
		if _, err := t.ExecContext(ctx, fmt.Sprintf(`DELETE FROM %[1]s WHERE %[2]s IN (SELECT value FROM json_each(?))
			AND NOT EXISTS (SELECT 1 FROM records r WHERE r.%[2]s = %[1]s.%[2]s)`, table, column), touched[table]); err != nil {
			return err
		}
	}
	return nil
}
