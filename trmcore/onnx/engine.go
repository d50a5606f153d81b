package onnx

import (
	"context"
	"math"
)

// engine runs supervision steps. ONNX Runtime is one; tests have others.
type engine interface {
	// bind prepares the steps of a batch, whose memory stays where it is. Batches may be stepped at the same time as each
	// other.
	bind(*batch) (stepper, error)
	// device is the provider that runs the graph.
	device() Device
	// runtime is the library's version.
	runtime() string
	close() error
}

// stepper makes the supervision steps of one batch.
type stepper interface {
	// step reads the current latents of the first n slots and writes the others, the logits and the halting logits.
	step(ctx context.Context, n int) error
	close() error
}

// engineOptions is what an engine is made with.
type engineOptions struct {
	library string
	on      Device
	intraOp int    // threads of one Run
	graph   []byte // the ONNX file of a supervision step
	arch    Arch
}

// batch is the memory of problems that are stepped together, a slot for each. There are two copies of the latents: a step
// reads one and writes the other.
type batch struct {
	arch      Arch
	tokens    []int32      // [slots, SeqLen]
	puzzles   []float32    // [slots, PuzzleEmbNdim], nil without a puzzle embedding
	h, l      [2][]float32 // [slots, Len, D]
	current   int          // the copy that the next step reads
	logits, q []float32    // [slots, SeqLen, VocabSize] and [slots, 2]
	stepper   stepper
}

func newBatch(e engine, a Arch, slots int) (*batch, error) {
	b := &batch{arch: a, tokens: make([]int32, slots*a.SeqLen), logits: make([]float32, slots*a.SeqLen*a.VocabSize), q: make([]float32, slots*2)}
	for i := range b.h {
		b.h[i], b.l[i] = make([]float32, slots*a.latent()), make([]float32, slots*a.latent())
	}
	if a.PuzzleEmbLen > 0 {
		b.puzzles = make([]float32, slots*a.PuzzleEmbNdim)
	}
	var err error
	b.stepper, err = e.bind(b)
	return b, err
}

func (b *batch) slots() int { return len(b.q) / 2 }

// latents are those of a slot, [Len, D] each, to be read and written between steps.
func (b *batch) latents(slot int) (h, l []float32) {
	return part(b.h[b.current], slot, b.arch.latent()), part(b.l[b.current], slot, b.arch.latent())
}

// put writes a problem and its state into a slot; puzzle is nil for zeros.
func (b *batch) put(slot int, tokens []int32, puzzle, h, l []float32) {
	copy(part(b.tokens, slot, b.arch.SeqLen), tokens)
	if b.puzzles != nil {
		row := part(b.puzzles, slot, b.arch.PuzzleEmbNdim)
		clear(row)
		copy(row, puzzle)
	}
	toH, toL := b.latents(slot)
	copy(toH, h)
	copy(toL, l)
}

// move copies everything that a step reads of slot from into slot to.
func (b *batch) move(to, from int) {
	h, l := b.latents(from)
	b.put(to, part(b.tokens, from, b.arch.SeqLen), part(b.puzzles, from, b.arch.PuzzleEmbNdim), h, l)
}

// step applies one supervision step to the first n slots.
func (b *batch) step(ctx context.Context, n int) error {
	if err := b.stepper.step(ctx, n); err != nil {
		return err
	}
	b.current = 1 - b.current
	return nil
}

// look is what a slot holds after a step; tokens get the answer, everything else is the batch's.
func (b *batch) look(slot int, tokens []int32) Step {
	s := Step{Tokens: tokens, Q: b.q[2*slot], Logits: part(b.logits, slot, b.arch.SeqLen*b.arch.VocabSize)}
	s.H, s.L = b.latents(slot)
	argmax(tokens, s.Logits, b.arch.VocabSize)
	return s
}

// part is the i-th of equal parts of a slice, nil of an empty one.
func part[T any](all []T, i, width int) []T {
	if len(all) == 0 {
		return nil
	}
	return all[i*width : (i+1)*width : (i+1)*width]
}

// argmax writes the likeliest token of each position; the first wins a tie, as in PyTorch.
func argmax(tokens []int32, logits []float32, vocab int) {
	for i := range tokens {
		best, top := 0, float32(math.Inf(-1))
		for j, v := range logits[i*vocab : (i+1)*vocab] {
			if v > top {
				best, top = j, v
			}
		}
		tokens[i] = int32(best)
	}
}
