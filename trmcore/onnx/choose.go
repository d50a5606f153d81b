package onnx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"time"
)

// discard is the log of those who want none.
var discard = slog.New(slog.DiscardHandler)

// chooseEngine opens the device that is asked for, or finds the best one.
func chooseEngine(ctx context.Context, m *Model, o *Options) (engine, error) {
	device := cmp.Or(o.Device, Auto)
	if err := device.check(); err != nil {
		return nil, err
	}
	precision := cmp.Or(o.Precision, FP32)
	library, err := FindLibrary(o.Library)
	if err != nil {
		return nil, err
	}
	e := engineOptions{library: library.Path, intraOp: 1, arch: m.Arch}
	if o.Latency {
		e.intraOp = cmp.Or(o.Threads, runtime.GOMAXPROCS(0))
	}
	log := cmp.Or(o.Log, discard)
	if device != Auto {
		if device != CPU && precision.quantised() {
			return nil, fmt.Errorf("%w: %s has no kernels for %s; use fp32 or fp16 there, or the cpu", ErrDevice, device, precision)
		}
		eng, err := e.on(device, m, precision)
		if err == nil {
			log.Info("device", "in use", device, "precision", precision, "runtime", eng.runtime())
		}
		return eng, err
	}
	best, err := e.on(CPU, m, precision)
	if err != nil {
		return nil, err
	}
	if !precision.quantised() { // only the CPU has their kernels
		best, err = faster(ctx, m, best, func() (engine, error) { return e.on(CUDA, m, precision) }, log)
	}
	if err == nil {
		log.Info("device", "in use", best.device(), "precision", precision, "runtime", best.runtime())
	}
	return best, err
}

// on opens an engine on a device.
func (e engineOptions) on(d Device, m *Model, p Precision) (engine, error) {
	var err error
	if e.graph, err = m.onnx(p, weightBits()); err != nil {
		return nil, err
	}
	e.device = d
	return openEngine(e)
}

// faster returns CUDA's engine if it agrees with the CPU's on one step and is faster, and else the CPU's. A provider that
// can be appended proves nothing: it may lack its driver or compute something else.
func faster(ctx context.Context, m *Model, cpu engine, open func() (engine, error), log *slog.Logger) (engine, error) {
	other, err := open()
	if err != nil {
		log.Debug("device refused", "device", CUDA, "reason", err)
		return cpu, nil
	}
	reference, err := try(ctx, m, cpu)
	if err != nil {
		return nil, errors.Join(err, other.close(), cpu.close())
	}
	got, err := try(ctx, m, other)
	if err == nil {
		err = got.agrees(reference)
	}
	if err == nil && got.took >= reference.took {
		err = fmt.Errorf("a step takes %v, on the CPU %v", got.took, reference.took)
	}
	if err == nil {
		return other, cpu.close()
	}
	log.Debug("device refused", "device", CUDA, "reason", err)
	if err := other.close(); err != nil {
		log.Debug("close device", "device", CUDA, "reason", err)
	}
	return cpu, nil
}

// trial is a step on fixed problems.
type trial struct {
	logits []float32
	took   time.Duration
}

// trialBatch is enough for a GPU to show its strength.
const trialBatch = 8

// try makes two steps from the initial state, the first to warm up, and times the second.
func try(ctx context.Context, m *Model, e engine) (t *trial, err error) {
	b, err := newBatch(e, m.Arch, trialBatch)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.stepper.close()) }()
	t = &trial{}
	h, l := m.initial(0)
	for range 2 {
		p := Problem{Tokens: make([]int32, m.Arch.SeqLen)}
		for slot := range trialBatch {
			for i := range p.Tokens {
				p.Tokens[i] = int32((i*i + 7*slot + i) % m.Arch.VocabSize)
			}
			b.put(slot, p, nil, h, l)
		}
		begin := time.Now()
		if err := b.step(ctx, trialBatch); err != nil {
			return nil, err
		}
		t.took = time.Since(begin)
	}
	t.logits = b.logits
	return t, nil
}

// agreement bounds the relative distance of the logits, |a-b| / |b|. Half precision is at 3e-3, an error in a kernel at
// 1e-1 and more.
const agreement = 2e-2

func (t *trial) agrees(want *trial) error {
	var difference, size float64
	for i, v := range want.logits {
		d := float64(t.logits[i] - v)
		difference += d * d
		size += float64(v) * float64(v)
	}
	if distance := math.Sqrt(difference / size); !(distance <= agreement) {
		return fmt.Errorf("its logits are off by %.2g", distance)
	}
	return nil
}
