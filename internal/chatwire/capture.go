package chatwire

import (
	"bytes"
	"mime"
	"strings"
)

// Capture is what an answer says, read while its bytes go by.
type Capture struct {
	Text     string
	Complete bool // it came to its end of itself
	Other    bool // it calls tools, or says what is no text
	Failed   bool // it is an error
	Long     bool // it is longer than what is read
	Usage    Usage
	Next     int // the number of the next event, or of the next part of the answer, where they are numbered

	most     int
	streamed strings.Builder // Text, of a stream
	part     [2]int          // the text that is being said, where an answer may have several: counted from 1
	items    [][]byte        // parts of the answer, where its last event may leave them out
	size     int             // of items, in bytes
}

// Usage are the tokens that a model's server counted.
type Usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
}

// say adds a piece of a stream's text.
func (c *Capture) say(text string) {
	if c.Long = c.Long || c.streamed.Len()+len(text) > c.most; !c.Long {
		c.streamed.WriteString(text)
		c.Text = c.streamed.String() // copies nothing
	}
}

// sayAt adds a piece of one of the answer's texts.
func (c *Capture) sayAt(part [2]int, text string) {
	if c.part != part && c.Text != "" {
		c.say(apart)
	}
	c.part = part
	c.say(text)
}

// apart stands between the texts of an answer that has several.
const apart = "\n\n"

// maxEvent bounds what is read of one event, or of an answer that is no stream, in bytes.
const maxEvent = 4 << 20

// Tap reads an answer while it goes by, in whatever pieces it comes.
type Tap struct {
	Capture
	wire   Wire
	kind   string
	events bool   // it is a stream
	kept   []byte // the line that is not yet whole, or an answer in one piece
	skip   bool   // the line is too long to be read
}

// NewTap makes the tap of an answer of a media type. most bounds the text that is kept, in bytes.
func NewTap(w Wire, contentType string, most int) *Tap {
	t := &Tap{wire: w}
	t.most = most
	t.kind, _, _ = mime.ParseMediaType(contentType)
	t.events = IsStream(contentType)
	return t
}

// IsStream reports whether an answer of a media type comes event by event.
func IsStream(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch kind {
	case EventStream, JSONLines, "application/jsonl", "application/json-lines":
		return true
	}
	return false
}

// Len is the length of the line that has begun and not ended.
func (t *Tap) Len() int { return len(t.kept) }

// Write takes the next bytes. It never fails.
func (t *Tap) Write(p []byte) (int, error) {
	n := len(p)
	if !t.events {
		if t.Long = t.Long || len(t.kept)+n > max(maxEvent, t.most); !t.Long {
			t.kept = append(t.kept, p...)
		}
		return n, nil
	}
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		if len(t.kept)+len(part) > maxEvent {
			t.skip, t.Long = true, true
		}
		switch {
		case t.skip:
		case end >= 0 && len(t.kept) == 0: // the usual case: nothing is copied
			t.line(part)
		default:
			t.kept = append(t.kept, part...)
			if end >= 0 {
				t.line(t.kept)
			}
		}
		if end < 0 {
			break
		}
		t.kept, t.skip = t.kept[:0], false
		p = p[end+1:]
	}
	return n, nil
}

// Pass takes the next bytes, and returns them: all of them may go on.
func (t *Tap) Pass(p []byte) []byte {
	_, _ = t.Write(p)
	return p
}

// Close returns what was held back: nothing.
func (t *Tap) Close() []byte { return nil }

func (t *Tap) line(line []byte) {
	if data := eventData(line, t.kind); len(data) > 0 {
		t.wire.event(&t.Capture, data)
	}
}

// eventData is what a line of a stream holds; empty if that is nothing, or the mark of the end.
func eventData(line []byte, kind string) []byte {
	line = bytes.TrimRight(line, "\r\n")
	if kind == EventStream {
		var found bool
		if line, found = bytes.CutPrefix(line, []byte("data:")); !found {
			return nil
		}
		line = bytes.TrimPrefix(line, []byte(" "))
	}
	if string(bytes.TrimSpace(line)) == "[DONE]" {
		return nil
	}
	return line
}

// End is what the answer said. It is complete now.
func (t *Tap) End() *Capture {
	switch {
	case t.events && t.kind != EventStream && len(t.kept) > 0 && !t.skip: // the last line needs no end
		t.line(t.kept)
		t.kept = nil
	case t.kind == "text/plain" && !t.Long:
		t.Text = string(t.kept)
		t.Long = len(t.Text) > t.most
	case !t.events && !t.Long:
		t.wire.whole(&t.Capture, t.kept)
		t.Long = len(t.Text) > t.most
	}
	return &t.Capture
}

// Spoken is the answer without the reasoning that stands in its text.
func (c *Capture) Spoken() string { return Spoken("assistant", c.Text) }
