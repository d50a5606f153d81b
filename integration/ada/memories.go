package ada

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// memories answers GET /v1/memory. With a query it recalls whatever answers it, turns and summaries too; without one it lists
// facts, which are what Ada calls memories, the latest first.
func (h *handler) memories(w http.ResponseWriter, r *http.Request) {
	param := func(name string) string { return strings.TrimSpace(r.URL.Query().Get(name)) }
	in := param("scope")
	if entity := param("entity"); entity != "" {
		in = "entity:" + entity
	}
	n := limit(r, usualMemories, MaxMemories)
	var list []item
	var err error
	if query := text.Query(cmp.Or(param("search"), param("query"))); query != "" {
		list, err = h.search(r.Context(), query, in, param("type"), n)
	} else {
		list, err = h.list(r.Context(), in, kind(param("type")), n)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	list = append([]item{}, list...)
	// Ada's brain calls them items, its own tools look for memories.
	h.answer(w, http.StatusOK, map[string][]item{"items": list, "memories": list})
}

func (h *handler) list(ctx context.Context, in string, kind memory.Kind, n int) ([]item, error) {
	var list []item
	for r, err := range h.plugin.Store.All(ctx, h.scope, nil) {
		if err != nil {
			return nil, err
		}
		if r.Kind != kind || !inScope(&r, in) {
			continue
		}
		list = append(list, itemOf(&r, 0))
		if len(list) > 4*n { // keep the latest only
			list = slices.Delete(list, 0, len(list)-n)
		}
	}
	slices.Reverse(list)
	return list[:min(len(list), n)], nil
}

func (h *handler) search(ctx context.Context, text, in, ofType string, n int) ([]item, error) {
	query := memory.Query{Text: text, Limit: n}
	if ofType != "" {
		query.Kinds = []memory.Kind{kind(ofType)}
	}
	switch in {
	case "":
	case global: // also what names no scope, which no filter finds
		query.Limit = MaxMemories
	default:
		query.Where = map[string]string{metaScope: in}
	}
	found, err := h.plugin.Recall(ctx, h.scope, query)
	if err != nil {
		return nil, err
	}
	found.Memories = slices.DeleteFunc(found.Memories, func(m refine.Recalled) bool { return !inScope(&m.Record, in) })
	found.Memories = found.Memories[:min(len(found.Memories), n)]
	h.plugin.Shown(h.scope, integration.IDs(found.Memories)...)
	var list []item
	for _, m := range found.Memories {
		list = append(list, itemOf(&m.Record, m.Weight))
	}
	return list, nil
}

// inScope reports whether a record lies in a scope of Ada's; an empty one holds everything.
func inScope(r *memory.Record, in string) bool {
	return in == "" || cmp.Or(r.Meta[metaScope], global) == in
}

// itemOf is a record as Ada shows it.
func itemOf(r *memory.Record, weight float64) item {
	id, stars := string(r.ID), number(importance.Stars.Whole(r.Importance))
	m := meta{Type: typeOf(r.Kind), Scope: cmp.Or(r.Meta[metaScope], global), Importance: &stars, Tags: tags(r.Meta[metaTags]),
		Source: cmp.Or(r.Meta[metaSource], "chat"), Timestamp: stamp(r.Created), ConversationID: r.Scope.Session, Role: r.Role, Topic: r.Meta["topic"],
		Origin: string(r.Origin), Confidence: r.Confidence, Weight: weight}
	if r.Kind == memory.KindTurn || r.Kind == memory.KindSummary {
		m.Scope = cmp.Or(r.Meta[metaScope], "conversation")
	}
	return item{ID: &id, Text: r.Text, Meta: m}
}

func (h *handler) addMemory(w http.ResponseWriter, r *http.Request) {
	var m newMemory
	if !h.read(w, r, &m) {
		return
	}
	record := m.record()
	if record.Text == "" {
		h.refuse(w, http.StatusBadRequest, "text is required")
		return
	}
	added, err := h.plugin.Remember(r.Context(), h.scope, record)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusCreated, map[string]memory.ID{"id": added.IDs[0]})
}

func (h *handler) deleteMemory(w http.ResponseWriter, r *http.Request) {
	if _, err := h.plugin.Forget(r.Context(), h.scope, memory.ID(r.PathValue("id"))); err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, map[string]bool{"ok": true})
}

// recent answers GET /v1/conversations/recent. It reads every turn of the scope, about 0.1 s for 10,000.
func (h *handler) recent(w http.ResponseWriter, r *http.Request) {
	conversations := map[string]*conversation{}
	for record, err := range h.plugin.Store.All(r.Context(), h.scope, nil) {
		if err != nil {
			h.fail(w, r, err)
			return
		}
		if record.Kind != memory.KindTurn || record.Scope.Session == "" {
			continue
		}
		c := conversations[record.Scope.Session]
		if c == nil {
			c = &conversation{ID: record.Scope.Session}
			conversations[c.ID] = c
		}
		c.TurnCount++
		c.Timestamp = max(c.Timestamp, stamp(record.Created)) // of one form, so that they sort by time
		if c.Preview == "" || record.Position == 0 {
			c.Preview = preview(record.Text)
		}
	}
	list := slices.SortedFunc(maps.Values(conversations), func(x, y *conversation) int {
		return cmp.Or(cmp.Compare(y.Timestamp, x.Timestamp), cmp.Compare(x.ID, y.ID))
	})
	h.answer(w, http.StatusOK, append([]*conversation{}, list[:min(len(list), limit(r, usualConversations, mostConversations))]...))
}

// preview is the beginning of a text, on one line.
func preview(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 100 {
		return string(runes[:99]) + "…"
	}
	return s
}

func (h *handler) conversation(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	records, err := h.turns(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	turns := []utterance{}
	for _, t := range records {
		turns = append(turns, utterance{Role: cmp.Or(t.Role, "user"), Text: t.Text, Timestamp: stamp(t.Created)})
	}
	h.answer(w, http.StatusOK, map[string]any{"conversation_id": id, "turns": turns})
}

// turns are those of a conversation, in its order.
func (h *handler) turns(ctx context.Context, session string) ([]memory.Record, error) {
	if h.scope.Session != "" && h.scope.Session != session {
		return nil, nil // another conversation is out of the scope
	}
	within := h.scope
	within.Session = session
	var turns []memory.Record
	for r, err := range h.plugin.Store.All(ctx, within, nil) {
		if err != nil {
			return nil, err
		}
		if r.Kind == memory.KindTurn && r.Scope.Session == session {
			turns = append(turns, r)
		}
	}
	slices.SortStableFunc(turns, func(x, y memory.Record) int { return cmp.Compare(x.Position, y.Position) })
	return turns, nil
}
