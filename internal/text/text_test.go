package text_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/trm-go/refiner/internal/text"
)

func ExampleTerms() {
	fmt.Println(text.Terms("Caroline's paintings weren't sold for $1,200!"))
	// Output: [carolin paint sold 1200]
}

func ExampleLinks() {
	said := time.Date(2023, 5, 8, 13, 56, 0, 0, time.UTC)
	fmt.Println(text.Links("I met Melanie at the LGBTQ support group yesterday, with 3 friends.", said))
	// Output: [n:melanie n:lgbtq d:2023-05-07 m:2023-05 #:3]
}

func TestTerms(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", []string{}},
		{"the of and", []string{}},
		{"Don't you think it's Mel’s?", []string{"think", "mel"}},
		{"Café CAFÉ cafe", []string{"cafe", "cafe", "cafe"}},
		{"running runs run ran", []string{"run", "run", "run", "ran"}},
		{"The children went, she lives and leaves", []string{"children", "went", "live", "leav"}},
		{"v1.5 costs 1,200.50 in 2023-05-07", []string{"v1", "5", "cost", "1200.50", "2023", "05", "07"}},
		{"東京に行く x", []string{"東京", "京に", "に行", "行く", "x"}},
		{"猫", []string{"猫"}},
		{"a\xffb \x00 c", []string{"b", "c"}},
		{strings.Repeat("x", 65), []string{}},
	} {
		if diff := cmp.Diff(c.want, text.Terms(c.in)); diff != "" {
			t.Errorf("Terms(%q) (-want +got):\n%s", c.in, diff)
		}
	}
}

func TestLinks(t *testing.T) {
	monday := time.Date(2023, 5, 8, 13, 56, 0, 0, time.UTC)
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"hello there", nil},
		{"Wow! Caroline went.", nil}, // a capital that opens a sentence says nothing
		{"Caroline's book", []string{"n:caroline"}},
		{"New York is big", []string{"n:new", "n:york"}},
		{"we saw Mel and Mel", []string{"n:mel"}},
		{"I AM SHOUTING AT YOU NOW", nil},
		{"It’s what I’ve said recently", nil},
		{"on 7 May 2023", []string{"d:2023-05-07", "m:2023-05"}},
		{"on the 7th of May", []string{"d:2023-05-07", "m:2023-05"}},
		{"May 7th, 2022!", []string{"d:2022-05-07", "m:2022-05"}},
		{"March-03-2024", []string{"d:2024-03-03", "m:2024-03"}},
		{"at 2023-05-07.", []string{"d:2023-05-07", "m:2023-05"}},
		{"in December", []string{"m:2022-12"}},
		{"in may", []string{"m:2023-05"}},
		{"May I?", nil},
		{"in the Alps", []string{"n:alps"}},
		{"in The Hague at 5, from Monday to May", []string{"n:hague", "#:5", "m:2023-05"}},
		{"you may go, they march on", nil},
		{"since 2019", []string{"y:2019"}},
		{"yesterday and tomorrow", []string{"d:2023-05-07", "m:2023-05", "d:2023-05-09"}},
		{"last Friday", []string{"d:2023-05-05", "m:2023-05"}},
		{"next Monday", []string{"d:2023-05-15", "m:2023-05"}},
		{"last Monday", []string{"d:2023-05-01", "m:2023-05"}},
		{"last weekend", []string{"d:2023-05-06", "m:2023-05", "d:2023-05-07"}},
		{"this weekend", []string{"d:2023-05-13", "m:2023-05", "d:2023-05-14"}},
		{"last week", []string{"w:2023-W18"}},
		{"next month", []string{"m:2023-06"}},
		{"last year", []string{"y:2022"}},
		{"two weeks ago", []string{"w:2023-W17"}},
		{"3 days ago", []string{"d:2023-05-05", "m:2023-05"}},
		{"a year ago", []string{"y:2022"}},
		{"31 June 2023", nil},
		{"three dogs, 1,200 cats, 5k", []string{"#:3", "#:1200", "#:5"}},
	} {
		got := text.Links(c.in, monday)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Links(%q) (-want +got):\n%s", c.in, diff)
		}
	}
	if got := text.Links("yesterday in May, on 2 June 2023", time.Time{}); cmp.Diff([]string{"d:2023-06-02", "m:2023-06"}, got) != "" {
		t.Errorf("without a time of the text: %v", got)
	}
}

func TestAsks(t *testing.T) {
	for in, want := range map[string]bool{"May I?": true, "You go? Yes": false, "You go?!\n[image: a boat]": true, "行きますか？": true, "How much? [image: a boat]": true, "": false} {
		if got := text.Asks(in); got != want {
			t.Errorf("Asks(%q) = %v", in, got)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"  ", nil},
		{"One. Two! Three?", []string{"One.", "Two!", "Three?"}},
		{"Dr. Smith met J. Doe. It cost 3.50.", []string{"Dr. Smith met J. Doe.", "It cost 3.50."}},
		{"So did I. Yes", []string{"So did I.", "Yes"}},
		{"a\nb", []string{"a", "b"}},
		{"Really?! \"Yes.\" Fine", []string{"Really?!", "\"Yes.\"", "Fine"}},
		{"猫です。犬です。", []string{"猫です。", "犬です。"}},
	} {
		if diff := cmp.Diff(c.want, text.Sentences(c.in)); diff != "" {
			t.Errorf("Sentences(%q) (-want +got):\n%s", c.in, diff)
		}
	}
}

func TestTokens(t *testing.T) {
	for in, want := range map[string]int{"": 0, "hello": 1, "hello world": 2, "internationalisation": 5, "a, b": 3, "12345": 2} {
		if got := text.Tokens(in); got != want {
			t.Errorf("Tokens(%q) = %d, want %d", in, got, want)
		}
	}
}

func seeds(f *testing.F) {
	for _, s := range []string{"", "Hello, World's 1,200.", "don’t 東京 \xff\xfe\x00", "2023-05-07 in May 31 June", "two weeks ago last", "'''''.,.,1,1", "İ ﬁ ß Ǆ"} {
		f.Add(s)
	}
}

func FuzzTerms(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, term := range text.Terms(s) {
			if term == "" || !utf8.ValidString(term) || strings.ContainsAny(term, " \n\x00") {
				t.Errorf("Terms(%q) holds %q", s, term)
			}
		}
	})
}

func FuzzLinks(f *testing.F) {
	seeds(f)
	at := time.Date(2023, 5, 8, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		seen := map[string]bool{}
		for _, l := range text.Links(s, at) {
			if len(l) < 3 || l[1] != ':' || seen[l] || !utf8.ValidString(l) {
				t.Errorf("Links(%q) holds %q", s, l)
			}
			seen[l] = true
		}
	})
}

func FuzzSentences(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		joined := strings.Join(text.Sentences(s), " ")
		if want, got := strings.Join(strings.Fields(s), " "), strings.Join(strings.Fields(joined), " "); strings.ReplaceAll(want, " ", "") != strings.ReplaceAll(got, " ", "") {
			t.Errorf("Sentences(%q) lost something: %q", s, got)
		}
		if n := text.Tokens(s); n < 0 || s == "" && n != 0 {
			t.Errorf("Tokens(%q) = %d", s, n)
		}
	})
}

const turn = "I went to a LGBTQ support group yesterday and it was so powerful. The transgender stories were so inspiring! I was so happy and thankful for all the support."

func BenchmarkTerms(b *testing.B) {
	for b.Loop() {
		text.Terms(turn)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "turns/s")
}

func BenchmarkLinks(b *testing.B) {
	at := time.Date(2023, 5, 8, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		text.Links(turn, at)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "turns/s")
}
