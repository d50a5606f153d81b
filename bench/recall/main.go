// Command recall measures what each part of the ranking is worth, and how well its parameters carry over to conversations
// that did not choose them.
//
//	go -C bench run ./recall -locomo FILE -corrections FILE -beam DIR             what each part is worth
//	go -C bench run ./recall -locomo FILE -corrections FILE -beam DIR -validate   leave one conversation out
//
// Both run on LoCoMo and BEAM together with the same parameters. Candidates are found once for each question and ranked
// again for each setting, so that a setting takes about a second.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

func main() {
	locomo := flag.String("locomo", "", "file of LoCoMo")
	corrections := flag.String("corrections", "", "file of its corrected evidence")
	beam := flag.String("beam", "", "folder of BEAM's chats")
	validate := flag.Bool("validate", false, "choose the parameters without each conversation in turn, and score it with them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *locomo, *corrections, *beam, *validate); err != nil {
		fmt.Fprintln(os.Stderr, "recall:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, locomo, corrections, beam string, validate bool) error {
	if locomo == "" || beam == "" {
		return fmt.Errorf("give -locomo FILE and -beam DIR: a parameter must hold on both")
	}
	l, err := eval.LoCoMo(ctx, locomo, &eval.LoCoMoOptions{Corrections: corrections})
	if err != nil {
		return err
	}
	b, err := eval.BEAM(ctx, beam)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "refiner-recall-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var sets []*set
	for _, d := range []*eval.Dataset{l, b} {
		s, err := open(ctx, d, filepath.Join(dir, d.Name+".db"))
		if err != nil {
			return err
		}
		defer func() { _ = s.store.Close() }()
		sets = append(sets, s)
	}
	if validate {
		return leaveOneOut(ctx, sets)
	}
	return ablate(ctx, sets)
}

// set is a dataset in a store.
type set struct {
	*eval.Dataset
	store *memory.Store
	refs  map[int64]string             // what the data calls a row
	found map[asked]*memory.Candidates // with the default options
}

type asked struct {
	scope    memory.Scope
	question string
	options  memory.CandidateOptions
}

func open(ctx context.Context, d *eval.Dataset, path string) (*set, error) {
	store, err := memory.Create(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	s := &set{Dataset: d, store: store, refs: map[int64]string{}, found: map[asked]*memory.Candidates{}}
	for _, c := range d.Conversations {
		if _, err := store.Add(ctx, c.Scope, c.Records...); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// setting is one way to rank.
type setting struct {
	options    refine.Options
	candidates memory.CandidateOptions
	// fresh asks at the moment of the last turn that is found. The conversations are years old: asked today, nothing of
	// them is left by decay.
	fresh bool
}

// system answers with a setting.
func (s *set) system(x setting) eval.System {
	return func(ctx context.Context, scope memory.Scope, question string, k int) ([]string, error) {
		key := asked{scope, question, x.candidates}
		c := s.found[key]
		if c == nil {
			var err error
			if c, err = s.store.Candidates(ctx, scope, memory.Query{Text: question}, &x.candidates); err != nil {
				return nil, err
			}
			s.found[key] = c
		}
		o := x.options
		for i := range c.List {
			if at := time.Unix(c.List[i].Created, 0); x.fresh && at.After(o.Now) {
				o.Now = at
			}
		}
		r, err := refine.Rescore(ctx, c, &o)
		if err != nil {
			return nil, err
		}
		var answer []string
		for _, at := range r.Order[:min(k, len(r.Order))] {
			ref, err := s.ref(ctx, scope, c.List[at].Row)
			if err != nil {
				return nil, err
			}
			answer = append(answer, ref)
		}
		return answer, nil
	}
}

func (s *set) ref(ctx context.Context, scope memory.Scope, row int64) (string, error) {
	if ref, ok := s.refs[row]; ok {
		return ref, nil
	}
	records, err := s.store.Fetch(ctx, scope, row)
	if err != nil || len(records) == 0 {
		return "", err
	}
	s.refs[row] = eval.Ref(records[0])
	return s.refs[row], nil
}
