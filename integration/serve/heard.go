package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/trm-go/refiner/memory"
)

// heard is what an answer says, read along while its bytes go by.
type heard struct {
	Text     string
	Complete bool // it came to its end of itself
	Tools    bool // it calls tools, or says what is no text
	Usage    usage
	Long     bool // it is longer than is read along

	// Of a stream.
	first    json.RawMessage // its first event
	lastly   json.RawMessage // the event with the usage, if it has one of its own
	finish   string
	streamed strings.Builder
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
}

// listener reads along.
type listener interface {
	hear(p []byte)
	end() *heard
}

const (
	maxHeard = memory.MaxText // of an answer's text that is read along, in bytes
	maxEvent = 4 << 20        // of one event, or of an answer that is no stream
)

// wholeListener reads an answer that comes in one piece.
type wholeListener struct {
	body bytes.Buffer
	long bool
}

func (l *wholeListener) hear(p []byte) {
	if l.long = l.long || l.body.Len()+len(p) > maxEvent; !l.long {
		l.body.Write(p)
	}
}

// beside is what may stand beside a text, or in its place.
type beside struct {
	Refusal   string          `json:"refusal"`
	ToolCalls json.RawMessage `json:"tool_calls"`
	Function  json.RawMessage `json:"function_call"`
	Audio     json.RawMessage `json:"audio"`
}

// any reports whether something does.
func (b *beside) any() bool {
	filled := func(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" && string(raw) != "[]" }
	return b.Refusal != "" || filled(b.ToolCalls) || filled(b.Function) || filled(b.Audio)
}

// completion is what is read of a chat completion.
type completion struct {
	Choices []struct {
		Index   int `json:"index"`
		Message struct {
			Content any `json:"content"`
			beside
		} `json:"message"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage usage `json:"usage"`
}

func (l *wholeListener) end() *heard {
	h := &heard{Long: l.long}
	var c completion
	if l.long || json.Unmarshal(l.body.Bytes(), &c) != nil || len(c.Choices) == 0 {
		return h
	}
	m := c.Choices[0].Message
	h.Text, _ = m.Content.(string)
	h.Tools = m.any() || len(c.Choices) > 1
	h.Complete = c.Choices[0].Finish == "stop" || c.Choices[0].Finish == ""
	h.Usage = c.Usage
	return h
}

// streamListener reads server-sent events, whatever pieces they come in.
type streamListener struct {
	heard
	line []byte
	skip bool // the line is too long to be read
}

func (l *streamListener) hear(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		if len(l.line)+len(part) > maxEvent {
			l.skip, l.Long = true, true
		}
		switch {
		case l.skip:
		case end >= 0 && len(l.line) == 0: // the usual case: nothing is copied
			l.event(part)
		default:
			l.line = append(l.line, part...)
			if end >= 0 {
				l.event(l.line)
			}
		}
		if end < 0 {
			return
		}
		l.line, l.skip = l.line[:0], false
		p = p[end+1:]
	}
}

// chunk is what is read of one event.
type chunk struct {
	Choices []struct {
		Index int `json:"index"`
		Delta struct {
			Content string `json:"content"`
			beside
		} `json:"delta"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage *usage `json:"usage"`
}

func (l *streamListener) event(line []byte) {
	data, found := bytes.CutPrefix(bytes.TrimRight(line, "\r"), []byte("data:"))
	if !found {
		return
	}
	data = bytes.TrimSpace(data)
	var c chunk
	if len(data) == 0 || data[0] != '{' || json.Unmarshal(data, &c) != nil {
		return
	}
	if l.first == nil {
		l.first = bytes.Clone(data)
	}
	if c.Usage != nil {
		l.Usage = *c.Usage
		if len(c.Choices) == 0 {
			l.lastly = bytes.Clone(data)
		}
	}
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			l.Tools = true
			continue
		}
		d := choice.Delta
		l.Tools = l.Tools || d.any()
		if l.Long = l.Long || l.streamed.Len()+len(d.Content) > maxHeard; !l.Long {
			l.streamed.WriteString(d.Content)
		}
		if choice.Finish != "" {
			l.finish = choice.Finish
		}
	}
}

func (l *streamListener) end() *heard {
	l.Text = l.streamed.String()
	l.Complete = l.finish == "stop"
	return &l.heard
}

// listen chooses how an answer is read along; nil where it cannot be.
func listen(response *http.Response) listener {
	switch {
	case response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "":
		return nil
	case isStream(response):
		return &streamListener{}
	}
	return &wholeListener{}
}

func isStream(response *http.Response) bool {
	return strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream")
}

var buffers = sync.Pool{New: func() any { return new([4 << 10]byte) }}

// stuck is how long a client may take none of what is sent to it.
const stuck = time.Minute

// errReading marks an error of the upstream's answer, not of the client's connection.
var errReading = errors.New("the upstream's answer breaks off")

// relay sends an answer on as it comes: what is read is written and flushed before more is read.
func relay(w http.ResponseWriter, body io.Reader, l listener) error {
	control := http.NewResponseController(w)
	buffer := buffers.Get().(*[4 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := body.Read(buffer[:])
		if n > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(stuck)) // a test's recorder has none
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
			if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
			if l != nil {
				l.hear(buffer[:n])
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errors.Join(errReading, err)
		}
	}
}
