package scripted

import (
	"math/rand/v2"
	"net/http"
	"strings"
)

// Says answers every request with the same text.
func Says(text string) Script { return func(Request) Reply { return Reply{Text: text} } }

// Sequence answers with one text after the other, and then with the last for ever.
func Sequence(texts ...string) Script {
	return func(r Request) Reply { return Reply{Text: texts[min(r.N, len(texts))-1]} }
}

// Then answers the first request with a text, and leaves all others to a script: an honest draft, and a hostile reviser.
func Then(first string, rest Script) Script {
	return func(r Request) Reply {
		if r.N == 1 {
			return Reply{Text: first}
		}
		return rest(r)
	}
}

// Alternates answers with two texts in turn, for ever.
func Alternates(a, b string) Script {
	return func(r Request) Reply {
		if r.N%2 == 1 {
			return Reply{Text: a}
		}
		return Reply{Text: b}
	}
}

// Edits answers with the last answer of the conversation after random edits: words dropped, doubled, swapped, and numbers
// changed. The same seed and request number make the same edits.
func Edits(seed uint64) Script {
	return func(r Request) Reply {
		rng := rand.New(rand.NewPCG(seed, uint64(r.N)))
		words := strings.Fields(r.Last("assistant"))
		for range 1 + len(words)/5 {
			if len(words) < 2 {
				break
			}
			i, j := rng.IntN(len(words)), rng.IntN(len(words))
			switch rng.IntN(4) {
			case 0:
				words = append(words[:i], words[i+1:]...)
			case 1:
				words[i] += " " + words[i]
			case 2:
				words[i], words[j] = words[j], words[i]
			case 3:
				words[i] = strings.Map(func(c rune) rune {
					if c >= '0' && c <= '9' {
						return '0' + (c-'0'+1+rng.Int32N(9))%10
					}
					return c
				}, words[i])
			}
		}
		return Reply{Text: strings.Join(words, " ")}
	}
}

// Invents answers with the last answer of the conversation and one more of the given claims each time.
func Invents(claims ...string) Script {
	return func(r Request) Reply {
		return Reply{Text: strings.TrimSpace(r.Last("assistant") + " " + claims[(r.N-1)%len(claims)])}
	}
}

// Flatters praises the question and the answer, and says nothing else new.
func Flatters(r Request) Reply {
	return Reply{Text: "What a wonderful question! " + r.Last("assistant") + " You are absolutely right, as always."}
}

// Obeys does what the first line that begins with the mark in any message tells it to say.
func Obeys(mark string) Script {
	return func(r Request) Reply {
		for _, m := range r.Messages {
			if _, order, ok := strings.Cut(m.Content, mark); ok {
				order, _, _ = strings.Cut(order, "\n")
				return Reply{Text: strings.TrimSpace(order)}
			}
		}
		return Reply{Text: r.Last("assistant")}
	}
}

// Huge answers with so many bytes of words.
func Huge(bytes int) Script {
	return Says(strings.Repeat("All work and no play makes a dull answer. ", bytes/42+1))
}

// Garbled answers with what is no JSON.
func Garbled(r Request) Reply {
	if r.Stream {
		return Reply{Raw: "data: {\"choices\": [{\"delta\": {\"content\": \n\n"}
	}
	return Reply{Raw: `{"choices": [{"message": {"content": "half`}
}

// Breaks answers with a text, and loses the connection after so many words.
func Breaks(text string, words int) Script {
	return func(r Request) Reply {
		if !r.Stream {
			return Reply{Text: text, Break: max(1, len(text)/2)}
		}
		return Reply{Text: text, Break: words}
	}
}

// Storms answers every request with an error.
func Storms(status int) Script {
	return func(Request) Reply {
		reply := Reply{Status: status, Text: "not now"}
		if status == http.StatusTooManyRequests {
			reply.Header = http.Header{"Retry-After": {"0"}}
		}
		return reply
	}
}

// Silent never answers.
func Silent(Request) Reply { return Reply{Hang: true} }
