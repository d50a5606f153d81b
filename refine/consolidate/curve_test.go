package consolidate

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

type scratchUnit struct {
	refs   map[string]bool
	tokens int
	full   int // tokens when opened
}

func TestCurveScratch(t *testing.T) {
	ctx := context.Background()
	var ds []*bench.Dataset
	if os.Getenv("BEAM") == "" {
		d, err := bench.LoCoMo(ctx, "../../../shared/data/locomo/locomo_dev.json", nil)
		if err != nil {
			t.Skip(err)
		}
		ds = append(ds, d)
	} else {
		d, err := bench.BEAM(ctx, "../../../shared/data/beam/100K")
		if err != nil {
			t.Skip(err)
		}
		ds = append(ds, d)
	}
	d := ds[0]
	budgets := []int{250, 500, 1000, 2000}
	type result struct{ rec, strict []float64 }
	eval := func(build func(recs []memory.Record) ([]memory.Record, []scratchUnit)) (result, float64) {
		var res result
		res.rec, res.strict = make([]float64, len(budgets)*2), make([]float64, len(budgets))
		nq, in, out := 0, 0, 0
		for ci, c := range d.Conversations {
			recs := slices.Clone(c.Records)
			for i := range recs {
				in += rendered(recs[i])
			}
			us, info := build(recs)
			for i := range info {
				out += info[i].tokens
			}
			s, err := memory.Create(ctx, filepath.Join(t.TempDir(), "s"), nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range us {
				us[i].Scope = memory.Scope{User: "u"}
				us[i].Key = ""
				us[i].ID = ""
				us[i].Kind, us[i].Origin = memory.KindTurn, memory.Observed
				us[i].Position = i
			}
			added, err := s.Add(ctx, memory.Scope{User: "u"}, us...)
			if err != nil {
				t.Fatal(ci, err)
			}
			at := map[memory.ID]int{}
			for i, id := range added.IDs {
				at[id] = i
			}
			for _, q := range c.Questions {
				nq++
				hits, err := s.Search(ctx, memory.Scope{User: "u"}, memory.Query{Text: q.Text, Limit: 60})
				if err != nil {
					t.Fatal(err)
				}
				for bi, b := range budgets {
					for mode := range 2 { // 0: all, 1: top 10
						left := b
						got := map[string]bool{}
						var packed []int
						for hi, h := range hits {
							if mode == 1 && hi >= 10 {
								break
							}
							u := info[at[h.Record.ID]]
							if u.tokens > left {
								continue
							}
							left -= u.tokens
							packed = append(packed, at[h.Record.ID])
							for r := range u.refs {
								got[r] = true
							}
						}
						n := 0
						for _, e := range q.Evidence {
							if got[e] {
								n++
							}
						}
						res.rec[bi*2+mode] += float64(n) / float64(len(q.Evidence))
					}
				}
			}
			s.Close()
		}
		for i := range res.rec {
			res.rec[i] = float64(int(1000*res.rec[i]/float64(nq))) / 1000
		}
		return res, float64(out) / float64(in)
	}
	base, _ := eval(func(recs []memory.Record) ([]memory.Record, []scratchUnit) {
		var info []scratchUnit
		for i := range recs {
			info = append(info, scratchUnit{refs: map[string]bool{bench.Ref(recs[i]): true}, tokens: rendered(recs[i])})
		}
		return slices.Clone(recs), info
	})
	t.Logf("turns                              %v", base.rec)
	for _, share := range []float64{.35, .4} {
		for _, unit := range []int{120, 180, 240, 320} {
			for _, top := range []int{2} {
				for _, single := range []bool{true, false} {
					p, _ := Policy{Share: share, Unit: unit}.filled()
					r, ratio := eval(func(recs []memory.Record) ([]memory.Record, []scratchUnit) {
						m := prepare(recs, p)
						y, err := settle(ctx, m, net{top: top, single: single}, nil)
						if err != nil {
							t.Fatal(err)
						}
						var us []memory.Record
						var info []scratchUnit
						for _, u := range y {
							if len(u.picks) == 0 {
								continue
							}
							txt := m.render(u)
							refs := map[string]bool{}
							have := map[int32]bool{}
							quoted := map[int32]bool{}
							for _, pk := range u.picks {
								quoted[m.passages[pk].source] = true
								for _, f := range m.passages[pk].facts {
									have[f] = true
								}
							}
							for s := range quoted {
								ok := true
								for _, f := range m.sources[s].facts {
									ok = ok && have[f]
								}
								if ok && os.Getenv("STRICT") != "" {
									kept := map[int32]bool{}
									for _, pk := range u.picks {
										for _, tt := range m.passages[pk].terms {
											kept[tt] = true
										}
									}
									ok = m.common(m.sources[s].terms, kept) >= .5
								}
								if ok {
									refs[bench.Ref(*m.sources[s].record)] = true
								}
							}
							us = append(us, memory.Record{Text: txt, Created: m.sources[u.sources[0]].record.Created, Importance: .5, Confidence: 1})
							info = append(info, scratchUnit{refs: refs, tokens: text.Tokens(txt)})
						}
						return us, info
					})
					t.Logf("share %.1f unit %3d top %d single %-5v %.2f %v", share, unit, top, single, ratio, r.rec)
				}
			}
		}
	}
}

func rendered(r memory.Record) int {
	return text.Tokens(r.Created.Format(time.DateOnly) + "\n" + r.Speaker + ": " + r.Text)
}
