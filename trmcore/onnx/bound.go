package onnx

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/trm-go/refiner/trmcore/onnx/internal/binding"
	"github.com/trm-go/refiner/trmcore/onnx/internal/tensor"
)

// boundEngine keeps the latents on the device: only tokens go there, and only logits come back.
//
// The latents of a lane lie in two copies; a step reads one and writes the other. Problems that take a place, or leave
// one, only change the order in which the next step finds the rows: a second, tiny graph gathers them before it. One row
// more than there are slots holds the state that a problem begins with.
type boundEngine struct {
	o       engineOptions
	thread  *thread
	one     *binding.Session // a supervision step
	several *binding.Session // GPU.Steps of them, nil if that is 1
	arrange *binding.Session // gathers rows
	elem    binding.Elem     // of the latents
	row     int              // bytes of one problem's z_H, and of its z_L
}

// Names in the graph that gathers rows.
const inOrder = "order" // int32 [N]

// openBound makes a bound engine on CUDA, or, for tests, on the CPU.
func openBound(o engineOptions) (engine, error) {
	e := &boundEngine{o: o, thread: newThread(), elem: binding.Float}
	elem := elemFloat
	if o.graphs.half {
		e.elem, elem = binding.Half, elemHalf
	}
	e.row = o.arch.Len() * o.arch.HiddenSize * e.elem.Size()
	graph := o.graphs.bound
	if graph == nil {
		graph = o.graphs.step
	}
	err := e.thread.do(func() error {
		for _, s := range []struct {
			session **binding.Session
			graph   []byte
			record  bool
		}{{&e.one, graph, o.gpu.Record}, {&e.several, o.graphs.several, o.gpu.Record}, {&e.arrange, gatherGraph(elem, o.arch), false}} {
			if s.graph == nil {
				continue
			}
			var err error
			*s.session, err = binding.Open(binding.Options{
				Library: o.library, CUDA: o.device == CUDA, Provider: o.gpu.provider(s.record), Graph: s.graph, IntraOp: o.intraOp,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrDevice, o.device, cudaError(err)), e.close())
	}
	return e, nil
}

// gatherGraph picks rows of both latents.
func gatherGraph(elem int, a Arch) []byte {
	var b builder
	order := b.input(inOrder, elemInt32, "slots")
	for _, names := range [][2]string{{inH, outH}, {inL, outL}} {
		from := b.input(names[0], elem, "rows", a.Len(), a.HiddenSize)
		b.output(b.op("Gather", []string{from, order}, attr{"axis", 0}), names[1], elem, "slots", a.Len(), a.HiddenSize)
	}
	return modelProto(b.graph("trm_arrange"), "picks the rows of a lane")
}

func (e *boundEngine) device() Device  { return e.o.device }
func (e *boundEngine) runtime() string { return runtimeVersion() }
func (e *boundEngine) stride() int     { return max(1, e.o.gpu.Steps) }

func (e *boundEngine) close() error {
	err := e.thread.do(func() error {
		for _, s := range []*binding.Session{e.one, e.several, e.arrange} {
			if s != nil {
				s.Close()
			}
		}
		return nil
	})
	e.thread.end()
	return err
}

// encode writes latents in the device's type.
func (e *boundEngine) encode(x []float32) []byte {
	if e.elem == binding.Half {
		return tensor.Encode(tensor.F16, x)
	}
	return raw(x)
}

// thread is one thread of the operating system, on which everything of an engine happens: CUDA's libraries keep handles,
// workspaces and recorded graphs for each thread that calls them.
type thread struct {
	calls chan func()
	ended chan struct{}
	count int // only on the thread
}

func newThread() *thread {
	t := &thread{calls: make(chan func()), ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		runtime.LockOSThread() // never unlocked, so that the thread ends with the goroutine
		for f := range t.calls {
			f()
		}
	}()
	return t
}

// do calls f on the thread and waits for it.
func (t *thread) do(f func() error) error {
	result := make(chan error, 1)
	t.calls <- func() { result <- f() }
	return <-result
}

// number is another one at each call, from 1.
func (t *thread) number() int {
	t.count++
	return t.count
}

// end ends the thread.
func (t *thread) end() {
	close(t.calls)
	<-t.ended
}
