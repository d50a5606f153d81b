package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
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

// The versions of the format and of the operators. ReduceMean's axes are an attribute up to 17. The operators of
// com.microsoft are ONNX Runtime's own.
const (
	irVersion     = 8
	opset         = 17
	contribDomain = "com.microsoft"
)

// contrib are the operators of [contribDomain].
var contrib = []string{"SkipSimplifiedLayerNormalization", "QuickGelu", "DynamicQuantizeMatMul"}

// message is a protobuf message.
type message []byte

// fields makes a message of field numbers and values in turn. A slice makes a field of each element, a nil message none.
// Zero is written too: ONNX's proto2 fields know presence.
func fields(numbersAndValues ...any) message {
	var m message
	for i := 0; i < len(numbersAndValues); i += 2 {
		m = m.add(protowire.Number(numbersAndValues[i].(int)), numbersAndValues[i+1])
	}
	return m
}

// add appends a field.
func (m message) add(field protowire.Number, value any) message {
	switch v := value.(type) {
	case int:
		return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
	case float32:
		return protowire.AppendFixed32(protowire.AppendTag(m, field, protowire.Fixed32Type), math.Float32bits(v))
	case string:
		return protowire.AppendString(protowire.AppendTag(m, field, protowire.BytesType), v)
	case message:
		if v == nil {
			return m
		}
		return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
	case []int:
		return addAll(m, field, v)
	case []string:
		return addAll(m, field, v)
	case []message:
		return addAll(m, field, v)
	}
	panic(fmt.Sprintf("field %d holds %T", field, value)) // cannot be: the callers are in this package
}

func addAll[T any](m message, field protowire.Number, values []T) message {
	for _, v := range values {
		m = m.add(field, v)
	}
	return m
}

// attr is an attribute of a node: an int, a float32 or []int.
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

// op adds a node and returns the name of its output. Its arguments are inputs, string or []string, and attributes, attr.
func (b *builder) op(op string, args ...any) string { return b.ops(op, 1, args...)[0] }

// ops adds a node with n outputs.
func (b *builder) ops(op string, n int, args ...any) []string {
	added := node{op: op, outputs: make([]string, n)}
	for i := range added.outputs {
		added.outputs[i] = fmt.Sprintf("v%d.%d", len(b.nodes), i)
	}
	for _, arg := range args {
		switch arg := arg.(type) {
		case string:
			added.inputs = append(added.inputs, arg)
		case []string:
			added.inputs = append(added.inputs, arg...)
		case attr:
			added.attrs = append(added.attrs, arg)
		default:
			panic(fmt.Sprintf("%s has the argument %T", op, arg)) // cannot be: the callers are in this package
		}
	}
	b.nodes = append(b.nodes, added)
	return added.outputs
}

// output declares value as an output of the graph under a name of its own.
func (b *builder) output(value, name string, elem int, shape ...any) {
	for _, n := range b.nodes {
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
	if !b.known[name] {
		if b.known == nil {
			b.known = map[string]bool{}
		}
		b.known[name] = true
		b.initializers = append(b.initializers, fields(tensorDims, shape, tensorType, elem, tensorName, name, tensorRaw, message(raw())))
	}
	return name
}

func (b *builder) ints(name string, values ...int) string {
	return b.initializer(name, elemInt64, []int{len(values)}, func() []byte {
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		}
		return raw
	})
}

// floats adds a float32 constant.
func (b *builder) floats(name string, t Tensor) string {
	return b.initializer(name, elemFloat, t.Shape, func() []byte { return encode(typeF32, t.Values) })
}

// valueInfo names a value with its type; a string in shape is a dimension known only at run time.
func valueInfo(name string, elem int, shape []any) message {
	dims := make([]message, len(shape))
	for i, d := range shape {
		dims[i] = fields(dimValue, d)
		if _, ok := d.(string); ok {
			dims[i] = fields(dimParam, d)
		}
	}
	return fields(valueName, name, valueType, fields(typeTensor, fields(tensorElem, elem, tensorShape, fields(shapeDim, dims))))
}

func (n node) message(name string) message {
	attributes := make([]message, len(n.attrs))
	for i, a := range n.attrs {
		var field, kind int
		switch a.value.(type) {
		case float32:
			field, kind = attrFloat, 1
		case int:
			field, kind = attrInt, 2
		case []int:
			field, kind = attrInts, 7
		}
		attributes[i] = fields(attrName, a.name, field, a.value, attrType, kind)
	}
	m := fields(nodeInput, n.inputs, nodeOutput, n.outputs, nodeName, name, nodeOp, n.op, nodeAttribute, attributes)
	if slices.Contains(contrib, n.op) {
		m = m.add(nodeDomain, contribDomain)
	}
	return m
}

// graph serialises the GraphProto.
func (b *builder) graph(name string) message {
	size := 0
	for _, t := range b.initializers {
		size += len(t) + 16
	}
	g := slices.Grow(message{}, size+200*len(b.nodes)) // the weights are copied once, not by doubling
	for i, n := range b.nodes {
		g = g.add(graphNode, n.message(n.op+"_"+strconv.Itoa(i)))
	}
	return g.add(graphName, name).add(graphInitializer, b.initializers).add(graphInput, b.inputs).add(graphOutput, b.outputs)
}

// modelProto serialises the ModelProto around a graph; pairs are metadata keys and values in turn.
func modelProto(graph message, doc string, pairs ...string) []byte {
	m := fields(modelIR, irVersion, modelProducer, "refiner", modelProducerVersion, "1", modelDoc, doc)
	m = slices.Grow(m, len(graph)+4096).add(modelGraph, graph)
	m = m.add(modelOpset, fields(opsetDomain, "", opsetVersion, opset)).add(modelOpset, fields(opsetDomain, contribDomain, opsetVersion, 1))
	for i := 0; i+1 < len(pairs); i += 2 {
		m = m.add(modelMetadata, fields(pairKey, pairs[i], pairValue, pairs[i+1]))
	}
	return m
}
