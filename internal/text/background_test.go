package text

import "testing"

func TestWeight(t *testing.T) {
	for word, most := range map[string]float64{"the": .1, "what": .6, "der": .15, "ist": .3, "que": .1, "est": .2, "です": .5} {
		if got := Weight(word); !(got > 0 && got <= most) {
			t.Errorf("Weight(%q) = %v, want at most %v", word, got, most)
		}
	}
	for _, word := range []string{"levothyroxin", "kuwahara", "hafenpark", "福岡"} {
		if got := Weight(word); got != 1 {
			t.Errorf("Weight(%q) = %v, want 1", word, got)
		}
	}
}

func TestWeighted(t *testing.T) {
	terms, weights := Weighted("What is Lena's favourite colour? 猫の名前")
	want := []string{"what", "is", "lena", "favourit", "colour", "猫の", "の名", "名前"}
	if len(terms) != len(want) || len(weights) != len(want) {
		t.Fatalf("%q %v", terms, weights)
	}
	for i := range want {
		if terms[i] != want[i] {
			t.Errorf("term %d is %q, want %q", i, terms[i], want[i])
		}
	}
	if !(weights[0] < weights[2]) || !(weights[1] < weights[4]) {
		t.Errorf("weights %v", weights)
	}
}
