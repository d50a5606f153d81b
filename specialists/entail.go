package specialists

import "strings"

// implied gives, for what a claim says, the words of evidence that say it too. It goes one way: who moved to Lisbon lives
// there, and who lives there need not have moved. Stems, in groups "claim: evidence evidence …".
var implied = groups(`
	live: move reloc settl resid home flat hous apart rent address
	work: job employ start join hire nurs consult
	job: work employ profess posit role
	own: have buy get adopt
	have: own buy get adopt
	buy: order get pay
	visit: go travel trip see fli been
	travel: fli go drive trip visit
	trip: travel fli holiday visit book
	holiday: trip travel vacat
	marri: wed husband wife spous
	wed: marri
	spous: marri husband wife
	pet: dog cat rabbit hamster parrot puppi kitten
	anim: dog cat rabbit hamster parrot hors
	child: son daughter babi toddler girl boy
	daughter: girl
	son: boy
	girl: daughter
	boy: son
	parent: mother father
	sibl: sister brother
	instrument: cello piano violin guitar flute drum
	vehicl: automobil car van truck bike bicycl
	cost: pay price fee rent spend worth charg deposit
	price: cost pay
	pay: cost spend deposit price
	call: name
	name: call
	born: birth birthday birthdat babi
	birthday: born birth
	die: death dead pass
	ill: sick
	sick: ill
	doctor: gp physician surgeon
	begin: start
	start: begin join
	end: finish stop
	lesson: class cours
	class: lesson cours
	film: movi
	movi: film
	studi: student univers degre learn
	teach: teacher lesson
	teacher: teach
	like: love enjoy
	love: like
	enjoy: love like
	allergi: allerg
	allerg: allergi
	eat: diet food
	vegetarian: meat
	oper: surgeri surgic
	surgeri: oper
	meet: appoint see
	appoint: meet
	reserv: book
	book: reserv
	schedul: move set book plan
	take: place
	place: take
	arriv: come land
	return: back
	hous: home
	home: hous flat apart
	flat: apart home
	pregnant: expect due
	expect: pregnant due
	run: race marathon jog ran
	race: run marathon
	reach: finish
	weigh: weight
	weight: weigh
	tall: height
	old: age year
	age: old year turn
	favorit: love best
	employ: work job
	drive: car automobil
	prepar: cook make bake
	complet: finish
	graduat: degre finish
	earn: salari paid
	salari: earn paid
	person: peopl guest
	guest: peopl person invit
	child: kid
	mail: email
	`)

func groups(lines string) map[string][]string {
	m := map[string][]string{}
	for _, line := range strings.Split(lines, "\n") {
		if head, tail, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			for _, w := range strings.Fields(tail) {
				m[stem(head)] = append(m[stem(head)], stem(w))
			}
		}
	}
	return m
}

// weak verbs add little to what their clause says: evidence may say it with another weak verb, or with none.
var weak = set(`live work call name cost happen place own includ weigh use go say mention tell be have do get make take give
	keep hold schedul plan set begin start occur stay serv remain becom`)

// reversals are verbs after which what was so is no longer, or never was: evidence with one of them supports only a
// claim that has it too.
var reversals = set(`leav sell lose stop quit cancel end reject fail forget miss donat return resign scrap abandon deni refus
	avoid postpon delay swap switch replac unless except divorc split withdraw drop swore deni`)
