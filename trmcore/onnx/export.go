package onnx

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
)

// Keys of an exported file's metadata.
const (
	metaCard      = "refiner.card"      // the model card, with the architecture
	metaPrecision = "refiner.precision" // see [Precision]
	metaInitH     = "refiner.H_init"    // base64 of float32
	metaInitL     = "refiner.L_init"
	metaPuzzle    = "refiner.puzzle_emb" // the puzzle table, if it is small
)

// Export writes the model as one ONNX file: the graph of a supervision step with its weights, and as metadata the card and
// the states that a run begins with. Any program that embeds ONNX Runtime can run it. Quantised weights get 8 bits, so that
// the file does not depend on the machine that wrote it.
func (m *Model) Export(w io.Writer, p Precision) error {
	if p == "" {
		p = FP32
	}
	data, err := m.onnx(p, 8)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	_, err = w.Write(data)
	return err
}

// onnx gives the bytes of the ONNX file in a precision.
func (m *Model) onnx(p Precision, bits int) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	card, err := json.Marshal(m.Card)
	if err != nil {
		return nil, err
	}
	floats := func(values []float32) string {
		return base64.StdEncoding.EncodeToString(encode(typeF32, values))
	}
	pairs := []string{metaCard, string(card), metaPrecision, string(p), metaInitH, floats(m.initH), metaInitL, floats(m.initL)}
	if m.table.values != nil {
		pairs = append(pairs, metaPuzzle, floats(m.table.values))
	}
	return modelProto(buildGraph(m.Arch, m.weights, p, bits), m.Arch.String(), pairs...), nil
}
