package memory

import (
	"math"
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

// isRemark reports whether a text was said rather than asked: it ends as a sentence does, in whatever script, and holds no
// question mark. Whether its words tell what it is about is for the ranking to see.
func isRemark(s string) bool {
	s = strings.TrimRightFunc(s, func(r rune) bool {
		return !unicode.Is(unicode.STerm, r) && (unicode.IsPunct(r) || unicode.IsSpace(r) || unicode.IsSymbol(r))
	})
	last, _ := utf8.DecodeLastRuneInString(s)
	return unicode.Is(unicode.STerm, last) && !strings.ContainsAny(s, "?？؟;")
}

// spoken is a remark without the name of who says it, if it begins with one and a colon.
func spoken(s string) string {
	name, said, ok := strings.Cut(s, ": ")
	if !ok || said == "" || len(name) > 40 || strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.STerm, r) }) {
		return s
	}
	return said
}

// ties are, by document, how near the nearest of a remark are to it, corrected for hubs. Without vectors there are none.
func (m *shard) ties(q *question, speakers []int32, list []matched) map[uint32]float64 {
	flat, ok := m.index.(*Flat)
	if !ok || !q.remark || len(q.vector) == 0 {
		return nil
	}
	p := m.p
	unit := make([]float32, len(q.vector))
	vector.Unit(unit, q.vector)
	best := vector.Best{K: tied}
	for _, x := range list {
		best.Offer(vector.Match{Row: int64(x.doc), Score: x.vector})
	}
	ties := map[uint32]float64{}
	for _, found := range best.List {
		at := uint32(found.Row)
		d := &p.docs[at]
		hub := flat.hub(d.row, hubNearest, hubSample)
		pair := found.Score
		if next, ok := p.after(at); ok {
			pair = flat.between(unit, d.row, p.docs[next].row)
		}
		tie := found.Score + pair - 2*hub
		for _, s := range speakers {
			if s == d.speaker {
				tie += sameVoice
			}
		}
		if tie == 0 {
			tie = math.SmallestNonzeroFloat64
		}
		ties[at] = tie
	}
	return ties
}

// after is the document that follows in the conversation.
func (p *partition) after(at uint32) (uint32, bool) {
	docs := p.leaves[p.docs[at].leaf].docs
	for i, d := range docs {
		if d == at && i+1 < len(docs) {
			return docs[i+1], true
		}
	}
	return 0, false
}

// hub is the mean cosine of a row with its nearest others.
func (f *Flat) hub(row int64, nearest, sample int) float64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.flat.Hub(row, nearest, sample)
}

// between is the cosine of a unit vector with the direction between two rows.
func (f *Flat) between(unit []float32, a, b int64) float64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	x, ok1 := f.flat.Vector(a)
	y, ok2 := f.flat.Vector(b)
	if !ok1 || !ok2 {
		return 0
	}
	for i := range x {
		x[i] += y[i]
	}
	vector.Unit(x, x)
	return float64(vector.Dot(unit, x))
}
