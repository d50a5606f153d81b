package memory

import (
	"context"
)

// reanalyse makes the terms of all records anew, after the analysis of texts has changed, in one transaction. Embeddings
// stay as they are.
func (s *Store) reanalyse(ctx context.Context, want string) error {
	t, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	rows, err := t.QueryContext(ctx, "SELECT row, created, text FROM records")
	if err != nil {
		return err
	}
	type fresh struct {
		row  int64
		blob []byte
	}
	var all []fresh
	for rows.Next() {
		var row, created int64
		var text string
		if err := rows.Scan(&row, &created, &text); err != nil {
			_ = rows.Close()
			return err
		}
		a, _ := analyse(text, fromMicros(created))
		all = append(all, fresh{row, a.encode()})
	}
	if err := rows.Close(); err != nil {
		return err
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, f := range all {
		if _, err := t.ExecContext(ctx, "UPDATE records SET terms = ? WHERE row = ?", f.blob, f.row); err != nil {
			return err
		}
	}
	if _, err := t.ExecContext(ctx, "UPDATE store SET analysis = ?, epoch = ?", want, newEpoch()); err != nil {
		return err
	}
	if len(all) > 0 {
		s.log.Info("analysed the store's texts anew", "records", len(all))
	}
	return t.Commit()
}
