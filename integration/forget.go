package integration

import (
	"context"
	"fmt"

	"github.com/trm-go/refiner/memory"
)

// Forget deletes records of a scope for privacy: with what was derived from them, and from every known copy of the store.
// The zero Scope is the plugin's. If one of them is not there, nothing is deleted; no ids are an error, for elsewhere they
// mean all of a scope.
func (p *Plugin) Forget(ctx context.Context, scope memory.Scope, ids ...memory.ID) (memory.Deleted, error) {
	if len(ids) == 0 {
		return memory.Deleted{}, fmt.Errorf("forget: %w: name the records", memory.ErrInvalid)
	}
	if err := p.Writes("forget"); err != nil {
		return memory.Deleted{}, err
	}
	return p.Store.Delete(ctx, p.scope(scope), ids, &memory.DeleteOptions{Derived: true})
}
