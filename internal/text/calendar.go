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

// relative is a phrase that means the day, week, weekend, month or year so many units from when it is said.
type relative struct {
	said, unit string
	n          int
}

// phrases are such of words, folded.
var phrases = func() map[string]relative {
	all := map[string]relative{}
	for line := range strings.Lines(relativeWords) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(fields) < 3 {
			continue
		}
		n := int(fields[1][1] - '0')
		if fields[1][0] == '-' {
			n = -n
		}
		for _, said := range strings.Split(fields[2], ",") {
			said = strings.TrimSpace(said)
			all[said] = relative{said, fields[0], n}
		}
	}
	return all
}()

const relativeWords = `
	day -2 the day before yesterday, day before yesterday, vorgestern, anteayer, avant hier
	day -1 yesterday, last night, gestern, ayer, ieri, ontem
	day +0 today, tonight, this morning, this afternoon, this evening, heute, hoy, aujourdhui, oggi, hoje
	day +1 tomorrow, demain, domani, amanha
	day +2 the day after tomorrow, day after tomorrow, ubermorgen, apres demain, pasado manana
	week -2 the week before last, week before last, vorletzte woche
	week -1 last week, previous week, past week, letzte woche, vorige woche, la semana pasada, semana pasada, la semaine derniere, semaine derniere
	week +0 this week, diese woche, esta semana, cette semaine
	week +1 next week, coming week, nachste woche, kommende woche, la proxima semana, proxima semana, la semaine prochaine, semaine prochaine
	week +2 the week after next, week after next, ubernachste woche
	weekend -2 the weekend before last, weekend before last
	weekend -1 last weekend, previous weekend, past weekend, letztes wochenende
	weekend +0 this weekend, dieses wochenende
	weekend +1 next weekend, coming weekend, nachstes wochenende
	month -2 the month before last, month before last
	month -1 last month, previous month, past month, letzten monat, el mes pasado, mes pasado, le mois dernier, mois dernier
	month +0 this month, diesen monat, este mes, ce mois
	month +1 next month, coming month, nachsten monat, el proximo mes, proximo mes, le mois prochain, mois prochain
	year -2 the year before last, year before last
	year -1 last year, previous year, past year, letztes jahr, el ano pasado, ano pasado, lannee derniere
	year +0 this year, dieses jahr, este ano, cette annee
	year +1 next year, coming year, nachstes jahr, el proximo ano, proximo ano, lannee prochaine`

// characterPhrases are such of scripts without spaces, those that hold another first.
var characterPhrases = []relative{
	{"一昨日", "day", -2}, {"前天", "day", -2}, {"昨天", "day", -1}, {"昨日", "day", -1}, {"今天", "day", 0}, {"今日", "day", 0},
	{"明後日", "day", 2}, {"后天", "day", 2}, {"後天", "day", 2}, {"明天", "day", 1}, {"明日", "day", 1},
	{"上周", "week", -1}, {"上週", "week", -1}, {"先週", "week", -1}, {"这周", "week", 0}, {"本周", "week", 0}, {"今週", "week", 0},
	{"下周", "week", 1}, {"下週", "week", 1}, {"来週", "week", 1}, {"上个月", "month", -1}, {"上個月", "month", -1}, {"先月", "month", -1},
	{"这个月", "month", 0}, {"本月", "month", 0}, {"今月", "month", 0}, {"下个月", "month", 1}, {"下個月", "month", 1}, {"来月", "month", 1},
	{"去年", "year", -1}, {"今年", "year", 0}, {"明年", "year", 1}, {"来年", "year", 1},
}

// countWords are small numbers in words, folded.
var countWords = func() map[string]int {
	all := map[string]int{"a": 1, "an": 1}
	for i, line := range strings.Split("one ein eine einer einem un una une|two zwei dos deux|three drei tres trois|four vier cuatro quatre|five funf cinco cinq|six sechs seis|seven sieben siete sept|eight acht ocho huit|nine neun nueve neuf|ten zehn diez dix|eleven elf once onze|twelve zwolf doce douze", "|") {
		for _, name := range strings.Fields(line) {
			all[name] = i + 1
		}
	}
	return all
}()
