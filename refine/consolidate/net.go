package consolidate

import (
	"context"
	"fmt"
	"slices"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/trmcore"
)

// draft is the answer of the recursion: the units that stand for all sources.
type draft []unit

// notes is its latent: which level is being made, and either the groups of units that are to become one, or what each
// unit has lost.
type notes struct {
	level  int       // index into levels; above the net's top: done
	groups [][]int32 // of units; of loose sources at the first level
	lost   [][]int32 // facts, by unit
	joined bool      // units were joined since the levels were last begun
}

// net is the network of the recursion over a store: Reason groups and finds what is lost, Answer writes and puts back.
type net struct {
	top int // index of the highest level
	// single believes every summary as it was written: what is lost stays lost. It is what the recursion is measured
	// against.
	single bool
}

var _ trmcore.Net[*material, draft, notes] = net{}

// Reason checks every unit against its turns. Where nothing is lost it groups the units anew: at the same level until
// nothing is left to join, then at the next, and from the first again until a whole round joins nothing.
func (n net) Reason(_ context.Context, m *material, y draft, z notes) (notes, error) {
	if y == nil {
		return notes{groups: m.segments()}, nil
	}
	if !n.single {
		lost, some := make([][]int32, len(y)), false
		for i, u := range y {
			lost[i] = m.lost(u)
			some = some || len(lost[i]) > 0
		}
		if some {
			return notes{level: z.level, lost: lost, joined: z.joined}, nil
		}
	}
	next := notes{level: max(z.level, 1), joined: z.joined}
	for next.level <= n.top {
		groups, joined := m.clusters(y, levels[next.level])
		if joined {
			next.groups, next.joined = groups, true
			return next, nil
		}
		if next.level++; next.level > n.top && next.joined {
			next.level, next.joined = 1, false
		}
	}
	return next, nil
}

// Answer writes the groups that Reason has found, or puts back what it found lost and drops what that makes needless.
func (n net) Answer(ctx context.Context, m *material, y draft, z notes) (draft, error) {
	if z.lost != nil {
		next := slices.Clone(y)
		for i, lost := range z.lost {
			if len(lost) > 0 {
				next[i] = m.tighten(m.restore(y[i], lost))
			}
		}
		return next, nil
	}
	if z.groups == nil && y != nil {
		return y, nil
	}
	next := make(draft, 0, len(z.groups)+len(m.standing))
	for i, group := range z.groups {
		if i%1024 == 0 && ctx.Err() != nil {
			return y, ctx.Err()
		}
		switch {
		case z.level == 0:
			next = append(next, m.write(group, m.passagesOf(group)))
		case len(group) == 1:
			next = append(next, y[group[0]])
		default:
			var sources, candidates []int32
			var replaces []memory.ID
			for _, u := range group {
				sources, candidates = append(sources, y[u].sources...), append(candidates, y[u].picks...)
				replaces = append(replaces, y[u].replaces...)
			}
			joined := m.write(distinct(sources), distinct(candidates))
			slices.Sort(replaces)
			joined.replaces, joined.level = replaces, z.level
			next = append(next, joined)
		}
	}
	if z.level == 0 {
		for _, u := range m.standing {
			next = append(next, m.tighten(u)) // it may be of a lower level, which has more detail
		}
	}
	sortUnits(next)
	return next, nil
}

// settle runs the recursion until the highest level stands and nothing is lost.
func settle(ctx context.Context, m *material, n net, onStep func(trmcore.Step[draft, notes])) (draft, error) {
	loop := trmcore.Loop[*material, draft, notes]{
		Stepper:  trmcore.Deep(n, 1, 1),
		MaxSteps: 256, // every step joins units or puts back what is lost, so that it ends long before
		Halt: []trmcore.Rule[draft, notes]{
			trmcore.Halted(func(s trmcore.State[draft, notes]) bool { return s.Z.level > n.top }),
		},
	}
	var last trmcore.Step[draft, notes]
	for step, err := range loop.Steps(ctx, m, trmcore.State[draft, notes]{}) {
		if err != nil {
			return nil, err
		}
		if onStep != nil {
			onStep(step)
		}
		last = step
	}
	if last.Stop != trmcore.StopHalted {
		return nil, fmt.Errorf("the recursion did not settle: %s after %d steps", last.Stop, last.N)
	}
	return last.State.Y, nil
}
