package memory

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secretsIn fails the test if a file of the store still holds one of the words.
func secretsIn(t *testing.T, path string, words ...string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		b, err := os.ReadFile(path + suffix)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if bytes.Contains(bytes.ToLower(b), []byte(w)) {
				t.Errorf("%s%s still holds %q", filepath.Base(path), suffix, w)
			}
		}
	}
}

func TestDeleteReallyDeletes(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, nil)
	fill := func(format string) {
		records := make([]Record, 300)
		for i := range records {
			records[i] = turn(fmt.Sprintf(format, i))
		}
		add(t, s, ann, records...)
	}
	fill("filler number %d about gardens and weather")
	secret := turn("The quetzalcoatl passphrase is xylophonic-marzipan")
	secret.Key, secret.Meta, secret.Speaker = "zyzzyva-key", map[string]string{"tag": "wolframite"}, "Jabberwock"
	id := add(t, s, ann, secret)[0]
	fill("more filler %d on trains and bread")
	derived := turn("There is a quetzalcoatl secret")
	derived.Kind, derived.Origin, derived.DerivedFrom = KindSummary, Reconstructed, []ID{id}
	did := add(t, s, ann, derived)[0]
	var before bytes.Buffer
	if _, err := s.Export(ctx, &before); err != nil {
		t.Fatal(err)
	}
	snap := filepath.Join(t.TempDir(), "snap.db")
	if _, err := s.Snapshot(ctx, snap); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(snap); err != nil || !bytes.Contains(b, []byte("quetzalcoatl")) {
		t.Fatalf("the test looks in the wrong place: %v", err)
	}
	other, err := Open(ctx, s.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()

	_, err = s.Delete(ctx, ann, []ID{id}, nil)
	wantErr(t, err, ErrDerived, string(did))
	_, err = s.Delete(ctx, ann, nil, nil)
	wantErr(t, err, ErrInvalid, "no record")
	_, err = s.Delete(ctx, ann, []ID{id}, &DeleteOptions{Snapshots: []string{snap + ".missing"}})
	wantErr(t, err, ErrNoStore, "missing")
	if _, err := s.Record(ctx, ann, id); err != nil {
		t.Errorf("a deletion that failed deleted: %v", err)
	}

	d, err := s.Delete(ctx, ann, []ID{id}, &DeleteOptions{Derived: true, Snapshots: []string{snap}})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "deleted", Deleted{IDs: []ID{id, did}, Derived: 1, Snapshots: map[string]int{snap: 2}}, d)
	words := []string{"quetzalcoatl", "xylophon", "marzipan", "zyzzyva", "wolframite", "jabberwock"}
	secretsIn(t, s.Path(), words...)
	secretsIn(t, snap, words...)
	for name, st := range map[string]*Store{"here": s, "in another process": other} {
		diff(t, "found "+name, []string{}, texts(t, st, ann, Query{Text: `"quetzalcoatl"`}))
		for _, sh := range st.shards.all {
			for term := Term(0); ; term++ {
				switch sh.view.index.Word(term) {
				case "quetzalcoatl":
					t.Errorf("the dictionary %s still knows the word", name)
				case "":
				default:
					continue
				}
				break
			}
		}
	}
	sound(t, s)
	// Neither an export nor a snapshot of before brings it back.
	if a, err := s.Import(ctx, bytes.NewReader(before.Bytes()), nil); err == nil && a.Count != 0 {
		t.Errorf("an import brought back %d", a.Count)
	}
	secretsIn(t, s.Path(), words...)
	report, err := CheckFile(ctx, snap, true)
	if err != nil || len(report.Problems) > 0 || report.Records != 600 {
		t.Errorf("the snapshot: %+v, %v", report, err)
	}
}

func TestRestoreDoesNotBringBackTheDeleted(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, nil)
	ids := add(t, s, ann, turn("a secret"), turn("no secret"))
	snap := filepath.Join(t.TempDir(), "snap.db")
	if _, err := s.Snapshot(ctx, snap); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(snap)
	if err != nil {
		t.Fatal(err)
	}
	snap = filepath.Join(t.TempDir(), "carried away.db") // a copy that the store knows nothing of
	if err := os.WriteFile(snap, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(ctx, ann, ids[:1], nil); err != nil {
		t.Fatal(err)
	}
	res, err := Restore(ctx, s.Path(), snap, nil)
	if err != nil || res.Withheld != 1 || res.Records != 1 {
		t.Fatalf("restored %+v, %v", res, err)
	}
	diff(t, "restored", []string{"no secret"}, texts(t, s, ann, Query{Text: "secret"}))
	sound(t, s)
}

// Statements that run for each record of a deletion must not read the whole table.
func TestDeletionUsesIndexes(t *testing.T) {
	s := newStore(t, nil)
	for _, statement := range append(erasing, burying) {
		rows, err := s.writer.Query("EXPLAIN QUERY PLAN "+statement, []any{"[1]", "[1]", "[1]"}[:max(1, strings.Count(statement, "?2")*2, strings.Count(statement, "?3")*3)]...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var a, b, c int
			var step string
			if err := rows.Scan(&a, &b, &c, &step); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(step, "SCAN") && step != "SCAN store" && step != "SCAN s" && !strings.HasPrefix(step, "SCAN json_each") {
				t.Errorf("%s: %s", statement, step)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForgetAScope(t *testing.T) {
	ctx := t.Context()
	s := rich(t, nil)
	zoe := Scope{User: "zoe"}
	d, err := s.Forget(ctx, Scope{Tenant: "acme", User: "ann"}, nil)
	if err != nil || len(d.IDs) != 6 {
		t.Fatalf("%+v, %v", d, err)
	}
	diff(t, "another's", []string{"another's memory"}, texts(t, s, zoe, Query{Text: "memory"}))
	st, err := s.Stats(ctx)
	if err != nil || st.Records != 1 || st.Users != 1 {
		t.Errorf("stats %+v, %v", st, err)
	}
	sound(t, s)
	add(t, s, ann, turn("a new life"))
	diff(t, "afterwards", []string{"a new life"}, texts(t, s, ann, Query{Text: "life"}))
	diff(t, "another's", []string{"another's memory"}, texts(t, s, zoe, Query{Text: "memory"}))
	sound(t, s)
}
