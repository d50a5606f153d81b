package memory

import (
	"context"
	"errors"
	"fmt"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// Reembed makes all vectors of the store anew with another embedder, which the store uses from then on. The new vectors
// are gathered next to the old ones, which go on serving, and take their place in one transaction at the end. If it is
// interrupted, nothing has changed, and calling it again with the same embedder goes on where it stopped. progress, if
// any, is told how many of how many are done. Other processes that have the store open get [ErrModel] from then on.
//
// The surprise of records stays what it was when they were written.
func (s *Store) Reembed(ctx context.Context, e Embedder, progress func(done, total int)) (err error) {
	defer func() { err = s.fail("re-embed", err) }()
	if err := proper(e); err != nil {
		return err
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	if err := s.write(ctx, false, func(t *tx) error {
		changed, err := t.ExecContext(ctx, "UPDATE store SET remodel = ?1, redim = ?2 WHERE remodel <> ?1 OR redim <> ?2", e.Model(), e.Dim())
		if err != nil {
			return err
		}
		if n, err := changed.RowsAffected(); err != nil || n == 0 {
			return err // it goes on where it stopped
		}
		_, err = t.ExecContext(ctx, "DELETE FROM revectors")
		return err
	}); err != nil {
		return err
	}
	for {
		if err := s.gatherVectors(ctx, e, progress); err != nil {
			return err
		}
		s.models.Lock() // no reader finds the new vectors with the old embedder
		err := s.write(ctx, true, func(t *tx) error { return t.swapVectors(ctx, e) })
		if err == nil {
			s.embedder.Store(&e)
		}
		s.models.Unlock()
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

// errMoved is returned when records were added meanwhile.
var errMoved = errors.New("the store has moved on")

// unvectored is the condition that a record has no new vector.
const unvectored = "row NOT IN (SELECT row FROM revectors)"

// gatherVectors makes the new vectors that are missing.
func (s *Store) gatherVectors(ctx context.Context, e Embedder, progress func(done, total int)) error {
	if e.Dim() == 0 {
		return nil
	}
	var done int
	if err := s.reader.QueryRowContext(ctx, "SELECT count(*) FROM revectors").Scan(&done); err != nil {
		return err
	}
	var rows []int64
	var texts []string
	if err := disk.Each(ctx, s.reader, "SELECT row, text FROM records WHERE "+unvectored+" ORDER BY row", nil, func(scan func(...any) error) error {
		rows, texts = append(rows, 0), append(texts, "")
		return scan(&rows[len(rows)-1], &texts[len(texts)-1])
	}); err != nil {
		return err
	}
	total := done + len(rows)
	progress(done, total)
	for len(rows) > 0 {
		n := min(batchSize, len(rows))
		vectors, err := embedAll(ctx, e, texts[:n])
		if err != nil {
			return err
		}
		for i, v := range vectors {
			if err := checkVector(v, e.Dim()); err != nil {
				return fmt.Errorf("the embedder's vector of row %d: %w", rows[i], err)
			}
		}
		if err := s.write(ctx, false, func(t *tx) error { return t.keepVectors(ctx, e, rows[:n], vectors) }); err != nil {
			return err
		}
		rows, texts, done = rows[n:], texts[n:], done+n
		progress(done, total)
	}
	return nil
}

// gathering checks that the new vectors are still those of the embedder: two may re-embed at once.
func (t *tx) gathering(ctx context.Context, e Embedder) error {
	var model string
	err := t.QueryRowContext(ctx, "SELECT remodel FROM store").Scan(&model)
	if err == nil && model != e.Model() {
		err = fmt.Errorf("%w: another process re-embeds the store, with %q", ErrLocked, model)
	}
	return err
}

func (t *tx) keepVectors(ctx context.Context, e Embedder, rows []int64, vectors [][]float32) error {
	if err := t.gathering(ctx, e); err != nil {
		return err
	}
	for i, row := range rows {
		// The record may have been deleted meanwhile.
		if _, err := t.ExecContext(ctx, "INSERT OR REPLACE INTO revectors (row, data) SELECT row, ? FROM records WHERE row = ?", vector.Encode(vectors[i]), row); err != nil {
			return err
		}
	}
	return nil
}

// swapVectors puts the new vectors in the place of the old ones.
func (t *tx) swapVectors(ctx context.Context, e Embedder) error {
	if err := t.gathering(ctx, e); err != nil {
		return err
	}
	var left int
	if err := t.QueryRowContext(ctx, "SELECT count(*) FROM records WHERE "+unvectored).Scan(&left); err != nil {
		return err
	}
	if left > 0 && e.Dim() > 0 {
		return errMoved
	}
	for _, statement := range []string{
		"DELETE FROM vectors",
		"INSERT INTO vectors (row, scope, data, sum) SELECT n.row, r.scope, n.data, checksum(n.row, r.scope, n.data) FROM revectors n JOIN records r ON r.row = n.row ORDER BY n.row",
		"DELETE FROM revectors",
	} {
		if _, err := t.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err := t.ExecContext(ctx, "UPDATE store SET model = ?, dim = ?, epoch = ?, remodel = '', redim = 0", e.Model(), e.Dim(), disk.NewEpoch())
	return err
}

// reanalyse makes the digests of all records anew, after the analysis of texts has changed, in one transaction.
// Embeddings stay as they are.
func (s *Store) reanalyse(ctx context.Context, want string) error {
	t, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	digests := map[int64][]byte{}
	for r, err := range all(ctx, t, nil, &AllOptions{History: true}) {
		if err != nil {
			return err
		}
		digests[r.row] = r.Digest(r.surprise)
	}
	for row, digest := range digests {
		if _, err := t.ExecContext(ctx, "UPDATE records SET digest = ? WHERE row = ?", digest, row); err != nil {
			return err
		}
	}
	if err := disk.Seal(ctx, t, "records", "1"); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, "UPDATE store SET analysis = ?, epoch = ?", want, disk.NewEpoch()); err != nil {
		return err
	}
	if len(digests) > 0 {
		s.log.Info("analysed the store's texts anew", "records", len(digests))
	}
	return t.Commit()
}
