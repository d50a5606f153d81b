package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unsafe"

	"github.com/trm-go/refiner/trmcore/onnx/internal/binding"
	"github.com/trm-go/refiner/trmcore/onnx/internal/tensor"
)

// boundLane is the memory of a micro-batch on the device, and what the host sees of it.
type boundLane struct {
	engine    *boundEngine
	slots     int
	striding  bool
	token     []int32
	puzzle    []float32
	logits, q []float32
	limits    []int32
	steps     []int32   // made
	threshold []float32 // the halting logit above which slots are frozen, alone
	known     float32   // the threshold on the device

	changed bool    // tokens or puzzles were changed since they were copied
	order   []int32 // the row of each slot's latents; always a permutation
	fresh   []bool  // the slot begins anew, whatever is in its row
	now     int     // the copy that is current

	tokens_, puzzles_, logits_, q_, order_, limits_, halt_, made_ *binding.Buffer
	h, l                                                          [2]*binding.Buffer // [slots + 1, Len, D]
	buffers                                                       []*binding.Buffer
	bindings                                                      map[bindingKind]*binding.Binding
}

// bindingKind tells bindings apart: by the graph, the size of the batch, and the copy of the latents that is read.
type bindingKind struct{ graph, n, now int }

const (
	graphArrange = iota
	graphStep
)

func (e *boundEngine) lane(slots int, several bool) (lane, error) {
	a := e.o.arch
	v := &boundLane{
		engine: e, slots: slots, striding: several && e.several != nil,
		token: make([]int32, slots*a.SeqLen), logits: make([]float32, slots*a.SeqLen*a.VocabSize), q: make([]float32, 2*slots),
		limits: make([]int32, slots), threshold: make([]float32, 1), steps: make([]int32, slots), known: float32(math.NaN()),
		order: make([]int32, slots), fresh: make([]bool, slots), bindings: map[bindingKind]*binding.Binding{},
	}
	if a.PuzzleEmbLen > 0 {
		v.puzzle = make([]float32, slots*a.PuzzleEmbNdim)
	}
	v.inOrder()
	err := e.thread.do(func() error {
		latent := (slots + 1) * e.row
		for _, b := range []struct {
			buffer **binding.Buffer
			size   int
		}{
			{&v.tokens_, 4 * len(v.token)}, {&v.puzzles_, 4 * len(v.puzzle)}, {&v.logits_, 4 * len(v.logits)}, {&v.q_, 4 * len(v.q)},
			{&v.order_, 4 * slots}, {&v.limits_, 4 * slots}, {&v.halt_, 4}, {&v.made_, 4 * slots},
			{&v.h[0], latent}, {&v.h[1], latent}, {&v.l[0], latent}, {&v.l[1], latent},
		} {
			if b.size == 0 {
				continue
			}
			var err error
			if *b.buffer, err = e.one.Buffer(b.size); err != nil {
				return err
			}
			v.buffers = append(v.buffers, *b.buffer)
		}
		h, l := make([]float32, e.row/e.elem.Size()), make([]float32, e.row/e.elem.Size())
		fill(h, e.o.initH)
		fill(l, e.o.initL)
		for i := range 2 {
			if err := errors.Join(v.h[i].Write(slots*e.row, e.encode(h)), v.l[i].Write(slots*e.row, e.encode(l))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a lane on %s: %w", e.o.device, err), v.close())
	}
	return v, nil
}

// raw is the memory of a slice.
func raw[T int32 | float32](x []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

func (v *boundLane) tokens() []int32                { return v.token }
func (v *boundLane) puzzles() []float32             { return v.puzzle }
func (v *boundLane) results() (logits, q []float32) { return v.logits, v.q }
func (v *boundLane) limit(slot, steps int)          { v.limits[slot] = int32(steps) }
func (v *boundLane) haltAbove(q float32)            { v.threshold[0] = q }

func (v *boundLane) made(slot int) int {
	if !v.striding {
		return 1
	}
	return int(v.steps[slot])
}

func (v *boundLane) reset(slot int) {
	v.fresh[slot], v.changed = true, true
}

func (v *boundLane) move(to, from int) {
	v.order[to], v.order[from] = v.order[from], v.order[to]
	v.fresh[to], v.changed = v.fresh[from], true
}

func (v *boundLane) load(slot int, h, l []float32) error {
	e := v.engine
	at := int(v.order[slot]) * e.row
	if v.fresh[slot] {
		at = v.slots * e.row
	}
	return e.thread.do(func() error {
		for _, from := range []struct {
			buffer *binding.Buffer
			to     []float32
		}{{v.h[v.now], h}, {v.l[v.now], l}} {
			if e.elem == binding.Float {
				if err := from.buffer.Read(at, raw(from.to)); err != nil {
					return err
				}
				continue
			}
			half := make([]byte, e.row)
			if err := from.buffer.Read(at, half); err != nil {
				return err
			}
			copy(from.to, tensor.Decode(tensor.F16, half))
		}
		return nil
	})
}

func (v *boundLane) store(slot int, h, l []float32) error {
	e := v.engine
	at := int(v.order[slot]) * e.row
	v.fresh[slot], v.changed = false, true
	return e.thread.do(func() error {
		return errors.Join(v.h[v.now].Write(at, e.encode(h)), v.l[v.now].Write(at, e.encode(l)))
	})
}

// inOrder makes every slot's row its own.
func (v *boundLane) inOrder() {
	for i := range v.order {
		v.order[i], v.fresh[i] = int32(i), false
	}
}

// tidy says whether the first n slots are what the first n rows hold.
func (v *boundLane) tidy(n int) bool {
	for i := range n {
		if v.fresh[i] || v.order[i] != int32(i) {
			return false
		}
	}
	return true
}

// batch is the size that n problems are run at. What is recorded is recorded for each size, so then there are few: the
// powers of two. The slots that nobody uses compute something that nobody reads.
func (v *boundLane) batch(n int) int {
	if !v.engine.o.gpu.Record {
		return n
	}
	size := 1
	for size < n {
		size *= 2
	}
	return min(size, v.slots)
}

func (v *boundLane) step(ctx context.Context, n int) error {
	e, a := v.engine, v.engine.o.arch
	err := e.thread.do(func() error {
		m := v.batch(n)
		if v.changed {
			if err := v.tokens_.Write(0, raw(v.token[:m*a.SeqLen])); err != nil {
				return err
			}
			if v.puzzle != nil {
				if err := v.puzzles_.Write(0, raw(v.puzzle[:m*a.PuzzleEmbNdim])); err != nil {
					return err
				}
			}
			v.changed = false
		}
		if !v.tidy(n) {
			if err := v.arrange(ctx, n, m); err != nil {
				return err
			}
		}
		if v.striding {
			for i := n; i < m; i++ {
				v.limits[i] = 1
			}
			if err := v.limits_.Write(0, raw(v.limits[:m])); err != nil {
				return err
			}
			if v.known != v.threshold[0] {
				if err := v.halt_.Write(0, raw(v.threshold)); err != nil {
					return err
				}
				v.known = v.threshold[0]
			}
		}
		b, err := v.binding(graphStep, m)
		if err != nil {
			return err
		}
		if err := b.Run(ctx); err != nil {
			return err
		}
		v.now = 1 - v.now
		err = errors.Join(v.logits_.Read(0, raw(v.logits[:n*a.SeqLen*a.VocabSize])), v.q_.Read(0, raw(v.q[:2*n])))
		if v.striding {
			err = errors.Join(err, v.made_.Read(0, raw(v.steps[:n])))
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("run on %s: %w", e.o.device, err)
	}
	return err
}

// arrange brings the rows of the first n slots into their order; the others, up to m, begin anew.
func (v *boundLane) arrange(ctx context.Context, n, m int) error {
	order := make([]int32, m)
	for i := range order {
		order[i] = int32(v.slots) // the row that begins anew
		if i < n && !v.fresh[i] {
			order[i] = v.order[i]
		}
	}
	if err := v.order_.Write(0, raw(order)); err != nil {
		return err
	}
	b, err := v.binding(graphArrange, m)
	if err != nil {
		return err
	}
	if err := b.Run(ctx); err != nil {
		return err
	}
	v.now = 1 - v.now
	v.inOrder()
	return nil
}

// binding ties the lane's memory to a graph for a batch of n, reading the current copy and writing the other.
func (v *boundLane) binding(graph, n int) (_ *binding.Binding, err error) {
	kind := bindingKind{graph, n, v.now}
	if b := v.bindings[kind]; b != nil {
		return b, nil
	}
	e, a := v.engine, v.engine.o.arch
	session, record := e.one, ""
	switch {
	case graph == graphArrange:
		session = e.arrange
	case v.striding:
		session = e.several
	}
	if graph == graphStep && e.o.gpu.Record {
		record = strconv.Itoa(e.thread.number())
	}
	b, err := session.Binding(record)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.Close()
		}
	}()
	l, d := a.Len(), a.HiddenSize
	rows := n
	if graph == graphArrange {
		rows = v.slots + 1
		err = b.Input(inOrder, v.order_, binding.Int32, n)
	} else {
		err = errors.Join(
			b.Input(inTokens, v.tokens_, binding.Int32, n, a.SeqLen),
			b.Output(outLogits, v.logits_, binding.Float, n, a.SeqLen, a.VocabSize),
			b.Output(outQ, v.q_, binding.Float, n, 2),
		)
		if v.puzzle != nil {
			err = errors.Join(err, b.Input(inPuzzle, v.puzzles_, binding.Float, n, a.PuzzleEmbNdim))
		}
		if v.striding {
			err = errors.Join(err,
				b.Input(inLimit, v.limits_, binding.Int32, n),
				b.Input(inHalt, v.halt_, binding.Float, 1),
				b.Output(outMade, v.made_, binding.Int32, n),
			)
		}
	}
	err = errors.Join(err,
		b.Input(inH, v.h[v.now], e.elem, rows, l, d), b.Input(inL, v.l[v.now], e.elem, rows, l, d),
		b.Output(outH, v.h[1-v.now], e.elem, n, l, d), b.Output(outL, v.l[1-v.now], e.elem, n, l, d),
	)
	if err != nil {
		return nil, err
	}
	v.bindings[kind] = b
	return b, nil
}

func (v *boundLane) close() error {
	return v.engine.thread.do(func() error {
		for _, b := range v.bindings {
			b.Close()
		}
		for _, b := range v.buffers {
			b.Close()
		}
		v.bindings, v.buffers = nil, nil
		return nil
	})
}
