package bridge

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/adapters/ada"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Memories implements ada.Backend. With a query it recalls whatever answers it, turns and summaries too; without one it
// lists facts, which are what Ada calls memories, the latest first.
func (b *adaBackend) Memories(ctx context.Context, q ada.MemoryQuery) ([]ada.Memory, error) {
	in := q.Scope
	if q.Entity != "" {
		in = "entity:" + q.Entity
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 20
	}
	if text := text.Query(q.Query); text != "" {
		return b.search(ctx, text, in, q.Type, limit)
	}
	kind := ada.Kind(q.Type)
	var list []ada.Memory
	for r, err := range b.plugin.Store.All(ctx, b.scope, nil) {
		if err != nil {
			return nil, err
		}
		if r.Kind != kind || !inScope(&r, in) {
			continue
		}
		list = append(list, memoryOf(&r, 0))
		if len(list) > 4*limit { // keep the latest only
			list = slices.Delete(list, 0, len(list)-limit)
		}
	}
	slices.Reverse(list)
	return list[:min(len(list), limit)], nil
}

func (b *adaBackend) search(ctx context.Context, text, in, kind string, limit int) ([]ada.Memory, error) {
	query := memory.Query{Text: text, Limit: limit}
	if kind != "" {
		query.Kinds = []memory.Kind{ada.Kind(kind)}
	}
	switch in {
	case "":
	case global: // also what names no scope, which no filter finds
		query.Limit = ada.MaxMemories
	default:
		query.Where = map[string]string{ada.MetaScope: in}
	}
	found, err := b.plugin.RecallIn(ctx, b.scope, query)
	if err != nil {
		return nil, err
	}
	found.Memories = slices.DeleteFunc(found.Memories, func(m refine.Recalled) bool { return !inScope(&m.Record, in) })
	found.Memories = found.Memories[:min(len(found.Memories), limit)]
	var list []ada.Memory
	var shown []memory.ID
	for i := range found.Memories {
		m := &found.Memories[i]
		list, shown = append(list, memoryOf(&m.Record, m.Weight)), append(shown, m.ID)
	}
	b.plugin.Shown(b.scope, shown...)
	return list, nil
}

// global is Ada's scope of what belongs to nothing in particular.
const global = "global"

// inScope reports whether a record lies in a scope of Ada's; an empty one holds everything.
func inScope(r *memory.Record, in string) bool {
	return in == "" || cmp.Or(r.Meta[ada.MetaScope], global) == in
}

// memoryOf is a record as Ada shows it.
func memoryOf(r *memory.Record, weight float64) ada.Memory {
	id, stars := string(r.ID), ada.Number(ada.Stars(r.Importance))
	meta := ada.Meta{Type: ada.Type(r.Kind), Scope: cmp.Or(r.Meta[ada.MetaScope], global), Importance: &stars, Tags: ada.Tags(r.Meta[ada.MetaTags]),
		Source: cmp.Or(r.Meta[ada.MetaSource], "chat"), Timestamp: stamp(r.Created), ConversationID: r.Scope.Session, Role: r.Role, Topic: r.Meta["topic"],
		Origin: string(r.Origin), Confidence: r.Confidence, Weight: weight}
	if r.Kind == memory.KindTurn || r.Kind == memory.KindSummary {
		meta.Scope = cmp.Or(r.Meta[ada.MetaScope], "conversation")
	}
	return ada.Memory{ID: &id, Text: r.Text, Meta: meta}
}

// fact is a new memory as a record.
func (b *adaBackend) fact(m *ada.NewMemory) memory.Record {
	r := memory.Record{Kind: ada.Kind(m.Type), Role: "user", Text: m.Text, Position: -1, Created: time.Now().UTC(), Origin: memory.Observed,
		Importance: ada.Importance(m.Importance), Confidence: 1, Meta: map[string]string{ada.MetaScope: m.InScope(), ada.MetaSource: "chat"}}
	if m.Tags != "" {
		r.Meta[ada.MetaTags] = string(m.Tags)
	}
	return r
}

// AddMemory implements ada.Backend.
func (b *adaBackend) AddMemory(ctx context.Context, m ada.NewMemory) (string, error) {
	added, err := b.plugin.RememberIn(ctx, b.scope, b.fact(&m))
	if err != nil {
		return "", err
	}
	return string(added.IDs[0]), nil
}

// DeleteMemory implements ada.Backend.
func (b *adaBackend) DeleteMemory(ctx context.Context, id string) error {
	_, err := b.plugin.Forget(ctx, b.scope, memory.ID(id))
	return err
}

// Recent implements ada.Backend. It reads every turn of the scope, about 0.1 s for 10,000.
func (b *adaBackend) Recent(ctx context.Context, limit int) ([]ada.Conversation, error) {
	conversations := map[string]*ada.Conversation{}
	for r, err := range b.plugin.Store.All(ctx, b.scope, nil) {
		if err != nil {
			return nil, err
		}
		if r.Kind != memory.KindTurn || r.Scope.Session == "" {
			continue
		}
		c := conversations[r.Scope.Session]
		if c == nil {
			c = &ada.Conversation{ID: r.Scope.Session}
			conversations[c.ID] = c
		}
		c.TurnCount++
		c.Timestamp = max(c.Timestamp, stamp(r.Created)) // of one form, so that they sort by time
		if c.Preview == "" || r.Position == 0 {
			c.Preview = preview(r.Text)
		}
	}
	list := slices.SortedFunc(maps.Values(conversations), func(x, y *ada.Conversation) int {
		return cmp.Or(cmp.Compare(y.Timestamp, x.Timestamp), cmp.Compare(x.ID, y.ID))
	})
	out := []ada.Conversation{}
	for _, c := range list[:min(len(list), limit)] {
		out = append(out, *c)
	}
	return out, nil
}

// preview is the beginning of a text, on one line.
func preview(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 100 {
		return string(runes[:99]) + "…"
	}
	return s
}

// Conversation implements ada.Backend.
func (b *adaBackend) Conversation(ctx context.Context, id string) ([]ada.Turn, error) {
	records, err := b.turns(ctx, id)
	turns := []ada.Turn{}
	for _, r := range records {
		turns = append(turns, ada.Turn{Role: cmp.Or(r.Role, "user"), Text: r.Text, Timestamp: stamp(r.Created)})
	}
	return turns, err
}
