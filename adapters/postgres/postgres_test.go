package postgres_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/trm-go/refiner/adapters/postgres"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/memory/storetest"
)

// server is the URL of a PostgreSQL server as its superuser: `make test-engines` starts one.
func server(t testing.TB) string {
	address := os.Getenv("REFINER_POSTGRES")
	if address == "" {
		t.Skip("REFINER_POSTGRES names no server: run `make test-engines`")
	}
	return address
}

// admin runs a statement as the superuser.
func admin(t testing.TB, statement string) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), server(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if _, err := c.Exec(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// address is the URL of a store, by a role that row-level security holds for.
func address(t testing.TB, name string) string {
	t.Helper()
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", os.Getpid(), name))
	u, err := url.Parse(server(t))
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("refiner")
	q := u.Query()
	schema := "t" + hex.EncodeToString(sum[:8])
	q.Set("schema", schema)
	q.Set("pool_max_conns", "3")
	u.RawQuery = q.Encode()
	t.Cleanup(func() { admin(t, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") })
	return u.String()
}

func role(t testing.TB) {
	t.Helper()
	admin(t, `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'refiner') THEN CREATE ROLE refiner LOGIN; END IF; END $$;
		GRANT CREATE ON DATABASE postgres TO refiner; CREATE EXTENSION IF NOT EXISTS vector SCHEMA public`)
}

func TestStore(t *testing.T) {
	role(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	storetest.Run(t, storetest.Backend{Open: func(t testing.TB, name string, o *memory.Options) (storetest.Store, error) {
		o.Wait = 30 * time.Second
		s, err := postgres.Open(t.Context(), address(t, name), true, o)
		if err != nil {
			return nil, err
		}
		return s, nil
	}})
}
