//go:build cgo

package onnx

import (
	"context"
	"errors"
	"fmt"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// environment is ONNX Runtime's process-wide state. It is made once and kept until the process ends: a library that has
// started threads and GPU drivers cannot be unloaded safely.
var environment struct {
	sync.Mutex
	library string
}

// start loads the library unless it is loaded.
func start(library string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.library != "" {
		if environment.library != library {
			return fmt.Errorf("%w: this process already uses %s and cannot load %s as well", ErrNoLibrary, environment.library, library)
		}
		return nil
	}
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fmt.Errorf("%w: %s cannot be loaded (version %s or later is needed): %w", ErrNoLibrary, library, minLibrary, err)
	}
	environment.library = library
	return nil
}

// runtimeVersion is the version of the library in use.
func runtimeVersion() string { return ort.GetVersion() }

// runtimeEngine is a session of ONNX Runtime. A session may run on many goroutines at once.
type runtimeEngine struct {
	session  *ort.DynamicAdvancedSession
	options  engineOptions
	provider Device
}

// openEngine makes an engine on exactly the device that is asked for.
func openEngine(o engineOptions) (engine, error) {
	if err := start(o.library); err != nil {
		return nil, err
	}
	if o.device == CUDA {
		if err := CheckDevice(CUDA, o.library); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.device, err)
		}
		if !o.gpu.Unbound {
			return openBound(o)
		}
	}
	return openRuntime(o)
}

// openRuntime makes a session whose tensors are in the host's memory.
func openRuntime(o engineOptions) (engine, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("make session options: %w", err)
	}
	defer options.Destroy()
	if err := errors.Join(
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		options.SetIntraOpNumThreads(o.intraOp),
		options.SetInterOpNumThreads(1),
		options.SetLogSeverityLevel(ort.LoggingLevelFatal), // a provider that is absent is an error here, not a line on stderr
	); err != nil {
		return nil, fmt.Errorf("set session options: %w", err)
	}
	if o.whole {
		if err := options.AddSessionConfigEntry("session.disable_cpu_ep_fallback", "1"); err != nil {
			return nil, fmt.Errorf("set session options: %w", err)
		}
	}
	if err := appendProvider(options, o); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.device, err)
	}
	inputs := []string{inTokens, inH, inL}
	if o.arch.PuzzleEmbLen > 0 {
		inputs = append(inputs, inPuzzle)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(o.graphs.step, inputs, []string{outLogits, outQ, outH, outL}, options)
	if err != nil {
		if o.device != CPU {
			return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.device, err)
		}
		return nil, fmt.Errorf("%w: ONNX Runtime refuses the graph: %w", ErrFormat, err)
	}
	return &runtimeEngine{session, o, o.device}, nil
}

// appendProvider adds the execution provider of a device. The library claims CUDA without having it, so only this tells.
func appendProvider(options *ort.SessionOptions, o engineOptions) error {
	switch o.device {
	case CPU:
		return nil
	case CUDA:
		cuda, err := ort.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		defer cuda.Destroy()
		if err := cuda.Update(o.gpu.provider(false)); err != nil {
			return err
		}
		if err := options.AppendExecutionProviderCUDA(cuda); err != nil {
			return cudaError(err)
		}
		return nil
	case WebGPU:
		if err := webGPUWorks(ort.GetVersion()); err != nil {
			return err
		}
		return options.AppendExecutionProvider("WebGPU", nil)
	case CoreML:
		return options.AppendExecutionProviderCoreMLV2(map[string]string{"ModelFormat": "MLProgram"})
	}
	return fmt.Errorf("unknown device")
}

func (e *runtimeEngine) stride() int     { return 1 }
func (e *runtimeEngine) device() Device  { return e.provider }
func (e *runtimeEngine) runtime() string { return runtimeVersion() }
func (e *runtimeEngine) close() error    { return e.session.Destroy() }

// runtimeLane holds two copies of the state: a step reads one and writes the other. The tensors of a batch of n are
// views of the same memory, made when n is first met.
type runtimeLane struct {
	engine *runtimeEngine
	slots  int
	token  []int32
	puzzle []float32
	h, l   [2][]float32
	logits []float32
	q      []float32
	now    int         // which copy is current
	views  [][2]*views // by n-1 and by the copy that is read
	stop   *ort.RunOptions
}

// views are the arguments of one Run.
type views struct{ inputs, outputs []ort.Value }

func (e *runtimeEngine) lane(slots int, _ bool) (lane, error) {
	a := e.options.arch
	state := slots * a.Len() * a.HiddenSize
	stop, err := ort.NewRunOptions()
	if err != nil {
		return nil, fmt.Errorf("make run options: %w", err)
	}
	v := &runtimeLane{
		engine: e, slots: slots,
		token:  make([]int32, slots*a.SeqLen),
		h:      [2][]float32{make([]float32, state), make([]float32, state)},
		l:      [2][]float32{make([]float32, state), make([]float32, state)},
		logits: make([]float32, slots*a.SeqLen*a.VocabSize),
		q:      make([]float32, slots*2),
		views:  make([][2]*views, slots),
		stop:   stop,
	}
	if a.PuzzleEmbLen > 0 {
		v.puzzle = make([]float32, slots*a.PuzzleEmbNdim)
	}
	return v, nil
}

func (v *runtimeLane) tokens() []int32                { return v.token }
func (v *runtimeLane) puzzles() []float32             { return v.puzzle }
func (v *runtimeLane) results() (logits, q []float32) { return v.logits, v.q }

// current is the copy of the latents that the next step reads.
func (v *runtimeLane) current() latents {
	o := v.engine.options
	return latents{v.h[v.now], v.l[v.now], o.initH, o.initL, o.arch.Len() * o.arch.HiddenSize}
}

func (v *runtimeLane) reset(slot int)                       { v.current().reset(slot) }
func (v *runtimeLane) move(to, from int)                    { v.current().move(to, from) }
func (v *runtimeLane) load(slot int, h, l []float32) error  { return v.current().load(slot, h, l) }
func (v *runtimeLane) store(slot int, h, l []float32) error { return v.current().store(slot, h, l) }

func (v *runtimeLane) step(ctx context.Context, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	view, err := v.view(n)
	if err != nil {
		return err
	}
	// A Run takes seconds for a large batch: a cancelled context ends it within an operator.
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = v.stop.Terminate()
	})
	err = v.engine.session.RunWithOptions(view.inputs, view.outputs, v.stop)
	if !cancel() {
		<-done
		_ = v.stop.UnsetTerminate()
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("run on %s: %w", v.engine.provider, err)
	}
	v.now = 1 - v.now
	return nil
}

// view gives the tensors of a batch of n that read the current copy.
func (v *runtimeLane) view(n int) (*views, error) {
	if got := v.views[n-1][v.now]; got != nil {
		return got, nil
	}
	a := v.engine.options.arch
	now, next := v.now, 1-v.now
	b, l, d := int64(n), int64(a.Len()), int64(a.HiddenSize)
	got := &views{}
	var failed []error
	floats := func(data []float32, shape ...int64) ort.Value {
		t, err := ort.NewTensor(ort.NewShape(shape...), data)
		if err != nil {
			failed = append(failed, err)
			return nil
		}
		return t
	}
	tokens, err := ort.NewTensor(ort.NewShape(b, int64(a.SeqLen)), v.token)
	if err != nil {
		return nil, fmt.Errorf("make tensors: %w", err)
	}
	got.inputs = []ort.Value{tokens, floats(v.h[now], b, l, d), floats(v.l[now], b, l, d)}
	if v.puzzle != nil {
		got.inputs = append(got.inputs, floats(v.puzzle, b, int64(a.PuzzleEmbNdim)))
	}
	got.outputs = []ort.Value{floats(v.logits, b, int64(a.SeqLen), int64(a.VocabSize)), floats(v.q, b, 2), floats(v.h[next], b, l, d), floats(v.l[next], b, l, d)}
	if err := errors.Join(failed...); err != nil {
		return nil, fmt.Errorf("make tensors: %w", errors.Join(err, got.destroy()))
	}
	v.views[n-1][now] = got
	return got, nil
}

func (g *views) destroy() error {
	var errs []error
	for _, values := range [][]ort.Value{g.inputs, g.outputs} {
		for _, t := range values {
			if t != nil {
				errs = append(errs, t.Destroy())
			}
		}
	}
	return errors.Join(errs...)
}

func (v *runtimeLane) close() error {
	errs := []error{v.stop.Destroy()}
	for _, pair := range v.views {
		for _, g := range pair {
			if g != nil {
				errs = append(errs, g.destroy())
			}
		}
	}
	v.views = nil
	return errors.Join(errs...)
}
