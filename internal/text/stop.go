package text

import "strings"

// stopWords are English words that tell nothing about what a text is about: articles, pronouns, prepositions,
// conjunctions, auxiliaries, and their contractions without the apostrophe.
var stopWords = setOf(`
	a an the this that these those
	i me my mine myself we us our ours ourselves you your yours yourself yourselves
	he him his himself she her hers herself it its itself they them their theirs themselves
	am is are was were be been being do does did doing done have has had having
	can could may might must shall should will would cant couldnt mustnt shant shouldnt wont wouldnt
	isnt arent wasnt werent dont doesnt didnt havent hasnt hadnt aint
	im youre hes shes theyre ive youve weve theyve id youd hed theyd youll hell theyll itll
	thats whats whos theres heres lets
	and or but nor if then else so than as of at by for with about against between into through
	during before after above below to from up down in out on off over under again further
	who whom whose which what when where why how
	all any both each few more most other some such no not only own same too very just
	there here now also because while until
	s t d ll m re ve
`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
