package memory

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

func TestListGoesBackThroughAScope(t *testing.T) {
	s, err := Create(t.Context(), filepath.Join(t.TempDir(), "store.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	day := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	ada := Scope{User: "ada"}
	for i := range 7 {
		r := Record{Scope: Scope{Session: fmt.Sprint(i % 2)}, Role: "user", Text: fmt.Sprintf("number %d", i), Created: day.AddDate(0, 0, i)}
		if i == 3 {
			r.Kind, r.Role = KindFact, ""
		}
		if _, err := s.Add(t.Context(), ada, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Add(t.Context(), Scope{User: "eve"}, Record{Text: "not Ada's", Created: day}); err != nil {
		t.Fatal(err)
	}
	texts := func(scope Scope, o *ListOptions) (list []string) {
		t.Helper()
		for {
			records, next, err := s.List(t.Context(), scope, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				list = append(list, r.Text)
			}
			if o == nil || next == 0 {
				return list
			}
			if len(records) != o.Limit {
				t.Fatalf("a page of %d records goes on, want %d", len(records), o.Limit)
			}
			o.Before = next
		}
	}
	check := func(got []string, want ...int) {
		t.Helper()
		var list []string
		for _, i := range want {
			list = append(list, fmt.Sprintf("number %d", i))
		}
		if fmt.Sprint(got) != fmt.Sprint(list) {
			t.Errorf("listed %v, want %v", got, list)
		}
	}
	check(texts(ada, nil), 6, 5, 4, 3, 2, 1, 0)
	check(texts(ada, &ListOptions{Limit: 3}), 6, 5, 4, 3, 2, 1, 0)
	check(texts(ada, &ListOptions{Limit: 7}), 6, 5, 4, 3, 2, 1, 0)
	check(texts(Scope{User: "ada", Session: "1"}, &ListOptions{Limit: 2}), 5, 3, 1)
	check(texts(ada, &ListOptions{Kinds: []Kind{KindFact, KindFAQ}}), 3)
	check(texts(ada, &ListOptions{Role: "user", Since: day.AddDate(0, 0, 2), Until: day.AddDate(0, 0, 5)}), 4, 2)

	first, _, err := s.List(t.Context(), ada, &ListOptions{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Supersede(t.Context(), ada, Record{Text: "number 7", Created: day}, first[0].ID); err != nil {
		t.Fatal(err)
	}
	check(texts(ada, nil), 7, 5, 4, 3, 2, 1, 0)
	check(texts(ada, &ListOptions{State: StateSuperseded}), 6)
	check(texts(ada, &ListOptions{State: StateAny, Limit: 2}), 7, 6, 5, 4, 3, 2, 1, 0)
	if _, _, err := s.List(t.Context(), ada, &ListOptions{State: "dead"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("an unknown state gives %v", err)
	}
}
