package text

import "testing"

// TestMeaning: a word is nearer to its kin and its translations than to what it has nothing to do with.
func TestMeaning(t *testing.T) {
	of := func(word string) Meaning {
		terms, _ := Weighted(word)
		m, ok := MeaningOf(terms[0])
		if !ok {
			t.Errorf("%s has no meaning", word)
		}
		return m
	}
	for _, c := range [][3]string{{"wife", "husband", "agreed"}, {"ride", "bike", "company"}, {"Katze", "gato", "kosten"}, {"price", "cost", "sister"},
		{"vélo", "bicicleta", "maison"}, {"妻子", "wife", "car"}, {"job", "works", "rent"}} {
		if near, far := of(c[0]).Likeness(of(c[1])), of(c[0]).Likeness(of(c[2])); near < far+.2 {
			t.Errorf("%s is %.2f like %s and %.2f like %s", c[0], near, c[1], far, c[2])
		}
	}
	if _, ok := MeaningOf("zzxqv"); ok {
		t.Error("a word that is none has a meaning")
	}
}
