package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// spoken reports whether a message is part of the conversation between the user and the assistant.
func spoken(m specialists.Message) bool {
	return (m.Role == "user" || m.Role == "assistant") && strings.TrimSpace(m.Content) != ""
}

// prose are the messages that a language model can be given once more: those with a text, and no results of tools, which
// stand only behind the calls that they answer.
func prose(messages []specialists.Message) []specialists.Message {
	var list []specialists.Message
	for _, m := range messages {
		if m.Content != "" && m.Role != "tool" && m.Role != "function" {
			list = append(list, m)
		}
	}
	return list
}

// keysOf gives every spoken message the key that its record has: made of the session, of what is said and of what was said
// before. So it stays the same when a client sends its history again, or leaves the beginning out, and two "yes" are told
// apart by the questions they answer, or by the name of what they go on from: before.
func keysOf(session, before string, messages []specialists.Message) []string {
	keys := make([]string, len(messages))
	for i, m := range messages {
		if spoken(m) {
			keys[i], before = turnKey(session, before, m.Role, m.Content), m.Content
		}
	}
	return keys
}

func turnKey(session, before, role, text string) string {
	return "chat:" + digest(session, before, role, text)
}

// partKey is the key of a part of a text that is longer than a record may be.
func partKey(key string, n int) string { return fmt.Sprintf("%s#%d", key, n) }

// history is what a conversation holds itself.
type history struct {
	texts, keys map[string]bool
}

func historyOf(messages []specialists.Message, keys []string) history {
	h := history{map[string]bool{}, map[string]bool{}}
	for _, m := range messages {
		if text := strings.TrimSpace(clean(m.Content)); text != "" {
			h.texts[text] = true
		}
	}
	for _, k := range keys {
		h.keys[k] = k != ""
	}
	return h
}

// has reports whether a record says what the conversation says: the same text, whenever it was said, or a part of one.
func (h history) has(r *memory.Record) bool {
	key, _, _ := strings.Cut(r.Key, "#")
	return h.texts[strings.TrimSpace(r.Text)] || strings.HasPrefix(key, "chat:") && h.keys[key]
}

// sessionOf names a conversation by the first message of its user, and by the user's name if there is one.
func sessionOf(user string, messages []specialists.Message) string {
	parts := []string{user}
	for _, m := range messages {
		if m.Role == "user" {
			parts = append(parts, m.Name, m.Content)
			break
		}
	}
	return "chat-" + digest(parts...)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
