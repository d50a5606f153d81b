package importance

import "strings"

// Reason is why a memory has weight.
type Reason string

// The reasons.
const (
	Own     Reason = "own"     // its own words
	Before  Reason = "before"  // what the turn just before it says
	After   Reason = "after"   // what the turn just after it says
	Near    Reason = "near"    // the turns around it, together with its own words
	Session Reason = "session" // its session answers well
	Speaker Reason = "speaker" // who said it
	Time    Reason = "time"    // when it was said, and whether it was spoken of again
	Form    Reason = "form"    // its length and its sort
	Among   Reason = "among"   // the memories accepted before
)

// Part is what one reason contributed to a score; below 0 if it lowered it.
type Part struct {
	Reason Reason
	Share  float64
}

var reasons = [...]struct {
	reason Reason
	begins string // of the names of its features
}{
	{Before, "before_"}, {After, "after_"}, {Near, "window near relevance"}, {Session, "session rank_in to_session"},
	{Speaker, "named any_named mentions human assistant"}, {Time, "place age recen later_ earlier_"},
	{Form, "note no_place length asks surprise information"}, {Among, "accepted"}, {Own, ""},
}

// reasonOf is the reason that each feature stands for, as an index into reasons.
var reasonOf = func() (of []int) {
	for _, name := range Names {
		for i, r := range reasons {
			if r.begins == "" || hasAnyPrefix(name, strings.Fields(r.begins)) {
				of = append(of, i)
				break
			}
		}
	}
	return of
}()

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// Parts are what speaks for and against a row, by reason: what its features contributed to its score.
func (t *Table) Parts(row int) []Part {
	contributed := make([]float64, len(Names))
	ranker().attribute(t.Row(row), contributed)
	return byReason(contributed)
}

func byReason(contributed []float64) []Part {
	parts := make([]Part, len(reasons))
	for i, r := range reasons {
		parts[i].Reason = r.reason
	}
	for i, x := range contributed {
		parts[reasonOf[i]].Share += x
	}
	return parts
}
