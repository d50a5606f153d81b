package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/refine"
)

func profMain() {
	ctx := context.Background()
	bd, err := bench.BEAM(ctx, "../shared/data/beam/100K")
	if err != nil {
		panic(err)
	}
	B := realLoad(bd, nil)
	nl, nt, ns := 0, 0, 0
	for _, x := range B {
		ns += len(x.c.List)
		for _, c := range x.c.List {
			nl += len(c.Links)
			nt += len(c.Terms)
		}
	}
	fmt.Println("cand", ns/len(B), "links", nl/ns, "terms", nt/ns)
	f, _ := os.Create("/tmp/prof")
	pprof.StartCPUProfile(f)
	t := time.Now()
	for k := 0; k < 5; k++ {
		for i := range B {
			refine.Rescore(ctx, B[i].c, &refine.Options{})
		}
	}
	fmt.Println(time.Since(t) / time.Duration(5*len(B)))
	pprof.StopCPUProfile()
}
