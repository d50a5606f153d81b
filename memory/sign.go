package memory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

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
