package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/npy"
)

// dump collects what a network computes, step by step, for those who study it.
type dump struct {
	steps           int
	h, l, logits, q []float32
	tokens          []int32
}

func (d *dump) add(s *onnx.Step) {
	d.steps++
	d.h, d.l, d.logits = append(d.h, s.H...), append(d.l, s.L...), append(d.logits, s.Logits...)
	d.q, d.tokens = append(d.q, s.Q), append(d.tokens, s.Tokens...)
}

// write writes z_H and z_L [steps, Len, D], logits [steps, SeqLen, VocabSize], q [steps] and tokens [steps, SeqLen].
func (d *dump) write(term *ui.Terminal, folder string, a onnx.Arch) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, array := range map[string]struct {
		shape  []int
		values []float32
	}{
		"z_H": {[]int{d.steps, a.Len(), a.HiddenSize}, d.h}, "z_L": {[]int{d.steps, a.Len(), a.HiddenSize}, d.l},
		"logits": {[]int{d.steps, a.SeqLen, a.VocabSize}, d.logits}, "q": {[]int{d.steps}, d.q},
	} {
		err := cli.WriteFile(term, filepath.Join(folder, name+".npy"), func(w io.Writer) error { return npy.WriteFloats(w, array.shape, array.values) })
		if err != nil {
			return err
		}
	}
	tokens := npy.Array{Shape: []int{d.steps, a.SeqLen}, Values: d.tokens}
	return cli.WriteFile(term, filepath.Join(folder, "tokens.npy"), tokens.Write)
}
