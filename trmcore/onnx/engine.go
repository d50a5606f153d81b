package onnx

import "context"

// engine runs supervision steps. ONNX Runtime is one; tests have others.
type engine interface {
	// lane makes preallocated tensors for up to slots problems. Lanes may be used at the same time as each other. With
	// several, each step of the lane may be up to stride supervision steps; it must be a strider then.
	lane(slots int, several bool) (lane, error)
	// stride is the number of supervision steps that a lane with several makes at once, 1 if there is no such lane.
	stride() int
	// device is the provider that runs the graph.
	device() Device
	// runtime is the library's version.
	runtime() string
	close() error
}

// lane is the memory of a micro-batch. A slot's rows are written and read between steps by whoever owns the lane; the
// latents may lie on a device and are reached only through the lane.
type lane interface {
	tokens() []int32                // [slots, SeqLen]
	puzzles() []float32             // [slots, PuzzleEmbNdim], nil without a puzzle embedding
	results() (logits, q []float32) // [slots, SeqLen, VocabSize] and [slots, 2]

	// reset gives a slot the initial latents. It, store or move must follow a change of the slot's tokens.
	reset(slot int)
	// move gives slot to the latents of slot from, whose own are then undefined.
	move(to, from int)
	// load copies a slot's latents, [Len, D] each, to h and l; store copies them back.
	load(slot int, h, l []float32) error
	store(slot int, h, l []float32) error

	// step applies one supervision step to the first n slots; see strider for those that apply several.
	step(ctx context.Context, n int) error
	close() error
}

// strider is a lane whose step is several supervision steps. A slot that has made its steps, or that has halted, is
// frozen while the others go on.
type strider interface {
	lane
	// limit bounds the supervision steps that a slot makes in the next step, at least 1.
	limit(slot, steps int)
	// haltAbove freezes every slot after the supervision step whose halting logit is above q.
	haltAbove(q float32)
	// made is the number of supervision steps that a slot made in the last step.
	made(slot int) int
}

// engineOptions is what an engine is made with.
type engineOptions struct {
	library string
	device  Device
	intraOp int // threads of one Run
	graphs  graphs
	arch    Arch
	initH   []float32 // [D], the latents that a problem begins with
	initL   []float32
	gpu     GPU
	whole   bool // the device must run all of the graph: nothing may fall back to the CPU
}

// graphs are the ONNX files that an engine runs.
type graphs struct {
	step    []byte // one supervision step, latents in float32
	bound   []byte // the same for latents that stay on the device; nil if step is it
	several []byte // GPU.Steps supervision steps, nil if that is 1
	half    bool   // bound and several keep the latents in half precision
}

// latents are the states of a lane's slots in the host's memory.
type latents struct {
	h, l         []float32 // [slots, Len, D]
	initH, initL []float32 // [D]
	width        int       // Len x D
}

func (s latents) of(slot int) (h, l []float32) {
	return s.h[slot*s.width : (slot+1)*s.width], s.l[slot*s.width : (slot+1)*s.width]
}

func (s latents) reset(slot int) {
	h, l := s.of(slot)
	fill(h, s.initH)
	fill(l, s.initL)
}

func (s latents) move(to, from int) {
	h, l := s.of(from)
	_ = s.store(to, h, l) // in memory nothing fails
}

func (s latents) load(slot int, h, l []float32) error {
	fromH, fromL := s.of(slot)
	copy(h, fromH)
	copy(l, fromL)
	return nil
}

func (s latents) store(slot int, h, l []float32) error {
	toH, toL := s.of(slot)
	copy(toH, h)
	copy(toL, l)
	return nil
}
