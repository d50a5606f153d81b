package scripted

import (
	"net/http"
	"strings"
)

// Says answers every request with the same text.
func Says(text string) Script { return func(Request) Reply { return Reply{Text: text} } }

// Sequence answers with one text after the other, and then with the last for ever.
func Sequence(texts ...string) Script {
	return func(r Request) Reply { return Reply{Text: texts[min(r.N, len(texts))-1]} }
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
