package jsonl

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

// The names that members may have, the usual one first.
var (
	texts    = []string{"text", "content", "body", "message"}
	roles    = []string{"role"}
	speakers = []string{"speaker", "name", "from", "author", "sender"}
	sessions = []string{"session", "session_id", "conversation_id", "conversation", "thread_id", "thread"}
	ids      = []string{"id", "key", "uuid", "ref"}
	kinds    = []string{"kind", "type"}
	times    = []string{"time", "timestamp", "created", "created_at", "date", "ts"}
)

// member is the first of the names that an object has, as text.
func member(o map[string]any, names []string) (string, error) {
	for _, name := range names {
		switch v := o[name].(type) {
		case nil:
		case string:
			return v, nil
		case json.Number:
			return v.String(), nil
		default:
			return "", fmt.Errorf("%q is neither a string nor a number", name)
		}
	}
	return "", nil
}

// Record reads a document as a memory. One without a time is of 1970, and counts as old.
func (f *File) Record(d mirror.Document) (memory.Record, error) {
	r := memory.Record{Text: d.Text, Confidence: 1, Importance: .5, Created: time.Unix(0, 0).UTC()}
	var kind, stamp, importance string
	for _, part := range []struct {
		to    *string
		names []string
	}{{&r.Role, roles}, {&r.Speaker, speakers}, {&r.Scope.Session, sessions}, {&kind, kinds}, {&stamp, times}, {&importance, []string{"importance"}}} {
		var err error
		if *part.to, err = member(d.Meta, part.names); err != nil {
			return r, err
		}
	}
	switch r.Kind = memory.Kind(kind); r.Kind {
	case memory.KindTurn, memory.KindFact, memory.KindSummary, memory.KindPersona, memory.KindFAQ:
	case "memory":
		r.Kind = memory.KindFact
	default:
		r.Kind = memory.KindTurn
	}
	if stamp != "" {
		at, err := text.ParseStamp(stamp)
		if err != nil {
			return r, fmt.Errorf("the time is %w", err)
		}
		r.Created = at.UTC()
	}
	if importance != "" {
		n, err := strconv.ParseFloat(importance, 64)
		if err != nil || !(n >= 0 && n <= 1) {
			return r, fmt.Errorf("importance is %s, not a number from 0 to 1", importance)
		}
		r.Importance = n
	}
	return r, nil
}

// Document writes a derived memory with the member names of what it is derived from.
func (f *File) Document(_ context.Context, id string, r *memory.Record, from []mirror.Document) (mirror.Document, error) {
	name := func(names []string) string {
		for _, d := range from {
			for _, n := range names {
				if d.Meta[n] != nil {
					return n
				}
			}
		}
		return names[0]
	}
	d := mirror.Document{ID: id, Text: r.Text, Meta: map[string]any{
		name(ids): id, name(texts): r.Text, name(times): r.Created.UTC().Format(time.RFC3339), "kind": string(r.Kind),
		"importance": r.Importance, "confidence": r.Confidence,
	}}
	for names, v := range map[string]string{name(roles): r.Role, name(speakers): r.Speaker, name(sessions): r.Scope.Session} {
		if v != "" {
			d.Meta[names] = v
		}
	}
	for key, t := range map[string]time.Time{"valid_from": r.ValidFrom, "valid_until": r.ValidUntil} {
		if !t.IsZero() {
			d.Meta[key] = t.UTC().Format(time.RFC3339)
		}
	}
	for _, key := range []string{"level", "single_source", "replaced_by"} {
		if v := r.Meta[key]; v != "" {
			d.Meta[key] = v
		}
	}
	return d, nil
}

// encode writes a derived document as a line: its ID and its text first, the rest in order of its name.
func encode(d mirror.Document) (string, error) {
	rank := func(name string) int {
		switch {
		case slices.Contains(ids, name):
			return 0
		case slices.Contains(texts, name):
			return 1
		}
		return 2
	}
	names := slices.SortedFunc(maps.Keys(d.Meta), func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	write := func(v any, end string) error {
		err := e.Encode(v)
		b.Truncate(max(0, b.Len()-1)) // the newline
		b.WriteString(end)
		return err
	}
	b.WriteByte('{')
	for i, name := range names {
		end := ","
		if i+1 == len(names) {
			end = "}\n"
		}
		if err := errors.Join(write(name, ":"), write(d.Meta[name], end)); err != nil {
			return "", fmt.Errorf("%q: %w", name, err)
		}
	}
	return b.String(), nil
}
