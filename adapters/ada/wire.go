package ada

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/importance"
)

// ChatRequest is the body of POST /v1/chat/stream. The question comes in one of three forms: Prompt, Message, or the last
// message of the user in Messages.
type ChatRequest struct {
	Prompt           string          `json:"prompt,omitempty"`
	Message          string          `json:"message,omitempty"`
	Messages         []Message       `json:"messages,omitempty"`
	ConversationID   string          `json:"conversation_id,omitempty"`
	IncludeThinking  bool            `json:"include_thinking,omitempty"`
	UserTimestamp    string          `json:"user_timestamp,omitempty"` // ISO 8601
	Entity           string          `json:"entity,omitempty"`
	SaveMemory       bool            `json:"save_memory,omitempty"`
	MemoryText       string          `json:"memory_text,omitempty"` // what to save; empty: the answer
	MemoryImportance *Number         `json:"memory_importance,omitempty"`
	TurnsK           *Number         `json:"turns_k,omitempty"`
	FAQK             *Number         `json:"faq_k,omitempty"`
	MemoryK          *Number         `json:"memory_k,omitempty"`
	Model            string          `json:"model,omitempty"`
	Media            json.RawMessage `json:"media,omitempty"`
	OCRContext       json.RawMessage `json:"ocr_context,omitempty"`
}

// Question is what is asked, in whichever form it came; empty if nothing is.
func (r *ChatRequest) Question() string {
	if q := cmp.Or(strings.TrimSpace(r.Prompt), strings.TrimSpace(r.Message)); q != "" {
		return q
	}
	if i := r.last(); i >= 0 {
		return strings.TrimSpace(string(r.Messages[i].Content))
	}
	return ""
}

// Before are the messages before the question.
func (r *ChatRequest) Before() []Message {
	if strings.TrimSpace(r.Prompt) != "" || strings.TrimSpace(r.Message) != "" {
		return r.Messages
	}
	return r.Messages[:max(0, r.last())]
}

// last is the index of the user's last message, or -1.
func (r *ChatRequest) last() int {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		if r.Messages[i].Role == "user" {
			return i
		}
	}
	return -1
}

// Message is one of OpenAI's shape.
type Message struct {
	Role    string `json:"role"`
	Content Text   `json:"content"`
}

// Text is a message's content: a string, or the text of its parts.
type Text string

// UnmarshalJSON reads a string, null, or a list of parts of which those without a text are left out.
func (t *Text) UnmarshalJSON(body []byte) error {
	var parts []struct {
		Text string `json:"text"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		if err := json.Unmarshal(body, &parts); err != nil {
			return err
		}
		var texts []string
		for _, p := range parts {
			if p.Text != "" {
				texts = append(texts, p.Text)
			}
		}
		*t = Text(strings.Join(texts, "\n"))
		return nil
	}
	return json.Unmarshal(body, (*string)(t))
}

// Number is a number that may come as a string, as Ada reads them.
type Number float64

// UnmarshalJSON reads 3, 3.5 or "3". What is neither becomes NaN, for which the default is taken, as Ada does.
func (n *Number) UnmarshalJSON(body []byte) error {
	x, err := strconv.ParseFloat(strings.TrimSpace(strings.Trim(string(body), `"`)), 64)
	if err != nil {
		x = math.NaN()
	}
	*n = Number(x)
	return nil
}

// MarshalJSON writes a number, or null for what is none.
func (n Number) MarshalJSON() ([]byte, error) {
	if x := float64(n); !math.IsNaN(x) && !math.IsInf(x, 0) {
		return json.Marshal(x)
	}
	return []byte("null"), nil
}

// Count is n as a number of things from 0 to most, or fallback where it is missing or no number.
func (n *Number) Count(fallback, most int) int {
	if n == nil || math.IsNaN(float64(*n)) {
		return fallback
	}
	return int(math.Min(math.Max(0, float64(*n)), float64(most)))
}

// DefaultImportance is that of a memory for which Ada is told none: 3 of 1 to 5.
const DefaultImportance = 3

// Importance reads an importance by the scale it can only be of, into [0, 1]: below 1 it is Ada's tools' (0 to 1), up to 5
// its store's (1 to 5), up to 10 its consolidation's (0 to 10). What is missing or on none of them is [DefaultImportance].
// 1 is the store's least, not the tools' most: Ada's store is what it is sent to.
func Importance(n *Number) float64 {
	x := float64(DefaultImportance)
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
	unit, err := scale.ToUnit(x)
	if err != nil {
		return .5
	}
	return unit
}

// Stars is an importance in [0, 1] on the scale of Ada's store, 1 to 5.
func Stars(unit float64) int { return importance.Stars.Whole(unit) }

// Memory is an item of GET /v1/memory.
type Memory struct {
	ID   *string `json:"id"` // null where Ada does not say
	Text string  `json:"text"`
	Meta Meta    `json:"meta"`
}

// UnmarshalJSON reads content for text, too.
func (m *Memory) UnmarshalJSON(body []byte) error {
	type plain Memory
	read := struct {
		*plain
		Content string `json:"content"`
	}{plain: (*plain)(m)}
	if err := json.Unmarshal(body, &read); err != nil {
		return err
	}
	m.Text = cmp.Or(m.Text, read.Content)
	return nil
}

// Meta is what Ada's store keeps beside a text: scalars only. The last three are additions of this module, which Ada passes
// over.
type Meta struct {
	Type           string  `json:"type,omitempty"`  // memory, turn, summary, faq, persona
	Scope          string  `json:"scope,omitempty"` // global, entity:NAME, conversation
	Importance     *Number `json:"importance,omitempty"`
	Tags           Tags    `json:"tags,omitempty"`
	Source         string  `json:"source,omitempty"`
	Timestamp      string  `json:"timestamp,omitempty"` // ISO 8601
	ConversationID string  `json:"conversation_id,omitempty"`
	Role           string  `json:"role,omitempty"`
	Topic          string  `json:"topic,omitempty"`

	Origin     string  `json:"origin,omitempty"` // observed or reconstructed
	Confidence float64 `json:"confidence,omitempty"`
	Weight     float64 `json:"weight,omitempty"` // how well it answers the query; the best is 1
}

// Tags are separated by commas, for Ada's store holds no lists. A list is read as well.
type Tags string

// UnmarshalJSON reads a string, a list of strings, or null.
func (t *Tags) UnmarshalJSON(body []byte) error {
	var list []string
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		if err := json.Unmarshal(body, &list); err != nil {
			return err
		}
		*t = Tags(strings.Join(list, ","))
		return nil
	}
	return json.Unmarshal(body, (*string)(t))
}

// NewMemory is the body of POST /v1/memory.
type NewMemory struct {
	Text       string  `json:"text"`
	Importance *Number `json:"importance,omitempty"` // 1 to 5; see [Importance]
	Scope      string  `json:"scope,omitempty"`      // empty: global
	Entity     string  `json:"entity,omitempty"`
	Tags       Tags    `json:"tags,omitempty"`
	Type       string  `json:"type,omitempty"`
}

// UnmarshalJSON reads content for text, too: Ada's own MCP server sends it.
func (m *NewMemory) UnmarshalJSON(body []byte) error {
	type plain NewMemory
	read := struct {
		*plain
		Content string `json:"content"`
	}{plain: (*plain)(m)}
	if err := json.Unmarshal(body, &read); err != nil {
		return err
	}
	m.Text = strings.TrimSpace(cmp.Or(m.Text, read.Content))
	return nil
}

// MarshalJSON sends tags as the list that Ada expects here.
func (m NewMemory) MarshalJSON() ([]byte, error) {
	type plain NewMemory
	var tags []string
	if m.Tags != "" {
		tags = strings.Split(string(m.Tags), ",")
	}
	return json.Marshal(struct {
		plain
		Tags []string `json:"tags,omitempty"`
	}{plain(m), tags})
}

// InScope is the scope with the entity in it, as Ada stores it.
func (m *NewMemory) InScope() string {
	if entity := strings.TrimSpace(m.Entity); entity != "" && !strings.HasPrefix(m.Scope, "entity:") {
		return "entity:" + entity
	}
	return cmp.Or(strings.TrimSpace(m.Scope), "global")
}

// MemoryQuery are the parameters of GET /v1/memory. Without a Query it lists.
type MemoryQuery struct {
	Query, Scope, Entity, Type string
	Limit                      int // 1 to [MaxMemories]; 0: 20
}

// MaxMemories is the most that one GET /v1/memory returns.
const MaxMemories = 100

// Conversation is an item of GET /v1/conversations/recent.
type Conversation struct {
	ID        string `json:"id"`
	Preview   string `json:"preview"`
	Timestamp string `json:"timestamp"` // of its last turn, ISO 8601
	TurnCount int    `json:"turn_count"`
}

// Turn is one utterance of GET /v1/conversations/{id}.
type Turn struct {
	Role      string `json:"role"`
	Text      string `json:"text"`
	Timestamp string `json:"timestamp"`
}

// UnmarshalJSON reads content for text, too.
func (t *Turn) UnmarshalJSON(body []byte) error {
	type plain Turn
	read := struct {
		*plain
		Content string `json:"content"`
	}{plain: (*plain)(t)}
	if err := json.Unmarshal(body, &read); err != nil {
		return err
	}
	t.Text = cmp.Or(t.Text, read.Content)
	return nil
}

// Specialist is an item of GET /v1/specialists.
type Specialist struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Icon        string          `json:"icon"`
	Version     string          `json:"version"`
	Priority    string          `json:"priority"` // critical, high, medium or low
	Enabled     bool            `json:"enabled"`
	Tags        []string        `json:"tags"`
	Input       json.RawMessage `json:"input_schema,omitempty"`
	Output      json.RawMessage `json:"output_schema,omitempty"`
}

// Health is the answer of GET /v1/healthz.
type Health struct {
	OK      bool           `json:"ok"`
	Status  string         `json:"status,omitempty"` // where Ada's documents have it instead of ok
	Service string         `json:"service"`
	Python  string         `json:"python"`
	Config  map[string]any `json:"config"`
	Persona struct {
		Loaded bool `json:"loaded"`
	} `json:"persona"`
	Chroma struct {
		OK      *bool   `json:"ok"`
		Version any     `json:"version"`
		Error   *string `json:"error"`
	} `json:"chroma"`
}

// Info is the answer of GET /v1/info.
type Info struct {
	Service      string          `json:"service"`
	Version      string          `json:"version"`
	Features     map[string]bool `json:"features"`
	Capabilities map[string]any  `json:"capabilities,omitempty"`
	Models       map[string]any  `json:"models"`
	Endpoints    []string        `json:"endpoints"`
}
