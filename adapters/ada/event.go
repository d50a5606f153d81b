package ada

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// The types of an Event.
const (
	Token            = "token"             // a piece of the answer, in Content
	Thinking         = "thinking"          // a piece of reasoning, in Content
	SpecialistResult = "specialist_result" // what a specialist found: Content, or Specialist and Confidence
	Failed           = "error"             // Err; the stream is over
	Done             = "done"              // Summary; the stream is over
)

// Event is one of the stream of an answer. Types that are not listed here are passed on as they came.
type Event struct {
	Type string `json:"type"`
	// Named says that the type came as the name of the SSE event and not in its data, as for a specialist that ran before
	// the answer.
	Named      bool            `json:"-"`
	Content    string          `json:"content,omitempty"`
	Specialist string          `json:"specialist,omitempty"`
	Confidence float64         `json:"confidence,omitempty"`
	Err        string          `json:"error,omitempty"`
	Summary    *Summary        `json:"-"`
	Data       json.RawMessage `json:"-"` // as it came; empty for raw text
}

// Summary is what the last event of an answer tells.
type Summary struct {
	ConversationID     string          `json:"conversation_id"`
	UsedContext        json.RawMessage `json:"used_context,omitempty"`
	UserTimestamp      string          `json:"user_timestamp"`
	AssistantTimestamp string          `json:"assistant_timestamp"`
	RequestID          string          `json:"request_id"`
	LatencyBreakdown   *Latency        `json:"latency_breakdown,omitempty"`
	Routing            json.RawMessage `json:"routing,omitempty"`
	ResponseCache      json.RawMessage `json:"response_cache,omitempty"`
}

// Latency is where the time of an answer went. The names are Ada's.
type Latency struct {
	OverheadMs  float64  `json:"python_overhead_ms"` // before the language model
	InferenceMs float64  `json:"llm_inference_ms"`
	TotalMs     float64  `json:"total_ms"`
	Percentage  float64  `json:"llm_percentage"`
	Specialists int      `json:"specialists_activated"`
	Retrieved   bool     `json:"context_retrieved"`
	CacheHits   *float64 `json:"cache_hit_rate"`
}

// The bounds of a stream, in bytes.
const (
	maxLine  = 1 << 20
	maxEvent = 4 << 20
)

// ErrStream is returned for a stream that breaks off, or that is none.
var ErrStream = errors.New("unusable stream")

// decodeStream reads the events of an SSE stream: JSON with a type, or raw text, with or without names. It ends with done,
// an error event or [DONE]; a stream that just stops was broken off, unless it was raw text, which has no other end.
func decodeStream(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 4096), maxLine)
		lines.Split(splitLines)
		var name string
		var data []string
		size, raw, objects := 0, false, false
		// dispatch yields what was gathered. It returns whether to go on.
		dispatch := func() bool {
			texts := data
			if whole := strings.Join(data, "\n"); len(data) > 1 && (json.Valid([]byte(whole)) || !allObjects(data)) {
				texts = []string{whole}
			}
			for _, text := range texts {
				if text == "[DONE]" {
					return false
				}
				e := decodeEvent(name, text)
				raw, objects = raw || e.Data == nil, objects || e.Data != nil
				if !yield(e, nil) || e.Type == Done || e.Type == Failed {
					return false
				}
			}
			name, data, size = "", nil, 0
			return true
		}
		for lines.Scan() {
			line := lines.Text()
			if line == "" {
				if !dispatch() {
					return
				}
				continue
			}
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch field { // a comment has the empty one; id and retry are of no use here
			case "event":
				name = value
			case "data":
				if size += len(value); size > maxEvent {
					yield(Event{}, fmt.Errorf("%w: an event has more than %d bytes", ErrStream, maxEvent))
					return
				}
				data = append(data, value)
			}
		}
		if err := lines.Err(); err != nil {
			yield(Event{}, fmt.Errorf("%w: %w", ErrStream, err))
			return
		}
		half := objects && len(data) > 0 && strings.HasPrefix(data[0], "{") && !json.Valid([]byte(strings.Join(data, "\n"))) && !allObjects(data)
		if half || dispatch() && (objects || !raw) {
			yield(Event{}, fmt.Errorf("%w: it ends before the answer does: %w", ErrStream, io.ErrUnexpectedEOF))
		}
	}
}

// splitLines splits at \n, \r\n and \r, as SSE does.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case i < 0:
		return 0, nil, nil
	case data[i] == '\n':
		return i + 1, data[:i], nil
	case i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	case i+1 < len(data) || atEOF:
		return i + 1, data[:i], nil
	}
	return 0, nil, nil // the \n may be still to come
}

// allObjects reports whether each line is a JSON object by itself, as of a server that leaves out the empty lines.
func allObjects(lines []string) bool {
	for _, l := range lines {
		if l != "[DONE]" && (!strings.HasPrefix(l, "{") || !json.Valid([]byte(l))) {
			return false
		}
	}
	return true
}

// decodeEvent reads the data of one event. What is no JSON object is a piece of the answer.
func decodeEvent(name, data string) Event {
	var e Event
	if !strings.HasPrefix(strings.TrimSpace(data), "{") || !json.Valid([]byte(data)) {
		if name != "" && name != "message" && name != Token {
			return Event{Type: name, Named: true, Content: data}
		}
		return Event{Type: Token, Content: data}
	}
	e.Data = json.RawMessage(data)
	_ = json.Unmarshal(e.Data, &e) // members of other types than here are in Data
	var other struct {
		Error json.RawMessage `json:"error"`
	}
	if e.Err == "" && json.Unmarshal(e.Data, &other) == nil && len(other.Error) > 0 && string(other.Error) != "null" && string(other.Error) != `""` {
		e.Err = string(other.Error)
	}
	if e.Type == "" {
		switch {
		case name != "" && name != "message":
			e.Type, e.Named = name, true
		case e.Err != "":
			e.Type = Failed
		default:
			e.Type = Token
		}
	}
	if e.Type == Done {
		var s Summary
		if json.Unmarshal(e.Data, &s) == nil {
			e.Summary = &s
		}
	}
	return e
}

// encode writes an event as Ada does.
func (e *Event) encode(w io.Writer) error {
	var body any = e
	if e.Type == Done {
		s := Summary{}
		if e.Summary != nil {
			s = *e.Summary
		}
		body = struct {
			Type string `json:"type"`
			Summary
		}{Done, s}
	}
	if e.Named {
		body = struct {
			Specialist string  `json:"specialist,omitempty"`
			Confidence float64 `json:"confidence"`
			Content    string  `json:"content,omitempty"`
		}{e.Specialist, e.Confidence, e.Content}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	if e.Named {
		_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.Type, text)
	} else {
		_, err = fmt.Fprintf(w, "data: %s\n\n", text)
	}
	return err
}
