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
		if err := CheckCUDA(o.library); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.device, err)
		}
	}
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
	if o.device == CUDA {
		if err := appendCUDA(options); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.device, cudaError(err))
		}
	}
	inputs := []string{inTokens, inH, inL}
	if o.arch.PuzzleEmbLen > 0 {
		inputs = append(inputs, inPuzzle)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(o.graph, inputs, []string{outLogits, outQ, outH, outL}, options)
	if err != nil {
		if o.device != CPU {
			return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.device, err)
		}
		return nil, fmt.Errorf("%w: ONNX Runtime refuses the graph: %w", ErrFormat, err)
	}
	return &runtimeEngine{session, o, o.device}, nil
}

// appendCUDA adds CUDA's execution provider. The library claims to have it without having it, so only this tells.
func appendCUDA(options *ort.SessionOptions) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	if err := cuda.Update(map[string]string{"device_id": "0", "use_tf32": "0"}); err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(cuda)
}

func (e *runtimeEngine) device() Device  { return e.provider }
func (e *runtimeEngine) runtime() string { return runtimeVersion() }
func (e *runtimeEngine) close() error    { return e.session.Destroy() }

// runtimeStepper holds the tensors of a batch: views of its memory for each number of problems, made when that number is
// first met, and for each of the two copies of the latents.
type runtimeStepper struct {
	engine *runtimeEngine
	batch  *batch
	views  [][2]*views // by n-1 and by the copy that is read
	stop   *ort.RunOptions
}

// views are the arguments of one Run.
type views struct{ inputs, outputs []ort.Value }

func (e *runtimeEngine) bind(b *batch) (stepper, error) {
	stop, err := ort.NewRunOptions()
	if err != nil {
		return nil, fmt.Errorf("make run options: %w", err)
	}
	return &runtimeStepper{engine: e, batch: b, views: make([][2]*views, b.slots()), stop: stop}, nil
}

func (v *runtimeStepper) step(ctx context.Context, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	view, err := v.view(n)
	if err != nil {
		return fmt.Errorf("make tensors: %w", err)
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
	return nil
}

// view gives the tensors of a batch of n that read the current copy.
func (v *runtimeStepper) view(n int) (_ *views, err error) {
	batch := v.batch
	now, next := batch.current, 1-batch.current
	if got := v.views[n-1][now]; got != nil {
		return got, nil
	}
	a := batch.arch
	b, l, d := int64(n), int64(a.Len()), int64(a.HiddenSize)
	got := &views{}
	defer func() {
		if err != nil {
			err = errors.Join(err, got.destroy())
		}
	}()
	floats := func(to *[]ort.Value, data []float32, shape ...int64) {
		t, failed := ort.NewTensor(ort.NewShape(shape...), data)
		if failed != nil {
			err = errors.Join(err, failed)
			return
		}
		*to = append(*to, t)
	}
	tokens, err := ort.NewTensor(ort.NewShape(b, int64(a.SeqLen)), batch.tokens)
	if err != nil {
		return nil, err
	}
	got.inputs = []ort.Value{tokens}
	floats(&got.inputs, batch.h[now], b, l, d)
	floats(&got.inputs, batch.l[now], b, l, d)
	if batch.puzzles != nil {
		floats(&got.inputs, batch.puzzles, b, int64(a.PuzzleEmbNdim))
	}
	floats(&got.outputs, batch.logits, b, int64(a.SeqLen), int64(a.VocabSize))
	floats(&got.outputs, batch.q, b, 2)
	floats(&got.outputs, batch.h[next], b, l, d)
	floats(&got.outputs, batch.l[next], b, l, d)
	if err != nil {
		return nil, err
	}
	v.views[n-1][now] = got
	return got, nil
}

func (g *views) destroy() error {
	var errs []error
	for _, values := range [][]ort.Value{g.inputs, g.outputs} {
		for _, t := range values {
			errs = append(errs, t.Destroy())
		}
	}
	return errors.Join(errs...)
}

func (v *runtimeStepper) close() error {
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
