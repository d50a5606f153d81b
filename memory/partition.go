package memory

import (
	"fmt"
	"math"
	"slices"

	"github.com/trm-go/refiner/internal/text"
)

// doc is a record as the index knows it. Times are microseconds.
type doc struct {
	row                   int64
	created               int64
	validFrom, validUntil int64
	lastShown, lastUsed   int64
	leaf                  int32 // index into partition.leaves
	speaker               int32 // index into partition.speakers; -1: none
	position              int32
	shown, used           int32
	importance            float32
	confidence            float32
	surprise              float32
	kind                  Kind
	origin                Origin
	live                  bool // it is not superseded
	asks                  bool
	summary               int32    // index into partition.summaries of the one that stands for it; -1: none
	terms                 []Term   // sorted, distinct
	meta                  []uint32 // numbers of its key-value pairs, sorted
}

// posting says how often a document holds a term.
type posting struct{ doc, count uint32 }

// leaf is one whole scope with its documents in the order of the conversation: by position, then row.
type leaf struct {
	scope Scope
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

// partition is the projection of the records of one tenant and user that are found: everything that is counted for a query is
// counted in here, so that nothing of another's records, not even how common a word is, can show in a result.
//
// Documents are numbered in the order of their rows. A number is never used again until the partition is loaded anew.
type partition struct {
	owner    owner
	docs     []doc
	sizes    []uint32 // terms of each document, with repeats
	leafOf   []int32  // doc.leaf again, close together for scoring
	leaves   []leaf
	leafByID map[int64]int32

	numbers  map[string]Term
	words    []string
	postings [][]posting // by Term, ascending by document

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

func newPartition(o owner) *partition {
	return &partition{owner: o, leafByID: map[int64]int32{}, numbers: map[string]Term{}, pairs: map[string]uint32{}, speaker: map[string]int32{}}
}

const (
	always = -1 << 63
	never  = 1<<63 - 1
)

// number gives a word its number.
func (p *partition) number(word []byte) Term {
	if n, ok := p.numbers[string(word)]; ok {
		return n
	}
	n := Term(len(p.words))
	w := string(word)
	p.words = append(p.words, w)
	p.numbers[w] = n
	p.postings = append(p.postings, nil)
	return n
}

// keep copies terms into one long slice, so that a hundred thousand records are not as many allocations.
func (p *partition) keep(terms []Term) []Term {
	if len(terms) == 0 {
		return nil
	}
	if cap(p.slab)-len(p.slab) < len(terms) {
		p.slab = make([]Term, 0, max(min(1<<16, 64+4*len(p.docs)), len(terms)))
	}
	n := len(p.slab)
	p.slab = append(p.slab, terms...)
	return p.slab[n:len(p.slab):len(p.slab)]
}

// add appends a record that is found; its row is higher than all before it.
func (p *partition) add(l *light, scope Scope) error {
	if n := len(p.docs); n > 0 && p.docs[n-1].row >= l.row {
		return fmt.Errorf("row %d comes after row %d", l.row, p.docs[n-1].row)
	}
	d, total, err := p.read(l, scope, true)
	if err != nil {
		return err
	}
	at := uint32(len(p.docs))
	p.docs = append(p.docs, d)
	p.sizes = append(p.sizes, uint32(total))
	p.leafOf = append(p.leafOf, d.leaf)
	lf := &p.leaves[d.leaf]
	lf.count(total, 1)
	lf.insert(p, at)
	p.live++
	p.lengths.count(total, 1)
	if d.validFrom != always || d.validUntil != never {
		p.bounded++
	}
	return nil
}

// read makes a document of a record, with the number of its terms; found puts it into the postings, as the next one.
func (p *partition) read(l *light, scope Scope, found bool) (d doc, total int, err error) {
	at := uint32(len(p.docs))
	d = doc{row: l.row, live: true, summary: -1, speaker: -1}
	d.count(l)
	var ok bool
	if d.leaf, ok = p.leafByID[l.scope]; !ok {
		d.leaf = int32(len(p.leaves))
		p.leaves = append(p.leaves, leaf{scope: scope})
		p.leafByID[l.scope] = d.leaf
	}
	r := digestReader{b: l.digest}
	d.surprise = r.float()
	d.kind, d.origin = shared(r.bytes(), kinds), shared(r.bytes(), origins)
	speaker, named := r.bytes(), r.flag()
	if len(speaker) > 0 {
		if d.speaker, ok = p.speaker[string(speaker)]; !ok {
			d.speaker = int32(len(p.speakers))
			p.speakers = append(p.speakers, string(speaker))
			p.named = append(p.named, false)
			p.speaker[string(speaker)] = d.speaker
		}
		p.named[d.speaker] = p.named[d.speaker] || named
	}
	d.position, d.created, d.validFrom, d.validUntil = clamp32(r.number()), r.number(), r.number(), r.number()
	d.importance, d.confidence = r.float(), r.float()
	for range r.count() {
		pair := r.bytes()
		n, ok := p.pairs[string(pair)]
		if !ok {
			n = uint32(len(p.pairs))
			p.pairs[string(pair)] = n
		}
		d.meta = append(d.meta, n)
	}
	var termBuffer [64]Term
	terms := termBuffer[:0]
	for range r.count() {
		word, n := r.bytes(), r.frequency()
		if !found {
			continue
		}
		t := p.number(word)
		terms = append(terms, t)
		total += int(n)
		p.postings[t] = append(p.postings[t], posting{at, n})
	}
	for range r.count() { // stores of earlier versions have others
		d.asks = string(r.bytes()) == text.TypeAsks || d.asks
	}
	if err := r.err(); err != nil {
		return d, 0, fmt.Errorf("row %d: %w", l.row, err)
	}
	slices.Sort(terms)
	d.terms = p.keep(terms)
	slices.Sort(d.meta)
	p.posted += len(terms)
	return d, total, nil
}

// discount are the parameters of BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond"): k1,
// how slowly a repeated term stops to count, and b, how much long texts are discounted. Where texts are about as long as each
// other, a longer one says more; where some are many times as long as others, as an assistant's answers are, length must be
// discounted nearly in full. So both follow the standard deviation of the logarithm of the lengths: LoCoMo's .56 gives .9
// and .46, BEAM's 1.35 gives 6.3 and .98, which raises recall@10 there from .39 to .55.
func (a area) discount() (k1, b float64) {
	deviation := 0.0
	if a.live > 0 {
		mean := a.logs / float64(a.live)
		deviation = math.Sqrt(max(0, a.squares/float64(a.live)-mean*mean))
	}
	return .9 * math.Exp(3*max(0, min(2, deviation)-.7)), max(.4, min(1, .1+.65*deviation))
}

// before orders documents within a leaf.
func (p *partition) before(a, b uint32) int {
	if c := int(p.docs[a].position) - int(p.docs[b].position); c != 0 {
		return c
	}
	return int(a) - int(b)
}

func (l *leaf) insert(p *partition, at uint32) {
	if n := len(l.docs); n == 0 || p.before(l.docs[n-1], at) < 0 {
		l.docs = append(l.docs, at)
		return
	}
	i, _ := slices.BinarySearchFunc(l.docs, at, p.before)
	l.docs = slices.Insert(l.docs, i, at)
}

// at is the document of a row, found or not.
func (p *partition) at(row int64) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(p.docs, row, func(d doc, row int64) int {
		switch {
		case d.row < row:
			return -1
		case d.row > row:
			return 1
		}
		return 0
	})
	return uint32(i), ok
}

// find is the document of a row that is found.
func (p *partition) find(row int64) (uint32, bool) {
	i, ok := p.at(row)
	return i, ok && p.docs[i].live
}

// remove takes a record out that is found no more.
func (p *partition) remove(at uint32) {
	d := &p.docs[at]
	for _, t := range d.terms {
		list := p.postings[t]
		if i, ok := slices.BinarySearchFunc(list, at, func(e posting, at uint32) int { return int(e.doc) - int(at) }); ok {
			p.postings[t] = slices.Delete(list, i, i+1)
		}
	}
	lf := &p.leaves[d.leaf]
	if i, ok := slices.BinarySearchFunc(lf.docs, at, p.before); ok {
		lf.docs = slices.Delete(lf.docs, i, i+1)
	}
	n := int(p.sizes[at])
	lf.count(n, -1)
	p.lengths.count(n, -1)
	p.live--
	if d.validFrom != always || d.validUntil != never {
		p.bounded--
	}
	d.live, d.summary, d.terms, d.meta = false, -1, nil, nil
}

// count takes over what may change of a record.
func (d *doc) count(l *light) {
	d.shown, d.lastShown, d.used, d.lastUsed = l.shown, l.lastShown, l.used, l.lastUsed
}

// bytes is about how much memory the partition takes, with vectors of dim dimensions.
func (p *partition) bytes(dim int) int64 {
	const document, word, session = 200, 120, 160 // each with what hangs on it
	return int64(len(p.docs))*int64(document+4*dim) + int64(p.posted)*14 + int64(len(p.words))*word + int64(len(p.leaves)+len(p.summaries))*session
}

// area is the part of a partition that a scope covers.
type area struct {
	leaves []bool // by leaf; nil: all
	live   int
	lengths
}

// mean is the number of terms of a record on average, at least 1.
func (a area) mean() float64 { return max(1, float64(a.length)/float64(max(1, a.live))) }

// has reports whether a leaf lies in the area. A leaf that came later does not.
func (a area) has(leaf int32) bool {
	return a.leaves == nil || int(leaf) < len(a.leaves) && a.leaves[leaf]
}

func (p *partition) area(s Scope) area {
	if s.Agent == "" && s.Session == "" {
		return area{live: p.live, lengths: p.lengths}
	}
	a := area{leaves: make([]bool, len(p.leaves))}
	for i := range p.leaves {
		if l := &p.leaves[i]; s.Contains(l.scope) {
			a.leaves[i] = true
			a.live += len(l.docs)
			a.length, a.logs, a.squares = a.length+l.length, a.logs+l.logs, a.squares+l.squares
		}
	}
	return a
}

// frequencies counts how many live documents of the area hold a term, for many terms: in a part of a partition all are counted
// once.
func (p *partition) frequencies(a area) func(Term) int {
	if a.leaves == nil {
		return func(t Term) int { return len(p.postings[t]) }
	}
	counts := make([]int32, len(p.postings))
	for i, in := range a.leaves {
		if in {
			for _, at := range p.leaves[i].docs {
				for _, t := range p.docs[at].terms {
					counts[t]++
				}
			}
		}
	}
	return func(t Term) int { return int(counts[t]) }
}

// docFreq is the number of live documents of the area that hold a term.
func (p *partition) docFreq(a area, t Term) int {
	if int(t) >= len(p.postings) {
		return 0
	}
	list := p.postings[t]
	if a.leaves == nil {
		return len(list)
	}
	n := 0
	for _, e := range list {
		if a.has(p.leafOf[e.doc]) {
			n++
		}
	}
	return n
}

// speakersIn are the speakers whom a question names by a word of their name that tells something, or by their role.
func (p *partition) speakersIn(q *question, a area) []int32 {
	var present []bool
	if a.leaves != nil {
		present = make([]bool, len(p.speakers))
		for i, in := range a.leaves {
			if in {
				for _, at := range p.leaves[i].docs {
					if s := p.docs[at].speaker; s >= 0 {
						present[s] = true
					}
				}
			}
		}
	}
	var found []int32
	for i, name := range p.speakers {
		if present != nil && !present[i] {
			continue
		}
		for _, w := range text.Index(name) {
			if at := slices.Index(q.terms, w); at >= 0 && q.weights[at] >= nameWeight {
				found = append(found, int32(i))
				break
			}
		}
	}
	return found
}

// nameWeight is how much a word must tell for it to name a speaker: "Will" in "Will it rain?" does not.
const nameWeight = .5

// role is who speaks as a speaker.
func (p *partition) role(speaker int32) Role {
	switch {
	case speaker < 0:
		return Unknown
	case p.named[speaker], p.speakers[speaker] == "user":
		return Human
	case p.speakers[speaker] == "assistant":
		return Assistant
	}
	return Unknown
}
