package serve

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// change is what a webhook is told, as JSON. What waits to be told holds no texts: they are read when it is sent, so that
// what was deleted meanwhile stays unsaid.
type change struct {
	Delivery string          `json:"delivery"` // the same in every attempt
	Event    string          `json:"event"`
	Time     time.Time       `json:"time"`
	Tenant   string          `json:"tenant"`
	User     string          `json:"user"`
	IDs      []memory.ID     `json:"ids"`
	Replaced []memory.ID     `json:"replaced,omitempty"` // whose place they took
	Memories []memory.Record `json:"memories,omitempty"`

	scope  memory.Scope
	undone memory.ID // of an undo: what is live again in its place is found when it is told
}

// body is the JSON of a change, with the memories as they are now.
func (of *change) body(ctx context.Context, store refine.Store) ([]byte, error) {
	c := *of // other webhooks have it too
	if c.undone != "" {
		c.IDs, c.Replaced = []memory.ID{}, []memory.ID{c.undone}
		history, err := store.History(ctx, c.scope, c.undone)
		if err != nil && !errors.Is(err, memory.ErrNotFound) {
			return nil, err
		}
		for _, e := range history.Events {
			if e.What == "revived" && e.By == c.undone {
				c.IDs = append(c.IDs, e.ID)
			}
		}
	}
	for _, id := range c.IDs {
		if c.Event == "deleted" {
			break
		}
		r, err := store.Record(ctx, c.scope, id)
		if errors.Is(err, memory.ErrNotFound) {
			continue // it was deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		r.Embedding, r.Model = nil, ""
		c.Memories = append(c.Memories, r)
	}
	return json.Marshal(c)
}

// tellAll tells of any number of memories.
func (w *webhooks) tellAll(event string, scope memory.Scope, ids []memory.ID) {
	for part := range slices.Chunk(ids, changeIDs) {
		w.tell(event, scope, change{IDs: part})
	}
}

// observedStore is a store whose changes webhooks are told of. Everything that the server writes goes through it.
type observedStore struct {
	refine.Store
	hooks *webhooks
}

// Add implements refine.Store.
func (s observedStore) Add(ctx context.Context, scope memory.Scope, records ...memory.Record) (memory.Added, error) {
	added, err := s.Store.Add(ctx, scope, records...)
	s.hooks.tellAll("remembered", scope, added.New)
	return added, err
}

// AddAll implements refine.Store.
func (s observedStore) AddAll(ctx context.Context, scope memory.Scope, records iter.Seq2[memory.Record, error], o *memory.AddOptions) (memory.Added, error) {
	added, err := s.Store.AddAll(ctx, scope, records, o)
	s.hooks.tellAll("remembered", scope, added.New)
	return added, err
}

// Supersede implements refine.Store.
func (s observedStore) Supersede(ctx context.Context, scope memory.Scope, record memory.Record, old ...memory.ID) (memory.ID, error) {
	id, err := s.Store.Supersede(ctx, scope, record, old...)
	if err == nil {
		s.hooks.tell("changed", scope, change{IDs: []memory.ID{id}, Replaced: slices.Clone(old)})
	}
	return id, err
}

// Undo implements refine.Store.
func (s observedStore) Undo(ctx context.Context, scope memory.Scope, id memory.ID) error {
	err := s.Store.Undo(ctx, scope, id)
	if err == nil {
		s.hooks.tell("changed", scope, change{undone: id})
	}
	return err
}

// Delete implements refine.Store.
func (s observedStore) Delete(ctx context.Context, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error) {
	deleted, err := s.Store.Delete(ctx, scope, ids, o)
	s.hooks.tellAll("deleted", scope, deleted.IDs)
	return deleted, err
}
