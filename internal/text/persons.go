package text

import (
	"slices"
	"strings"
)

// FirstPerson and SecondPerson report whether s speaks of its speaker, and of whom it speaks to, by a pronoun of one of the
// languages that are known.
func FirstPerson(s string) bool { return hasPronoun(s, firstPerson, "私", "僕", "俺", "我") }

// SecondPerson is described at [FirstPerson].
func SecondPerson(s string) bool {
	return hasPronoun(s, secondPerson, "你", "您", "妳", "君", "あなた")
}

// hasPronoun looks for folded words, and in runs of scripts without spaces for characters.
func hasPronoun(s string, forms map[string]bool, characters ...string) bool {
	return hasWord(s, func(w word, low string) bool {
		if w.unspaced {
			return slices.ContainsFunc(characters, func(c string) bool { return strings.Contains(w.text, c) })
		}
		return forms[low] || strings.HasPrefix(low, "i'")
	})
}

// hasWord reports whether a text has a word, folded, that is ok.
func hasWord(s string, ok func(w word, low string) bool) bool {
	for w := range words(s) {
		if ok(w, w.folded()) {
			return true
		}
	}
	return false
}

var (
	firstPerson = setOf(`i im ive id ill me my mine myself we us our ours weve ich mich mir mein meine meinen meinem meiner meines wir uns
		unser unsere unserem unseren unserer je moi mon ma mes nous notre nos jai yo mi mis conmigo nosotros nosotras nuestro nuestra
		nuestros nuestras io mio mia miei mie noi nostro nostra nostri eu meu minha meus minhas nossa nosso ik mij mijn wij ons onze`)
	secondPerson = setOf(`you your yours yourself youre youve youd youll du dich dir dein deine deinen deinem deiner deines ihr euch euer eure
		ihnen ihre ihren ihrem ihrer tu toi ton ta tes vous votre vos ti tus contigo usted ustedes su sus vosotros vuestro vuestra tuo tua
		tuoi tue voi vostro vostra voce seu sua seus suas teu tua jij jou jouw u uw`)
)

// Pronoun reports whether a folded word is a pronoun of the first or second person.
func Pronoun(low string) bool { return firstPerson[low] || secondPerson[low] }

// Grammar reports whether a folded word only holds a sentence together, in one of the languages that are known.
func Grammar(low string) bool { return stopWords[low] || grammar[low] }

var grammar = setOf(`der die das den dem des ein eine einen einem einer eines und oder aber ist sind war waren in im am an auf zu zum zur von vom
	bei mit fur aus um es er sie sich nicht auch noch nur wie was wer wo wann welche welcher welches hat haben wird werden man dass als
	le la les l un une du de des d et ou est sont etait en au aux sur pour par dans avec ce cette ces il elle on ne pas que qui quel quelle
	el los las una y o es son era del al por con para se lo que como cuando donde quien cual no muy hay
	i gli e di da nel nella per che non sono ha come dove quando chi quale os as um uma do na em com nao ao dos das
	het een van op te zijn er met voor aan niet wat waar wanneer`)

// Subject reports whether a folded word is a pronoun that does something: of the first person, and of the second.
func Subject(low string) (first, second bool) { return firstSubject[low], secondSubject[low] }

var (
	firstSubject  = setOf("i im ive id ill we weve ich wir je jai nous yo nosotros io noi eu ik wij")
	secondSubject = setOf("you youre youve youd du ihr tu vous usted ustedes vosotros voi voce jij")
)

// Wishes reports whether a text tells of what may be, or is wished, rather than of what is.
func Wishes(s string) bool {
	return hasWord(s, func(_ word, low string) bool { return wishes[low] })
}

var wishes = setOf(`might maybe perhaps want wants wanted hope hopes hoping plan plans planning would could should if wish consider considering
	vielleicht mochte mochten wenn hoffe konnte wurde quiero quiere quizas ojala si espero veux voudrais espere peut`)

// Denies reports whether a folded word denies, as it is written.
func Denies(low, written string) bool {
	written = strings.ToLower(written)
	return denials[low] || strings.HasSuffix(written, "n't") || strings.HasSuffix(written, "n’t")
}

// Denials counts the words of s that deny, in the languages that are known.
func Denials(s string) int {
	n := 0
	for w := range words(s) {
		switch low := w.folded(); {
		case w.unspaced:
			for _, denial := range [...]string{"不", "没", "沒", "ない", "ません"} {
				n += strings.Count(w.text, denial)
			}
		case Denies(low, w.text):
			n++
		}
	}
	return n
}

var denials = setOf(`not no never none nobody nothing neither nor without except cannot nowhere hardly
	nicht kein keine keinen keinem keiner nie niemals ohne nada nunca nadie sin ne pas jamais sans rien non mai nao niet geen nooit`)
