package integration

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// Turn is one exchange of a conversation whose answers somebody else's model writes. [Plugin.Begin] recalls for it; Refine
// and Remember take the answer.
type Turn struct {
	// Notes are the memories as a system message of marked data; empty where nothing is known.
	Notes string
	// Memories are those in Notes, best first, and then the turns that summaries among them were opened into.
	Memories []refine.Recalled

	plugin   *Plugin
	options  TurnOptions
	messages []specialists.Message // before the question
	question memory.Record         // without a text: there is none
}

// TurnOptions say whose turn it is. Nil is the same as a zero TurnOptions.
type TurnOptions struct {
	// Scope is whose memories are recalled, and where the turn is written. Zero: the plugin's.
	Scope memory.Scope
	// Session is the conversation in which the turn is written. Zero: the scope's, or else a name made of how the
	// conversation begins, which stays the same when a client sends its history again.
	Session string
	// Limit is the number of memories, Budget the tokens they may take. Zero: what is configured.
	Limit, Budget int
	// Refine says when an answer is refined. Zero: what is configured.
	Refine refine.Refinement
	// Before is the number of turns that the session held already, for clients that send no history.
	Before int
	// At is the moment of the question. Zero: now.
	At time.Time
	// Quiet leaves uncounted that memories were put into the notes, as where nobody gets to see them.
	Quiet bool
}

// Begin recalls for the last message of the user. What the conversation itself holds is left out: its model reads it
// anyway. A conversation without a message of the user has no notes, and nothing of it is remembered.
func (p *Plugin) Begin(ctx context.Context, messages []specialists.Message, o *TurnOptions) (*Turn, error) {
	t := &Turn{plugin: p}
	if o != nil {
		t.options = *o
	}
	t.options.Scope = p.scope(t.options.Scope)
	if t.options.At.IsZero() {
		t.options.At = time.Now()
	}
	last := -1
	for i, m := range messages {
		if m.Role == "user" && strings.TrimSpace(m.Content) != "" {
			last = i
		}
	}
	if last < 0 {
		return t, nil
	}
	session := cmp.Or(t.options.Session, t.options.Scope.Session, sessionOf(messages))
	t.messages = messages[:last]
	keys, position := keysOf(session, messages[:last+1]), t.options.Before
	for _, m := range t.messages {
		if spoken(m) {
			position++
		}
	}
	t.question = memory.Record{Scope: memory.Scope{Session: session}, Kind: memory.KindTurn, Role: "user", Speaker: messages[last].Name, Text: messages[last].Content, Position: position,
		Key: keys[last], Created: t.options.At.UTC(), Origin: memory.Observed, Importance: .5, Confidence: 1}
	query := memory.Query{Text: searchable(t.question.Text), Limit: cmp.Or(t.options.Limit, p.config.Recall.Limit) + len(t.messages)}
	if query.Text == "" {
		return t, nil
	}
	found, err := p.RecallIn(ctx, t.options.Scope, query)
	if err != nil {
		return nil, fmt.Errorf("recall for the turn: %w", err)
	}
	said := map[string]bool{}
	for _, k := range keys {
		said[k] = k != ""
	}
	leave := func(r *memory.Record) bool { return said[r.Key] }
	found.Memories = slices.DeleteFunc(found.Memories, func(m refine.Recalled) bool { return leave(&m.Record) })
	found.Memories = found.Memories[:min(len(found.Memories), query.Limit-len(t.messages))]
	notes := Pack(found, t.question.Text, cmp.Or(t.options.Budget, p.config.Respond.Budget), refine.Mark(false), leave)
	t.Notes, t.Memories = refine.Marked(notes.Packed.Text()), notes.Memories
	if !t.options.Quiet {
		p.Shown(t.options.Scope, notes.IDs()...)
	}
	return t, nil
}

// Refines reports whether Refine may change an answer.
func (t *Turn) Refines() bool {
	return t.question.Text != "" && cmp.Or(t.options.Refine, refine.Refinement(t.plugin.config.Respond.Refine)) != refine.Off
}

// Refine returns the answer refined against the memories, or as it is if it passes. It fails only where the store does.
func (t *Turn) Refine(ctx context.Context, answer string) (string, error) {
	if strings.TrimSpace(answer) == "" || !t.Refines() {
		return answer, nil
	}
	a, err := t.plugin.Ask(ctx, Request{Scope: t.options.Scope, Question: t.question.Text, Messages: t.messages, Draft: answer, Open: true,
		Limit: t.options.Limit, Budget: t.options.Budget, Refine: t.options.Refine, Quiet: true})
	if err != nil {
		return answer, err
	}
	return a.Text, nil
}

// Remember writes the question as an observed turn, and the answer too if there is one. Where the answer says what a memory
// says, it is written as made from it, so that what was recalled never becomes evidence for itself. A turn that is there
// already is not written again.
func (t *Turn) Remember(ctx context.Context, answer string) error {
	if t.question.Text == "" {
		return nil
	}
	records := []memory.Record{t.question}
	if strings.TrimSpace(answer) != "" {
		a := t.question
		a.Role, a.Speaker, a.Text, a.Position = "assistant", "", answer, t.question.Position+1
		a.Key = turnKey(a.Scope.Session, t.question.Text, "assistant", answer)
		if err := t.ground(ctx, &a); err != nil {
			return err
		}
		records = append(records, a)
	}
	for i := range records {
		records[i].Text = strings.ReplaceAll(strings.ToValidUTF8(records[i].Text, "\uFFFD"), "\x00", "")
		if len(records[i].Text) > memory.MaxText {
			records[i].Text = strings.ToValidUTF8(records[i].Text[:memory.MaxText], "")
		}
	}
	if _, err := t.plugin.RememberIn(ctx, t.options.Scope, records...); err != nil {
		return fmt.Errorf("remember the turn: %w", err)
	}
	return nil
}

// ground finds what of the notes the answer repeats.
func (t *Turn) ground(ctx context.Context, answer *memory.Record) error {
	if len(t.Memories) == 0 {
		return nil
	}
	task := &specialists.Task{Question: t.question.Text, Scope: t.options.Scope, Now: t.options.At}
	for _, m := range t.Memories {
		task.Evidence = append(task.Evidence, m.Record)
	}
	judged, err := refine.Respond(ctx, task, &refine.RespondOptions{Draft: answer.Text, Refine: refine.Off})
	if err != nil {
		return fmt.Errorf("remember the turn: %w", err)
	}
	for _, c := range judged.Citations {
		answer.DerivedFrom = append(answer.DerivedFrom, c.Memory.ID)
	}
	for _, c := range judged.Claims {
		if c.Support == specialists.Supported {
			for _, q := range c.Quotes {
				answer.DerivedFrom = append(answer.DerivedFrom, q.Source)
			}
		}
	}
	slices.Sort(answer.DerivedFrom)
	answer.DerivedFrom = slices.Compact(answer.DerivedFrom)
	if len(answer.DerivedFrom) > 0 {
		answer.Origin = memory.Reconstructed
	}
	return nil
}

// spoken reports whether a message is part of the conversation between the user and the assistant.
func spoken(m specialists.Message) bool {
	return (m.Role == "user" || m.Role == "assistant") && strings.TrimSpace(m.Content) != ""
}

// keysOf gives every spoken message the key that its record has: made of the session, of what is said and of what was said
// before. So it is the same when a client sends its history again or leaves the beginning out.
func keysOf(session string, messages []specialists.Message) []string {
	keys, before := make([]string, len(messages)), ""
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

// sessionOf names a conversation by how it begins: what comes before the first message of the user, and that.
func sessionOf(messages []specialists.Message) string {
	parts := []string{""}
	for _, m := range messages {
		parts = append(parts, m.Role, m.Content)
		if m.Role == "user" {
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
