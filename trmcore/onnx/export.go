package onnx

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/trm-go/refiner/trmcore/onnx/internal/tensor"
)

// Keys of an exported file's metadata.
const (
	metaCard      = "refiner.card"      // the model card, with the architecture
	metaPrecision = "refiner.precision" // see [Precision]
	metaInitH     = "refiner.H_init"    // base64 of float32
	metaInitL     = "refiner.L_init"
	metaPuzzle    = "refiner.puzzle_emb" // the puzzle table, if it is small
	metaHash      = "refiner.graph_sha256"
)

// Export writes the model as one ONNX file: the graph of a supervision step with its weights, and as metadata the card,
// the states that a run begins with, and a hash. [LoadModel] reads it back; any program that embeds ONNX Runtime can run
// it. Quantised weights get 8 bits, so that the file does not depend on the machine that wrote it.
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
	if m.graph != nil {
		if p != m.fixed {
			return nil, fmt.Errorf("%w: the ONNX file holds %s, not %s; export it again from the weights", ErrFormat, m.fixed, p)
		}
		return m.graph, nil
	}
	graph := buildGraph(m.Arch, m.weights, p, bits)
	sum := sha256.Sum256(graph)
	card, err := json.Marshal(m.Card)
	if err != nil {
		return nil, err
	}
	pairs := []string{
		metaCard, string(card), metaPrecision, string(p), metaHash, hex.EncodeToString(sum[:]),
		metaInitH, encodeFloats(m.initH), metaInitL, encodeFloats(m.initL),
	}
	if m.table.values != nil {
		pairs = append(pairs, metaPuzzle, encodeFloats(m.table.values))
	}
	return modelProto(graph, m.Arch.String(), pairs...), nil
}

// readONNX reads a file that Export wrote.
func readONNX(data []byte) (*Model, error) {
	var graph []byte
	meta := map[string]string{}
	err := bytesFields(data, func(field protowire.Number, value []byte) error {
		switch field {
		case modelGraph:
			graph = value
		case modelMetadata:
			var pair [3]string // by pairKey and pairValue
			err := bytesFields(value, func(field protowire.Number, value []byte) error {
				if field == pairKey || field == pairValue {
					pair[field] = string(value)
				}
				return nil
			})
			meta[pair[pairKey]] = pair[pairValue]
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: not a whole ONNX file: %w", ErrFormat, err)
	}
	if graph == nil || meta[metaCard] == "" {
		return nil, fmt.Errorf("%w: an ONNX file, but truncated or not written by trm export: it has no model card", ErrFormat)
	}
	if sum := sha256.Sum256(graph); hex.EncodeToString(sum[:]) != meta[metaHash] {
		return nil, fmt.Errorf("%w: the graph does not have the SHA-256 of its metadata: the ONNX file is corrupt", ErrFormat)
	}
	m := &Model{graph: data, fixed: Precision(meta[metaPrecision])}
	if m.Card, err = ParseCard([]byte(meta[metaCard])); err != nil {
		return nil, err
	}
	m.Arch = m.Card.Arch
	if err := m.Arch.check(); err != nil {
		return nil, err
	}
	if err := m.fixed.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	for key, into := range map[string]*[]float32{metaInitH: &m.initH, metaInitL: &m.initL} {
		if *into, err = decodeFloats(meta[key]); err != nil || len(*into) != m.Arch.HiddenSize {
			return nil, fmt.Errorf("%w: the ONNX file's %s does not hold %d numbers", ErrFormat, key, m.Arch.HiddenSize)
		}
	}
	if text, ok := meta[metaPuzzle]; ok && m.Arch.PuzzleEmbLen > 0 {
		width := m.Arch.PuzzleEmbNdim
		values, err := decodeFloats(text)
		if err != nil || len(values)%width != 0 {
			return nil, fmt.Errorf("%w: the ONNX file's %s does not hold rows of %d numbers", ErrFormat, metaPuzzle, width)
		}
		m.table = table{rows: len(values) / width, width: width, values: values}
	}
	return m, nil
}

func encodeFloats(values []float32) string {
	return base64.StdEncoding.EncodeToString(tensor.Encode(tensor.F32, values))
}

func decodeFloats(text string) ([]float32, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw)%4 != 0 {
		return nil, fmt.Errorf("%w: not numbers", ErrFormat)
	}
	return tensor.Decode(tensor.F32, raw), nil
}
