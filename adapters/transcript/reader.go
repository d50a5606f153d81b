package transcript

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/trm-go/refiner/memory"
)

// reader carries one Read: the formats hand it turns, it makes records of them and passes them on. Its methods return
// false once reading must end.
type reader struct {
	ctx     context.Context
	file    string
	info    Info // the file's format
	options Options
	yield   func(memory.Record, error) bool

	ended    bool
	values   int       // top-level values so far
	records  int       // records so far, the bad ones too
	anchor   time.Time // the last time that a batch of BEAM has named
	sessions map[string]*session
	seen     map[uint64]int // how often a key occurred, by its hash
}

// session is what is known of a session so far.
type session struct {
	next int       // the next position
	last time.Time // the last time that was named
}

// turn is one message as a format gives it.
type turn struct {
	session string
	key     string // zero: made from the content
	role    string
	speaker string
	text    string
	created time.Time // zero: as the turn before it
	from    time.Time // valid from and until, zero: open
	until   time.Time
	kind    memory.Kind
	meta    map[string]string
}

func newReader(ctx context.Context, file string, o Options, yield func(memory.Record, error) bool) *reader {
	if o.Created.IsZero() {
		o.Created = time.Now().UTC().Truncate(time.Second)
	}
	return &reader{ctx: ctx, file: file, options: o, yield: yield, sessions: map[string]*session{}, seen: map[uint64]int{}}
}

// read finds the format and reads every value. The error it returns has no better place than the file's beginning.
func (r *reader) read(in io.Reader) error {
	b := bufio.NewReaderSize(in, prefixSize)
	prefix, err := b.Peek(prefixSize)
	if err != nil && err != io.EOF {
		return err
	}
	if bytes.HasPrefix(prefix, bom) {
		if _, err := b.Discard(len(bom)); err != nil {
			return err
		}
		prefix = prefix[len(bom):]
	}
	format := r.options.Format
	if format == "" {
		if format, err = detect(r.file, prefix); err != nil {
			return err
		}
	}
	err = nil // of the peek, which may have been the file's end
	known := false
	if r.info, known = info(format); !known {
		return fmt.Errorf("%w %q: `refine import --help` lists those that are known; without a name it is found by content", ErrFormat, format)
	}
	switch {
	case format == whatsApp:
		err = r.whatsapp(b, prefix)
	case format == markdown:
		err = r.markdown(b)
	case r.info.lines && linewise(prefix):
		r.eachLine(b)
	default:
		r.eachValue(b)
	}
	if err != nil {
		return err
	}
	if !r.ended && r.values == 0 {
		return fmt.Errorf("%w: there is nothing in the file", ErrFormat)
	}
	return nil
}

// stop reports an error that ends the reading.
func (r *reader) stop(line int, err error) bool {
	if !r.ended {
		r.ended = true
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			r.yield(memory.Record{}, err)
		} else {
			r.yield(memory.Record{}, &Error{File: r.file, Line: line, Err: err})
		}
	}
	return false
}

// reject reports a bad record, and reports whether to go on.
func (r *reader) reject(line int, err error) bool {
	r.records++
	if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrRecord) {
		err = fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return r.report(&Error{File: r.file, Line: line, Record: r.records, Skipped: r.options.Skip, Err: err})
}

func (r *reader) report(e *Error) bool {
	if r.ended {
		return false
	}
	r.ended = !r.yield(memory.Record{}, e) || !e.Skipped
	return !r.ended
}

// next is called before each top-level value.
func (r *reader) next() bool {
	r.values++
	if err := r.ctx.Err(); err != nil {
		return r.stop(0, err)
	}
	return !r.ended
}

// emit passes a turn on as a record, or as several where its text is too long for one. A turn without text holds nothing
// to remember and is left out.
func (r *reader) emit(line int, t turn) bool {
	if r.ended {
		return false
	}
	if err := r.ctx.Err(); err != nil {
		return r.stop(line, err)
	}
	if t.role == "assistant" {
		t.text = withoutThoughts(t.text)
	}
	if !r.options.System && (t.role == "system" || t.role == "tool") || strings.TrimSpace(t.text) == "" {
		return true
	}
	scope := r.options.Scope
	if scope.Session == "" {
		scope.Session = t.session
	}
	s := r.sessions[scope.Session]
	if s == nil {
		s = &session{last: r.options.Created}
		r.sessions[scope.Session] = s
	}
	key := r.key(scope.Session, t)
	if !t.created.IsZero() {
		s.last = t.created.UTC()
	}
	// The store keeps times in UTC. What "yesterday" means follows from the clock of the one who says it.
	if zone := t.created.Format("-07:00"); zone != "+00:00" {
		meta := map[string]string{}
		maps.Copy(meta, t.meta)
		meta["zone"] = zone
		t.meta = meta
	}
	r.records++
	for i, text := range split(strings.TrimSpace(t.text), memory.MaxText) {
		rec := memory.Record{
			Scope: scope, Kind: cmp.Or(t.kind, memory.KindTurn), Role: t.role, Speaker: t.speaker, Text: text,
			Position: s.next, Key: key, Created: s.last, ValidFrom: t.from, ValidUntil: t.until,
			Importance: defaultImportance, Confidence: 1, Origin: memory.Observed, Meta: t.meta,
		}
		if i > 0 {
			rec.Key = fmt.Sprintf("%s#%d", key, i+1)
			rec.Meta = maps.Clone(t.meta) // records share no map
		}
		if err := rec.Validate(); err != nil {
			r.records--
			return r.reject(line, err)
		}
		s.next++
		if !r.yield(rec, nil) {
			r.ended = true
			return false
		}
	}
	return true
}

// defaultImportance is that of a turn nobody has judged: the middle.
const defaultImportance = 0.5

// key is the turn's own key, or one made from what it says and where. What occurs twice in a file is told apart by its
// count, so that nothing is lost, and a line added to a file later changes no other line's key.
func (r *reader) key(session string, t turn) string {
	parts := []string{session, t.key}
	if t.key == "" {
		parts = []string{session, t.role, t.speaker, t.created.UTC().Format(time.RFC3339Nano), t.text}
	}
	h := sha256.New()
	for _, part := range parts {
		var size [8]byte
		binary.LittleEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		io.WriteString(h, part)
	}
	sum := h.Sum(nil)
	key := t.key
	if key == "" {
		key = hex.EncodeToString(sum[:12])
	}
	id := binary.LittleEndian.Uint64(sum)
	r.seen[id]++
	if n := r.seen[id]; n > 1 {
		key = fmt.Sprintf("%s.%d", key, n)
	}
	return key
}

// split cuts a text into pieces of at most limit bytes: at the last empty line, else line, else space in the second half
// of a piece, else between two characters.
func split(text string, limit int) []string {
	var pieces []string
	for len(text) > limit {
		cut := limit
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		for _, at := range []string{"\n\n", "\n", " "} {
			if i := strings.LastIndex(text[:cut], at); i > limit/2 {
				cut = i
				break
			}
		}
		pieces = append(pieces, strings.TrimSpace(text[:cut]))
		text = strings.TrimSpace(text[cut:])
	}
	return append(pieces, text)
}

// thoughts are the tags in which models write their reasoning before an answer.
var thoughts = regexp.MustCompile(`^\s*<(?:think|thinking|thought|reasoning)>`)

// withoutThoughts leaves the reasoning out that an answer begins with. Reasoning that does not end is all there is.
func withoutThoughts(text string) string {
	for {
		m := thoughts.FindString(text)
		if m == "" {
			return text
		}
		_, after, ended := strings.Cut(text, "</"+strings.TrimLeftFunc(m, unicode.IsSpace)[1:])
		if !ended {
			return ""
		}
		text = strings.TrimSpace(after)
	}
}
