// Package protobuf writes and reads the wire format of Protocol Buffers, as far as an ONNX file needs it.
package protobuf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrWire is returned for bytes that are no message: mostly, a truncated file.
var ErrWire = errors.New("truncated or malformed protobuf")

// The wire types.
const (
	typeVarint = 0
	type64     = 1
	typeBytes  = 2
	type32     = 5
)

// Message is a message being written. The zero Message is empty.
type Message []byte

// Int appends a varint field. Zero is written too: ONNX's proto2 fields know presence.
func (m *Message) Int(field int, v int64) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|typeVarint)
	*m = binary.AppendUvarint(*m, uint64(v))
}

// Float appends a 32-bit floating-point field.
func (m *Message) Float(field int, v float32) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|type32)
	*m = binary.LittleEndian.AppendUint32(*m, math.Float32bits(v))
}

// Bytes appends a bytes field or an embedded message.
func (m *Message) Bytes(field int, v []byte) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|typeBytes)
	*m = binary.AppendUvarint(*m, uint64(len(v)))
	*m = append(*m, v...)
}

// String appends a string field.
func (m *Message) String(field int, v string) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|typeBytes)
	*m = binary.AppendUvarint(*m, uint64(len(v)))
	*m = append(*m, v...)
}

// Ints appends a packed repeated integer field.
func (m *Message) Ints(field int, values []int64) {
	var packed []byte
	for _, v := range values {
		packed = binary.AppendUvarint(packed, uint64(v))
	}
	m.Bytes(field, packed)
}

// Field is a field that was read: Int for varints and the fixed types, Bytes for the rest.
type Field struct {
	Number int
	Int    uint64
	Bytes  []byte
}

// Fields calls visit for each field of a message, in order, until it returns an error. The bytes are shared.
func Fields(m []byte, visit func(Field) error) error {
	for at := 0; at < len(m); {
		tag, n := binary.Uvarint(m[at:])
		if n <= 0 || tag>>3 == 0 || tag>>3 > 1<<29-1 {
			return fmt.Errorf("%w at byte %d", ErrWire, at)
		}
		at += n
		f := Field{Number: int(tag >> 3)}
		switch tag & 7 {
		case typeVarint:
			v, n := binary.Uvarint(m[at:])
			if n <= 0 {
				return fmt.Errorf("%w at byte %d", ErrWire, at)
			}
			f.Int, at = v, at+n
		case type64:
			if len(m)-at < 8 {
				return fmt.Errorf("%w at byte %d", ErrWire, at)
			}
			f.Int, at = binary.LittleEndian.Uint64(m[at:]), at+8
		case type32:
			if len(m)-at < 4 {
				return fmt.Errorf("%w at byte %d", ErrWire, at)
			}
			f.Int, at = uint64(binary.LittleEndian.Uint32(m[at:])), at+4
		case typeBytes:
			size, n := binary.Uvarint(m[at:])
			if n <= 0 || size > uint64(len(m)-at-n) {
				return fmt.Errorf("%w at byte %d: a field of %d bytes in a file that has %d left", ErrWire, at, size, max(0, len(m)-at-max(n, 0)))
			}
			at += n
			f.Bytes, at = m[at:at+int(size)], at+int(size)
		default:
			return fmt.Errorf("%w at byte %d: wire type %d", ErrWire, at, tag&7)
		}
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}
