package chatwire

import (
	"bytes"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// Append puts a text behind that of an answer in one piece, and a report into the member "refine"; either may be empty. Every
// other byte stays as it is.
func Append(w Wire, body []byte, text string, report []byte) []byte {
	if text != "" {
		body = w.add(body, text)
	}
	if report != nil {
		body = jsonedit.Set(body, report, ReportField)
	}
	return body
}

// Tail passes a stream on, event by event, and may put a text behind that of the answer once it is complete.
type Tail struct {
	*Tap
	more func(c *Capture) (text string, report []byte)
	held []byte // an event that has begun: its name, and its line as far as it came
	line int    // where its last line begins
	over bool   // nothing can be added any more
}

// NewTail makes the tail of a stream that a tap reads. more is asked once, with the complete answer, for what to put behind it.
func NewTail(t *Tap, more func(c *Capture) (text string, report []byte)) *Tail {
	return &Tail{Tap: t, more: more}
}

// Pass takes the next bytes of the stream, and returns those that may go on.
func (t *Tail) Pass(p []byte) []byte {
	if t.over {
		_, _ = t.Write(p)
		return p
	}
	var out []byte
	for len(p) > 0 && !t.over {
		end := bytes.IndexByte(p, '\n') + 1
		if end == 0 {
			t.held = append(t.held, p...)
			p = nil
			break
		}
		t.held = append(t.held, p[:end]...)
		p = p[end:]
		out = append(out, t.take()...)
	}
	if t.over || len(t.held) > maxEvent {
		t.over = true
		_, _ = t.Write(t.held[t.line:])
		_, _ = t.Write(p)
		out = append(append(out, t.held...), p...)
		t.held, t.line = nil, 0
	}
	return out
}

// Close returns what was held, when the stream has ended.
func (t *Tail) Close() []byte {
	if len(t.held) == 0 {
		return nil
	}
	if out := t.take(); out != nil {
		return out
	}
	return t.held // a name without an event
}

// take reads a line that is whole, and returns what may go on: all of it, but the name of an event, which waits for its data.
func (t *Tail) take() []byte {
	line := t.held[t.line:]
	_, _ = t.Write(line)
	if !bytes.HasSuffix(line, []byte("\n")) {
		_, _ = t.Write([]byte("\n"))
	}
	data := bytes.TrimSpace(eventData(line, t.kind))
	if t.Complete && len(data) > 0 {
		t.over = true
		e := &ending{kind: t.kind, data: data}
		if e.text, e.report = t.more(&t.Capture); e.text != "" {
			at := t.line + bytes.Index(line, data)
			before, changed := t.wire.ending(&t.Capture, e)
			t.held = append(before, jsonedit.Splice(t.held, at, at+len(data), changed)...)
		}
	} else if bytes.HasPrefix(line, []byte("event:")) {
		t.line = len(t.held)
		return nil
	}
	out := t.held
	t.held, t.line = nil, 0
	return out
}

// ending is the end of a stream.
type ending struct {
	kind   string
	data   []byte // of the last event
	text   string // to be put behind the answer's
	report []byte
}

// reported is the last event with the report.
func (e *ending) reported(data []byte, path ...any) []byte {
	if e.report == nil {
		return data
	}
	return jsonedit.Set(data, e.report, path...)
}

// events are the events before the last.
func (e *ending) events(write func(event func(name string, v any))) []byte {
	var b bytes.Buffer
	write(func(name string, v any) { WriteEvent(&b, e.kind, name, v) })
	return b.Bytes()
}
