package specialists

import "strings"

// The lexicon holds closed classes of English: what a dictionary knows of the words that statements about people,
// things and plans are made with. It names no name, place or topic.

// irregular gives the stem of verb forms that a stemmer does not reach.
var irregular = pairs(`
	went go gone go goes go ate eat eaten eat bought buy sold sell ran run won win lost lose flew fly flown fly paid pay
	left leave came come began start begun start begin start took take taken take drove drive driven drive grew grow
	grown grow broke break broken break found find got get gotten get became become died die dying die knew know known
	know met meet made make said say saw see seen see spoke speak spoken speak taught teach told tell thought think wore
	wear worn wear wrote write written write gave give given give kept keep felt feel built build sent send spent spend
	stood stand sat sit slept sleep sang sing sung sing swam swim threw throw thrown throw understood understand held
	hold heard hear drank drink drunk drink chose choose chosen choose fell fall fallen fall forgot forget drew draw
	led lead meant mean rode ride rose rise shut close lying lie tying tie married marry born born
	children child kids child kid child mum mother mom mother dad father people person wives wife feet foot
	lives live living live fought fight caught catch sought seek shook shake shaken shake stole steal stolen steal
	froze freeze frozen freeze bit bite bitten bite hid hide hidden hide hung hang lent lend laid lay sank sink sunk sink
	shot shoot shrank shrink shrunk shrink slid slide spun spin stuck stick struck strike swore swear swept sweep tore tear
	torn tear woke wake woken wake wound wind bled bleed bred breed dealt deal dug dig fed feed fled flee forgave forgive
	got get ground grind knelt kneel lit light rang ring rung ring sought seek spat spit split split spread spread sprang
	spring stung sting swung swing wept weep withdrew withdraw withdrawn withdraw`)

// synonyms map to one word of their class. The list is short on purpose: near-synonyms that differ in fact stay apart.
var synonyms = pairs(`
	purchas buy acquir buy commenc start resid live dwell live perish die detest hate despis hate dislik hate loath hate
	ador love enjoy love like love prefer love fond love automobil car bike bicycl phone telephon mobil telephon
	cellphon telephon colour color favourit favorit apart flat favorit favorit call name titl name
	allergi allerg finish finish complet finish done finish reject reject declin reject refus reject
	fail fail flunk fail depart leav journey trip vacat holiday photo pictur big larg tini small
	tv televis employ job employe job engag engag program program sport sport
	buddi friend pal friend chat talk speak talk marri marri wife spous husband spous`)

// antonyms are pairs of which only one can hold of the same thing at the same time.
var antonyms = pairs(`
	love hate win lose pass fail accept reject north south east west left right befor after alway never everybodi nobodi
	everyon nobodi arriv leav increas decreas rise fall cheap expens hot cold true fals enabl disabl allow forbid
	day night alive dead vertic horizont guilti innoc same differ first last possibl imposs legal illeg lefthand righthand`)

// families are states of which a thing is in one at a time, and which it leaves for another in the course of things.
var families = sets(
	`singl engag marri divorc widow date separ split`,
	`open close resolv reopen pend`,
	`pay overdu`,
	`unemploy job retir`,
	`draft approv publish`,
	`activ inact cancel`,
	`black white red green blue yellow brown grey gray orang purpl pink beig`,
)

// lasting are attributes that do not change: two values contradict each other.
var lasting = set(`birthday birthdate birthplac born blood capit distanc mother father latitud species origin maiden
	length height gender`)

// attributes are nouns that have one value at a time for their owner: "the password is".
var attributes = set(`address password color type email telephon number name titl job manag boss employ salari rent price
	cost fee deadlin date status version weight size age locat favorit nicknam doctor dentist landlord lead captain
	birthday capit blood goal plan budget rate score level mayor president teacher usernam timezon schedul hobbi diet`)

// once are verbs of events that happen to their subject and object one time.
var once = set(`adopt die born marri arriv ship graduat found buy sell meet win lose start finish publish launch wed pay
	deliv releas open retir name cost end order sign honeymoon`)

// completing are verbs that turn "not" into "done" in the course of things.
var completing = set(`finish pay ship deliv arriv start readi done approv publish resolv close buy open cancel book sign`)

// changers are verbs that say that a value gave way to another.
var changers = set(`move chang switch push postpon delay reschedul upgrad downgrad updat grow rise increas decreas drop
	reduc rais transfer replac extend shift renam relocat shrink renew promot migrat convert slip becom`)

// enders are verbs that end what their object says; disposers end having it; leavers end being somewhere.
var (
	enders    = set(`stop quit ceas finish end`)
	disposers = set(`sell donat lose return cancel scrap`)
	// losses are what ends having a thing when it happens to it: "my van was stolen", "my beagle died".
	losses  = set(`die steal stolen crash sell lose`)
	leavers = set(`discharg releas leav resign fire evict expel`)
	// movers are changers of a place, acquiring what gives one a thing.
	movers    = set(`move relocat transfer`)
	acquiring = set(`get buy adopt`)
	having    = set(`have own drive buy keep use ride rent lend borrow`)
)

// hypernyms are kinds of which a thing is one: whoever has no children has no son.
var hypernyms = pairs(`son child daughter child toddler child babi child twin child dog pet cat pet hamster pet parrot pet rabbit pet
	puppi pet kitten pet brother sibl sister sibl car vehicl motorbik vehicl van vehicl`)

// titles before a name are no part of it.
var titles = set(`mr mrs ms miss dr prof`)

// ordinals are numbers of a place in an order.
var ordinals = map[string]float64{
	"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
	"eleventh": 11, "twelfth": 12,
}

// verbs are the common verbs by stem, so that a statement can be cut into subject, verb and object. A word that the
// list lacks is taken for a verb if it follows a pronoun or an auxiliary.
var verbs = set(`live work go eat drink buy sell run win lose fly pay leav come start take drive grow break find get becom
	die know meet make say see speak teach tell think wear write give keep feel build send spend stand sit sleep sing
	swim throw understand hold hear choos fall forget draw lead mean ride rise close love hate want need hope plan use
	move chang switch push postpon delay reschedul upgrad updat increas decreas drop reduc rais transfer replac stop quit
	ceas finish end adopt marri divorc arriv ship deliv open play read learn studi cook smoke weigh cost name allerg
	accept reject pass fail work cycl walk travel visit prescrib discharg resign retir graduat attend join help try call
	rain snow deploy run won place order sign sing danc paint watch listen train teach own rent book cancel put turn
	bring show ask answer prefer trust believ wish believ transfer engag date move stay sleep cut born paid sold
	expir renew fought catch seek shake steal freez bite hide hang lay sink shoot slide spin stick strike swear sweep tear wake
	wind becam coach slip becom honeymoon propos fail deserv train apply appli interview commut jog knit paint garden
	grew becam wed invest earn save lend borrow migrat launch releas publish hike swim climb exercis
	volunt donat breed collect contain last hold includ belong cover measur produc offer serv cater host visit manag support
	protect treat follow carri wait watch print enjoy smell tast sound look serv suffer requir consist begin happen occur
	record store run creat lie beat fit lock enter exit design develop fix repair clean wash bake grill kiss hug hit kick catch fight`)

// The verbs include what their synonyms are written as.
func init() {
	for from, to := range synonyms {
		if verbs[from] {
			verbs[to] = true
		}
	}
}

// auxiliaries carry tense and mood, and tell nothing about what a statement is about.
var auxiliaries = set(`am is are was were be been being do does did have has had having will would shall should can could
	may might must`)

// possible are auxiliaries and verbs after which nothing is stated as a fact.
var possible = set(`might may could would should if unless whether wish hope suppose imagine maybe perhaps possibly
	hypothetically`)

// fillers are words of a statement that do not change what it states.
var fillers = set(`a an the this that these those my your his her its our their of at in on to for with by from as and or
	so just very really quite still also too currently some any all there here it he she they them him i me we us you
	then than into about up down out off over who which what when while because today tomorrow yesterday now new old
	current currently existing again however though together well oh hey hi hello wow thanks please way small thing sorry
	believe think guess got nowadays usually often always generally every each per finally already recently later
	mr mrs ms dr per long both yet ever only even own`)

// kin and roles head a subject that is another person than the one who speaks.
var kin = set(`mother father sister brother son daughter child wife husband spous partner friend aunt uncl cousin grandma
	grandpa grandmoth grandfath niec nephew boyfriend girlfriend boss manag colleagu neighbor neighbour roommat`)

// units convert to the first unit of their kind.
var units = map[string]struct {
	kind  string
	scale float64
}{
	"kg": {"g", 1e3}, "g": {"g", 1}, "mg": {"g", 1e-3}, "gram": {"g", 1}, "kilogram": {"g", 1e3}, "kilo": {"g", 1e3},
	"km": {"m", 1e3}, "m": {"m", 1}, "cm": {"m", 1e-2}, "mm": {"m", 1e-3}, "meter": {"m", 1}, "metr": {"m", 1},
	"kilomet": {"m", 1e3}, "kilometr": {"m", 1e3}, "mile": {"m", 1609.344},
	"gigabyt": {"byte", 1 << 30}, "megabyt": {"byte", 1 << 20}, "terabyt": {"byte", 1 << 40},
	"gb": {"byte", 1 << 30}, "mb": {"byte", 1 << 20}, "kb": {"byte", 1 << 10}, "tb": {"byte", 1 << 40},
	"euro": {"eur", 1}, "eur": {"eur", 1}, "dollar": {"usd", 1}, "usd": {"usd", 1}, "buck": {"usd", 1},
	"pound": {"gbp", 1}, "gbp": {"gbp", 1}, "percent": {"%", 1}, "time": {"times", 1},
	"ms": {"s", 1e-3}, "second": {"s", 1}, "minut": {"s", 60}, "hour": {"s", 3600},
}

var numerals = map[string]float64{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
	"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
	"eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
	"eighty": 80, "ninety": 90, "hundred": 100,
}

var multipliers = map[string]float64{"hundred": 100, "k": 1e3, "thousand": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9}

// months by the first three letters.
var months = map[string]int{
	"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}

var fullMonths = set(`january february march april may june july august september october november december jan feb mar
	apr jun jul aug sep sept oct nov dec`)

var weekdays = set(`monday tuesday wednesday thursday friday saturday sunday`)

// occasions are days and seasons that have a name.
var occasions = set(`christmas easter thanksgiving summer winter spring autumn fall morning evening afternoon night noon
	midnight weekend ramadan hanukkah`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

func pairs(words string) map[string]string {
	m := map[string]string{}
	f := strings.Fields(words)
	for i := 0; i+1 < len(f); i += 2 {
		m[f[i]] = f[i+1]
	}
	return m
}

func sets(lists ...string) []map[string]bool {
	all := make([]map[string]bool, len(lists))
	for i, l := range lists {
		all[i] = set(l)
	}
	return all
}
