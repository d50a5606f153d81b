package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// turn is a question and its answer on their way into memory.
type turn struct {
	asker    memory.Scope // whose memories the answer was given on
	scope    memory.Scope // the same, with the session
	question memory.Record
	answer   memory.Record   // without a text: there is none to write
	evidence []memory.Record // that the answer was given on
}

// identify gives every message of a conversation the key that its record has. A key is made of the session, of what is
// said and of what was said before: so it stays the same when a client sends its history again, or leaves the beginning
// out, and two "yes" are told apart by the questions they answer.
func identify(session string, messages []message) []string {
	keys := make([]string, len(messages))
	before := ""
	for i, m := range messages {
		if !spoken(m) {
			continue
		}
		keys[i] = turnKey(session, before, m.Role, m.Text)
		before = m.Text
	}
	return keys
}

// spoken reports whether a message is part of the conversation between the user and the assistant.
func spoken(m message) bool {
	return (m.Role == "user" || m.Role == "assistant") && strings.TrimSpace(m.Text) != ""
}

func turnKey(session, before, role, text string) string {
	return "chat:" + digest(session, before, role, text)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// sessionOf names the conversation that a chat belongs to: what the request says, or else what it begins with.
func sessionOf(header string, c *chat) string {
	switch {
	case header != "":
		return header
	case c.Session != "":
		return c.Session
	}
	parts := []string{c.User}
	for _, m := range c.messages {
		parts = append(parts, m.Role, m.Text)
		if m.Role == "user" {
			break
		}
	}
	return "chat-" + digest(parts...)
}

// recordsOf are the records of a text; more than one if it is longer than a record may be.
func recordsOf(r memory.Record) []memory.Record {
	r.Text = strings.ReplaceAll(strings.ToValidUTF8(r.Text, "\uFFFD"), "\x00", "")
	var list []memory.Record
	key, rest := r.Key, r.Text
	for n := 1; len(rest) > memory.MaxText; n++ {
		cut := memory.MaxText
		for !utf8.RuneStart(rest[cut]) {
			cut--
		}
		r.Text, rest = rest[:cut], rest[cut:]
		r.Key = fmt.Sprintf("%s#%d", key, n)
		list = append(list, r)
	}
	if strings.TrimSpace(rest) == "" {
		return list
	}
	r.Text, r.Key = rest, key
	return append(list, r)
}

// writer writes turns behind the answers, in their order, so that no client waits for the disk. It runs only while there
// is something to write.
type writer struct {
	plugin  *integration.Plugin
	metrics *metrics
	log     *slog.Logger

	mu      sync.Mutex
	changed sync.Cond // something was written, or the writer came to its end
	pending []turn
	running bool
	talks   int // chats under way, which may still put a turn
}

// mostPending bounds the turns that wait: beyond it answers wait for the disk.
const mostPending = 1024

func newWriter(p *integration.Plugin, m *metrics, log *slog.Logger) *writer {
	w := &writer{plugin: p, metrics: m, log: log}
	w.changed.L = &w.mu
	return w
}

// put hands a turn over.
func (w *writer) put(t turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pending) >= mostPending {
		w.changed.Wait()
	}
	w.pending = append(w.pending, t)
	w.metrics.pending.Set(float64(len(w.pending)))
	if !w.running {
		w.running = true
		go w.run()
	}
}

// begin says that a chat is under way; what it returns, that it is over.
func (w *writer) begin() (end func()) {
	w.mu.Lock()
	w.talks++
	w.mu.Unlock()
	return func() {
		w.mu.Lock()
		w.talks--
		w.changed.Broadcast()
		w.mu.Unlock()
	}
}

// wait returns when everything that was put is written, or could not be; all: and the chats under way are over.
func (w *writer) wait(all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.running || all && w.talks > 0 {
		w.changed.Wait()
	}
}

func (w *writer) run() {
	for {
		w.mu.Lock()
		turns := w.pending
		w.pending = nil
		w.metrics.pending.Set(0)
		if len(turns) == 0 {
			w.running = false
			w.changed.Broadcast()
			w.mu.Unlock()
			return
		}
		w.changed.Broadcast()
		w.mu.Unlock()
		w.write(turns)
	}
}

// writeTime bounds one write. It is long: what is lost here is lost for good.
const writeTime = time.Minute

// write writes turns, those of one tenant and user in one transaction: a commit is an fsync.
func (w *writer) write(turns []turn) {
	ctx, stop := context.WithTimeout(context.Background(), writeTime) // the request is over
	defer stop()
	var walls []memory.Scope
	records := map[memory.Scope][]memory.Record{}
	for i := range turns {
		t := &turns[i]
		wall := memory.Scope{Tenant: t.scope.Tenant, User: t.scope.User}
		if _, known := records[wall]; !known {
			walls = append(walls, wall)
		}
		t.ground()
		for _, r := range []memory.Record{t.question, t.answer} {
			r.Scope = t.scope
			records[wall] = append(records[wall], recordsOf(r)...)
		}
	}
	for _, wall := range walls {
		w.add(ctx, wall, records[wall])
	}
}

// add writes records together, or one by one if one of them is at fault: a memory that was deleted while an answer rested
// on it must not keep the others out.
func (w *writer) add(ctx context.Context, wall memory.Scope, records []memory.Record) {
	added, err := w.plugin.Store.Add(ctx, wall, records...)
	for errors.Is(err, memory.ErrLocked) && ctx.Err() == nil { // each try waits as long as store.wait says
		added, err = w.plugin.Store.Add(ctx, wall, records...)
	}
	w.metrics.written.Add(float64(added.Count))
	if err == nil {
		return
	}
	if len(records) > 1 {
		for _, r := range records {
			w.add(ctx, wall, []memory.Record{r})
		}
		return
	}
	w.metrics.failed.Inc()
	w.log.Error("a turn could not be written to memory", "scope", wall.String(), "session", records[0].Scope.Session, "role", records[0].Role, "error", err)
}

// ground holds an answer against the memories it was given on. One that repeats them is marked as made from them: what was
// recalled never comes back as evidence for itself. One that contradicts them is not written: a model's mistake would
// come back as the later word on the matter.
func (t *turn) ground() {
	if t.answer.Text == "" || len(t.evidence) == 0 {
		return
	}
	task := &specialists.Task{Question: t.question.Text, Evidence: t.evidence, Scope: t.asker, Now: t.answer.Created}
	for _, c := range specialists.Ground(task, t.answer.Text) {
		if c.Support == specialists.Contradicted {
			t.answer.Text = ""
			return
		}
		if c.Support != specialists.Supported {
			continue
		}
		for _, q := range c.Quotes {
			if !slices.Contains(t.answer.DerivedFrom, q.Source) {
				t.answer.DerivedFrom = append(t.answer.DerivedFrom, q.Source)
			}
		}
	}
	if len(t.answer.DerivedFrom) > 0 {
		t.answer.Origin = memory.Reconstructed
	}
}
