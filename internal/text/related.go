package text

import (
	"slices"
	"strings"
	"sync"
)

// Related returns the terms that can stand where a term is asked for: members of its kind ("activity" is met by
// "camping"), or words that mean much the same ("mother" is met by "mom"). Most terms have none. The slice is shared.
func Related(term string) []string { return related()[term] }

// related is read when it is first asked for: most commands ask no question.
var related = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	add := func(from, to string) {
		if from != to && !slices.Contains(m[from], to) {
			m[from] = append(m[from], to)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(kinds), "\n") {
		names, members, _ := strings.Cut(line, ":")
		for _, kind := range Terms(names) {
			for _, member := range Terms(members) {
				add(kind, member)
			}
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(alike), "\n") {
		group := Terms(line)
		for _, a := range group {
			for _, b := range group {
				add(a, b)
			}
		}
	}
	return m
})

// kinds are words of everyday talk by what they are: a question names the kind, the answer a member.
const kinds = `
activity hobby pastime: paint draw pottery hike camp swim run jog bike cycle fish garden knit sew dance sing cook bake read write yoga meditate climb surf ski skate photography game puzzle volunteer craft travel gym workout
sport exercise fitness: run jog swim cycle bike hike yoga gym workout train tennis football soccer basketball baseball volleyball golf hockey box climb surf ski marathon race
art artwork creative: paint draw sketch sculpture pottery clay photography canvas mural drawing painting watercolor
music musician: song band concert sing guitar piano violin drum singer album orchestra jazz rock pop melody
instrument: guitar piano violin drum flute cello saxophone clarinet trumpet ukulele keyboard
pet animal: dog cat puppy kitten bird fish hamster rabbit horse turtle snake parrot
food dish meal snack cuisine diet: eat cook bake pizza pasta salad soup chicken rice bread cake cookie chocolate fruit vegetable cheese sushi taco burger sandwich breakfast lunch dinner recipe dessert
drink beverage: coffee tea water juice soda beer wine smoothie milk
family relative relatives kin: mother father mom dad sister brother son daughter aunt uncle cousin grandmother grandfather grandma grandpa wife husband kid child parent niece nephew
parent parents: mother father mom dad
sibling: brother sister
partner spouse: wife husband girlfriend boyfriend fiance marry
friend: buddy pal mate
job career profession occupation work: engineer teacher nurse doctor lawyer counselor designer developer manager writer artist chef accountant programmer scientist hire employ office company promotion interview
education degree school study: university college class course graduate exam student professor lesson teacher
book novel literature: read author series story fantasy chapter library
movie film show series: watch cinema actor episode theater
game: play console board card chess
vehicle car: drive truck van suv motorcycle bike bus train
trip travel vacation journey: visit fly flight hotel roadtrip drive tour explore beach mountain abroad
place location area: city country town park beach mountain lake museum
nature outdoors: hike camp forest mountain lake river beach trail park waterfall
health illness condition injury: doctor hospital sick pain hurt injury ankle surgery allergy diagnose medication therapy
emotion feeling feel: happy sad angry proud excite nervous anxious grateful scared thrilled lonely stress
clothes clothing outfit: dress shirt shoes jacket coat hat jeans sweater
event celebration: party wedding birthday concert festival parade conference meeting ceremony fundraiser workshop tournament race fair
holiday: christmas thanksgiving easter halloween
charity cause volunteer: donate shelter fundraiser help community
money finance: pay cost price budget salary save loan dollar
home house: apartment rent move room kitchen garden
device gadget: phone laptop computer tablet camera watch
code software programming: app bug function database
plan future goal: hope want dream wish intend
problem challenge difficulty: issue struggle trouble hard tough stress
religion religious spiritual: church faith god pray bible mosque temple
award achievement: win prize trophy medal certificate champion
`

// alike are words that mean much the same.
const alike = `
mother mom mum mommy mama
father dad daddy papa
grandmother grandma granny nana
grandfather grandpa granddad
child kid
brother sibling
photo picture pic photograph
bicycle bike cycle
movie film
dog pup puppy
cat kitten kitty
vacation vacay holiday trip
buy purchase get
start begin
help assist support
gift present
ill sick
job work
marry wedding
move relocate
finish complete
repair fix
big large huge
happy glad
relax unwind
hurt injure injury
colleague coworker
reside live
recommend suggest recommendation suggestion
attend go join participate
create make build
learn study
meet encounter
favorite love like
hate dislike
afraid scared fear
angry upset mad
tired exhausted
clean tidy
choose pick decide
car vehicle
doctor physician
teach instruct
talk speak chat discuss
think believe opinion
want wish hope
receive get
adopt adoption
`
