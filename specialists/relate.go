package specialists

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Relation says how a later statement stands to an earlier one.
type Relation string

// The relations of two statements.
const (
	Apart       Relation = "apart"       // both stand; the default wherever a rule is not sure
	Same        Relation = "same"        // the later says what the earlier says
	Updates     Relation = "updates"     // the earlier was true until the later
	Contradicts Relation = "contradicts" // both cannot be true, and nothing says that the world changed
)

// Said is a text, who said it and when.
type Said struct {
	Text    string
	Speaker string
	At      time.Time
}

// Verdict is a relation and the rule that found it.
type Verdict struct {
	Relation Relation
	Why      string
}

// Relate says how later stands to earlier. Of texts with several statements the strongest relation of two of them
// counts, a contradiction before an update; texts are the same only if each statement of one has its like in the other.
// It errs towards [Apart].
func Relate(earlier, later Said) Verdict {
	return Parse(earlier).Relate(Parse(later))
}

// Parsed is a text cut into statements, so that it can be compared with many others.
type Parsed struct {
	said       Said
	folded     string
	statements []statement
}

// Parse cuts a text into its statements.
func Parse(s Said) *Parsed {
	return &Parsed{
		said: s, folded: strings.Join(strings.Fields(strings.ToLower(s.Text)), " "), statements: statements(s.Text, s.Speaker, s.At),
	}
}

// Keys are what p must have in common with another text for the two to be anything but apart: the words that its
// statements are about and what they say of them, and the attributes they fill. They are distinct and sorted.
func (p *Parsed) Keys() []string {
	var keys []string
	for i := range p.statements {
		s := &p.statements[i]
		keys = append(append(keys, unowned(s.subject)...), unowned(s.object)...)
		if slot, _ := filled(s); slot != "" {
			keys = append(keys, ownerOf(s)+" "+slot)
		}
	}
	return distinct(keys)
}

// Lasting reports whether p states something that holds beyond the day it was said: no question, wish or plan, nothing
// of the past, and nothing that names its time by when it was said.
func (p *Parsed) Lasting() bool {
	for i := range p.statements {
		s := &p.statements[i]
		if s.question || s.possible || s.plan || s.past || s.passing || s.relative || s.verb == "" || len(s.subject) == 0 || s.subject[0] == "?" {
			return false
		}
	}
	return len(p.statements) > 0
}

// Relate is the package's Relate for parsed texts.
func (p *Parsed) Relate(later *Parsed) Verdict {
	best := Verdict{Apart, "nothing in common"}
	strength := map[Relation]int{Apart: 0, Same: 1, Updates: 2, Contradicts: 3}
	likeA, likeB := make([]bool, len(p.statements)), make([]bool, len(later.statements))
	for i := range p.statements {
		for j := range later.statements {
			v := relate(&p.statements[i], &later.statements[j])
			if v.Relation == Same {
				likeA[i], likeB[j] = true, true
				continue
			}
			if strength[v.Relation] > strength[best.Relation] {
				best = v
			}
		}
	}
	if best.Relation != Apart {
		return best
	}
	if len(likeA) > 0 && !slices.Contains(likeA, false) && !slices.Contains(likeB, false) {
		return Verdict{Same, "every statement has its like"}
	}
	if p.folded == later.folded && p.said.Speaker == later.said.Speaker && !p.dated() {
		return Verdict{Same, "the same words"}
	}
	return best
}

// dated reports whether a statement names its time relative to when it was said, or is passing.
func (p *Parsed) dated() bool {
	for _, s := range p.statements {
		if s.passing || len(s.times) > 0 {
			return true
		}
	}
	return false
}

// relate compares two single statements, a said before b.
func relate(a, b *statement) Verdict {
	apart := func(why string) Verdict { return Verdict{Apart, why} }
	if a.question || b.question {
		return apart("a question states nothing")
	}
	if a.possible || b.possible {
		return apart("a wish or a condition states nothing")
	}
	if a.verb == "" || b.verb == "" {
		if slices.Equal(a.object, b.object) && a.raw == b.raw && !timesConflict(a, b) {
			return Verdict{Same, "the same words"}
		}
		return apart("nothing is stated")
	}
	if v, ok := exceptions(a, b); ok {
		return v
	}
	if b.fresh && !a.fresh && strings.Contains(" "+a.raw+" ", " old ") {
		return apart("the old one and the new one")
	}
	if v, ok := replacement(a, b); ok {
		return v
	}
	if a.plan != b.plan && !b.change && !b.negative && !a.negative {
		return apart("a plan and a fact")
	}
	bag := sameBag(a, b)
	if bag && a.negative == b.negative && sameNumbers(a, b) && sameTimes(a, b) {
		if conflict := opposite(a, b); conflict == "" {
			return Verdict{Same, "the same words, numbers and times"}
		}
	}
	if !sameSubject(a, b) && !(bag && (a.passive || b.passive)) {
		return apart("about another")
	}
	if timesConflict(a, b) && (a.passing || b.passing) {
		return apart("states of two days")
	}
	if v, ok := slot(a, b); ok {
		return v
	}
	conflict := opposite(a, b)
	if a.negative && !b.negative && a.verb == "have" && acquiring[b.verb] && b.past && covers(a, b) {
		return Verdict{Updates, "got one since"}
	}
	if denied(a, b) && (bag || covers(a, b)) && conflict == "" || !denied(a, b) && conflict != "" {
		switch {
		case timesConflict(a, b):
			return apart("of two times")
		case conflict == "state":
			return Verdict{Updates, "a state gave way to another"}
		case b.correct:
			return Verdict{Contradicts, "corrected"}
		case b.change:
			return Verdict{Updates, "what was true is no longer"}
		case a.negative && !b.negative && (a.yet || hasAny(b, completing) && !a.past):
			return Verdict{Updates, "what was to be done is done"}
		}
		return Verdict{Contradicts, "one denies the other"}
	}
	if a.negative != b.negative {
		return apart("one denies something else")
	}
	if b.correct && a.verb == b.verb && len(a.object) > 0 && len(b.object) > 0 && !slices.Equal(a.object, b.object) &&
		(len(unowned(a.subject)) > 0 && len(a.object) <= 4 && len(b.object) <= 4 || len(a.object) <= 2 && len(b.object) <= 2 || overlap(a.object, b.object)) {
		return Verdict{Contradicts, "corrected"}
	}
	if bag {
		return values(a, b)
	}
	if b.verb != a.verb && changers[b.verb] && sameSubject(a, b) && similarObject(a, b) && !sameValues(a, b) {
		return Verdict{Updates, "the value was changed"}
	}
	if b.change && !strings.Contains(b.raw, "used to") && a.verb == b.verb && a.verb != "be" && a.verb != "have" && len(a.object) > 0 && len(b.object) > 0 && !a.past && !b.past && len(a.object) <= 4 && len(b.object) <= 4 {
		if a.plan != b.plan {
			return apart("a plan and a fact")
		}
		return Verdict{Updates, "another one now"}
	}
	return apart("nothing in common")
}

// values judges two statements with the same words that differ in their numbers or times.
func values(a, b *statement) Verdict {
	numbers, times := !sameNumbers(a, b), timesConflict(a, b)
	event := a.past && b.past && (a.verb != "be" || b.verb != "be") && !a.perfect
	switch {
	case !numbers && !times:
		return Verdict{Apart, "one says more"}
	case b.correct:
		return Verdict{Contradicts, "corrected"}
	case isLasting(a):
		return Verdict{Contradicts, "a lasting attribute has two values"}
	case b.change:
		return Verdict{Updates, "another value now"}
	case numbers && times && (event || a.past && b.past):
		return Verdict{Apart, "two events"}
	case times && !numbers && event && (!once[a.verb] || a.relative || b.relative):
		return Verdict{Apart, "it may happen again"}
	case event && a.relative != b.relative:
		return Verdict{Apart, "two events"}
	case event, a.past && b.past && a.verb == "be":
		return Verdict{Contradicts, "one event has two values"}
	case numbers && (len(a.numbers) == 0 || len(b.numbers) == 0):
		return Verdict{Apart, "one gives no value"}
	case times && !numbers && a.verb != "be":
		return Verdict{Apart, "it may happen again"}
	}
	return Verdict{Updates, "another value"}
}

// slot judges statements that fill the same single-valued attribute: a residence, a job, whatever "X's attribute is".
func slot(a, b *statement) (Verdict, bool) {
	ka, va := filled(a)
	kb, vb := filled(b)
	if ka == "" || ka != kb || len(va) == 0 || len(vb) == 0 || a.negative != b.negative {
		return Verdict{}, false
	}
	if slices.Equal(va, vb) {
		if sameNumbers(a, b) && !timesConflict(a, b) {
			return Verdict{Same, "the same value"}, true
		}
		return Verdict{}, false
	}
	if contains(va, vb) || contains(vb, va) {
		return Verdict{Apart, "one says more"}, true
	}
	switch {
	case timesConflict(a, b) && (ka == "job" || occasional(a) && occasional(b)) && !b.change && !b.correct:
		return Verdict{Apart, "of two times"}, true
	case b.change && !b.correct && isLasting(a) && ka != "birth":
		return Verdict{Updates, "another value now"}, true
	case ka == "residence" && (len(a.numbers) > 0) != (len(b.numbers) > 0):
		return Verdict{Apart, "one says more"}, true
	case b.correct:
		return Verdict{Contradicts, "corrected"}, true
	case strings.HasPrefix(ka, "kin ") && (b.change || a.role && b.role) && !isLasting(a):
		return Verdict{Updates, "another value now"}, true
	case ka == "birth", ka == "name", isLasting(a), strings.HasPrefix(ka, "kin "):
		return Verdict{Contradicts, "a lasting attribute has two values"}, true
	case ka == "job" && overlap(va, vb) && !b.change:
		return Verdict{Apart, "one says more"}, true
	}
	if a.past && b.past && !b.change {
		return Verdict{Contradicts, "it had two values"}, true
	}
	return Verdict{Updates, "another value"}, true
}

// filled names the attribute that s fills and its value; "" if it fills none.
func filled(s *statement) (string, []string) {
	value := append(slices.Clone(s.object), formatted(s.numbers)...)
	value = distinct(value)
	has := func(w string) bool { return slices.Contains(s.subject, w) }
	switch {
	case s.plan, s.past && s.verb == "live":
		return "", nil
	case s.verb == "live", s.verb == "move" && len(s.proper) > 0 && !s.passive && person(s):
		if len(s.proper) == 0 && len(s.numbers) == 0 {
			return "", nil
		}
		value = slices.DeleteFunc(value, func(w string) bool { return temporal[w] })
		return "residence", value
	case has("address") && !has("email") && s.verb == "be":
		return "residence", value
	case s.verb == "be" && slices.Contains(s.object, "unemploy"):
		return "job", value
	case s.verb == "work" && hasProper(s, s.object), has("job"), has("employ"):
		if slices.Contains(s.object, "hospit") && len(s.proper) == 0 {
			return "", nil
		}
		return "job", value
	case s.verb == "born":
		if len(s.object) == 0 {
			return "", nil
		}
		return "birth", s.object
	case s.verb != "be" && !(changers[s.verb] && describes(s.subject) && !person(s)):
		return "", nil
	case len(s.subject) == 0 || len(value) == 0:
		return "", nil
	}
	attribute, held := false, false
	for _, w := range s.subject {
		attribute = attribute || (attributes[w] || lasting[w]) && !holders[w]
		held = held || holders[w]
	}
	named := hasProper(s, s.object)
	if held && (!named || whereabouts.MatchString(s.raw)) {
		return "", nil // "my boss is on holiday", "my boss is from Ireland"
	}
	attribute = attribute || held
	switch {
	case named && s.naming:
		return "kin " + subjectKey(s.subject), value
	case attribute, named && describes(s.subject):
		return "is " + subjectKey(s.subject), value
	case named && len(unowned(s.subject)) > 0 && !hasProper(s, s.subject) && len(s.subject) <= 3 && len(value) <= 3:
		return "kin " + subjectKey(s.subject), value // "the dog is called Rex"
	}
	return "", nil
}

// holders are roles, whose value is who holds them.
var holders = set(`manag boss doctor dentist landlord captain mayor president teacher mother father`)

// whereabouts is a statement of where its subject is or is from.
var whereabouts = regexp.MustCompile(` (?:is|are|was|were) (?:from|in|on|at|with|of) `)

// into is said of what something changes to.
var into = regexp.MustCompile(` (?:to|till|until|by|from) `)

// temporal are words that a place is followed by.
var temporal = set(`month week year ago last next earlier later`)

// subjectKey is the subject without whose it is and without what every such subject may carry.
func subjectKey(subject []string) string {
	var key []string
	for _, w := range subject {
		if !strings.HasPrefix(w, "@") && !generic[w] {
			key = append(key, w)
		}
	}
	return strings.Join(key, " ")
}

// generic words may be left out of a subject without making it another.
var generic = set(`address number name current valu date trip total`)

func person(s *statement) bool {
	for _, w := range s.subject {
		if strings.HasPrefix(w, "@") || kin[w] || slices.Contains(s.proper, w) {
			return true
		}
	}
	return false
}

func hasProper(s *statement, words []string) bool {
	for _, w := range words {
		if slices.Contains(s.proper, w) {
			return true
		}
	}
	return false
}

func formatted(q []quantity) []string {
	var out []string
	for _, n := range q {
		out = append(out, formatQuantity(n))
	}
	return out
}

// exceptions judges "all fruit except mango" against what is said of mango.
func exceptions(a, b *statement) (Verdict, bool) {
	for _, s := range [...][2]*statement{{a, b}, {b, a}} {
		with, other := s[0], s[1]
		if len(with.except) == 0 || len(other.except) > 0 {
			continue
		}
		if overlap(with.except, other.object) && with.verb == other.verb && sameSubject(with, other) {
			if with.negative == other.negative && !other.past {
				return Verdict{Contradicts, "against an exception"}, true
			}
			return Verdict{Apart, "the exception agrees"}, true
		}
		if with.negative != other.negative {
			return Verdict{Apart, "the exception may allow it"}, true
		}
	}
	return Verdict{}, false
}

// replacement judges statements in which b says that what a says has ended or was replaced.
func replacement(a, b *statement) (Verdict, bool) {
	yes := func(why string) (Verdict, bool) { return Verdict{Updates, why}, true }
	all := a.words()
	same := sameSubject(a, b)
	if len(b.instead) > 0 && same && !a.negative && contains(all, content(b.instead)) {
		return yes("instead of it")
	}
	switch {
	case a.negative || b.negative:
	case b.verb == "replac" && overlap(names(a, a.object), names(b, b.object)):
		return yes("replaced")
	case changers[b.verb] && len(a.subject) > 0 && len(b.object) > 0 && a.verb == "be" && contains(b.object, unowned(a.subject)) &&
		(!sameValues(a, b) || len(difference(unowned(b.object), slices.Concat(a.subject, a.object))) > 0):
		return yes("the value was changed")
	case changers[b.verb] && b.verb != a.verb && overlapStrict(a.object, b.object) && same && !a.past:
		if sameValues(a, b) && contains(a.object, b.object) {
			return Verdict{}, false
		}
		return yes("the value was changed")
	case timesConflict(a, b) && !b.change && !into.MatchString(b.raw): // "the flight on Thursday was delayed"
	case changers[b.verb] && b.verb != a.verb && same && a.verb == "be" && (valueDiffers(a, b)):
		return yes("the value was changed")
	case changers[b.verb] && b.verb != a.verb && len(a.numbers) > 0 && len(b.numbers) > 0 && overlap(a.object, b.object) && !sameNumbers(a, b) && same:
		return yes("the value was changed")
	case changers[b.verb] && b.verb != a.verb && same && !a.past && timesConflict(a, b):
		return yes("the time was changed")
	case movers[b.verb] && a.verb == "be" && same && !a.past && len(b.object) > 0 && (len(a.numbers) > 0 || len(a.proper) > 0) && !slices.Equal(a.object, b.object):
		return yes("it was moved")
	case b.verb == "switch" && a.verb == "use" && same && !a.past:
		return yes("switched")
	case rivals(a, b):
	case disposers[b.verb] && having[a.verb] && !a.past && same && overlap(a.object, b.object):
		return yes("it was given away")
	case enders[b.verb] && b.verb != a.verb && !a.past && same && overlap(a.object, b.object):
		return yes("it has ended")
	case b.verb == "cancel" && overlap(a.object, b.object) && !a.past:
		return yes("cancelled")
	case losses[b.verb] && (b.past || b.passive) && having[a.verb] && !a.past && ownerOf(a) != "" && ownerOf(a) == ownerOf(b) && overlap(a.object, unowned(b.subject)):
		return yes("it is gone")
	case b.verb == "return" && (a.verb == "lend" || a.verb == "borrow") && overlap(a.object, b.object):
		return yes("it was given back")
	case b.verb == "switch" && same && !a.past && opposed(a.object, b.object):
		return yes("switched")
	case leavers[b.verb] && same && overlap(a.object, b.object) && (a.verb == "be" || having[a.verb] || a.verb == "live" || a.verb == "work" && b.verb != "discharg"):
		return yes("left")
	}
	return Verdict{}, false
}
