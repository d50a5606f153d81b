package memory

import (
	"context"
	"errors"
	"fmt"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// MarkShown counts that records were shown in a result, now. Habituation reckons with it.
func (s *Store) MarkShown(ctx context.Context, scope Scope, ids ...ID) error {
	return fail("mark as shown", s.mark(ctx, scope, "shown", ids))
}

// MarkUsed counts that records were of use, now. Decay reckons with it.
func (s *Store) MarkUsed(ctx context.Context, scope Scope, ids ...ID) error {
	return fail("mark as used", s.mark(ctx, scope, "used", ids))
}

// mark raises a count. It changes nothing that a plan of consolidation rests on, so the generation stays.
func (s *Store) mark(ctx context.Context, scope Scope, column string, ids []ID) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, false, func(t *tx) error {
		for _, id := range ids {
			res, err := t.ExecContext(ctx, fmt.Sprintf(`UPDATE records AS r SET %[1]s = %[1]s + 1, last_%[1]s = ?, seq = ?
				WHERE id = ? AND EXISTS (SELECT 1 FROM scopes c WHERE c.scope = r.scope AND `+inScope+`)`, column),
				append([]any{micros(t.now), t.seq, string(id)}, scopeArgs(scope)...)...)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return errors.Join(err, fmt.Errorf("record %q: %w in scope %s", id, ErrNotFound, scope))
			}
			if err := disk.Seal(ctx, t.Tx, "records", "id = ?", string(id)); err != nil {
				return err
			}
		}
		return nil
	})
}
