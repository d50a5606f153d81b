package index

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trm-go/refiner/internal/vector"
)

// A remark that asks nothing reminds of what it is tied to, often without sharing a word with it. There the cosine alone finds what
// is near to everything: short turns, and those that say what everybody says. So it is corrected for hubs (cross-domain
// similarity local scaling, Conneau et al. 2018): less the mean cosine of the turn with its own nearest. What a turn is about
// often shows in the reply, so the direction between both is compared too.
const (
	tied       = 200  // of a remark's nearest, how many are corrected
	hubNearest = 10   // of each of them, with how many of its nearest
	hubSample  = 8192 // records that are looked through for those at most
	sameVoice  = .05  // added if the one who remarks said it
)

// IsRemark reports whether a text was said rather than asked: it ends as a sentence does, in whatever script, and holds no
// question mark. Whether its words tell what it is about is for the ranking to see.
func IsRemark(s string) bool {
	s = strings.TrimRightFunc(s, func(r rune) bool {
		return !unicode.Is(unicode.STerm, r) && (unicode.IsPunct(r) || unicode.IsSpace(r) || unicode.IsSymbol(r))
	})
	last, _ := utf8.DecodeLastRuneInString(s)
	return unicode.Is(unicode.STerm, last) && !strings.ContainsAny(s, "?？؟;")
}

// Spoken is a remark without the name of who says it, if it begins with one and a colon.
func Spoken(s string) string {
	name, said, ok := strings.Cut(s, ": ")
	if !ok || said == "" || len(name) > 40 || strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.STerm, r) }) {
		return s
	}
	return said
}

// ties are, by document, how near the nearest of a remark are to it, corrected for hubs. Without vectors there are none.
func (x *Index) ties(q *Question, speakers []int32, list []matched) map[uint32]float64 {
	if x.port != nil || !q.Remark || len(q.Vector) == 0 {
		return nil
	}
	unit := make([]float32, len(q.Vector))
	vector.Unit(unit, q.Vector)
	best := vector.Best{K: tied}
	for _, m := range list {
		best.Offer(vector.Match{Row: int64(m.doc), Score: m.vector})
	}
	ties := map[uint32]float64{}
	for _, found := range best.List {
		at := uint32(found.Row)
		d := &x.docs[at]
		pair := found.Score
		if next, ok := x.after(at); ok {
			pair = x.flat.Between(unit, int(at), int(next))
		}
		tie := found.Score + pair - 2*x.flat.Hub(int(at), hubNearest, hubSample)
		if slices.Contains(speakers, d.Speaker) {
			tie += sameVoice
		}
		if tie == 0 {
			tie = math.SmallestNonzeroFloat64
		}
		ties[at] = tie
	}
	return ties
}

// after is the document that follows in the conversation.
func (x *Index) after(at uint32) (uint32, bool) {
	docs := x.sessions[x.docs[at].Session].docs
	i, ok := slices.BinarySearchFunc(docs, at, x.before)
	if !ok || i+1 == len(docs) {
		return 0, false
	}
	return docs[i+1], true
}
