//go:build cgo

package onnx

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// sessionOptions are those of a session on the CPU with so many threads for a Run.
func sessionOptions(threads int) (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("make session options: %w", err)
	}
	if err := errors.Join(
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll),
		options.SetIntraOpNumThreads(threads),
		options.SetInterOpNumThreads(1),
		options.SetLogSeverityLevel(ort.LoggingLevelFatal), // a provider that is absent is an error here, not a line on stderr
	); err != nil {
		return nil, errors.Join(fmt.Errorf("set session options: %w", err), options.Destroy())
	}
	return options, nil
}

// runSession runs a session. A Run takes seconds for a large batch: a context that ends stops it between operators.
func runSession(ctx context.Context, session *ort.DynamicAdvancedSession, inputs, outputs []ort.Value, stop *ort.RunOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = stop.Terminate()
	})
	err := session.RunWithOptions(inputs, outputs, stop)
	if !cancel() {
		<-done
		_ = stop.UnsetTerminate()
		return ctx.Err()
	}
	return err
}

// runtimeEngine is a session of ONNX Runtime. A session may run on many goroutines at once.
type runtimeEngine struct {
	session  *ort.DynamicAdvancedSession
	provider Device
}

// openEngine makes an engine on exactly the device that is asked for.
func openEngine(o engineOptions) (engine, error) {
	if err := start(o.library); err != nil {
		return nil, err
	}
	if o.on == CUDA {
		if err := CheckCUDA(o.library); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.on, err)
		}
	}
	options, err := sessionOptions(o.intraOp)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	if o.on == CUDA {
		if err := appendCUDA(options); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.on, cudaError(err))
		}
	}
	inputs := []string{inTokens, inH, inL}
	if o.arch.PuzzleEmbLen > 0 {
		inputs = append(inputs, inPuzzle)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(o.graph, inputs, []string{outLogits, outQ, outH, outL}, options)
	if err != nil {
		if o.on != CPU {
			return nil, fmt.Errorf("%w: %s: %w", ErrDevice, o.on, err)
		}
		return nil, fmt.Errorf("%w: ONNX Runtime refuses the graph: %w", ErrFormat, err)
	}
	return &runtimeEngine{session, o.on}, nil
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
func (e *runtimeEngine) runtime() string { return ort.GetVersion() }
func (e *runtimeEngine) close() error    { return e.session.Destroy() }

// runtimeStepper holds the tensors of a batch: views of its memory for each number of problems and each of the two copies
// of the latents, made when they are first met.
type runtimeStepper struct {
	engine *runtimeEngine
	batch  *batch
	views  map[[2]int]*views // by the number and the copy that is read
	stop   *ort.RunOptions
}

// views are the arguments of one Run.
type views struct{ inputs, outputs []ort.Value }

func (e *runtimeEngine) bind(b *batch) (stepper, error) {
	stop, err := ort.NewRunOptions()
	if err != nil {
		return nil, fmt.Errorf("make run options: %w", err)
	}
	return &runtimeStepper{engine: e, batch: b, views: map[[2]int]*views{}, stop: stop}, nil
}

func (v *runtimeStepper) step(ctx context.Context, n int) error {
	view, err := v.view(n)
	if err != nil {
		return fmt.Errorf("make tensors: %w", err)
	}
	err = runSession(ctx, v.engine.session, view.inputs, view.outputs, v.stop)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("run on %s: %w", v.engine.provider, err)
	}
	return err
}

// view gives the tensors of a batch of n that read the current copy.
func (v *runtimeStepper) view(n int) (*views, error) {
	b := v.batch
	now, next, a := b.current, 1-b.current, b.arch
	if got := v.views[[2]int{n, now}]; got != nil {
		return got, nil
	}
	var got views
	err := errors.Join(
		tensor(&got.inputs, b.tokens, n, a.SeqLen),
		tensor(&got.inputs, b.h[now], n, a.Len(), a.HiddenSize), tensor(&got.inputs, b.l[now], n, a.Len(), a.HiddenSize),
		tensor(&got.outputs, b.logits, n, a.SeqLen, a.VocabSize), tensor(&got.outputs, b.q, n, 2),
		tensor(&got.outputs, b.h[next], n, a.Len(), a.HiddenSize), tensor(&got.outputs, b.l[next], n, a.Len(), a.HiddenSize))
	if b.puzzles != nil {
		err = errors.Join(err, tensor(&got.inputs, b.puzzles, n, a.PuzzleEmbNdim))
	}
	if err != nil {
		return nil, errors.Join(err, got.destroy())
	}
	v.views[[2]int{n, now}] = &got
	return &got, nil
}

// tensor appends a view of data.
func tensor[T ort.TensorData](to *[]ort.Value, data []T, shape ...int) error {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	t, err := ort.NewTensor(ort.NewShape(dims...), data)
	if err == nil {
		*to = append(*to, t)
	}
	return err
}

func (g *views) destroy() error {
	var errs []error
	for _, t := range slices.Concat(g.inputs, g.outputs) {
		errs = append(errs, t.Destroy())
	}
	return errors.Join(errs...)
}

func (v *runtimeStepper) close() error {
	errs := []error{v.stop.Destroy()}
	for _, g := range v.views {
		errs = append(errs, g.destroy())
	}
	return errors.Join(errs...)
}
