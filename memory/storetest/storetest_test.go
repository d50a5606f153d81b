package storetest_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/memory/storetest"
)

// The store that is a file.
func TestEmbedded(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, storetest.Backend{Open: func(t testing.TB, name string, o *memory.Options) (storetest.Store, error) {
		path := filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".db")
		s, err := memory.Open(context.Background(), path, o)
		if errors.Is(err, memory.ErrNoStore) {
			s, err = memory.Create(context.Background(), path, o)
		}
		return s, err
	}})
}
