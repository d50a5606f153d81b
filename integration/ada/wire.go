package ada

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
)

// chatRequest is the body of POST /v1/chat/stream. The question comes in one of three forms: Prompt, Message, or the last
// message of the user in Messages.
type chatRequest struct {
	Prompt           string    `json:"prompt"`
	Message          string    `json:"message"`
	Messages         []message `json:"messages"`
	ConversationID   string    `json:"conversation_id"`
	IncludeThinking  bool      `json:"include_thinking"`
	UserTimestamp    string    `json:"user_timestamp"` // ISO 8601
	Entity           string    `json:"entity"`
	SaveMemory       bool      `json:"save_memory"`
	MemoryText       string    `json:"memory_text"` // what to save; empty: the answer
	MemoryImportance *number   `json:"memory_importance"`
	TurnsK           *number   `json:"turns_k"`
	MemoryK          *number   `json:"memory_k"`
}

// question is what is asked, empty if nothing is, and the messages before it.
func (r *chatRequest) question() (string, []message) {
	if q := cmp.Or(strings.TrimSpace(r.Prompt), strings.TrimSpace(r.Message)); q != "" {
		return q, r.Messages
	}
	for i, m := range slices.Backward(r.Messages) {
		if m.Role == "user" {
			return strings.TrimSpace(string(m.Content)), r.Messages[:i]
		}
	}
	return "", nil
}

// message is one of OpenAI's shape.
type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is a string, or the text of a list of parts, of which those without a text are left out.
type content string

func (t *content) UnmarshalJSON(body []byte) error {
	if !isList(body) {
		return json.Unmarshal(body, (*string)(t))
	}
	var parts []struct{ Text string }
	err := json.Unmarshal(body, &parts)
	var texts []string
	for _, p := range parts {
		if p.Text != "" {
			texts = append(texts, p.Text)
		}
	}
	*t = content(strings.Join(texts, "\n"))
	return err
}

// tags are separated by commas, for Ada's store holds no lists. A list is read as well.
type tags string

func (t *tags) UnmarshalJSON(body []byte) error {
	if !isList(body) {
		return json.Unmarshal(body, (*string)(t))
	}
	var list []string
	err := json.Unmarshal(body, &list)
	*t = tags(strings.Join(list, ","))
	return err
}

func isList(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) }

// number may come as a string: 3, 3.5 or "3". What is no number is NaN, for which the default is taken, as Ada does.
type number float64

func (n *number) UnmarshalJSON(body []byte) error {
	x, err := strconv.ParseFloat(strings.TrimSpace(strings.Trim(string(body), `"`)), 64)
	if err != nil {
		x = math.NaN()
	}
	*n = number(x)
	return nil
}

// count is n as a number of things from 0 to most, or fallback where it is missing or no number.
func (n *number) count(fallback, most int) int {
	if n == nil || math.IsNaN(float64(*n)) {
		return fallback
	}
	return int(math.Min(math.Max(0, float64(*n)), float64(most)))
}

// unit reads an importance by the scale it can only be of, into [0, 1]: below 1 it is Ada's tools' (0 to 1), up to 5 its
// store's (1 to 5), up to 10 its consolidation's (0 to 10). What is missing or on none of them is 3 of 5. 1 is the store's
// least, not the tools' most: Ada's store is what it is sent to.
func (n *number) unit() float64 {
	x := 3.0
	if n != nil && *n >= 0 && *n <= 10 {
		x = float64(*n)
	}
	scale := importance.Stars
	switch {
	case x < 1:
		scale = importance.Unit
	case x > 5:
		scale = importance.Ten
	}
	unit, _ := scale.ToUnit(x) // x is on the scale
	return unit
}

// item is a memory of GET /v1/memory.
type item struct {
	ID      *string `json:"id"` // null where Ada does not say
	Text    string  `json:"text"`
	Content string  `json:"content,omitempty"` // read for text, too
	Meta    meta    `json:"meta"`
}

// meta is what Ada's store keeps beside a text: scalars only. The last three are additions of this module, which Ada ignores.
type meta struct {
	Type           string  `json:"type,omitempty"`       // memory, turn, summary, faq, persona
	Scope          string  `json:"scope,omitempty"`      // global, entity:NAME, conversation
	Importance     *number `json:"importance,omitempty"` // 1 to 5
	Tags           tags    `json:"tags,omitempty"`
	Source         string  `json:"source,omitempty"`
	Timestamp      string  `json:"timestamp,omitempty"` // ISO 8601
	ConversationID string  `json:"conversation_id,omitempty"`
	Role           string  `json:"role,omitempty"`
	Topic          string  `json:"topic,omitempty"`

	Origin     string  `json:"origin,omitempty"` // observed or reconstructed
	Confidence float64 `json:"confidence,omitempty"`
	Weight     float64 `json:"weight,omitempty"` // how well it answers the query; the best is 1
}

// newMemory is the body of POST /v1/memory.
type newMemory struct {
	Text       string  `json:"text"`
	Content    string  `json:"content"` // Ada's own MCP server sends it for text
	Importance *number `json:"importance"`
	Scope      string  `json:"scope"` // empty: global
	Entity     string  `json:"entity"`
	Tags       tags    `json:"tags"`
	Type       string  `json:"type"`
}

// record is the memory as a record. The entity is a part of the scope, as in Ada's store.
func (m *newMemory) record() memory.Record {
	scope := cmp.Or(strings.TrimSpace(m.Scope), global)
	if entity := strings.TrimSpace(m.Entity); entity != "" && !strings.HasPrefix(scope, "entity:") {
		scope = "entity:" + entity
	}
	r := memory.Record{Kind: kind(m.Type), Role: "user", Text: strings.TrimSpace(cmp.Or(m.Text, m.Content)), Position: -1, Created: time.Now().UTC(), Origin: memory.Observed,
		Importance: m.Importance.unit(), Confidence: 1, Meta: map[string]string{metaScope: scope, metaSource: "chat"}}
	if m.Tags != "" {
		r.Meta[metaTags] = string(m.Tags)
	}
	return r
}

// conversation is an item of GET /v1/conversations/recent.
type conversation struct {
	ID        string `json:"id"`
	Preview   string `json:"preview"`
	Timestamp string `json:"timestamp"` // of its last turn, ISO 8601
	TurnCount int    `json:"turn_count"`
}

// utterance is one turn of GET /v1/conversations/{id}.
type utterance struct {
	Role      string `json:"role"`
	Text      string `json:"text"`
	Content   string `json:"content,omitempty"` // read for text, too
	Timestamp string `json:"timestamp"`
}

// Where a record keeps what Ada's metadata has no other place for.
const (
	metaScope  = "ada_scope"
	metaTags   = "tags"
	metaSource = "source"
)

// global is Ada's scope of what belongs to nothing in particular.
const global = "global"

var kinds = map[string]memory.Kind{"turn": memory.KindTurn, "summary": memory.KindSummary, "faq": memory.KindFAQ, "persona": memory.KindPersona}

// kind is that of Ada's type; every other than turn, summary, faq and persona is a fact.
func kind(name string) memory.Kind { return cmp.Or(kinds[name], memory.KindFact) }

// typeOf is Ada's type of a kind.
func typeOf(kind memory.Kind) string {
	if kind == memory.KindFact {
		return "memory"
	}
	return string(kind)
}

// stamp is a time as Ada writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }
