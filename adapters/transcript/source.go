package transcript

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// maxValue is the largest line, or element of the top-level array, in bytes. The longest conversations of the evaluation
// sets take 1 MB.
const maxValue = 32 << 20

var bom = []byte("\ufeff")

// eachLine decodes the value of every line. A bad line is one bad record: the next line may be good again.
func (r *reader) eachLine(b *bufio.Reader) {
	for line := 1; ; line++ {
		text, err := readLine(b)
		if err == io.EOF {
			return
		}
		if err != nil && !errors.Is(err, ErrRecord) {
			r.stop(line, err)
			return
		}
		if text = bytes.TrimSpace(text); err == nil && len(text) == 0 {
			continue
		}
		if !r.next() {
			return
		}
		more := false
		if err = cmp.Or(err, checkText(text), syntax(json.Unmarshal(text, new(json.RawMessage)))); err != nil {
			more = r.reject(line, err)
		} else {
			more = r.info.decode(r, value{raw: text, line: line}, newObject())
		}
		if !more {
			return
		}
	}
}

// readLine reads up to the next line feed. Of a line that is too long it keeps nothing, and returns an ErrRecord.
func readLine(b *bufio.Reader) ([]byte, error) {
	var line []byte
	for size := 0; ; {
		part, err := b.ReadSlice('\n')
		size += len(part)
		if size <= maxValue {
			line = append(line, part...)
		} else {
			line = nil
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == io.EOF && size == 0:
			return nil, io.EOF
		case err != nil && err != io.EOF:
			return nil, err
		case size > maxValue:
			return nil, fmt.Errorf("%w: the line has %d bytes, more than %d: break it into several", ErrRecord, size, maxValue)
		}
		return line, nil
	}
}

// stream decodes JSON that may be larger than memory, value by value.
type stream struct {
	*reader
	in *input
	d  *json.Decoder
}

// errEnded means that the consumer wants no more.
var errEnded = errors.New("ended")

// eachValue decodes every element of the top-level array, every top-level value if there is none, or what lies in the lists of
// an object that the format names.
func (r *reader) eachValue(b *bufio.Reader) {
	s := &stream{reader: r, in: &input{r: transform.NewReader(b, encoding.UTF8Validator)}}
	s.d = json.NewDecoder(s.in)
	first, err := firstByte(b)
	if err == io.EOF {
		return
	}
	if err == nil {
		err = s.top(first)
	}
	if err == nil || errors.Is(err, errEnded) {
		return
	}
	var e *json.SyntaxError
	at := s.in.read
	if s.in.err != nil && s.in.err != io.EOF {
		err = s.in.err
	} else if errors.As(err, &e) {
		at = s.d.InputOffset() + faultOffset(s.d.Buffered())
	}
	r.stop(s.in.line(at), syntax(err))
}

func (s *stream) top(first byte) error {
	if s.info.lists != nil && first != '{' {
		return fmt.Errorf("%w: the file is no object", ErrRecord)
	}
	if s.info.lists == nil && first != '[' {
		for {
			if err := s.element(newObject()); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	s.more()
	if _, err := s.d.Token(); err != nil {
		return err
	}
	if first == '{' {
		return s.object()
	}
	if err := s.list(newObject(), true); err != nil {
		return err
	}
	if _, err := s.d.Token(); err != io.EOF {
		return cmp.Or(err, errors.New("there is something after the end of the array"))
	}
	return nil
}

// object goes down into an object, after its opening bracket, without keeping it: into the members that the format lists, as a
// chat's "messages". A list that is marked true holds what is decoded; elements of the others are objects of the same kind. The
// members that come before a list say what it belongs to, and are its about.
func (s *stream) object() error {
	about := newObject()
	for s.more() {
		token, err := s.d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		leaf, down := s.info.lists[name]
		if !down {
			v, err := s.value()
			if err != nil {
				return err
			}
			about.set(name, v)
			continue
		}
		if token, err = s.d.Token(); err != nil {
			return err
		}
		switch token {
		case json.Delim('['):
			err = s.list(about, leaf)
		case json.Delim('{'):
			err = s.object()
		}
		if err != nil {
			return err
		}
	}
	_, err := s.d.Token()
	return err
}

// list reads a list, after its opening bracket.
func (s *stream) list(about object, leaf bool) error {
	for s.more() {
		if leaf {
			if err := s.element(about); err != nil {
				return err
			}
			continue
		}
		token, err := s.d.Token()
		if err == nil && token != json.Delim('{') {
			err = fmt.Errorf("%w: a chat in the list is no object", ErrRecord)
		}
		if err == nil {
			err = s.object()
		}
		if err != nil {
			return err
		}
	}
	_, err := s.d.Token()
	return err
}

// element decodes one value.
func (s *stream) element(about object) error {
	v, err := s.value()
	if err == nil && (!s.next() || !s.info.decode(s.reader, v, about)) {
		err = errEnded
	}
	return err
}

// more reports whether the list or object goes on.
func (s *stream) more() bool {
	s.in.limit = s.d.InputOffset() + maxValue
	return s.d.More()
}

// value reads one value whole.
func (s *stream) value() (value, error) {
	var raw json.RawMessage
	s.in.limit = s.d.InputOffset() + maxValue
	err := s.d.Decode(&raw)
	start := s.d.InputOffset() - int64(len(raw))
	line := s.in.line(start)
	s.in.forget(start)
	return value{raw: raw, line: line}, err
}

// faultOffset is where the first fault lies in what a decoder could not decode. The offset in the decoder's own error
// leaves out what it read as tokens.
func faultOffset(rest io.Reader) int64 {
	text, _ := io.ReadAll(rest)
	value := bytes.TrimLeft(text, " \t\r\n,")
	var e *json.SyntaxError
	if err := json.Unmarshal(value, new(json.RawMessage)); errors.As(err, &e) {
		return int64(len(text)-len(value)) + e.Offset
	}
	return 0
}

// firstByte returns the first byte that is not white space, without reading it.
func firstByte(b *bufio.Reader) (byte, error) {
	prefix, err := b.Peek(prefixSize)
	if text := bytes.TrimLeft(prefix, " \t\r\n"); len(text) > 0 {
		return text[0], nil
	}
	if err == nil {
		err = fmt.Errorf("the first %d bytes are empty", prefixSize)
	}
	return 0, err
}

// input hands a decoder its text, refuses what is not UTF-8 and what passes the limit, and knows on which line a byte is.
type input struct {
	r     io.Reader // of text that is UTF-8
	read  int64     // bytes handed out
	limit int64     // read must not pass it
	err   error     // why it stopped

	passed   int     // line feeds that are forgotten
	newlines []int64 // offsets of the others, ascending
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	// The decoder asks for more than it needs; the slack lets it read ahead.
	const slack = 1 << 20
	if in.read > in.limit+slack {
		in.err = fmt.Errorf("%w: one element has more than %d bytes", ErrRecord, maxValue)
		return 0, in.err
	}
	n, err := in.r.Read(p[:min(len(p), slack)])
	if at := bytes.IndexByte(p[:n], 0); at >= 0 {
		n, err = at, errNUL
	}
	if errors.Is(err, encoding.ErrInvalidUTF8) {
		err = errUTF8
	}
	for i, c := range p[:n] {
		if c == '\n' {
			in.newlines = append(in.newlines, in.read+int64(i))
		}
	}
	in.read += int64(n)
	in.err = err
	return n, err
}

// line is the line of an offset, from 1.
func (in *input) line(offset int64) int {
	n, _ := slices.BinarySearch(in.newlines, offset)
	return in.passed + n + 1
}

// forget drops the lines before an offset.
func (in *input) forget(offset int64) {
	n, _ := slices.BinarySearch(in.newlines, offset)
	in.passed += n
	in.newlines = slices.Delete(in.newlines, 0, n)
}

var (
	errNUL  = fmt.Errorf("%w: there is a NUL byte: save the file as UTF-8 text", ErrSyntax)
	errUTF8 = fmt.Errorf("%w: it is not valid UTF-8: convert the file to UTF-8", ErrSyntax)
)

// checkText reports bytes that no text has.
func checkText(b []byte) error {
	switch {
	case bytes.IndexByte(b, 0) >= 0:
		return errNUL
	case !utf8.Valid(b):
		return errUTF8
	}
	return nil
}

// syntax says of a JSON error what to fix.
func syntax(err error) error {
	var e *json.SyntaxError
	switch {
	case err == nil, errors.Is(err, ErrSyntax), errors.Is(err, ErrRecord):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF),
		errors.As(err, &e) && e.Error() == "unexpected end of JSON input":
		return fmt.Errorf("%w: it ends in the middle of a value: is it truncated?", ErrSyntax)
	case errors.As(err, &e):
		return fmt.Errorf("%w: it is not JSON: %s", ErrSyntax, e.Error())
	}
	return fmt.Errorf("%w: %w", ErrSyntax, err)
}
