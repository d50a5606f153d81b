package extract

import (
	"hash/fnv"
	"math"
	"regexp"
	"strings"

	"github.com/trm-go/refiner/internal/text"
)

// asked are the probabilities of what a question asks for.
type asked struct{ time, number, name, other float64 }

// AskedNames are the kinds in the order of their weights.
var AskedNames = [...]string{"time", "number", "name", "other"}

// NgramBuckets is the number of weights of a kind.
const NgramBuckets = 4096

// Ngrams are the buckets of a question's words and of the runs of two to four characters at and in them.
func Ngrams(s string) []int {
	var out []int
	add := func(gram string) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(gram))
		out = append(out, int(h.Sum32()%NgramBuckets))
	}
	words := strings.Fields(strings.ToLower(s))
	for i, w := range words {
		if i < 4 {
			add("^" + w)
		}
		add("=" + w)
		if i == 1 {
			add(words[0] + " " + w)
		}
		runes := []rune("<" + w + ">")
		for n := 2; n <= 4; n++ {
			for j := 0; j+n <= len(runes) && j < 40; j++ {
				add(string(runes[j : j+n]))
			}
		}
		if i == 24 {
			break
		}
	}
	return out
}

// asks tells what a question asks for, in any of the languages that the model learned and in what is written like them.
func asks(s string) asked {
	p := AskedKinds(model.Asks, Ngrams(s))
	return asked{p[0], p[1], p[2], p[3]}
}

// AskedKinds are the probabilities of the kinds.
func AskedKinds(weights [][]float64, grams []int) [len(AskedNames)]float64 {
	var p [len(AskedNames)]float64
	sum := 0.0
	for k := range p {
		if k < len(weights) {
			for _, g := range grams {
				p[k] += weights[k][g]
			}
		}
		p[k] = math.Exp(p[k] / math.Sqrt(float64(max(1, len(grams)))))
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}

// holds tells how surely a passage holds a time, a number and a name that the question does not hold.
func (r *Reading) holds(p *Passage) asked {
	var h asked
	if len(text.Dates(p.Text, r.task.Evidence[p.Record].Created)) > 0 || clocks.MatchString(p.Text) {
		h.time = 1
	}
	for term := range p.tokens.set {
		if hasDigit(term) && !r.question.has(term) {
			h.number = 1
			h.time = max(h.time, .5)
		}
	}
	if h.number == 0 && numbers.MatchString(p.Text) {
		h.number = .7
	}
	for name := range p.tokens.names {
		if !hasDigit(name) && !r.question.has(name) {
			h.name = 1
		}
	}
	return h
}

var (
	clocks  = regexp.MustCompile(`(?i)\b\d{1,2}(:\d\d| ?[ap]m)\b|\d{1,2} ?(h|Uhr|時|点|시)`)
	numbers = regexp.MustCompile(`\d`)
)
