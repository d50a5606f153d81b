// Package index is what the records of one tenant and user are found by, in memory: an inverted index of their words (BM25), their
// vectors in 8 bits, their sessions in the order of the conversation, and the summaries that stand for them.
//
// It is a cache of what the store's file holds, made of the entries that the store keeps beside each record ([Digest]) and brought
// up to date by [Index.Follow]. It knows nothing of files. An [Index] is asked by any number of goroutines at a time, and changed
// by one while nobody asks: whoever holds it locks it.
package index

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/internal/vector"
)

// Term is the number of a term in an index.
type Term uint32

// Place is the part of a scope within one tenant and user.
type Place struct{ Agent, Session string }

// contains reports whether a question for p may see what lies in o: an empty part matches anything.
func (p Place) contains(o Place) bool {
	return (p.Agent == "" || p.Agent == o.Agent) && (p.Session == "" || p.Session == o.Session)
}

// Entry is what the index takes from a record: what may change of it, its digest and its vector. Times are microseconds. Nothing
// of it is kept.
type Entry struct {
	Row                 int64
	Place               Place
	Superseded          bool
	Of                  []int64 // of a derived summary, the rows that it was made of
	Shown, Used         int32
	LastShown, LastUsed int64
	Digest              []byte
	Vector              []float32 // nil: none
}

// Doc is a record as the index knows it. Times are microseconds.
type Doc struct {
	Row, Created          int64
	ValidFrom, ValidUntil int64
	LastShown, LastUsed   int64
	Shown, Used           int32
	Session               int32 // number of its place in this index
	Speaker               int32 // index into speakers; -1: none
	Position              int32
	summary               int32 // index into summaries of the one that stands for it; -1: none
	Importance            float32
	Surprise              float32
	kind                  uint8 // index into kinds
	live                  bool  // it is not superseded
	Asks                  bool
	Terms                 []Term   // sorted, distinct
	meta                  []uint32 // numbers of its key-value pairs, sorted
}

// Kind is that of the record.
func (d *Doc) Kind() string { return kinds[d.kind] }

var kinds = []string{"turn", "fact", "summary", "persona", "faq"}

// lean is what scoring needs of a document, close together.
type lean struct {
	size    uint32 // terms, with repeats
	session int32
}

// posting says how often a document holds a term.
type posting struct{ doc, count uint32 }

// session is one whole scope with its documents in the order of the conversation: by position, then row.
type session struct {
	place Place
	docs  []uint32
	lengths
}

// lengths are sums over live documents: of their terms, of the logarithm of that, and of its square.
type lengths struct {
	length        int
	logs, squares float64
}

// count adds a document, or with sign -1 takes it out.
func (l *lengths) count(terms, sign int) {
	log := math.Log1p(float64(terms))
	l.length += sign * terms
	l.logs += float64(sign) * log
	l.squares += float64(sign) * log * log
}

// Index holds the records of one tenant and user that are found: everything that is counted for a question is counted in here, so
// that nothing of another's records, not even how common a word is, can show in a result.
//
// Documents are numbered in the order of their rows. A number is never used again until the index is made anew.
type Index struct {
	dim  int         // 0: no vectors
	flat vector.Flat // those of the documents, by their numbers, unless a port has them
	port Port

	subjects vector.Flat // what the documents are about, by their numbers: the mean meanings of their words

	docs      []Doc
	lean      []lean // of each document
	sessions  []session
	sessionOf map[Place]int32

	numbers  map[string]Term
	words    []string
	postings [][]posting // by Term, ascending by document
	meant    []meant     // those whose meaning is known

	pairs    map[string]uint32 // "key\x00value" of metadata
	speakers []string
	named    []bool // the speaker is a name, not a role
	speaker  map[string]int32

	summaries []summary // by row

	live int
	lengths
	bounded int // live documents that are not valid for ever
	posted  int // postings
	slab    []Term
}

// New makes an empty index for vectors of dim dimensions, 0 for none. port, if any, keeps the vectors elsewhere.
func New(dim int, port Port) *Index {
	return &Index{subjects: vector.Flat{Dim: text.MeaningDimensions}, dim: dim, flat: vector.Flat{Dim: dim}, port: port, sessionOf: map[Place]int32{}, numbers: map[string]Term{},
		pairs: map[string]uint32{}, speaker: map[string]int32{}}
}

// The moments before and after all others.
const (
	Always = -1 << 63
	Never  = 1<<63 - 1
)

// number gives a word its number.
func (x *Index) number(word []byte) Term {
	if n, ok := x.numbers[string(word)]; ok {
		return n
	}
	n := Term(len(x.words))
	w := string(word)
	x.words = append(x.words, w)
	x.numbers[w] = n
	x.postings = append(x.postings, nil)
	if m, ok := meaningOf(w); ok {
		x.meant = append(x.meant, meant{n, m})
	}
	return n
}

// keep copies terms into one long slice, so that a hundred thousand records are not as many allocations.
func (x *Index) keep(terms []Term) []Term {
	if len(terms) == 0 {
		return nil
	}
	if cap(x.slab)-len(x.slab) < len(terms) {
		x.slab = make([]Term, 0, max(min(1<<16, 64+4*len(x.docs)), len(terms)))
	}
	n := len(x.slab)
	x.slab = append(x.slab, terms...)
	return x.slab[n:len(x.slab):len(x.slab)]
}

// Add appends a record that is found; its row is higher than all before it.
func (x *Index) Add(e *Entry) error {
	d, size, err := x.read(e, true)
	if err != nil {
		return err
	}
	at := uint32(len(x.docs))
	x.docs, x.lean = append(x.docs, d), append(x.lean, lean{size, d.Session})
	if x.dim > 0 && x.port == nil {
		x.flat.Append(e.Vector)
	}
	x.subjects.Append(x.subject(d.Terms))
	s := &x.sessions[d.Session]
	s.count(int(size), 1)
	s.insert(x, at)
	x.live++
	x.lengths.count(int(size), 1)
	if d.bounded() {
		x.bounded++
	}
	return nil
}

// bounded reports whether a document is not valid for ever.
func (d *Doc) bounded() bool { return d.ValidFrom != Always || d.ValidUntil != Never }

// validAt reports whether a document is valid at a moment.
func (d *Doc) validAt(moment int64) bool { return d.ValidFrom <= moment && moment < d.ValidUntil }

// read makes a document of a record, with the number of its terms; found puts it into the postings, as the next one.
func (x *Index) read(e *Entry, found bool) (d Doc, size uint32, err error) {
	at := uint32(len(x.docs))
	d = Doc{Row: e.Row, live: true, summary: -1, Session: x.sessionAt(e.Place)}
	d.count(e)
	r := digestReader{b: e.Digest}
	d.Surprise, d.kind = r.float(), r.oneOf(kinds)
	r.bytes() // the origin
	speaker := r.bytes()
	d.Speaker = x.speakerOf(speaker, r.flag())
	d.Position, d.Created, d.ValidFrom, d.ValidUntil = clamp(r.number()), r.number(), r.number(), r.number()
	d.Importance = r.float()
	r.float() // the confidence
	for range r.length() {
		pair := r.bytes()
		n, ok := x.pairs[string(pair)]
		if !ok {
			n = uint32(len(x.pairs))
			x.pairs[string(pair)] = n
		}
		d.meta = append(d.meta, n)
	}
	var space [64]Term
	terms := space[:0]
	for range r.length() {
		word, n := r.bytes(), r.frequency()
		if !found {
			continue
		}
		t := x.number(word)
		terms = append(terms, t)
		size += n
		x.postings[t] = append(x.postings[t], posting{at, n})
	}
	for range r.length() { // stores of earlier versions have others
		d.Asks = string(r.bytes()) == text.TypeAsks || d.Asks
	}
	if err := r.err(); err != nil {
		return d, 0, fmt.Errorf("row %d: %w", e.Row, err)
	}
	slices.Sort(terms)
	d.Terms = x.keep(terms)
	slices.Sort(d.meta)
	x.posted += len(terms)
	return d, size, nil
}

// sessionAt is the number of a place here, a new one if it is new.
func (x *Index) sessionAt(place Place) int32 {
	n, ok := x.sessionOf[place]
	if !ok {
		n = int32(len(x.sessions))
		x.sessions = append(x.sessions, session{place: place})
		x.sessionOf[place] = n
	}
	return n
}

// speakerOf is the number of a speaker, -1 for none; named says that it is a name and not a role.
func (x *Index) speakerOf(name []byte, named bool) int32 {
	if len(name) == 0 {
		return -1
	}
	n, ok := x.speaker[string(name)]
	if !ok {
		n = int32(len(x.speakers))
		x.speakers, x.named = append(x.speakers, string(name)), append(x.named, false)
		x.speaker[string(name)] = n
	}
	x.named[n] = x.named[n] || named
	return n
}

func clamp(n int64) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, n))) }

// discount are the parameters of BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond"): k1,
// how slowly a repeated term stops to count, and b, how much long texts are discounted. Where texts are about as long as each
// other, a longer one says more; where some are many times as long as others, as an assistant's answers are, length must be
// discounted nearly in full. So both follow the standard deviation of the logarithm of the lengths: LoCoMo's .56 gives .9
// and .46, BEAM's 1.35 gives 6.3 and .98, which raises recall@10 there from .39 to .55.
func (a part) discount() (k1, b float64) {
	deviation := 0.0
	if a.live > 0 {
		mean := a.logs / float64(a.live)
		deviation = math.Sqrt(max(0, a.squares/float64(a.live)-mean*mean))
	}
	return .9 * math.Exp(3*max(0, min(2, deviation)-.7)), max(.4, min(1, .1+.65*deviation))
}

// before orders documents within a session.
func (x *Index) before(a, b uint32) int {
	if c := int(x.docs[a].Position) - int(x.docs[b].Position); c != 0 {
		return c
	}
	return int(a) - int(b)
}

func (l *session) insert(x *Index, at uint32) {
	if n := len(l.docs); n == 0 || x.before(l.docs[n-1], at) < 0 {
		l.docs = append(l.docs, at)
		return
	}
	i, _ := slices.BinarySearchFunc(l.docs, at, x.before)
	l.docs = slices.Insert(l.docs, i, at)
}

// at is the document of a row, found or not.
func (x *Index) at(row int64) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(x.docs, row, func(d Doc, row int64) int { return cmp.Compare(d.Row, row) })
	return uint32(i), ok
}

// find is the document of a row that is found.
func (x *Index) find(row int64) (uint32, bool) {
	i, ok := x.at(row)
	return i, ok && x.docs[i].live
}

// remove takes a record out that is found no more.
func (x *Index) remove(at uint32) {
	d := &x.docs[at]
	for _, t := range d.Terms {
		list := x.postings[t]
		if i, ok := slices.BinarySearchFunc(list, at, func(e posting, at uint32) int { return int(e.doc) - int(at) }); ok {
			x.postings[t] = slices.Delete(list, i, i+1)
		}
	}
	s := &x.sessions[d.Session]
	if i, ok := slices.BinarySearchFunc(s.docs, at, x.before); ok {
		s.docs = slices.Delete(s.docs, i, i+1)
	}
	size := int(x.lean[at].size)
	s.count(size, -1)
	x.lengths.count(size, -1)
	x.live--
	if d.bounded() {
		x.bounded--
	}
	x.subjects.Clear(int(at))
	d.live, d.summary, d.Terms, d.meta = false, -1, nil, nil
	if x.dim > 0 && x.port == nil {
		x.flat.Clear(int(at))
	}
}

// count takes over what may change of a record.
func (d *Doc) count(e *Entry) {
	d.Shown, d.LastShown, d.Used, d.LastUsed = e.Shown, e.LastShown, e.Used, e.LastUsed
}

// Bytes is about how much memory the index takes.
func (x *Index) Bytes() int64 {
	const document, word, session = 200, 120, 160 // each with what hangs on it
	return int64(len(x.docs))*int64(document+x.dim+text.MeaningDimensions) + int64(x.posted)*14 + int64(len(x.words))*word + int64(len(x.sessions)+len(x.summaries))*session
}

// part is the part of an index that a scope covers.
type part struct {
	sessions []bool // by session; nil: all
	live     int
	lengths
}

// mean is the number of terms of a record on average, at least 1.
func (a part) mean() float64 { return max(1, float64(a.length)/float64(max(1, a.live))) }

// has reports whether a session lies in the part. One that came later does not.
func (a part) has(session int32) bool {
	return a.sessions == nil || int(session) < len(a.sessions) && a.sessions[session]
}

func (x *Index) part(place Place) part {
	if place == (Place{}) {
		return part{live: x.live, lengths: x.lengths}
	}
	a := part{sessions: make([]bool, len(x.sessions))}
	for i := range x.sessions {
		if s := &x.sessions[i]; place.contains(s.place) {
			a.sessions[i] = true
			a.live += len(s.docs)
			a.length, a.logs, a.squares = a.length+s.length, a.logs+s.logs, a.squares+s.squares
		}
	}
	return a
}

// each calls f for each live document of a part that is not the whole index.
func (x *Index) each(a part, f func(*Doc)) {
	for i, in := range a.sessions {
		if in {
			for _, at := range x.sessions[i].docs {
				f(&x.docs[at])
			}
		}
	}
}

// frequencies counts how many live documents of the part hold a term, for many terms: in a part of an index all are counted
// once.
func (x *Index) frequencies(a part) func(Term) int {
	if a.sessions == nil {
		return func(t Term) int { return len(x.postings[t]) }
	}
	counts := make([]int32, len(x.postings))
	x.each(a, func(d *Doc) {
		for _, t := range d.Terms {
			counts[t]++
		}
	})
	return func(t Term) int { return int(counts[t]) }
}

// docFreq is the number of live documents of the part that hold a term.
func (x *Index) docFreq(a part, t Term) int {
	if int(t) >= len(x.postings) {
		return 0
	}
	list := x.postings[t]
	if a.sessions == nil {
		return len(list)
	}
	n := 0
	for _, e := range list {
		if a.has(x.lean[e.doc].session) {
			n++
		}
	}
	return n
}

// speakersIn are the speakers whom a question names by a word of their name that tells something, or by their role.
func (x *Index) speakersIn(q *Question, a part) []int32 {
	present := make([]bool, len(x.speakers))
	x.each(a, func(d *Doc) {
		if d.Speaker >= 0 {
			present[d.Speaker] = true
		}
	})
	var found []int32
	for i, name := range x.speakers {
		if a.sessions != nil && !present[i] {
			continue
		}
		for _, w := range text.Index(name) {
			if at := slices.Index(q.Terms, w); at >= 0 && q.Weights[at] >= nameWeight {
				found = append(found, int32(i))
				break
			}
		}
	}
	return found
}

// nameWeight is how much a word must tell for it to name a speaker: "Will" in "Will it rain?" does not.
const nameWeight = .5

// Speaks is who spoke, as far as that is known: a human, who has a name or is the user, or the assistant.
func (x *Index) Speaks(d *Doc) (human, assistant bool) {
	if d.Speaker < 0 {
		return false, false
	}
	name := x.speakers[d.Speaker]
	human = x.named[d.Speaker] || name == "user"
	return human, !human && name == "assistant"
}

// Word is the text of a term.
func (x *Index) Word(t Term) string {
	if int(t) >= len(x.words) {
		return ""
	}
	return x.words[t]
}
