package memory

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// ID names a record for ever: a ULID, 26 characters, sortable by the time it was made.
type ID string

// Kind says what a record is.
type Kind string

// The kinds of records.
const (
	KindTurn    Kind = "turn"    // one message of a conversation, verbatim
	KindFact    Kind = "fact"    // one statement that holds beyond its conversation
	KindSummary Kind = "summary" // what stands for several records
	KindPersona Kind = "persona" // who the assistant or the user is
	KindFAQ     Kind = "faq"     // a question with its standing answer
)

// Origin says whether a record's text was seen or made.
type Origin string

// The origins of a record's text.
const (
	Observed      Origin = "observed"      // verbatim: somebody said or wrote it
	Reconstructed Origin = "reconstructed" // made by refinement from other records; never evidence for itself
)

// Scope says whose memory it is. Tenant and User match exactly, the empty string included, so that no query sees
// another's records. Agent and Session narrow a query when they are set, and match anything when they
// are empty. Scope is an argument of every call, and no filter can widen it.
type Scope struct {
	Tenant  string `json:"tenant,omitempty"`
	User    string `json:"user,omitempty"`
	Agent   string `json:"agent,omitempty"`
	Session string `json:"session,omitempty"`
}

// Contains reports whether a query in scope s may see a record that lives in scope r.
func (s Scope) Contains(r Scope) bool {
	return s.Tenant == r.Tenant && s.User == r.User &&
		(s.Agent == "" || s.Agent == r.Agent) &&
		(s.Session == "" || s.Session == r.Session)
}

// String renders the scope as tenant/user/agent/session, with "-" for an empty part.
func (s Scope) String() string {
	parts := []string{s.Tenant, s.User, s.Agent, s.Session}
	for i, p := range parts {
		if p == "" {
			parts[i] = "-"
		}
	}
	return strings.Join(parts, "/")
}

// Quote is an exact passage of a source record that a derived record rests on.
type Quote struct {
	Source ID     `json:"source"`
	Text   string `json:"text"`
}

// Record is one memory. Its text is never changed: what replaces it supersedes it, and both stay readable.
type Record struct {
	ID    ID     `json:"id"`
	Scope Scope  `json:"scope"`
	Kind  Kind   `json:"kind"`
	Role  string `json:"role,omitempty"` // user, assistant, system, tool
	// Speaker is the name of who said it, where the role is not enough.
	Speaker string `json:"speaker,omitempty"`
	Text    string `json:"text"`

	// Position orders the records of one session; adjacent turns differ by 1. Negative: not part of an order.
	Position int `json:"position"`
	// Key identifies the record in the place it came from, so that importing it twice adds nothing. It is unique within
	// its scope where it is not empty.
	Key string `json:"key,omitempty"`

	// The times of the world: when it was said, and from when until when it is true. A record that is added without
	// Created is said now; a zero ValidFrom or ValidUntil is open.
	Created    time.Time `json:"created"`
	ValidFrom  time.Time `json:"valid_from,omitzero"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
	// The times of the store: when it was written and, once replaced, when and by what.
	Recorded     time.Time `json:"recorded,omitzero"`
	Superseded   time.Time `json:"superseded,omitzero"`
	SupersededBy ID        `json:"superseded_by,omitempty"`

	Importance float64 `json:"importance"` // 0 to 1
	Confidence float64 `json:"confidence"` // 0 to 1

	Origin      Origin  `json:"origin"`
	DerivedFrom []ID    `json:"derived_from,omitempty"`
	Quotes      []Quote `json:"quotes,omitempty"`

	// Use: how often it was shown in a result, and how often it was marked useful; both survive restarts.
	Shown     int       `json:"shown,omitempty"`
	LastShown time.Time `json:"last_shown,omitzero"`
	Used      int       `json:"used,omitempty"`
	LastUsed  time.Time `json:"last_used,omitzero"`

	Meta map[string]string `json:"meta,omitempty"`

	// Embedding of Text by Model, and its length as Dim. All empty: the store embeds it when it is written.
	Embedding []float32 `json:"embedding,omitempty"`
	Model     string    `json:"model,omitempty"`
}

// MaxText is the longest text of one record, in bytes. Longer texts belong into several records.
const MaxText = 1 << 20

// The longest of what a record carries besides its text, in bytes.
const (
	MaxName = 1 << 10  // each part of the scope, role, speaker, key and ID
	MaxMeta = 64 << 10 // all metadata together
)

// Validate reports the first thing that keeps r out of a store, as an error that wraps [ErrInvalid].
func (r *Record) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	switch {
	case strings.TrimSpace(r.Text) == "":
		return bad("the text is empty")
	case len(r.Text) > MaxText:
		return bad("the text has %d bytes, at most %d are allowed: split it", len(r.Text), MaxText)
	case !(r.Importance >= 0 && r.Importance <= 1):
		return bad("importance is %v, not between 0 and 1", r.Importance)
	case !(r.Confidence >= 0 && r.Confidence <= 1):
		return bad("confidence is %v, not between 0 and 1", r.Confidence)
	case r.Created.IsZero():
		return bad("the time of creation is missing")
	case !r.ValidUntil.IsZero() && !r.ValidFrom.IsZero() && r.ValidUntil.Before(r.ValidFrom):
		return bad("it is valid until %s, before it is valid from %s", r.ValidUntil.Format(time.RFC3339), r.ValidFrom.Format(time.RFC3339))
	}
	for _, t := range []time.Time{r.Created, r.ValidFrom, r.ValidUntil} {
		if y := t.UTC().Year(); y < 1 || y > 9999 {
			return bad("a time lies in the year %d, not between 1 and 9999", y)
		}
	}
	for _, part := range []struct {
		name, text string
		most       int
	}{
		{"text", r.Text, MaxText}, {"tenant", r.Scope.Tenant, MaxName}, {"user", r.Scope.User, MaxName}, {"agent", r.Scope.Agent, MaxName},
		{"session", r.Scope.Session, MaxName}, {"role", r.Role, MaxName}, {"speaker", r.Speaker, MaxName}, {"key", r.Key, MaxName},
		{"ID", string(r.ID), MaxName}, {"ID of its successor", string(r.SupersededBy), MaxName},
	} {
		if problem := notText(part.text, part.most); problem != "" {
			return bad("the %s %s", part.name, problem)
		}
	}
	size := 0
	for k, v := range r.Meta {
		size += len(k) + len(v)
		if problem := notText(k+v, MaxMeta); problem != "" {
			return bad("the metadata %s", problem)
		}
	}
	if size > MaxMeta {
		return bad("the metadata has %d bytes, at most %d are allowed", size, MaxMeta)
	}
	for _, q := range r.Quotes {
		if problem := notText(q.Text, MaxText); problem != "" {
			return bad("a quote %s", problem)
		}
	}
	switch r.Kind {
	case KindTurn, KindFact, KindSummary, KindPersona, KindFAQ:
	default:
		return bad("unknown kind %q: use turn, fact, summary, persona or faq", r.Kind)
	}
	switch r.Origin {
	case Observed:
	case Reconstructed:
		if len(r.DerivedFrom) == 0 {
			return bad("a reconstructed record must name the records it is derived from")
		}
	default:
		return bad("unknown origin %q: use observed or reconstructed", r.Origin)
	}
	return nil
}

// notText says what keeps s from being stored as text; nothing if nothing does.
func notText(s string, most int) string {
	switch {
	case len(s) > most:
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(s), most)
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsRune(s, 0):
		return "holds a NUL byte"
	}
	return ""
}
