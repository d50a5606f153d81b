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
	// Output: [carolin paint sell 1200]
}

func ExampleLinks() {
	said := time.Date(2023, 5, 8, 13, 56, 0, 0, time.UTC)
	fmt.Println(text.Links("I met Melanie at the LGBTQ support group yesterday, with 3 friends.", said))
	// Output: [n:melanie n:lgbtq d:2023-05-07 m:2023-05 #:3 t:date t:place t:self]
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
		{"running runs run ran", []string{"run", "run", "run", "run"}},
		{"The children went, she lives and leaves", []string{"child", "go", "live", "leav"}},
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
		{"we saw Mel and Mel", []string{"n:mel", "t:self"}},
		{"I AM SHOUTING AT YOU NOW", []string{"t:self"}},
		{"It’s what I’ve said recently", []string{"t:date", "t:self"}},
		{"on 7 May 2023", []string{"d:2023-05-07", "m:2023-05", "t:date"}},
		{"on the 7th of May", []string{"d:2023-05-07", "m:2023-05", "t:date"}},
		{"May 7th, 2022!", []string{"d:2022-05-07", "m:2022-05", "t:date"}},
		{"March-03-2024", []string{"d:2024-03-03", "m:2024-03", "t:date"}},
		{"at 2023-05-07.", []string{"d:2023-05-07", "m:2023-05", "t:date"}},
		{"in December", []string{"m:2022-12", "t:date"}},
		{"in may", []string{"m:2023-05", "t:date"}},
		{"May I?", []string{"t:self", "t:asks"}},
		{"in the Alps", []string{"n:alps", "t:place"}},
		{"in The Hague at 5, from Monday to May", []string{"n:hague", "#:5", "m:2023-05", "t:date", "t:place"}},
		{"Always give dates when I ask about plans.", []string{"t:rule", "t:self"}},
		{"please never use emoji", []string{"t:rule"}},
		{"it is always so, and never was", nil},
		{"from now on be brief", []string{"t:rule"}},
		{"You go? Yes", nil},
		{"You go?!\n[image: a boat]", []string{"t:asks"}},
		{"行きますか？", []string{"t:asks"}},
		{"How much? [image: a boat]", []string{"t:asks"}},
		{"you may go, they march on", nil},
		{"since 2019", []string{"y:2019", "t:date"}},
		{"yesterday and tomorrow", []string{"d:2023-05-07", "m:2023-05", "d:2023-05-09", "t:date"}},
		{"last Friday", []string{"d:2023-05-05", "m:2023-05", "t:date"}},
		{"next Monday", []string{"d:2023-05-15", "m:2023-05", "t:date"}},
		{"last Monday", []string{"d:2023-05-01", "m:2023-05", "t:date"}},
		{"last weekend", []string{"d:2023-05-06", "m:2023-05", "d:2023-05-07", "t:date"}},
		{"this weekend", []string{"d:2023-05-13", "m:2023-05", "d:2023-05-14", "t:date"}},
		{"last week", []string{"w:2023-W18", "t:date"}},
		{"next month", []string{"m:2023-06", "t:date"}},
		{"last year", []string{"y:2022", "t:date"}},
		{"two weeks ago", []string{"w:2023-W17", "t:date"}},
		{"3 days ago", []string{"d:2023-05-05", "m:2023-05", "t:date"}},
		{"a year ago", []string{"y:2022", "t:date"}},
		{"31 June 2023", []string{"t:date"}},
		{"three dogs, 1,200 cats, 5k", []string{"#:3", "#:1200", "#:5"}},
	} {
		got := text.Links(c.in, monday)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Links(%q) (-want +got):\n%s", c.in, diff)
		}
	}
	if got := text.Links("yesterday in May, on 2 June 2023", time.Time{}); cmp.Diff([]string{"d:2023-06-02", "m:2023-06", "t:date"}, got) != "" {
		t.Errorf("without a time of the text: %v", got)
	}
}

func TestContext(t *testing.T) {
	terms, links := text.Context("Melanie B.", time.Date(2023, 6, 8, 13, 0, 0, 0, time.UTC))
	if diff := cmp.Diff([]string{"melani", "b", "8", "june", "2023"}, terms); diff != "" {
		t.Errorf("terms (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"d:2023-06-08", "m:2023-06"}, links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if terms, links = text.Context("", time.Time{}); len(terms)+len(links) > 0 {
		t.Errorf("of nobody and no time: %v, %v", terms, links)
	}
}

func TestParseQuestion(t *testing.T) {
	at := time.Date(2024, 5, 8, 13, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		in   string
		want text.Question
	}{
		{"When did Mel's dog run?", text.Question{Terms: []string{"mel", "dog", "run"}, Links: []string{"t:date", "t:self", "t:rule"}}},
		{"What did I buy last May in Rome?", text.Question{Terms: []string{"buy", "last", "rome"}, Links: []string{"m:2023-05", "t:self", "t:rule"}, Self: true}},
		{"dog dog", text.Question{Terms: []string{"dog"}, Links: []string{"t:self", "t:rule"}}},
		{"What kind of dog is it?", text.Question{Terms: []string{"dog"}, Links: []string{"t:self", "t:rule"}}},
		{"Can you list them in order?", text.Question{Terms: []string{"list", "order"}, Links: []string{"t:self", "t:rule"}}},
		{"Which city did we go to?", text.Question{Terms: []string{"citi", "go"}, Links: []string{"t:place", "t:self", "t:rule"}, Self: true}},
	} {
		if diff := cmp.Diff(c.want, text.ParseQuestion(c.in, at)); diff != "" {
			t.Errorf("ParseQuestion(%q) (-want +got):\n%s", c.in, diff)
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

func FuzzQuestion(f *testing.F) {
	seeds(f)
	f.Add("What kind of rule did I always list in Rome, when I ask?")
	at := time.Date(2023, 5, 8, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		q := text.ParseQuestion(s, at)
		all := map[string]bool{}
		for _, term := range text.Terms(s) {
			all[term] = true
		}
		if len(all) > 0 && len(q.Terms) == 0 {
			t.Errorf("ParseQuestion(%q) has no terms of %v", s, all)
		}
		for _, term := range q.Terms {
			if !all[term] {
				t.Errorf("ParseQuestion(%q) has the term %q", s, term)
			}
			delete(all, term) // they are distinct
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
