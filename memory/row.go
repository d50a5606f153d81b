package memory

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/trm-go/refiner/memory/internal/index"
)

// micros is a time as it is stored. The zero time is stored as NULL or 0, by the column.
func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// stamp is a time of the store, 0 for none.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

func fromStamp(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicros(us)
}

// moment is a time of the world, NULL for none.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return micros(t)
}

func fromMoment(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return fromMicros(us.Int64)
}

// asJSON is a JSON text, or NULL for an empty list or map.
func asJSON[T any](v T, size int) (any, error) {
	if size == 0 {
		return nil, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// recordColumns are read by scanRecord. The query names records r, scopes c and, for the embedding, vectors v.
const recordColumns = `r.row, r.id, c.tenant, c.user, c.agent, c.session, r.kind, r.origin, r.role, r.speaker, r.position,
	ifnull(r.key, ''), r.created, r.valid_from, r.valid_until, r.recorded, r.superseded, r.superseded_by, r.importance,
	r.confidence, r.surprise, r.shown, r.last_shown, r.used, r.last_used, r.meta, r.derived_from, r.quotes, r.text`

// stored is a record with what the store adds to it.
type stored struct {
	Record
	row      int64
	surprise float64
}

// scanRecord reads recordColumns, and whatever follows them into more.
func scanRecord(scan func(...any) error, more ...any) (stored, error) {
	var r stored
	var kind, origin string
	var created, recorded, superseded, lastShown, lastUsed int64
	var from, until sql.NullInt64
	var meta, derived, quotes sql.NullString
	dest := append([]any{&r.row, (*string)(&r.ID), &r.Scope.Tenant, &r.Scope.User, &r.Scope.Agent, &r.Scope.Session, &kind, &origin,
		&r.Role, &r.Speaker, &r.Position, &r.Key, &created, &from, &until, &recorded, &superseded, (*string)(&r.SupersededBy),
		&r.Importance, &r.Confidence, &r.surprise, &r.Shown, &lastShown, &r.Used, &lastUsed, &meta, &derived, &quotes, &r.Text}, more...)
	if err := scan(dest...); err != nil {
		return r, err
	}
	r.Kind, r.Origin = Kind(kind), Origin(origin)
	r.Created, r.ValidFrom, r.ValidUntil = fromMicros(created), fromMoment(from), fromMoment(until)
	r.Recorded, r.Superseded = fromStamp(recorded), fromStamp(superseded)
	r.LastShown, r.LastUsed = fromStamp(lastShown), fromStamp(lastUsed)
	for _, part := range []struct {
		text sql.NullString
		into any
	}{{meta, &r.Meta}, {derived, &r.DerivedFrom}, {quotes, &r.Quotes}} {
		if part.text.Valid {
			if err := json.Unmarshal([]byte(part.text.String), part.into); err != nil {
				return r, fmt.Errorf("%w: record %s: %w", ErrCorrupt, r.ID, err)
			}
		}
	}
	return r, nil
}

// inScope is the condition that records r with scopes c lie in a scope; scopeArgs are its arguments.
const inScope = ownRecords + ` AND (? = '' OR c.agent = ?) AND (? = '' OR c.session = ?)`

func scopeArgs(s Scope, more ...any) []any {
	return append([]any{s.Tenant, s.User, s.Agent, s.Agent, s.Session, s.Session}, more...)
}

// inScopes is the condition that records r with scopes c lie in one of some scopes, with its arguments; no scopes contain
// everything.
func inScopes(scopes []Scope) (where string, args []any) {
	for i, s := range scopes {
		if i > 0 {
			where += " OR "
		}
		where += inScope
		args = append(args, scopeArgs(s)...)
	}
	if where == "" {
		where = "1"
	}
	return "(" + where + ")", args
}

// analyse returns the distinct terms of a record, sorted, and what the index is made from, without the surprise.
func analyse(r *Record) (terms []string, digest []byte) {
	x := index.Record{Kind: string(r.Kind), Origin: string(r.Origin), Role: r.Role, Speaker: r.Speaker, Text: r.Text, Position: r.Position,
		Created: r.Created, ValidFrom: index.Always, ValidUntil: index.Never, Importance: r.Importance, Confidence: r.Confidence, Meta: r.Meta}
	if !r.ValidFrom.IsZero() {
		x.ValidFrom = micros(r.ValidFrom)
	}
	if !r.ValidUntil.IsZero() {
		x.ValidUntil = micros(r.ValidUntil)
	}
	return index.Analyse(&x)
}
