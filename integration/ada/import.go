package ada

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// DefaultBaseURL is where an Ada listens if nobody says otherwise.
const DefaultBaseURL = "http://localhost:7000"

// ErrResponse is returned when Ada cannot be reached, answers with an error, or with what cannot be read.
var ErrResponse = errors.New("no right answer from Ada")

// Source is an Ada to read from.
type Source struct {
	BaseURL string        // zero: [DefaultBaseURL]
	Key     string        // sent as a bearer token, for an Ada behind a proxy that asks for one
	Timeout time.Duration // of one request. Zero: 2 minutes
}

// Import takes over what an Ada remembers into a scope: its conversations, turn by turn, and its memories. Each record has a
// key of its own, so that importing again adds only what is new. Ada's API lists at most [MaxMemories] memories and has no
// second page; full reports whether that bound was met, and some may be missing.
func Import(ctx context.Context, p *integration.Plugin, scope memory.Scope, from Source) (added memory.Added, full bool, err error) {
	base, err := url.Parse(cmp.Or(from.BaseURL, DefaultBaseURL))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return added, false, fmt.Errorf("%w: the address of Ada cannot be read: write it like %s", memory.ErrInvalid, DefaultBaseURL)
	}
	c := &client{base, from.Key, &http.Client{Timeout: cmp.Or(from.Timeout, 2*time.Minute)}}
	added, err = p.Store.AddAll(ctx, scope, c.records(ctx, &full), nil)
	return added, full, err
}

type client struct {
	base *url.URL
	key  string
	http *http.Client
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// get reads a path's answer into out.
func (c *client) get(ctx context.Context, out any, query string, path ...string) error {
	address := c.base.JoinPath(path...)
	address.RawQuery = query
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return fmt.Errorf("ask Ada: %w", err)
	}
	r.Header.Set("X-Client-Type", "refiner")
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	w, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("%w: cannot reach it at %s: %w", ErrResponse, c.base.Host, err)
	}
	defer w.Body.Close()
	body, err := io.ReadAll(io.LimitReader(w.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: its answer breaks off: %w", ErrResponse, err)
	}
	if w.StatusCode/100 != 2 {
		return fmt.Errorf("%w: %s: %.400s", ErrResponse, w.Status, strings.TrimSpace(string(body)))
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("%w: its answer to %s cannot be read: %w", ErrResponse, address.Path, err)
	}
	return nil
}

func (c *client) records(ctx context.Context, full *bool) iter.Seq2[memory.Record, error] {
	return func(yield func(memory.Record, error) bool) {
		var list []conversation
		if err := c.get(ctx, &list, fmt.Sprintf("limit=%d", mostConversations), "/v1/conversations/recent"); err != nil {
			yield(memory.Record{}, fmt.Errorf("list Ada's conversations: %w", err))
			return
		}
		for _, conversation := range list {
			var answer struct{ Turns []utterance }
			if err := c.get(ctx, &answer, "", "/v1/conversations", url.PathEscape(conversation.ID)); err != nil {
				yield(memory.Record{}, fmt.Errorf("read Ada's conversation %q: %w", conversation.ID, err))
				return
			}
			for i, t := range answer.Turns {
				r := memory.Record{Kind: memory.KindTurn, Role: t.Role, Text: cmp.Or(t.Text, t.Content), Position: i, Created: timeOf(cmp.Or(t.Timestamp, conversation.Timestamp)),
					Scope: memory.Scope{Session: conversation.ID}, Key: fmt.Sprintf("ada:%s:%d", conversation.ID, i), Importance: .5, Confidence: 1, Origin: memory.Observed}
				if strings.TrimSpace(r.Text) != "" && !yield(r, nil) {
					return
				}
			}
		}
		var answer struct{ Items, Memories []item }
		if err := c.get(ctx, &answer, fmt.Sprintf("limit=%d", MaxMemories), "/v1/memory"); err != nil {
			yield(memory.Record{}, fmt.Errorf("list Ada's memories: %w", err))
			return
		}
		if answer.Items == nil {
			answer.Items = answer.Memories
		}
		*full = len(answer.Items) >= MaxMemories
		for _, m := range answer.Items {
			if r := m.record(); strings.TrimSpace(r.Text) != "" && !yield(r, nil) {
				return
			}
		}
	}
}

// record is a memory of Ada's as a record. What Ada made from others names no sources there, so that it counts as observed:
// its confidence is halved instead.
func (m *item) record() memory.Record {
	r := memory.Record{Kind: kind(m.Meta.Type), Role: m.Meta.Role, Text: cmp.Or(m.Text, m.Content), Position: -1, Created: timeOf(m.Meta.Timestamp), Origin: memory.Observed,
		Importance: m.Meta.Importance.unit(), Confidence: 1, Scope: memory.Scope{Session: m.Meta.ConversationID}, Meta: map[string]string{}}
	if m.ID != nil && *m.ID != "" {
		r.Key = "ada:memory:" + *m.ID
	}
	if r.Kind == memory.KindSummary || m.Meta.Source == "consolidation" {
		r.Confidence = .5
	}
	for name, value := range map[string]string{metaScope: m.Meta.Scope, metaTags: string(m.Meta.Tags), metaSource: m.Meta.Source, "topic": m.Meta.Topic} {
		if value != "" {
			r.Meta[name] = value
		}
	}
	return r
}

// timeOf reads a timestamp of Ada's. What cannot be read is the beginning of 1970, so that a memory without a time counts as
// old, not as new.
func timeOf(s string) time.Time {
	if t, ok := text.ParseTime(s); ok {
		return t
	}
	return time.Unix(0, 0).UTC()
}
