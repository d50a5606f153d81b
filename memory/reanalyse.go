package memory

import (
	"context"

	"github.com/trm-go/refiner/memory/internal/disk"
	"github.com/trm-go/refiner/memory/internal/index"
)

// reanalyse makes the digests of all records anew, after the analysis of texts has changed, in one transaction.
// Embeddings stay as they are.
func (s *Store) reanalyse(ctx context.Context, want string) error {
	t, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	type fresh struct {
		row    int64
		digest []byte
	}
	var all []fresh
	for r, err := range s.all(ctx, t, nil, &AllOptions{History: true}) {
		if err != nil {
			return err
		}
		_, digest := analyse(&r.Record)
		index.SetSurprise(digest, r.surprise)
		all = append(all, fresh{r.row, digest})
	}
	for _, f := range all {
		if _, err := t.ExecContext(ctx, "UPDATE records SET digest = ? WHERE row = ?", f.digest, f.row); err != nil {
			return err
		}
	}
	if err := disk.Seal(ctx, t, "records", "1"); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, "UPDATE store SET analysis = ?, epoch = ?", want, disk.NewEpoch()); err != nil {
		return err
	}
	if len(all) > 0 {
		s.log.Info("analysed the store's texts anew", "records", len(all))
	}
	return t.Commit()
}
