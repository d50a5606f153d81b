package refine

import (
	"slices"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/extract"
	"github.com/trm-go/refiner/specialists"
)

// current finds which of the recalled memories another takes the place of for the question, and puts that one before them:
// the present value leads.
func (r *Recollection) current(question string, now time.Time) {
	t := &specialists.Task{Question: question, Now: now}
	for i := range r.Memories[:min(len(r.Memories), readForUpdates)] {
		t.Evidence = append(t.Evidence, r.Memories[i].Record)
	}
	ids := make([]memory.ID, len(r.Memories))
	for i := range ids {
		ids[i] = r.Memories[i].ID
	}
	for _, u := range extract.Updates(t) {
		old := slices.IndexFunc(r.Memories, func(m Recalled) bool { return m.ID == ids[u.Old] })
		new := slices.IndexFunc(r.Memories, func(m Recalled) bool { return m.ID == ids[u.New] })
		m := &r.Memories[old]
		if person(&m.Record) && !person(&r.Memories[new].Record) {
			continue // what a model claims takes the place of nothing that a person said
		}
		m.OutdatedBy, m.Outdated = ids[u.New], r.Memories[new].Created
		if new < old {
			continue
		}
		later, at := r.Memories[new], r.at[new]
		later.Weight, later.Level = m.Weight, m.Level
		r.Memories = slices.Insert(slices.Delete(r.Memories, new, new+1), old, later)
		r.at = slices.Insert(slices.Delete(r.at, new, new+1), old, at)
	}
}

// readForUpdates is how many of the recalled memories are held against each other.
const readForUpdates = 60

// person reports whether a memory is what a person said, or a fact that was written down, and not the words of a model or
// of a tool.
func person(r *memory.Record) bool {
	return r.Origin == memory.Observed && r.Role != "assistant" && r.Role != "tool" && r.Role != "system"
}

// Until is the moment from which the memory holds no longer: its validity ends, or a later memory takes its place, whichever comes
// first. Zero: neither is known.
func (r *Recalled) Until() time.Time {
	if !r.Outdated.IsZero() && (r.ValidUntil.IsZero() || r.Outdated.Before(r.ValidUntil)) {
		return r.Outdated
	}
	return r.ValidUntil
}

// Metadata is what another framework's document says of a memory beside its text: the memory's own metadata, its id, kind,
// role, speaker, session, origin and weight (score), when it was said and, where that is over, until when it held.
func (r *Recalled) Metadata() map[string]any {
	meta := map[string]any{"id": string(r.ID), "kind": string(r.Kind), "role": r.Role, "speaker": r.Speaker, "session": r.Scope.Session,
		"origin": string(r.Origin), "score": r.Weight, "said": r.Created.Format(time.RFC3339)}
	for name, value := range r.Meta {
		if _, ours := meta[name]; !ours {
			meta[name] = value
		}
	}
	if until := r.Until(); !until.IsZero() {
		meta["until"] = until.Format(time.RFC3339)
	}
	return meta
}
