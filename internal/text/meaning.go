package text

import (
	_ "embed"
	"encoding/binary"
	"math"
	"sort"
)

// meaning holds a vector of meaning for the most common words of 14 languages: see bench/answer/meaning.py, which makes it. The
// vectors are product-quantised: a word is 8 bytes, each the number of one of 256 centroids of 8 dimensions. The file holds the scale
// of the centroids (float32), the centroids (int8), for each upper byte of a word's 24-bit hash the number of its words
// (uint16), their lower 16 bits, ascending, their codes, and the languages of each, a bit for each of the 14 (uint16), all
// little-endian.
//
//go:embed meaning.bin
var meaning string

const (
	meaningParts = 8
	meaningDims  = 8 // of a part

	// MeaningDimensions is the length of the vector of a word.
	MeaningDimensions = meaningParts * meaningDims

	meaningBooks = 4
	meaningHeads = meaningBooks + meaningParts*256*meaningDims
	meaningBody  = meaningHeads + 2*256
)

// Meaning is the vector of a word, compressed, and the languages in which it is common, as bits.
type Meaning struct {
	code      [meaningParts]uint8
	languages uint16
}

// meaningIndex holds where the words of each upper byte begin, the centroids, and their squared lengths.
var meaningIndex = func() (x struct {
	from     [257]int
	centroid [meaningParts][256][meaningDims]float32
	square   [meaningParts][256]float32
}) {
	for i := range 256 {
		x.from[i+1] = x.from[i] + int(binary.LittleEndian.Uint16([]byte(meaning[meaningHeads+2*i:])))
	}
	scale := math.Float32frombits(binary.LittleEndian.Uint32([]byte(meaning)))
	at := meaningBooks
	for p := range meaningParts {
		for c := range 256 {
			for d := range meaningDims {
				v := scale * float32(int8(meaning[at]))
				x.centroid[p][c][d] = v
				x.square[p][c] += v * v
				at++
			}
		}
	}
	return x
}()

// MeaningOf returns the vector of a term as [Weighted] writes it; false if the table does not hold it.
func MeaningOf(term string) (Meaning, bool) {
	h := hash32(term) & 0xffffff
	from, to := meaningIndex.from[h>>16], meaningIndex.from[h>>16+1]
	at := func(i int) uint32 {
		i = meaningBody + 2*i
		return uint32(meaning[i]) | uint32(meaning[i+1])<<8
	}
	i := from + sort.Search(to-from, func(i int) bool { return at(from+i) >= h&0xffff })
	var m Meaning
	if i == to || at(i) != h&0xffff {
		return m, false
	}
	n := meaningIndex.from[256]
	copy(m.code[:], meaning[meaningBody+2*n+meaningParts*i:])
	m.languages = binary.LittleEndian.Uint16([]byte(meaning[meaningBody+(2+meaningParts)*n+2*i:]))
	return m, true
}

// Likeness is the cosine of the meanings of two words: about 0 for words that have nothing to do with each other, .4 for words of
// one subject, .8 for translations.
func (m Meaning) Likeness(o Meaning) float64 {
	dot, a, b := float32(0), float32(0), float32(0)
	for p := range m.code {
		x, y := &meaningIndex.centroid[p][m.code[p]], &meaningIndex.centroid[p][o.code[p]]
		for d := range x {
			dot += x[d] * y[d]
		}
		a += meaningIndex.square[p][m.code[p]]
		b += meaningIndex.square[p][o.code[p]]
	}
	return float64(dot) / math.Sqrt(float64(a*b))
}

// Likenesses is [Meaning.Likeness], made ready for many words.
func (m Meaning) Likenesses() func(Meaning) float64 {
	var products [meaningParts][256]float32
	square := float32(0)
	for p := range m.code {
		x := &meaningIndex.centroid[p][m.code[p]]
		square += meaningIndex.square[p][m.code[p]]
		for c := range products[p] {
			for d, y := range meaningIndex.centroid[p][c] {
				products[p][c] += x[d] * y
			}
		}
	}
	return func(o Meaning) float64 {
		dot, b := float32(0), float32(0)
		for p, c := range o.code {
			dot += products[p][c]
			b += meaningIndex.square[p][c]
		}
		return float64(dot) / math.Sqrt(float64(square*b))
	}
}

// Foreign reports whether two words have no language in common.
func (m Meaning) Foreign(o Meaning) bool { return m.languages&o.languages == 0 }

// AddTo adds the vector of a word, of length 1, times a weight.
func (m Meaning) AddTo(sum *[MeaningDimensions]float64, weight float64) {
	square := float32(0)
	for p := range m.code {
		square += meaningIndex.square[p][m.code[p]]
	}
	weight /= math.Sqrt(float64(square))
	for p := range m.code {
		for d, x := range meaningIndex.centroid[p][m.code[p]] {
			sum[p*meaningDims+d] += weight * float64(x)
		}
	}
}
