package consolidate

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/trm-go/refiner/specialists"
)

// common is in how many records a key may occur for two records to be compared because of it: what is in more says
// nothing, and would make every record be compared with every other.
const commonKey = 64

// related is a pair of statements that are neither the same nor apart.
type related struct {
	earlier, later statement
	specialists.Verdict
}

// open is a pair that the rules leave apart.
type open struct {
	i, j   int
	common int // keys that both have
}

// compare groups the statements that say the same, in order, and tells of the other pairs that are not apart, the earlier
// first. A judge, if there is one, is asked about pairs of facts that the rules leave apart.
func (w *planner) compare(ctx context.Context, list []statement, facts bool) (same [][]statement, pairs []related, err error) {
	group := make([]int, len(list))
	for i := range group {
		group[i] = i
	}
	find := func(i int) int {
		for group[i] != i {
			i = group[i]
		}
		return i
	}
	judged := func(i, j int, v specialists.Verdict) {
		switch v.Relation {
		case specialists.Apart:
		case specialists.Same:
			x, y := find(i), find(j)
			group[max(x, y)] = min(x, y)
		default:
			pairs = append(pairs, related{earlier: list[i], later: list[j], Verdict: v})
		}
	}
	var left []open
	for j, near := range near(list) {
		if j%1024 == 0 {
			w.progress(j, w.total)
		}
		for _, i := range slices.Sorted(maps.Keys(near)) {
			a, b := list[i], list[j]
			if a.Scope.Agent != b.Scope.Agent || a.Kind != b.Kind {
				continue
			}
			v := a.parsed.Relate(b.parsed)
			if judged(i, j, v); v.Relation == specialists.Apart && facts && w.judge != nil {
				left = append(left, open{i, j, near[i]})
			}
		}
	}
	if w.judge != nil {
		// First those that have most in common.
		slices.SortStableFunc(left, func(x, y open) int { return cmp.Compare(y.common, x.common) })
		asked := left[:min(len(left), judgements)]
		for n, o := range asked {
			w.progress(w.total*n/(2*len(asked)), w.total)
			v, err := w.ask(ctx, list[o.i].said(), list[o.j].said())
			if err != nil {
				return nil, nil, fmt.Errorf("judge how %s stands to %s: %w", list[o.j].ID, list[o.i].ID, err)
			}
			judged(o.i, o.j, v)
		}
	}
	members := map[int][]statement{}
	for i, s := range list {
		root := find(i)
		members[root] = append(members[root], s)
	}
	for _, root := range slices.Sorted(maps.Keys(members)) {
		if len(members[root]) > 1 {
			same = append(same, members[root])
		}
	}
	return same, pairs, nil
}

// near yields for each statement the earlier ones that it has keys in common with, and how many. The map is valid until the
// next.
func near(list []statement) iter.Seq2[int, map[int]int] {
	return func(yield func(int, map[int]int) bool) {
		where, found := map[string][]int{}, map[int]int{}
		for j, s := range list {
			keys := append(s.parsed.Keys(), "text "+s.Text)
			clear(found)
			for _, k := range keys {
				others := where[k]
				for _, i := range others[max(0, len(others)-commonKey):] {
					found[i]++
				}
				where[k] = append(others, j)
			}
			if !yield(j, found) {
				return
			}
		}
	}
}
