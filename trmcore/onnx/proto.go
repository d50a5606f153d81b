package onnx

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/trm-go/refiner/trmcore/onnx/internal/safetensors"
)

// The field numbers of onnx.proto that are used here.
const (
	modelIR, modelProducer, modelProducerVersion, modelDoc, modelGraph, modelOpset, modelMetadata = 1, 2, 3, 6, 7, 8, 14
	graphNode, graphName, graphInitializer, graphInput, graphOutput                               = 1, 2, 5, 11, 12
	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute, nodeDomain                            = 1, 2, 3, 4, 5, 7
	attrName, attrFloat, attrInt, attrInts, attrType                                              = 1, 2, 3, 8, 20
	tensorDims, tensorType, tensorName, tensorRaw                                                 = 1, 2, 8, 9
	valueName, valueType                                                                          = 1, 2
	typeTensor, tensorElem, tensorShape, shapeDim, dimValue, dimParam                             = 1, 1, 2, 1, 1, 2
	opsetDomain, opsetVersion                                                                     = 1, 2
	pairKey, pairValue                                                                            = 1, 2
)

// Element types of TensorProto.DataType.
const (
	elemFloat = 1
	elemInt8  = 3
	elemInt32 = 6
	elemInt64 = 7
	elemHalf  = 10
)

// The operator sets. ReduceMean's axes are an attribute up to 17. The operators of com.microsoft are ONNX Runtime's own.
const (
	irVersion       = 8
	opset           = 17
	contribDomain   = "com.microsoft"
	contribVersion  = 1
	producerName    = "refiner"
	attributeFloat  = 1
	attributeInt    = 2
	attributeInts   = 7
	producerVersion = "1"
)

// contrib are the operators of [contribDomain].
var contrib = map[string]bool{"SkipSimplifiedLayerNormalization": true, "QuickGelu": true, "DynamicQuantizeMatMul": true}

// attr is an attribute of a node: an int, a float32 or []int64.
type attr struct {
	name  string
	value any
}

type node struct {
	op      string
	inputs  []string
	outputs []string
	attrs   []attr
}

// builder collects a graph.
type builder struct {
	nodes        []node
	initializers []message
	known        map[string]bool // names of the initializers
	inputs       []message
	outputs      []message
}

// op adds a node with one output and returns the output's name.
func (b *builder) op(op string, inputs []string, attrs ...attr) string {
	return b.ops(op, inputs, 1, attrs...)[0]
}

// ops adds a node with n outputs.
func (b *builder) ops(op string, inputs []string, n int, attrs ...attr) []string {
	outputs := make([]string, n)
	for i := range outputs {
		outputs[i] = "v" + strconv.Itoa(len(b.nodes))
		if n > 1 {
			outputs[i] += "." + strconv.Itoa(i)
		}
	}
	b.nodes = append(b.nodes, node{op, inputs, outputs, attrs})
	return outputs
}

// output declares value as an output of the graph under a name of its own.
func (b *builder) output(value, name string, elem int, shape ...any) {
	for i := range b.nodes {
		n := &b.nodes[i]
		for _, names := range [][]string{n.inputs, n.outputs} {
			for j := range names {
				if names[j] == value {
					names[j] = name
				}
			}
		}
	}
	b.outputs = append(b.outputs, valueInfo(name, elem, shape))
}

func (b *builder) input(name string, elem int, shape ...any) string {
	b.inputs = append(b.inputs, valueInfo(name, elem, shape))
	return name
}

// initializer adds a constant tensor unless one of that name is there.
func (b *builder) initializer(name string, elem int, shape []int, raw func() []byte) string {
	if b.known[name] {
		return name
	}
	if b.known == nil {
		b.known = map[string]bool{}
	}
	b.known[name] = true
	var t message
	for _, d := range shape {
		t.Int(tensorDims, int64(d))
	}
	t.Int(tensorType, int64(elem))
	t.String(tensorName, name)
	t.Bytes(tensorRaw, raw())
	b.initializers = append(b.initializers, t)
	return name
}

func (b *builder) ints(name string, values ...int64) string {
	return b.initializer(name, elemInt64, []int{len(values)}, func() []byte {
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		}
		return raw
	})
}

// floats adds a float32 constant.
func (b *builder) floats(name string, m matrix) string {
	return b.initializer(name, elemFloat, m.shape, func() []byte { return safetensors.Encode(safetensors.F32, m.values) })
}

// valueInfo names a value with its type; a string in shape is a dimension known only at run time.
func valueInfo(name string, elem int, shape []any) message {
	var dims, tensorProto, typeProto, info message
	for _, d := range shape {
		var dim message
		switch d := d.(type) {
		case int:
			dim.Int(dimValue, int64(d))
		case string:
			dim.String(dimParam, d)
		}
		dims.Bytes(shapeDim, dim)
	}
	tensorProto.Int(tensorElem, int64(elem))
	tensorProto.Bytes(tensorShape, dims)
	typeProto.Bytes(typeTensor, tensorProto)
	info.String(valueName, name)
	info.Bytes(valueType, typeProto)
	return info
}

func (n node) message(name string) message {
	var m message
	for _, in := range n.inputs {
		m.String(nodeInput, in)
	}
	for _, out := range n.outputs {
		m.String(nodeOutput, out)
	}
	m.String(nodeName, name)
	m.String(nodeOp, n.op)
	for _, a := range n.attrs {
		var am message
		am.String(attrName, a.name)
		switch v := a.value.(type) {
		case int:
			am.Int(attrInt, int64(v))
			am.Int(attrType, attributeInt)
		case float32:
			am.Float(attrFloat, v)
			am.Int(attrType, attributeFloat)
		case []int64:
			for _, i := range v {
				am.Int(attrInts, i)
			}
			am.Int(attrType, attributeInts)
		}
		m.Bytes(nodeAttribute, am)
	}
	if contrib[n.op] {
		m.String(nodeDomain, contribDomain)
	}
	return m
}

// graph serialises the GraphProto.
func (b *builder) graph(name string) message {
	var g message
	size := 0
	for _, t := range b.initializers {
		size += len(t) + 16
	}
	g = slices.Grow(g, size+200*len(b.nodes)) // the weights are copied once, not by doubling
	for i, n := range b.nodes {
		g.Bytes(graphNode, n.message(n.op+"_"+strconv.Itoa(i)))
	}
	g.String(graphName, name)
	for _, t := range b.initializers {
		g.Bytes(graphInitializer, t)
	}
	for _, v := range b.inputs {
		g.Bytes(graphInput, v)
	}
	for _, v := range b.outputs {
		g.Bytes(graphOutput, v)
	}
	return g
}

// model serialises the ModelProto around a graph; pairs are metadata keys and values in turn.
func modelProto(graph message, doc string, pairs ...string) []byte {
	var m message
	m = slices.Grow(m, len(graph)+4096)
	m.Int(modelIR, irVersion)
	m.String(modelProducer, producerName)
	m.String(modelProducerVersion, producerVersion)
	m.String(modelDoc, doc)
	m.Bytes(modelGraph, graph)
	for _, set := range []struct {
		domain  string
		version int64
	}{{"", opset}, {contribDomain, contribVersion}} {
		var o message
		o.String(opsetDomain, set.domain)
		o.Int(opsetVersion, set.version)
		m.Bytes(modelOpset, o)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		var p message
		p.String(pairKey, pairs[i])
		p.String(pairValue, pairs[i+1])
		m.Bytes(modelMetadata, p)
	}
	return m
}
