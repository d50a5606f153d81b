package index

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/internal/vector"
)

// dim is the dimension of the vectors of [Lookalike]; the weights are those of its features.
const (
	dim        = 384
	wordWeight = 1.0
	pairWeight = .15
	gramWeight = .25 // of one n-gram of a word of usual length
)

// Lookalike is the unit vector of a text by its hashed features: stemmed words, pairs of neighbouring words, and the character n-grams
// of each word (3 to 5, so that misspellings still meet) are each hashed to two places of the vector with a sign (Weinberger et
// al. 2009, "Feature Hashing for Large Scale Multitask Learning"). It sees words, not meanings: it tells whether a text says
// anew what was said before, and it is the same on every machine.
func Lookalike(s string) []float32 {
	v := make([]float32, dim)
	prev := uint64(0)
	for i, t := range text.Terms(s) {
		word := hash(offset, t)
		feature(v, word, wordWeight)
		if i > 0 {
			feature(v, mix(prev*31+word), pairWeight)
		}
		prev = word
		grams(v, t)
	}
	if _, ok := vector.Length(v); !ok {
		fallback(v, s)
	}
	vector.Unit(v, v)
	return v
}

// grams adds the character n-grams of a word with its ends marked. Together they weigh the same however long the word.
func grams(v []float32, word string) {
	var marked [96]byte
	if len(word) > len(marked)-2 {
		return
	}
	marked[0] = '^'
	n := copy(marked[1:], word) + 2
	marked[n-1] = '$'
	s := marked[:n]
	if n < 4 {
		return
	}
	weight := gramWeight * math.Sqrt(8/float64(n))
	for i := 0; i+3 <= n; i++ {
		if !utf8.RuneStart(s[i]) {
			continue
		}
		x := uint64(gramOffset)
		for j := i; j < min(i+5, n); j++ {
			x = (x ^ uint64(s[j])) * prime
			if j >= i+2 {
				feature(v, mix(x), weight)
			}
		}
	}
}

// fallback gives a text without any term a direction of its own.
func fallback(v []float32, s string) {
	clear(v)
	s = strings.ToLower(strings.TrimSpace(s))
	for _, w := range strings.Fields(s) {
		feature(v, hash(gramOffset, w), 1)
	}
	if _, ok := vector.Length(v); !ok {
		v[hash(offset, s)%uint64(dim)] = 1
	}
}

// feature adds a weight at two places, each with a sign of its own.
func feature(v []float32, x uint64, weight float64) {
	x = mix(x)
	w := float32(weight)
	a, b := w, w
	if x&1 != 0 {
		a = -w
	}
	if x&2 != 0 {
		b = -w
	}
	v[(x>>2&0x3fffffff)*dim>>30] += a
	v[(x>>32&0x3fffffff)*dim>>30] += b
}

// FNV-1a (Fowler, Noll, Vo), finished by mix.
const (
	offset     = 14695981039346656037
	gramOffset = 7809847782465536322
	prime      = 1099511628211
)

func hash(seed uint64, s string) uint64 {
	for i := range len(s) {
		seed = (seed ^ uint64(s[i])) * prime
	}
	return mix(seed)
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of x changes half of the result's bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
