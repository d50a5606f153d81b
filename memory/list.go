package memory

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// State says which versions of memories are meant.
type State string

// The states of a record.
const (
	StateLive       State = "live"       // what holds now; the zero State means it too
	StateSuperseded State = "superseded" // what was replaced or taken back
	StateAny        State = "any"
)

// ListOptions say what List lists. Nil is the same as a zero ListOptions.
type ListOptions struct {
	// Limit is the number of records. Zero means DefaultLimit.
	Limit int
	// Before continues a list: the number that the list before returned. Zero: from the newest on.
	Before int64
	State  State
	// Kinds and Role keep only records of these kinds, and of this role. Empty: all.
	Kinds []Kind
	Role  string
	// Since and Until bound Created, inclusive and exclusive. Zero: open.
	Since, Until time.Time
}

// List returns records of a scope, the last written first and without their embeddings, and the number with which the list
// goes on; 0 at its end.
func (s *Store) List(ctx context.Context, scope Scope, o *ListOptions) (_ []Record, next int64, err error) {
	defer func() { err = s.fail("list records", err) }()
	o = cmp.Or(o, &ListOptions{})
	limit := o.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	where, args := inScope, scopeArgs(scope)
	and := func(condition string, values ...any) {
		where += " AND " + condition
		args = append(args, values...)
	}
	switch o.State {
	case "", StateLive:
		and("r.superseded = 0")
	case StateSuperseded:
		and("r.superseded <> 0")
	case StateAny:
	default:
		return nil, 0, fmt.Errorf("%w: unknown state %q: use live, superseded or any", ErrInvalid, o.State)
	}
	if o.Before > 0 {
		and("r.row < ?", o.Before)
	}
	if len(o.Kinds) > 0 {
		kinds := make([]any, len(o.Kinds))
		for i, k := range o.Kinds {
			kinds[i] = string(k)
		}
		and("r.kind IN (?"+strings.Repeat(", ?", len(kinds)-1)+")", kinds...)
	}
	if o.Role != "" {
		and("r.role = ?", o.Role)
	}
	if !o.Since.IsZero() {
		and("r.created >= ?", micros(o.Since))
	}
	if !o.Until.IsZero() {
		and("r.created < ?", micros(o.Until))
	}
	records := make([]Record, 0, min(limit, 100))
	for r, err := range readRecords(ctx, s.reader, false, inRecords+where+" ORDER BY r.row DESC LIMIT ?", append(args, limit+1)...) {
		if err != nil || len(records) == limit {
			return records, next, err
		}
		records, next = append(records, r.Record), r.row
	}
	return records, 0, nil
}

// Place is a scope that holds records, with what it holds.
type Place struct {
	Scope   Scope     `json:"scope"`
	Live    int       `json:"live"`    // records that hold now
	Records int       `json:"records"` // live and superseded
	First   time.Time `json:"first"`   // when the oldest and the newest record were said
	Last    time.Time `json:"last"`
}

// Places lists the sessions that hold records, by tenant, user, agent and the time of their first record. within narrows
// it to scopes that it contains; the zero Scope with all true lists the whole store.
func (s *Store) Places(ctx context.Context, within Scope, all bool) (places []Place, err error) {
	defer func() { err = s.fail("list scopes", err) }()
	where, args := inScope, scopeArgs(within)
	if all {
		where, args = "1", nil
	}
	err = disk.Each(ctx, s.reader, `SELECT c.tenant, c.user, c.agent, c.session, count(*), sum(r.superseded = 0), min(r.created), max(r.created)
		FROM records r JOIN scopes c ON c.scope = r.scope WHERE `+where+` GROUP BY c.scope ORDER BY c.tenant, c.user, c.agent, min(r.created)`, args, func(scan func(...any) error) error {
		var p Place
		var first, last int64
		err := scan(&p.Scope.Tenant, &p.Scope.User, &p.Scope.Agent, &p.Scope.Session, &p.Records, &p.Live, &first, &last)
		p.First, p.Last = fromMicros(first), fromMicros(last)
		places = append(places, p)
		return err
	})
	return places, err
}

// Stats describe a store, or the part of it that a scope covers.
type Stats struct {
	Records    int          `json:"records"` // live and superseded
	Live       int          `json:"live"`
	Superseded int          `json:"superseded"`
	Derived    int          `json:"derived"` // live and reconstructed
	Kinds      map[Kind]int `json:"kinds"`   // of live records
	Tenants    int          `json:"tenants"`
	Users      int          `json:"users"` // pairs of tenant and user
	Sessions   int          `json:"sessions"`
	Shown      int          `json:"shown"` // sum of the counts
	Used       int          `json:"used"`

	// Of the whole store, whatever the scope.
	Model      string `json:"model"`
	Dim        int    `json:"dim"`
	Generation int64  `json:"generation"` // rises with every write but the counts of use
	Schema     int    `json:"schema"`
	Bytes      int64  `json:"bytes"` // of the file and its log
	Path       string `json:"path"`
}

// Stats counts what is in the given scopes; without any, in the whole store.
func (s *Store) Stats(ctx context.Context, scopes ...Scope) (_ Stats, err error) {
	defer func() { err = s.fail("stats", err) }()
	h, err := s.head(ctx)
	if err != nil {
		return Stats{}, err
	}
	st := Stats{Kinds: map[Kind]int{}, Model: h.model, Dim: h.dim, Generation: h.generation, Schema: disk.SchemaVersion, Path: s.path}
	where, args := inScopes(scopes)
	tenants, owners, places := map[string]bool{}, map[owner]bool{}, map[Scope]bool{}
	err = disk.Each(ctx, s.reader, `SELECT c.tenant, c.user, c.agent, c.session, r.kind, r.origin = 'reconstructed', count(*),
		sum(r.superseded = 0), sum(r.shown), sum(r.used) FROM records r JOIN scopes c ON c.scope = r.scope WHERE `+where+` GROUP BY c.scope, r.kind, r.origin`, args, func(scan func(...any) error) error {
		var place Scope
		var kind Kind
		var derived bool
		var records, live, shown, used int
		if err := scan(&place.Tenant, &place.User, &place.Agent, &place.Session, (*string)(&kind), &derived, &records, &live, &shown, &used); err != nil {
			return err
		}
		st.Records += records
		st.Live += live
		st.Superseded += records - live
		st.Shown += shown
		st.Used += used
		if live > 0 {
			st.Kinds[kind] += live
			if derived {
				st.Derived += live
			}
		}
		tenants[place.Tenant], owners[ownerOf(place)], places[place] = true, true, true
		return nil
	})
	st.Tenants, st.Users, st.Sessions = len(tenants), len(owners), len(places)
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(s.path + suffix); err == nil {
			st.Bytes += info.Size()
		}
	}
	return st, err
}

// Generation is a number that rises with every write but the counts of use: a plan made for one generation does not fit
// another.
func (s *Store) Generation(ctx context.Context) (int64, error) {
	h, err := s.head(ctx)
	return h.generation, s.fail("read the generation", err)
}
