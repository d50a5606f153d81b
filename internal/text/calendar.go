package text

import "strings"

// The names of months and weekdays in the languages whose calendar is known, folded: in lower case and without accents.
var (
	monthNames   = calendar(1, months12)
	weekdayNames = calendar(0, weekdays7)
)

const (
	months12 = `
	january february march april may june july august september october november december
	jan feb mar apr may jun jul aug sep oct nov dec
	januar februar marz april mai juni juli august september oktober november dezember
	janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre
	enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
	gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre
	janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro
	januari februari maart april mei juni juli augustus september oktober november december`
	weekdays7 = `
	sunday monday tuesday wednesday thursday friday saturday
	sonntag montag dienstag mittwoch donnerstag freitag samstag
	sonntags montags dienstags mittwochs donnerstags freitags samstags
	dimanche lundi mardi mercredi jeudi vendredi samedi
	domingo lunes martes miercoles jueves viernes sabado
	domenica lunedi martedi mercoledi giovedi venerdi sabato
	domingo segunda-feira terca-feira quarta-feira quinta-feira sexta-feira sabado
	zondag maandag dinsdag woensdag donderdag vrijdag zaterdag`
)

// calendar numbers the words of each line.
func calendar(first int, names string) map[string]int {
	all := map[string]int{}
	for line := range strings.Lines(names) {
		for i, name := range strings.Fields(line) {
			all[name] = first + i
		}
	}
	return all
}
