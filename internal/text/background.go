package text

import (
	_ "embed"
	"encoding/binary"
	"sort"
)

// background is how common words are in what people write, over 26 languages: see bench/ranker/background.py, which makes
// it. An entry is the hash of a word (uint32, little-endian) and one byte, its weight times 255; entries ascend.
//
//go:embed background.bin
var background string

const backgroundEntry = 5

// Weight is how much a word of a question tells, in (0, 1]: little if texts of any subject hold it in one of many
// languages ("what", "ist", "からの"), 1 if it is rare. The word is in lower case without accents. A small store cannot tell from
// its own texts which words are common; multiplied with the inverse document frequency in a store this takes the place
// of lists of stop words.
func Weight(word string) float64 {
	h := hash32(word)
	n := len(background) / backgroundEntry
	at := func(i int) uint32 {
		return binary.LittleEndian.Uint32([]byte(background[i*backgroundEntry : i*backgroundEntry+4]))
	}
	i := sort.Search(n, func(i int) bool { return at(i) >= h })
	if i < n && at(i) == h {
		return float64(background[i*backgroundEntry+4]) / 255
	}
	return 1
}

// hash32 is the FNV-1a hash of a word.
func hash32(word string) uint32 {
	h := uint32(0x811c9dc5)
	for i := range len(word) {
		h = (h ^ uint32(word[i])) * 0x01000193
	}
	return h
}
