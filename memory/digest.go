package memory

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// analysis is what the store remembers of a text next to the text, so that opening a store need not analyse it again:
// distinct terms with their counts, sorted, and whether it ends in a question, as a link: earlier versions had others.
type analysis struct {
	terms  []string
	counts []int
	links  []string
}

// analyse reads a record's text, with who said it and on which day: indexing turns with them raises recall@10 of BM25 on
// LoCoMo from .565 to .609.
func analyse(r *Record) (a analysis) {
	terms := append(text.Index(r.Text), text.Index(r.Speaker)...)
	if !r.Created.IsZero() {
		terms = append(terms, text.Index(r.Created.Format("2 January 2006"))...)
	}
	if text.Asks(r.Text) {
		a.links = []string{text.TypeAsks}
	}
	slices.Sort(terms)
	for _, t := range terms {
		if n := len(a.terms); n > 0 && a.terms[n-1] == t {
			a.counts[n-1]++
			continue
		}
		a.terms = append(a.terms, t)
		a.counts = append(a.counts, 1)
	}
	return a
}

// A record's digest is what the projection is built from: all of a record that never changes but its text, in the form
// that is fastest to read. It begins with the surprise, which is known last (float32, little-endian); then the kind, the
// origin, the speaker, whether that is a name, position, times, importance and confidence, the metadata, the terms with
// their counts, and the links. Strings and lists are preceded by their length. Numbers are varints.

// digest writes that of a record whose text was analysed.
func (a analysis) digest(r *Record) []byte {
	b := make([]byte, 4, 96+8*len(a.terms)+12*len(a.links))
	str := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	str(string(r.Kind))
	str(string(r.Origin))
	if r.Speaker != "" {
		str(r.Speaker)
		b = append(b, 1)
	} else {
		str(r.Role)
		b = append(b, 0)
	}
	from, until := int64(always), int64(never)
	if !r.ValidFrom.IsZero() {
		from = micros(r.ValidFrom)
	}
	if !r.ValidUntil.IsZero() {
		until = micros(r.ValidUntil)
	}
	for _, n := range []int64{int64(r.Position), micros(r.Created), from, until} {
		b = binary.AppendVarint(b, n)
	}
	b = appendFloat(b, r.Importance)
	b = appendFloat(b, r.Confidence)
	b = binary.AppendUvarint(b, uint64(len(r.Meta)))
	for _, k := range slices.Sorted(maps.Keys(r.Meta)) {
		str(k + "\x00" + r.Meta[k])
	}
	b = binary.AppendUvarint(b, uint64(len(a.terms)))
	for i, t := range a.terms {
		str(t)
		b = binary.AppendUvarint(b, uint64(a.counts[i]))
	}
	b = binary.AppendUvarint(b, uint64(len(a.links)))
	for _, l := range a.links {
		str(l)
	}
	return b
}

func appendFloat(b []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f)))
}

// setSurprise completes a digest.
func setSurprise(digest []byte, surprise float64) {
	binary.LittleEndian.PutUint32(digest, math.Float32bits(float32(surprise)))
}

// digestReader reads a digest from its beginning to its end. After an error it reads zeros.
type digestReader struct {
	b   []byte
	bad bool
}

func (r *digestReader) fail() { r.b, r.bad = nil, true }

func (r *digestReader) number() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count is the length of something that follows; each of its parts takes a byte at least.
func (r *digestReader) count() int {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > uint64(len(r.b)-size) {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

func (r *digestReader) float() float32 {
	if len(r.b) < 4 {
		r.fail()
		return 0
	}
	f := math.Float32frombits(binary.LittleEndian.Uint32(r.b))
	r.b = r.b[4:]
	return f
}

// bytes are valid as long as the digest.
func (r *digestReader) bytes() []byte {
	n := r.count()
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

func (r *digestReader) flag() bool {
	if len(r.b) == 0 {
		r.fail()
		return false
	}
	f := r.b[0] != 0
	r.b = r.b[1:]
	return f
}

// frequency is how often a term occurs.
func (r *digestReader) frequency() uint32 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > MaxText {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return uint32(n)
}

// err is the error of reading, or of bytes that are left over.
func (r *digestReader) err() error {
	if r.bad || len(r.b) > 0 {
		return fmt.Errorf("%w: the digest cannot be read", ErrCorrupt)
	}
	return nil
}

// digestTerms are the terms of a digest; none if it cannot be read.
func digestTerms(digest []byte) (terms []string) {
	r := digestReader{b: digest}
	r.float()
	for range 3 { // kind, origin, speaker
		r.bytes()
	}
	r.flag()
	for range 4 { // position and times
		r.number()
	}
	r.float()
	r.float()
	for range r.count() {
		r.bytes()
	}
	for range r.count() {
		terms = append(terms, string(r.bytes()))
		r.frequency()
	}
	return terms
}

// fingerprint tells one analysis of texts from another: a store that was written with another is analysed anew when it
// opens.
func fingerprint() string {
	const sample = "Yesterday Caroline's friends were running 1,250 metres; in Zürich, on 7 May 2023 at 10:30, Dr. O'Neill-Smith " +
		"wrote to jo@example.org about the café, 日本語 and www.example.org/a?b=c. \"Isn't it strange?\" she'd asked."
	h := fnv.New64a()
	a := analyse(&Record{Text: sample, Speaker: "Dr. O'Neill-Smith", Created: time.Date(2023, 6, 1, 12, 0, 0, 0, time.UTC)})
	for _, t := range a.terms {
		fmt.Fprintf(h, "%s\x00", t)
	}
	for _, l := range a.links {
		fmt.Fprintf(h, "%s\x01", l)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
