package integration

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// Turn is one exchange of a conversation: the last message of the user, what is recalled for it, and the answer.
//
//	Plugin.Turn ──▶ Recall ──▶ Notes for the prompt ──▶ somebody's model ──▶ Refine ──▶ Remember
//	                       └─▶ Ask, where the plugin answers itself ───────────────────▶ Remember
//
// It recalls once, whatever is done with it. A turn is not for concurrent use.
type Turn struct {
	// Notes are the memories as marked data for the prompt, to stand behind the user's words; empty where nothing is known.
	Notes string
	// Memories are those in Notes, best first, and then the turns that summaries among them were opened into.
	Memories []refine.Recalled
	// Tokens are those of the memories in Notes, and Certificate is that of their ranking.
	Tokens      int
	Certificate refine.Certificate

	plugin   *Plugin
	options  TurnOptions
	session  string
	messages []specialists.Message // before the question
	history  history
	question memory.Record // without a text: there is none

	recalled *refine.Recollection // nil: not yet
	noted    bool                 // Notes say what is known
	counted  bool                 // what was recalled is counted as shown
	made     *Answer              // that Ask made; nil: none
	refined  string               // what Refine made of a draft; empty: nothing else
}

// TurnOptions say whose turn it is. Nil is the same as a zero TurnOptions.
type TurnOptions struct {
	// Scope is whose memories are recalled, and where the turn is written. Zero: the plugin's.
	Scope memory.Scope
	// Session is the conversation in which the turn is written; one that the scope is bound to allows no other. Zero: the
	// scope's, or else a name made of the first message of the conversation's user, which stays the same when a client
	// sends its history again. System messages do not count: many hold the time, and would make each turn a session.
	Session string
	// User tells conversations of several users in one scope apart that begin with the same words.
	User string
	// Limit is the number of memories, Budget the tokens they may take. Zero: what is configured.
	Limit, Budget int
	// Refine says when an answer is refined. Zero: what is configured.
	Refine refine.Refinement
	// Before is the number of turns that the session held already, for clients that send no history.
	Before int
	// After names what the conversation goes on from, for clients that send no history: so two "yes" are told apart.
	After string
	// At is the moment of the question. Zero: now.
	At time.Time
	// Quiet leaves uncounted that memories were shown, as where nobody gets to see them.
	Quiet bool
	// Meta goes into both records, and Model, the name of what answers, into that of the answer.
	Meta  map[string]string
	Model string
}

// Begin is [Plugin.Turn] and [Turn.Recall] in one.
func (p *Plugin) Begin(ctx context.Context, messages []specialists.Message, o *TurnOptions) (*Turn, error) {
	t, err := p.Turn(messages, o)
	if err == nil {
		err = t.Recall(ctx)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Turn is the turn of the last message of the user that has a text. Without one there are no notes, and nothing is
// remembered. It reads nothing yet. A session that cannot be stored is an error that wraps [memory.ErrInvalid].
func (p *Plugin) Turn(messages []specialists.Message, o *TurnOptions) (*Turn, error) {
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
	bound := t.options.Scope.Session
	t.session = cmp.Or(t.options.Session, bound, sessionOf(t.options.User, messages))
	switch {
	case bound != "" && t.session != bound:
		return nil, fmt.Errorf("%w: the session is not the one that the scope is bound to", memory.ErrInvalid)
	case len(t.session) > memory.MaxName:
		return nil, fmt.Errorf("%w: the session's name has %d bytes, at most %d are allowed", memory.ErrInvalid, len(t.session), memory.MaxName)
	case t.session != clean(t.session):
		return nil, fmt.Errorf("%w: the session's name is not valid UTF-8, or holds a NUL byte", memory.ErrInvalid)
	case last < 0:
		return t, nil
	}
	t.messages = messages[:last]
	keys, position := keysOf(t.session, t.options.After, messages[:last+1]), t.options.Before
	for _, m := range t.messages {
		if spoken(m) {
			position++
		}
	}
	t.history = historyOf(messages, keys)
	t.question = t.record("user", messages[last].Content, keys[last], position)
	t.question.Speaker = short(messages[last].Name)
	if onlyAsks(t.question.Text) {
		t.question.Meta[MetaAsks] = "true"
	}
	return t, nil
}

// record is a record of the turn.
func (t *Turn) record(role, text, key string, position int) memory.Record {
	scope, meta := t.options.Scope, map[string]string{"source": "chat"}
	scope.Session = t.session
	for name, value := range t.options.Meta {
		meta[name] = value
	}
	return memory.Record{Scope: scope, Kind: memory.KindTurn, Role: role, Text: text, Key: key, Position: position,
		Created: t.options.At.UTC(), Origin: memory.Observed, Importance: .5, Confidence: 1, Meta: meta}
}

// Recall writes Notes of what bears on the question. What the conversation itself holds is left out: its model reads it
// anyway. Where it fails, the turn can be remembered all the same.
func (t *Turn) Recall(ctx context.Context) error {
	if text.Query(t.question.Text) == "" {
		return nil
	}
	found, err := t.recall(ctx)
	if err != nil {
		return fmt.Errorf("recall for the turn: %w", err)
	}
	notes := Pack(found, t.question.Text, t.budget(), refine.Mark(false), t.history.has)
	t.Memories, t.noted = notes.Memories, true
	if marked := refine.Marked(notes.Packed.Text()); marked != "" {
		t.Notes = fmt.Sprintf(notesIntro, t.options.At.Format("Monday, 2 January 2006")) + marked
	}
	t.Tokens, t.Certificate = notes.Packed.Tokens, found.Certificate
	if !t.options.Quiet {
		t.counted = true
		t.plugin.Shown(t.options.Scope, IDs(notes.Memories)...)
	}
	return nil
}

// notesIntro says what day it is and what the notes are for; what [refine.Marked] adds says what they are.
const notesIntro = "Here are notes from memory; today is %s. Use what helps to answer; where two disagree, the later one holds. Do not mention the notes. "

func (t *Turn) limit() int  { return cmp.Or(t.options.Limit, t.plugin.config.Recall.Limit) }
func (t *Turn) budget() int { return cmp.Or(t.options.Budget, t.plugin.config.Respond.Budget) }

// recall recalls for the question, once: what an answer is held against. It is the best up to the limit, and of what the
// conversation itself holds as many.
func (t *Turn) recall(ctx context.Context) (*refine.Recollection, error) {
	if t.recalled != nil {
		return t.recalled, nil
	}
	found, err := t.plugin.Recall(ctx, t.options.Scope, memory.Query{Text: text.Query(t.question.Text), Limit: t.limit() + len(t.history.texts)})
	if err != nil {
		return nil, err
	}
	room := map[bool]int{false: t.limit(), true: t.limit()}
	var best []refine.Recalled
	for _, m := range found.Memories {
		_, news := without(m, t.history.has)
		if room[!news] > 0 {
			best = append(best, m)
			room[!news]--
		}
	}
	found.Memories = slices.Clip(best) // each answer appends its own
	found.Ranking = nil                // of all candidates: too much to be kept as long as an answer takes
	t.recalled = found
	return found, nil
}

// Ask answers the question, or refines r.Draft, as [Plugin.AskStream] does. Scope, question, messages, limits and time are
// the turn's; Refine is too where the request has none.
func (t *Turn) Ask(ctx context.Context, r Request) iter.Seq2[Event, error] {
	r.Scope, r.Question, r.Messages, r.Limit, r.Budget = t.options.Scope, t.question.Text, prose(t.messages), t.limit(), t.budget()
	r.Refine, r.Remember, r.At, r.turn = cmp.Or(r.Refine, t.options.Refine), false, time.Time{}, t
	r.Quiet = r.Quiet || t.options.Quiet || t.counted
	t.counted = t.counted || !r.Quiet
	return func(yield func(Event, error) bool) {
		for e, err := range t.plugin.AskStream(ctx, r) {
			switch {
			case e.Type != EventAnswer:
			case r.Draft == "":
				t.made = e.Answer
			case e.Answer.Text != r.Draft:
				t.refined = e.Answer.Text
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Refines reports whether Refine may change an answer: there must be memories to refine it by, or it is asked for always.
func (t *Turn) Refines() bool {
	how := cmp.Or(t.options.Refine, refine.Refinement(t.plugin.config.Respond.Refine))
	return t.noted && how != refine.Off && (len(t.Memories) > 0 || how == refine.Always)
}

// Refine returns the answer refined against the memories, or as it is if it passes. It fails only where the store does.
func (t *Turn) Refine(ctx context.Context, answer string) (string, error) {
	if strings.TrimSpace(answer) == "" || !t.Refines() {
		return answer, nil
	}
	refined := answer
	for e, err := range t.Ask(ctx, Request{Draft: answer, Open: true}) {
		if err != nil {
			return answer, err
		}
		if e.Type == EventAnswer {
			refined = e.Answer.Text
		}
	}
	return refined, nil
}

// Remember writes the turn: the question as observed, and the answer if there is one. One that was made from memories, or
// says what they say, is written as made from them, so that what was recalled never becomes evidence for itself. Not
// written is an answer that Refine changed, for it says nothing that the memories do not hold; and a model's own that
// contradicts the notes, for its mistake would come back as the later word on the matter. A turn that is there already is
// not written again. If a record cannot be written the others are, and the error says which.
func (t *Turn) Remember(ctx context.Context, answer string) error {
	records := t.records(answer)
	if len(records) == 0 {
		return nil
	}
	if err := t.plugin.Writes("remember the turn"); err != nil {
		return err
	}
	if _, err := t.plugin.addEach(ctx, tenantScope(t.options.Scope), records); err != nil {
		return fmt.Errorf("remember the turn: %w", err)
	}
	return nil
}

// modelConfidence is that of what a model said by itself: nobody confirmed it.
const modelConfidence = .5

// MetaAsks marks a record that asks and states nothing, so that it is no evidence for anything. Its value is "true".
const MetaAsks = "asks"

// onlyAsks reports whether each sentence of a text is a question.
func onlyAsks(s string) bool {
	sentences := text.Sentences(s)
	for _, sentence := range sentences {
		if !strings.ContainsAny(lastRune(sentence), "?？؟⁇") {
			return false
		}
	}
	return len(sentences) > 0
}

// lastRune is the last character of a sentence, without what closes a quotation or a bracket.
func lastRune(s string) string {
	s = strings.TrimRight(s, " \t\r\n\"'”’»)]」』")
	_, size := utf8.DecodeLastRuneInString(s)
	return s[len(s)-size:]
}

// records are those of the turn; none without a question.
func (t *Turn) records(answer string) []memory.Record {
	if t.question.Text == "" {
		return nil
	}
	records := split(t.question)
	if strings.TrimSpace(answer) == "" || answer == t.refined {
		return records
	}
	a := t.record("assistant", answer, turnKey(t.session, t.options.After+t.question.Text, "assistant", answer), t.question.Position+1)
	a.Confidence = modelConfidence
	if model := short(t.options.Model); model != "" {
		a.Meta["model"] = model
	}
	if contradicts := t.Ground(&a); contradicts {
		return records
	}
	return append(records, split(a)...)
}

// Ground finds what an answer was made from, and reports whether it is a model's own that contradicts the notes.
func (t *Turn) Ground(answer *memory.Record) (contradicts bool) {
	if t.made != nil && answer.Text == t.made.Text {
		derive(answer, t.made.Claims, t.made.Citations)
		return false
	}
	if len(t.Memories) == 0 {
		return false
	}
	task := &specialists.Task{Question: t.question.Text, Scope: t.options.Scope, Now: t.options.At}
	for _, m := range t.Memories {
		task.Evidence = append(task.Evidence, m.Record)
	}
	derive(answer, specialists.Ground(task, answer.Text), nil)
	return len(specialists.Disputes(task, answer.Text)) > 0
}

// derive marks a text as made from the memories that it repeats or cites.
func derive(r *memory.Record, claims []specialists.Claim, citations []refine.Citation) {
	for _, c := range citations {
		r.DerivedFrom = append(r.DerivedFrom, c.Memory.ID)
	}
	for _, c := range claims {
		if c.Support != specialists.Supported {
			continue
		}
		for _, q := range c.Quotes {
			r.DerivedFrom = append(r.DerivedFrom, q.Source)
		}
	}
	slices.Sort(r.DerivedFrom)
	r.DerivedFrom = slices.Compact(r.DerivedFrom)
	if len(r.DerivedFrom) > 0 {
		r.Origin = memory.Reconstructed
	}
}

// split makes of a record as many as its text needs: what is longer than one may be loses nothing. The last has the key.
func split(r memory.Record) []memory.Record {
	var list []memory.Record
	key, rest := r.Key, clean(r.Text)
	for n := 1; rest != ""; n++ {
		r.Text, r.Key = rest, key
		if cut := memory.MaxText; len(rest) > cut {
			for !utf8.RuneStart(rest[cut]) {
				cut--
			}
			r.Text, r.Key = rest[:cut], partKey(key, n)
		}
		rest = rest[len(r.Text):]
		if strings.TrimSpace(r.Text) != "" {
			list = append(list, r)
		}
	}
	return list
}

// clean takes from a text what no record may hold.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// short is a name that a record may hold; empty if it is none.
func short(name string) string {
	if name = clean(name); len(name) > memory.MaxName {
		return ""
	}
	return name
}

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
