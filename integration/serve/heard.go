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
	Fixed    bool // its text can be no other: it comes in parts, or what stands beside it counts its letters
	Usage    usage
	Long     bool // it is longer than is read along

	streamed strings.Builder // Text, of a stream

	// Of a stream of chat completions.
	first  json.RawMessage // its first event
	lastly json.RawMessage // the event with the usage, if it has one of its own

	// Of a stream of the Responses API.
	made  json.RawMessage   // the answer as its last event holds it
	items []json.RawMessage // the answer's parts, for one that holds none
	size  int               // of items, in bytes
	part  [2]int            // the text that is being said: its places in the output and in the message
	next  int               // the number of the next event
}

// say takes note of a piece of a stream's text.
func (h *heard) say(text string) {
	if h.Long = h.Long || h.streamed.Len()+len(text) > maxHeard; !h.Long {
		h.streamed.WriteString(text)
		h.Text = h.streamed.String() // copies nothing
	}
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
	api  api
	body bytes.Buffer
	long bool
}

func (l *wholeListener) hear(p []byte) {
	if l.long = l.long || l.body.Len()+len(p) > maxEvent; !l.long {
		l.body.Write(p)
	}
}

func (l *wholeListener) end() *heard {
	h := &heard{Long: l.long}
	if !l.long {
		l.api.whole(h, l.body.Bytes())
	}
	return h
}

// streamListener reads server-sent events, whatever pieces they come in.
type streamListener struct {
	heard
	api  api
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

func (l *streamListener) event(line []byte) {
	data, found := bytes.CutPrefix(bytes.TrimRight(line, "\r"), []byte("data:"))
	if data = bytes.TrimSpace(data); found && len(data) > 0 && data[0] == '{' {
		l.api.event(&l.heard, data)
	}
}

func (l *streamListener) end() *heard { return &l.heard }

// listen chooses how an answer is read along; nil where it cannot be.
func listen(a api, response *http.Response) listener {
	switch {
	case response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "":
		return nil
	case isStream(response):
		return &streamListener{api: a}
	}
	return &wholeListener{api: a}
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
