package onnx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"time"
)

// Device is where the graph runs.
type Device string

// The devices.
const (
	Auto Device = "auto" // CUDA if it proves itself against the CPU, else the CPU
	CPU  Device = "cpu"  // everywhere
	CUDA Device = "cuda" // NVIDIA; needs the CUDA provider's libraries beside ONNX Runtime's
)

// Devices lists them all.
func Devices() []Device { return []Device{Auto, CPU, CUDA} }

// discard is the log of those who want none.
var discard = slog.New(slog.DiscardHandler)

// chooseEngine opens the device that is asked for, or finds the best one.
func chooseEngine(ctx context.Context, m *Model, o *Options) (engine, error) {
	device, precision, log := cmp.Or(o.Device, Auto), cmp.Or(o.Precision, FP32), cmp.Or(o.Log, discard)
	if !slices.Contains(Devices(), device) {
		return nil, fmt.Errorf("%w: unknown device %q: use auto, cpu or cuda", ErrDevice, device)
	}
	library, err := FindLibrary(o.Library)
	if err != nil {
		return nil, err
	}
	graph, err := m.onnx(precision, weightBits())
	if err != nil {
		return nil, err
	}
	open := func(d Device) (engine, error) {
		if d == CUDA && precision.quantised() {
			return nil, fmt.Errorf("%w: %s has no kernels for %s; use fp32 or fp16 there, or the cpu", ErrDevice, d, precision)
		}
		e := engineOptions{library: library.Path, on: d, intraOp: 1, graph: graph, arch: m.Arch}
		if o.Latency {
			e.intraOp = cmp.Or(o.Threads, runtime.GOMAXPROCS(0))
		}
		return openEngine(e)
	}
	var best engine
	if device != Auto {
		best, err = open(device)
	} else if best, err = open(CPU); err == nil {
		best, err = faster(ctx, m, best, func() (engine, error) { return open(CUDA) }, log)
	}
	if err != nil {
		return nil, err
	}
	log.Info("device", "in use", best.device(), "precision", precision, "runtime", best.runtime())
	return best, nil
}

// faster returns CUDA's engine if it agrees with the CPU's on one step and is faster, and else the CPU's. A provider that
// can be appended proves nothing: it may lack its driver or compute something else.
func faster(ctx context.Context, m *Model, cpu engine, open func() (engine, error), log *slog.Logger) (engine, error) {
	other, err := open()
	if err != nil {
		log.Debug("device refused", "device", CUDA, "reason", err)
		return cpu, nil
	}
	want, limit, err := try(ctx, m, cpu)
	if err != nil {
		return nil, errors.Join(err, other.close(), cpu.close())
	}
	got, took, err := try(ctx, m, other)
	switch {
	case err != nil:
	case !(distance(got, want) <= agreement):
		err = fmt.Errorf("its logits are off by %.2g", distance(got, want))
	case took >= limit:
		err = fmt.Errorf("a step takes %v, on the CPU %v", took, limit)
	default:
		return other, cpu.close()
	}
	log.Debug("device refused", "device", CUDA, "reason", err)
	if err := other.close(); err != nil {
		log.Debug("close device", "device", CUDA, "reason", err)
	}
	return cpu, nil
}

// trialBatch is enough for a GPU to show its strength.
const trialBatch = 8

// try makes two steps on fixed problems from the initial state, the first to warm up, and times the second.
func try(ctx context.Context, m *Model, e engine) (logits []float32, took time.Duration, err error) {
	b, err := newBatch(e, m.Arch, trialBatch)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, b.stepper.close()) }()
	h, l := m.initial(0)
	tokens := make([]int32, m.Arch.SeqLen)
	for range 2 {
		for slot := range trialBatch {
			for i := range tokens {
				tokens[i] = int32((i*i + 7*slot + i) % m.Arch.VocabSize)
			}
			b.put(slot, tokens, nil, h, l)
		}
		begin := time.Now()
		if err := b.step(ctx, trialBatch); err != nil {
			return nil, 0, err
		}
		took = time.Since(begin)
	}
	return b.logits, took, nil
}

// agreement bounds the distance of the logits. Half precision is at 3e-3, an error in a kernel at 1e-1 and more.
const agreement = 2e-2

// distance is |a-b| / |b|.
func distance(a, b []float32) float64 {
	var difference, size float64
	for i, v := range b {
		d := float64(a[i] - v)
		difference += d * d
		size += float64(v) * float64(v)
	}
	return math.Sqrt(difference / size)
}
