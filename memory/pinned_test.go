package memory

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

func TestPinnedRecordsOfAScope(t *testing.T) {
	s, err := Create(t.Context(), filepath.Join(t.TempDir(), "store.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ada, pin := Scope{User: "ada"}, map[string]string{MetaPinned: "true"}
	add := func(scope Scope, r Record) ID {
		t.Helper()
		a, err := s.Add(t.Context(), scope, r)
		if err != nil {
			t.Fatal(err)
		}
		return a.IDs[0]
	}
	old := add(ada, Record{Text: "no nuts", Meta: pin})
	add(ada, Record{Text: "said by the way"})
	add(ada, Record{Text: "a nurse", Kind: KindPersona})
	add(ada, Record{Text: "a pilot", Kind: KindPersona, Meta: map[string]string{MetaPinned: "false"}})
	add(ada, Record{Text: "on crutches", Meta: pin, ValidUntil: time.Now().Add(-time.Hour)})
	add(ada, Record{Scope: Scope{Agent: "cook"}, Text: "metric units", Meta: pin})
	add(Scope{User: "eve"}, Record{Text: "Eve's", Meta: pin})
	if _, err := s.Supersede(t.Context(), ada, Record{Text: "no nuts, no milk", Meta: pin}, old); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scope Scope
		limit int
		want  string
	}{
		{ada, 9, "[no nuts, no milk metric units a nurse]"}, {ada, 1, "[no nuts, no milk]"},
		{Scope{User: "ada", Agent: "cook"}, 9, "[metric units]"}, {Scope{User: "eve"}, 9, "[Eve's]"}, {Scope{User: "nobody"}, 9, "[]"},
	} {
		records, err := s.Pinned(t.Context(), c.scope, c.limit)
		texts := []string{}
		for _, r := range records {
			texts = append(texts, r.Text)
		}
		if err != nil || fmt.Sprint(texts) != c.want {
			t.Errorf("%s has %v pinned (%v), want %s", c.scope, texts, err, c.want)
		}
	}
}
