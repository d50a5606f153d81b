package memory

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// peopled makes a store of many users with as many memories each.
func peopled(t testing.TB, path string, users, each int) {
	t.Helper()
	s, err := Create(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	things := []string{"rye bread", "the garden", "a red bicycle", "the old piano", "the tax letter", "plum jam", "the choir", "a blue coat"}
	for u := range users {
		records := make([]Record, each)
		for i := range records {
			records[i] = turn(fmt.Sprintf("User %d spoke of %s and then of %s, number %d.", u, things[i*7%len(things)], things[i*3%len(things)], i))
			records[i].Scope.Session, records[i].Position = fmt.Sprint("s", i/20), i%20
		}
		add(t, s, Scope{User: fmt.Sprint("user", u)}, records...)
	}
}

// What is asked of one user loads nothing of another, most commands load nothing at all, and what is not used is dropped.
func TestCostFollowsTheScope(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "many.db")
	peopled(t, path, 12, 40)
	s, err := Open(ctx, path, &Options{Memory: 100 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	one := Scope{User: "user3"}
	ids := add(t, s, one, turn("a new memory"))
	if _, err := s.Stats(ctx, one); err != nil {
		t.Error(err)
	}
	if _, err := s.Export(ctx, io.Discard, one); err != nil {
		t.Error(err)
	}
	if _, err := s.History(ctx, one, ids[0]); err != nil {
		t.Error(err)
	}
	if _, _, err := s.List(ctx, one, nil); err != nil {
		t.Error(err)
	}
	if _, err := s.Delete(ctx, one, ids, nil); err != nil {
		t.Error(err)
	}
	if n := len(s.shards.all); n != 0 {
		t.Errorf("%d shards are loaded, and nothing was searched", n)
	}
	for u := range 12 {
		hits, err := search(ctx, s, Scope{User: fmt.Sprint("user", u)}, Query{Text: "plum jam"})
		if err != nil || len(hits) == 0 {
			t.Fatalf("user %d: %d hits, %v", u, len(hits), err)
		}
		if _, ok := s.shards.all[owner{user: fmt.Sprint("user", u)}]; !ok {
			t.Errorf("user %d was asked and is not loaded", u)
		}
	}
	bytes := int64(0)
	for _, sh := range s.shards.all {
		bytes += sh.bytes
	}
	if n := len(s.shards.all); n < 2 || n > 6 || bytes > 100<<10 {
		t.Errorf("%d shards are loaded, of %d bytes", n, bytes)
	}
}

// TestMakeManyUsers writes a store for measurements: REFINER_MANY is its path, REFINER_USERS how many have
// 1,000 memories each, or REFINER_EACH.
func TestMakeManyUsers(t *testing.T) {
	path, users := os.Getenv("REFINER_MANY"), os.Getenv("REFINER_USERS")
	if path == "" {
		t.Skip("set REFINER_MANY to write a store")
	}
	n, err := strconv.Atoi(users)
	if err != nil {
		t.Fatal(err)
	}
	each := 1000
	if v, err := strconv.Atoi(os.Getenv("REFINER_EACH")); err == nil {
		each = v
	}
	peopled(t, path, n, each)
}
