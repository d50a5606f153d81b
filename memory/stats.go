package memory

import (
	"context"
	"os"

	"github.com/trm-go/refiner/memory/internal/disk"
)

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
