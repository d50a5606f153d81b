package memory

import (
	"context"
	"time"

	"github.com/trm-go/refiner/memory/internal/disk"
)

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
	defer func() { err = fail("list scopes", err) }()
	if s.closed.Load() {
		return nil, ErrClosed
	}
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
