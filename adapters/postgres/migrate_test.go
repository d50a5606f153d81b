package postgres_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/trm-go/refiner/adapters/postgres"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// From a file to a database and on to another file: nothing is lost, and what was deleted in the first does not come back in either.
func TestMigrate(t *testing.T) {
	role(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	integration.RegisterEngine("postgres", func(ctx context.Context, url string, create bool, o *memory.Options) (refine.Store, error) {
		return postgres.Open(ctx, url, create, o)
	})
	first := filepath.Join(t.TempDir(), "first.db")
	file, err := memory.Create(t.Context(), first, nil)
	if err != nil {
		t.Fatal(err)
	}
	secret := memory.Record{Scope: memory.Scope{Session: "s"}, Text: "The secret is 4711.", Key: "secret"}
	var export bytes.Buffer
	for _, user := range []string{"ann", "bob"} {
		scope := memory.Scope{Tenant: "acme", User: user}
		added, err := file.Add(t.Context(), scope, secret, memory.Record{Text: "The kettle of " + user + " is blue."}, memory.Record{Text: "It whistles."})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Supersede(t.Context(), scope, memory.Record{Text: "It hums."}, added.IDs[2]); err != nil {
			t.Fatal(err)
		}
		if user == "ann" {
			continue
		}
		if _, err := file.Export(t.Context(), &export); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Delete(t.Context(), scope, added.IDs[:1], nil); err != nil { // of bob's alone
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	database, second := address(t, "migrate"), filepath.Join(t.TempDir(), "second.db")
	for _, way := range [][2]string{{first, database}, {first, database}, {database, second}} {
		m, err := integration.Migrate(t.Context(), way[0], way[1], &memory.Options{}, func(int, int) {})
		if err != nil || m.Records != 7 || m.Deleted != 1 {
			t.Fatalf("%s: %+v, %v", way, m, err)
		}
	}
	for _, at := range []string{database, second} {
		s, err := integration.OpenStore(t.Context(), at, false, &memory.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		imported, err := s.Import(t.Context(), bytes.NewReader(export.Bytes()), nil)
		if err != nil || imported.Count != 0 || imported.Deleted != 1 || imported.Skipped != 8 {
			t.Errorf("%s: the old export brought %+v, %v", at, imported, err)
		}
		for user, want := range map[string]int{"ann": 0, "bob": 1} { // ann's is there
			added, err := s.Add(t.Context(), memory.Scope{Tenant: "acme", User: user}, secret)
			if err != nil || added.Count != 0 || added.Deleted != want {
				t.Errorf("%s: %s's secret came back by its key: %+v, %v", at, user, added, err)
			}
		}
	}
	s, err := memory.Open(t.Context(), second, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if report, err := s.Check(t.Context(), true); err != nil || len(report.Problems) > 0 {
		t.Errorf("the copy is damaged: %+v, %v", report, err)
	}
}
