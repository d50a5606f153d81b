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
	for _, c := range [][2]string{{"dog", "Hund"}, {"perro", "dog"}, {"eat", "食べ"}, {"médico", "Arzt"}} {
		if !of(c[0]).Foreign(of(c[1])) {
			t.Errorf("%s and %s are of one language", c[0], c[1])
		}
	}
	for _, c := range [][2]string{{"dog", "wife"}, {"Katze", "Hund"}, {"radio", "perro"}, {"gato", "perro"}} {
		if of(c[0]).Foreign(of(c[1])) {
			t.Errorf("%s and %s are of no common language", c[0], c[1])
		}
	}
	m, like := of("dog"), of("dog").Likenesses()
	for _, word := range []string{"perro", "Hund", "wife"} {
		if got, want := like(of(word)), m.Likeness(of(word)); got < want-1e-5 || got > want+1e-5 {
			t.Errorf("dog is %v like %s, made ready %v", want, word, got)
		}
	}
	if _, ok := MeaningOf("zzxqv"); ok {
		t.Error("a word that is none has a meaning")
	}
}
