package memory

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// analysis is what the store remembers of a text next to the text, so that opening a store need not analyse it again:
// distinct terms with their counts, and distinct links, both sorted.
type analysis struct {
	terms  []string
	counts []int
	links  []string
}

// analyse reads a text that was said at a moment. It also returns the terms in order, with repeats.
func analyse(s string, at time.Time) (analysis, []string) {
	inOrder := text.Terms(s)
	a := analysis{links: slices.Compact(sorted(text.Links(s, at)))}
	for _, t := range sorted(slices.Clone(inOrder)) {
		if n := len(a.terms); n > 0 && a.terms[n-1] == t {
			a.counts[n-1]++
			continue
		}
		a.terms = append(a.terms, t)
		a.counts = append(a.counts, 1)
	}
	return a, inOrder
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// encode writes: number of terms, then for each its length, bytes and count; number of links, then for each its length
// and bytes. All numbers are uvarints.
func (a analysis) encode() []byte {
	size := 2 * binary.MaxVarintLen32
	for _, t := range a.terms {
		size += len(t) + 3
	}
	for _, l := range a.links {
		size += len(l) + 2
	}
	b := binary.AppendUvarint(make([]byte, 0, size), uint64(len(a.terms)))
	for i, t := range a.terms {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
		b = binary.AppendUvarint(b, uint64(a.counts[i]))
	}
	b = binary.AppendUvarint(b, uint64(len(a.links)))
	for _, l := range a.links {
		b = binary.AppendUvarint(b, uint64(len(l)))
		b = append(b, l...)
	}
	return b
}

// decodeTerms calls term and link for what encode wrote. The slices are valid during the call only.
func decodeTerms(b []byte, term func(word []byte, count int), link func(word []byte)) error {
	bad := fmt.Errorf("%w: the analysed terms cannot be read", ErrCorrupt)
	number := func() (int, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > MaxText {
			return 0, false
		}
		b = b[n:]
		return int(v), true
	}
	word := func() ([]byte, bool) {
		n, ok := number()
		if !ok || n > len(b) {
			return nil, false
		}
		w := b[:n]
		b = b[n:]
		return w, true
	}
	terms, ok := number()
	if !ok {
		return bad
	}
	for range terms {
		w, ok := word()
		if !ok {
			return bad
		}
		count, ok := number()
		if !ok {
			return bad
		}
		term(w, count)
	}
	links, ok := number()
	if !ok {
		return bad
	}
	for range links {
		w, ok := word()
		if !ok {
			return bad
		}
		link(w)
	}
	if len(b) != 0 {
		return bad
	}
	return nil
}

// fingerprint tells one analysis of texts from another: a store that was written with another is analysed anew when it
// opens.
func fingerprint() string {
	const sample = "Yesterday Caroline's friends were running 1,250 metres; in Zürich, on 7 May 2023 at 10:30, Dr. O'Neill-Smith " +
		"wrote to jo@example.org about the café, 日本語 and www.example.org/a?b=c. \"Isn't it strange?\" she'd asked."
	h := fnv.New64a()
	for _, t := range text.Terms(sample) {
		fmt.Fprintf(h, "%s\x00", t)
	}
	for _, l := range text.Links(sample, time.Date(2023, 6, 1, 12, 0, 0, 0, time.UTC)) {
		fmt.Fprintf(h, "%s\x01", l)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
