package specialists_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/specialists"
)

var monday = time.Date(2023, 5, 8, 13, 56, 0, 0, time.UTC)

func ExampleFacts() {
	fmt.Println(specialists.Facts("Mel and I don't eat meat, and we met Tim yesterday for $1,200.", monday))
	// Output: [n:tim d:2023-05-07 m:2023-05 #:1200 not:eat]
}

func TestFacts(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"well, that was nice", nil},
		{"I never smoke.", []string{"not:smoke"}},
		{"I can’t swim, and won't learn it", []string{"not:swim", "not:learn"}},
		{"No! I went.", nil}, // it denies nothing that follows
		{"not that I'd serve it", []string{"not:serv"}},
		{"nobody came without Eli", []string{"not:came", "n:eli", "not:eli"}},
		{"I'm not sure. I will not go.", []string{"not:sure", "not:go"}},
		{"Yes, I'll do it.", nil}, // a capital, and no name
		{"We have 12 hens.\n3 May 2024 was fine", []string{"#:12", "d:2024-05-03", "m:2024-05"}},
		{"It is March 28\n1. Write", []string{"d:2023-03-28", "m:2023-03", "#:1"}},
	} {
		got := specialists.Facts(c.in, monday)
		slices.Sort(got)
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Facts(%q) (-want +got):\n%s", c.in, diff)
		}
	}
}

func TestMissingAndInvented(t *testing.T) {
	source := specialists.Facts("I met Rosa and Karim on 3 May, not Tim, for 2 hours.", monday)
	have := map[string]bool{}
	for _, f := range specialists.Facts("Rosa came on 3 May.", monday) {
		have[f] = true
	}
	if diff := cmp.Diff([]string{"n:rosa", "n:karim", "n:tim", "#:2", "not:tim"}, specialists.Missing(source, have)); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	had := map[string]bool{}
	for _, f := range source {
		had[f] = true
	}
	derived := specialists.Facts("we met Rosa on 4 May for 20 hours with Eve, and Tim stayed", monday)
	want := []string{"d:2023-05-04", "#:20", "n:eve"}
	if diff := cmp.Diff(want, specialists.Invented(derived, had, map[string]bool{"rosa": true})); diff != "" {
		t.Errorf("invented (-want +got):\n%s", diff)
	}
	if got := specialists.Invented([]string{"n:rosa"}, nil, map[string]bool{"rosa": true}); len(got) > 0 {
		t.Errorf("a name that a source holds as a word is invented: %v", got)
	}
}

func FuzzFacts(f *testing.F) {
	f.Add("Mel don't eat meat, yesterday 3pm")
	f.Add("n't ’ \xff' can’t")
	f.Fuzz(func(t *testing.T, s string) {
		facts := specialists.Facts(s, monday)
		seen := map[string]bool{}
		for _, fact := range facts {
			if seen[fact] {
				t.Fatalf("Facts(%q) has %q twice", s, fact)
			}
			seen[fact] = true
			if prefix, value, ok := strings.Cut(fact, ":"); !ok || prefix == "" || value == "" {
				t.Fatalf("Facts(%q) has %q", s, fact)
			}
		}
		if lost := specialists.Missing(facts, seen); lost != nil {
			t.Fatalf("%q lost %q of itself", s, lost)
		}
	})
}
