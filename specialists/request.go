package specialists

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrRequest is wrapped by the errors of a request that cannot be read or served.
var ErrRequest = errors.New("specialist request")

// MaxRequests is how many requests of one text are served.
const MaxRequests = 5

// Request is a call of a specialist within a text, in one of the notations of Ada:
//
//	SPECIALIST_REQUEST[sudoku:{"rows": [[5, 3, 0], [6, 0, 0]]}]
//	@weather_specialist(city="Lisbon", days=2)
type Request struct {
	Name string
	Args json.RawMessage // an object, or what stood after the colon; {} where nothing did
	From int             // the bytes of the request in its text
	To   int
}

const requestMark = "SPECIALIST_REQUEST["

// Requests finds the requests of a text, in order. Those that cannot be read are left out, and the error, which wraps
// [ErrRequest], tells of each where it stands and why.
func Requests(text string) ([]Request, error) {
	var out []Request
	var errs []error
	for at := 0; at < len(text); {
		i := strings.Index(text[at:], requestMark)
		j := strings.IndexByte(text[at:], '@')
		switch {
		case i < 0 && j < 0:
			return out, errors.Join(errs...)
		case j < 0 || i >= 0 && i < j:
			r, err := bracketed(text, at+i)
			if err != nil {
				if len(errs) < MaxRequests {
					errs = append(errs, fmt.Errorf("%w at byte %d: %w", ErrRequest, at+i, err))
				}
				at += i + len(requestMark)
				continue
			}
			out, at = append(out, r), r.To
		default:
			r, ok, err := called(text, at+j)
			if err != nil && len(errs) < MaxRequests {
				errs = append(errs, fmt.Errorf("%w at byte %d: %w", ErrRequest, at+j, err))
			}
			if !ok {
				at += j + 1
				continue
			}
			out, at = append(out, r), r.To
		}
	}
	return out, errors.Join(errs...)
}

// nameAt is the name that begins at byte i.
func nameAt(s string, i int) string {
	j := i
	for j < len(s) && j-i < 64 && (s[j] == '_' || s[j] == '-' || s[j] >= '0' && s[j] <= '9' || s[j] >= 'a' && s[j] <= 'z' || s[j] >= 'A' && s[j] <= 'Z') {
		j++
	}
	return s[i:j]
}

// bracketed reads SPECIALIST_REQUEST[name:{json}] at byte at. Brackets inside of the JSON do not end it.
func bracketed(text string, at int) (Request, error) {
	i := at + len(requestMark)
	name := nameAt(text, i)
	if name == "" {
		return Request{}, errors.New("the name is missing: write SPECIALIST_REQUEST[name:{…}]")
	}
	i = skipSpace(text, i+len(name))
	r := Request{Name: strings.ToLower(name), Args: json.RawMessage("{}"), From: at}
	if i < len(text) && text[i] == ':' {
		i = skipSpace(text, i+1)
		if i < len(text) && text[i] != ']' {
			const longest = 64 << 10
			dec := json.NewDecoder(strings.NewReader(text[i:min(len(text), i+longest)]))
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil {
				return Request{}, fmt.Errorf("the arguments of %s are no JSON: %w", name, err)
			}
			r.Args = raw
			i = skipSpace(text, i+int(dec.InputOffset()))
		}
	}
	if i >= len(text) || text[i] != ']' {
		return Request{}, fmt.Errorf("the request for %s is not closed by ]", name)
	}
	r.To = i + 1
	return r, nil
}

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// called reads @name_specialist(key=value, …) at byte at. It is not ok if something else begins with the sign.
func called(text string, at int) (Request, bool, error) {
	full := nameAt(text, at+1)
	name, ok := strings.CutSuffix(full, "_specialist")
	i := at + 1 + len(full)
	if !ok || name == "" || i >= len(text) || text[i] != '(' {
		return Request{}, false, nil
	}
	args := map[string]json.RawMessage{}
	for i++; ; {
		i = skipSpace(text, i)
		if i >= len(text) {
			return Request{}, false, fmt.Errorf("the call of %s is not closed by )", name)
		}
		if text[i] == ')' {
			break
		}
		key := nameAt(text, i)
		i = skipSpace(text, i+len(key))
		if key == "" || i >= len(text) || text[i] != '=' {
			return Request{}, false, fmt.Errorf("the arguments of %s are not key=value", name)
		}
		i = skipSpace(text, i+1)
		value, n := argument(text[i:])
		args[key] = value
		i = skipSpace(text, i+n)
		if i < len(text) && text[i] == ',' {
			i++
		} else if i < len(text) && text[i] != ')' {
			return Request{}, false, fmt.Errorf("a comma is missing in the arguments of %s", name)
		}
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return Request{}, false, err
	}
	return Request{Name: strings.ToLower(name), Args: raw, From: at, To: i + 1}, true, nil
}

// argument reads a value: JSON, or else the words up to a comma or the closing bracket.
func argument(s string) (json.RawMessage, int) {
	if s != "" && (s[0] == '"' || s[0] == '[' || s[0] == '{') {
		dec := json.NewDecoder(strings.NewReader(s[:min(len(s), 64<<10)]))
		var raw json.RawMessage
		if dec.Decode(&raw) == nil {
			return raw, int(dec.InputOffset())
		}
	}
	n := strings.IndexAny(s, ",)\n")
	if n < 0 {
		n = len(s)
	}
	word := strings.TrimSpace(s[:n])
	if len(word) > 1 && word[0] == '\'' && word[len(word)-1] == '\'' {
		word = word[1 : len(word)-1]
	} else if json.Valid([]byte(word)) && word != "" {
		return json.RawMessage(word), n
	}
	raw, err := json.Marshal(strings.ToValidUTF8(word, "\uFFFD"))
	if err != nil {
		raw = json.RawMessage(`""`)
	}
	return raw, n
}

// Handler serves requests for one specialist.
type Handler func(ctx context.Context, args json.RawMessage) (string, error)

// Registry has the handlers by the name they are asked for.
type Registry map[string]Handler

// Serve puts in place of each request of a text what its handler says,
//
//	[SPECIALIST_RESULT: sudoku]…[/SPECIALIST_RESULT]   or   [SPECIALIST_ERROR: …]
//
// The first [MaxRequests] are served, one after the other; what a handler says asks for nothing again. It returns how
// many were served without an error.
func (r Registry) Serve(ctx context.Context, text string) (string, int) {
	requests, _ := Requests(text)
	var b strings.Builder
	last, served := 0, 0
	for i, q := range requests {
		b.WriteString(text[last:q.From])
		last = q.To
		result, err := r.serve(ctx, i, q)
		if err != nil {
			fmt.Fprintf(&b, "[SPECIALIST_ERROR: %s: %s]", q.Name, plainResult(strings.ReplaceAll(err.Error(), "]", ")")))
			continue
		}
		served++
		fmt.Fprintf(&b, "[SPECIALIST_RESULT: %s]%s[/SPECIALIST_RESULT]", q.Name, plainResult(result))
	}
	b.WriteString(text[last:])
	return b.String(), served
}

func (r Registry) serve(ctx context.Context, i int, q Request) (string, error) {
	if i >= MaxRequests {
		return "", fmt.Errorf("more than %d requests in one text", MaxRequests)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	h := r[q.Name]
	if h == nil {
		return "", fmt.Errorf("there is no such specialist, only %s", strings.Join(slices.Sorted(maps.Keys(r)), ", "))
	}
	return h(ctx, q.Args)
}

// plainResult keeps a result from closing its own brackets, and from asking for anything.
func plainResult(s string) string {
	return strings.NewReplacer("[/SPECIALIST_RESULT]", "(/SPECIALIST_RESULT)", requestMark, "SPECIALIST_REQUEST(", "_specialist(", "_specialist (").Replace(s)
}
