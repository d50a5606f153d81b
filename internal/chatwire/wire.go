package chatwire

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// Wire is one of the APIs: [Completions], [Responses], [Anthropic], [Ollama] or [Any].
type Wire interface {
	// Path is its endpoint: below the version, or from the root where it begins with /api.
	Path() string
	// Field holds the conversation in a request.
	Field() string

	// read reads into a request what only this API has.
	read(q *Request)
	// place is where notes go: the path of a text, or of parts, which are then of a type.
	place(q *Request) (path []any, part string)

	// whole reads an answer in one piece.
	whole(c *Capture, body []byte)
	// event reads an event of a stream.
	event(c *Capture, data []byte)
	// add puts a text behind that of an answer in one piece.
	add(body []byte, text string) []byte
	// ending puts a text behind that of a stream, of which e.data is the event that ends it: it returns the events that are to
	// stand before that one, and the one itself.
	ending(c *Capture, e *ending) (before, data []byte)

	// compose makes an answer of a text.
	compose(q *Request, o *Own) []byte
	// composeStream makes a stream of a text.
	composeStream(q *Request, o *Own) []byte
	// Failed is the event of a number that ends a stream of which no more can come; below 0, the body of an answer that is an error.
	Failed(f *Failure, number int) (name string, body any)
}

// Wires are the APIs that have an endpoint.
var Wires = []Wire{Completions{}, Responses{}, Anthropic{}, Ollama{}, Ollama{Generate: true}}

// Own is an answer that no model's server made.
type Own struct {
	ID, Model, Text string
	Usage           Usage
	Report          json.RawMessage // goes into the member "refine"
}

// Failure is an error as a client reads it, in the shape of OpenAI's errors, which every client of theirs understands.
type Failure struct {
	Status  int     `json:"-"`
	Message string  `json:"message"` // what is wrong, and the fix
	Type    string  `json:"type"`    // invalid_request_error, authentication_error, permission_error, rate_limit_error or server_error
	Param   *string `json:"param"`   // the field at fault; nil: none
	Code    string  `json:"code"`    // for programs
}

func (f *Failure) Error() string { return f.Message }

// ReportField is the member of an answer that tells how it came about.
const ReportField = "refine"

// Compose is a text as an answer to a request: a stream if it asks for one.
func (q *Request) Compose(o *Own) (body []byte, kind string) {
	if !q.Stream {
		body = q.wire.compose(q, o)
		if o.Report != nil {
			body = jsonedit.Set(body, o.Report, ReportField)
		}
		return body, "application/json"
	}
	if _, lines := q.wire.(Ollama); lines {
		return q.wire.composeStream(q, o), JSONLines
	}
	return q.wire.composeStream(q, o), EventStream
}

// The media types of streams.
const (
	EventStream = "text/event-stream"
	JSONLines   = "application/x-ndjson"
)

// WriteEvent writes an event of a stream of a media type; most have no name, and JSON lines have none.
func WriteEvent(b *bytes.Buffer, kind, name string, v any) {
	data, isRaw := v.([]byte)
	if !isRaw {
		data, _ = json.Marshal(v) // texts, numbers and JSON
	}
	if !strings.HasPrefix(kind, EventStream) {
		b.Write(data)
		b.WriteByte('\n')
		return
	}
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
}
