package ada

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

// mostConversations is how many conversations Records asks for: all of them, unless somebody talked to an Ada more often.
const mostConversations = 100_000

// Records reads what an Ada remembers: its conversations, turn by turn, and its memories. Each record has a key of its
// own, so that reading again adds nothing. Ada's API lists at most [MaxMemories] memories and has no second page; full
// reports whether that bound was met, and some may be missing. It is set once the sequence has ended.
func (c *Client) Records(ctx context.Context, full *bool) iter.Seq2[memory.Record, error] {
	return func(yield func(memory.Record, error) bool) {
		list, err := c.Recent(ctx, mostConversations)
		if err != nil {
			yield(memory.Record{}, fmt.Errorf("list Ada's conversations: %w", err))
			return
		}
		for _, conversation := range list {
			turns, err := c.Conversation(ctx, conversation.ID)
			if err != nil {
				yield(memory.Record{}, fmt.Errorf("read Ada's conversation %q: %w", conversation.ID, err))
				return
			}
			for i, t := range turns {
				if strings.TrimSpace(t.Text) == "" {
					continue
				}
				when := Time(cmp.Or(t.Timestamp, conversation.Timestamp))
				r := memory.Record{Kind: memory.KindTurn, Role: t.Role, Text: t.Text, Position: i, Created: when, Scope: memory.Scope{Session: conversation.ID},
					Key: fmt.Sprintf("ada:%s:%d", conversation.ID, i), Importance: .5, Confidence: 1, Origin: memory.Observed}
				if !yield(r, nil) {
					return
				}
			}
		}
		memories, err := c.Memories(ctx, MemoryQuery{Limit: MaxMemories})
		if err != nil {
			yield(memory.Record{}, fmt.Errorf("list Ada's memories: %w", err))
			return
		}
		if full != nil {
			*full = len(memories) >= MaxMemories
		}
		for _, m := range memories {
			if strings.TrimSpace(m.Text) != "" && !yield(m.Record(), nil) {
				return
			}
		}
	}
}

// Record is a memory of Ada's as a record. What Ada made from others names no sources there, so that it counts as observed:
// its confidence is halved instead.
func (m *Memory) Record() memory.Record {
	r := memory.Record{Kind: Kind(m.Meta.Type), Role: m.Meta.Role, Text: m.Text, Position: -1, Created: Time(m.Meta.Timestamp), Origin: memory.Observed,
		Importance: Importance(m.Meta.Importance), Confidence: 1, Scope: memory.Scope{Session: m.Meta.ConversationID}, Meta: map[string]string{}}
	if m.ID != nil && *m.ID != "" {
		r.Key = "ada:memory:" + *m.ID
	}
	if r.Kind == memory.KindSummary || m.Meta.Source == "consolidation" {
		r.Confidence = .5
	}
	for name, value := range map[string]string{MetaScope: m.Meta.Scope, MetaTags: string(m.Meta.Tags), MetaSource: m.Meta.Source, "topic": m.Meta.Topic} {
		if value != "" {
			r.Meta[name] = value
		}
	}
	return r
}

// Where a record keeps what Ada's metadata has no other place for.
const (
	MetaScope  = "ada_scope"
	MetaTags   = "tags"
	MetaSource = "source"
)

// kinds are those of records, by Ada's types.
var kinds = map[string]memory.Kind{"turn": memory.KindTurn, "summary": memory.KindSummary, "faq": memory.KindFAQ, "persona": memory.KindPersona}

// Kind is the kind of Ada's type; every other than turn, summary, faq and persona is a fact.
func Kind(name string) memory.Kind { return cmp.Or(kinds[name], memory.KindFact) }

// Type is Ada's type of a kind.
func Type(kind memory.Kind) string {
	if kind == memory.KindFact {
		return "memory"
	}
	return string(kind)
}

// Time reads a timestamp of Ada's, which may lack its zone and then is UTC. What cannot be read is the beginning of 1970, so
// that a memory without a time counts as old, not as new.
func Time(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, strings.TrimSpace(s)); err == nil {
			return t.UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}
