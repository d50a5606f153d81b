package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// Record is what the index reads of a record. Times are microseconds, Always and Never where they are open.
type Record struct {
	Kind, Origin, Role, Speaker, Text string
	Position                          int
	Created                           time.Time
	ValidFrom, ValidUntil             int64
	Importance, Confidence            float64
	Meta                              map[string]string
}

// Analyse returns the distinct terms of a record, sorted, and its digest, without the surprise. The terms are those of its text, of who
// said it and of the day: indexing turns with them raises recall@10 of BM25 on LoCoMo from .565 to .609.
func Analyse(r *Record) (terms []string, digest []byte) {
	all := append(text.Index(r.Text), text.Index(r.Speaker)...)
	if !r.Created.IsZero() {
		all = append(all, text.Index(r.Created.Format("2 January 2006"))...)
	}
	slices.Sort(all)
	var counts []int
	for _, t := range all {
		if n := len(terms); n > 0 && terms[n-1] == t {
			counts[n-1]++
			continue
		}
		terms, counts = append(terms, t), append(counts, 1)
	}
	return terms, r.digest(terms, counts)
}

// A record's digest is what the index is built from: all of a record that never changes but its text, in the form
// that is fastest to read. It begins with the surprise, which is known last (float32, little-endian); then the kind, the
// origin, the speaker, whether that is a name, position, times, importance and confidence, the metadata, the terms with
// their counts, and whether it ends in a question, as a list: earlier versions had more in it. Strings and lists are preceded
// by their length. Numbers are varints.

func (r *Record) digest(terms []string, counts []int) []byte {
	b := make([]byte, 4, 96+8*len(terms))
	str := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	str(r.Kind)
	str(r.Origin)
	if r.Speaker != "" {
		str(r.Speaker)
		b = append(b, 1)
	} else {
		str(r.Role)
		b = append(b, 0)
	}
	for _, n := range []int64{int64(r.Position), r.Created.UnixMicro(), r.ValidFrom, r.ValidUntil} {
		b = binary.AppendVarint(b, n)
	}
	b = appendFloat(b, r.Importance)
	b = appendFloat(b, r.Confidence)
	b = binary.AppendUvarint(b, uint64(len(r.Meta)))
	for _, k := range slices.Sorted(maps.Keys(r.Meta)) {
		str(k + "\x00" + r.Meta[k])
	}
	b = binary.AppendUvarint(b, uint64(len(terms)))
	for i, t := range terms {
		str(t)
		b = binary.AppendUvarint(b, uint64(counts[i]))
	}
	if !text.Asks(r.Text) {
		return binary.AppendUvarint(b, 0)
	}
	b = binary.AppendUvarint(b, 1)
	str(text.TypeAsks)
	return b
}

func appendFloat(b []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(f)))
}

// SetSurprise completes a digest.
func SetSurprise(digest []byte, surprise float64) {
	binary.LittleEndian.PutUint32(digest, math.Float32bits(float32(surprise)))
}

// digestReader reads a digest from its beginning to its end. After an error it reads zeros.
type digestReader struct {
	b   []byte
	bad bool
}

// take cuts n bytes off, which are valid as long as the digest.
func (r *digestReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.b, r.bad = nil, true
		return nil
	}
	head := r.b[:n]
	r.b = r.b[n:]
	return head
}

func (r *digestReader) number() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		size = -1
	}
	r.take(size)
	return n
}

// count is a number that is not negative, of at most so much.
func (r *digestReader) count(most int) int {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > uint64(most) {
		n, size = 0, -1
	}
	r.take(size)
	return int(n)
}

// length is that of something that follows; each of its parts takes a byte at least.
func (r *digestReader) length() int { return r.count(len(r.b)) }

func (r *digestReader) bytes() []byte { return r.take(r.length()) }

func (r *digestReader) flag() bool { return r.count(1) == 1 }

// frequency is how often a term occurs.
func (r *digestReader) frequency() uint32 { return uint32(r.count(math.MaxInt32)) }

func (r *digestReader) float() float32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

// oneOf is the place of a word in a list of those that may be.
func (r *digestReader) oneOf(of []string) uint8 {
	s := r.bytes()
	i := slices.IndexFunc(of, func(c string) bool { return c == string(s) })
	if i < 0 {
		r.take(-1)
	}
	return uint8(max(0, i))
}

// ErrDigest is returned for a digest that cannot be read: it is damaged.
var ErrDigest = errors.New("the digest cannot be read")

// err is the error of reading, or of bytes that are left over.
func (r *digestReader) err() error {
	if r.bad || len(r.b) > 0 {
		return ErrDigest
	}
	return nil
}

// DigestTerms are the terms of a digest; none if it cannot be read.
func DigestTerms(digest []byte) (terms []string) {
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
	for range r.length() {
		r.bytes()
	}
	for range r.length() {
		terms = append(terms, string(r.bytes()))
		r.frequency()
	}
	return terms
}

// Fingerprint tells one analysis of texts from another: the records of a store that was written with another are analysed anew.
func Fingerprint() string {
	const sample = "Yesterday Caroline's friends were running 1,250 metres; in Zürich, on 7 May 2023 at 10:30, Dr. O'Neill-Smith " +
		"wrote to jo@example.org about the café, 日本語 and www.example.org/a?b=c. \"Isn't it strange?\" she'd asked."
	h := fnv.New64a()
	terms, _ := Analyse(&Record{Text: sample, Speaker: "Dr. O'Neill-Smith", Created: time.Date(2023, 6, 1, 12, 0, 0, 0, time.UTC)})
	for _, t := range terms {
		fmt.Fprintf(h, "%s\x00", t)
	}
	if text.Asks(sample) {
		fmt.Fprintf(h, "%s\x01", text.TypeAsks)
	}
	return fmt.Sprintf("%016x", h.Sum64())
}
