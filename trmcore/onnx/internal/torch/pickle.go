package torch

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/trm-go/refiner/trmcore/onnx/internal/tensor"
)

// The values that the machine works on, besides string, int64, float64, bool, nil and storage references.
type (
	mark   struct{}
	global string // "module name"
	tuple  []any
	list   struct{ items []any }
	dict   struct {
		keys   []string
		values []any
	}
	storage struct {
		dtype tensor.DType
		key   string
	}
	// opaque stands for an integer-keyed or otherwise uninteresting value.
	opaque struct{}
)

func (d *dict) set(key, value any) {
	name, ok := key.(string)
	if !ok {
		return // optimiser states count their parameters; weights have names
	}
	d.keys, d.values = append(d.keys, name), append(d.values, value)
}

// limits of the machine: a checkpoint of a TRM has some hundred objects.
const (
	maxPickle = 16 << 20
	maxStack  = 1 << 20
)

// machine executes the opcodes that a state dict needs, and no others. It calls nothing: a global is a name, and
// REDUCE knows five of them.
type machine struct {
	code  []byte
	at    int
	stack []any
	memo  map[int]any
}

func (m *machine) fail(format string, args ...any) error {
	return fmt.Errorf("%w: the pickle at byte %d: %s", tensor.ErrFormat, m.at, fmt.Sprintf(format, args...))
}

func (m *machine) take(n int) ([]byte, error) {
	if n < 0 || n > len(m.code)-m.at {
		return nil, m.fail("truncated")
	}
	b := m.code[m.at : m.at+n]
	m.at += n
	return b, nil
}

// number reads an unsigned little-endian number of n bytes.
func (m *machine) number(n int) (int, error) {
	b, err := m.take(n)
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], b)
	v := binary.LittleEndian.Uint64(wide[:])
	if v > math.MaxInt32 {
		return 0, m.fail("the number %d is too large", v)
	}
	return int(v), nil
}

func (m *machine) line() (string, error) {
	for i, c := range m.code[m.at:] {
		if c == '\n' {
			s := string(m.code[m.at : m.at+i])
			m.at += i + 1
			return s, nil
		}
	}
	return "", m.fail("truncated")
}

func (m *machine) push(v any) error {
	if len(m.stack) >= maxStack {
		return m.fail("more than %d objects", maxStack)
	}
	m.stack = append(m.stack, v)
	return nil
}

func (m *machine) pop() (any, error) {
	if len(m.stack) == 0 {
		return nil, m.fail("nothing on the stack")
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

func (m *machine) top() (any, error) {
	if len(m.stack) == 0 {
		return nil, m.fail("nothing on the stack")
	}
	return m.stack[len(m.stack)-1], nil
}

// popMark pops everything above the last mark.
func (m *machine) popMark() (tuple, error) {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(mark); ok {
			items := slices.Clone(m.stack[i+1:])
			m.stack = m.stack[:i]
			return items, nil
		}
	}
	return nil, m.fail("no mark on the stack")
}

func (m *machine) popTuple(n int) error {
	if len(m.stack) < n {
		return m.fail("nothing on the stack")
	}
	items := tuple(slices.Clone(m.stack[len(m.stack)-n:]))
	m.stack = m.stack[:len(m.stack)-n]
	return m.push(items)
}

// run executes the program and returns what it leaves.
func (m *machine) run() (any, error) {
	m.memo = map[int]any{}
	for {
		op, err := m.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == '.' { // STOP
			return m.pop()
		}
		if err := m.step(op[0]); err != nil {
			return nil, err
		}
	}
}

func (m *machine) step(op byte) error {
	switch op {
	case 0x80: // PROTO
		_, err := m.take(1)
		return err
	case 0x95: // FRAME
		_, err := m.take(8)
		return err
	case '(':
		return m.push(mark{})
	case '0': // POP
		_, err := m.pop()
		return err
	case 'N':
		return m.push(nil)
	case 0x88, 0x89: // NEWTRUE, NEWFALSE
		return m.push(op == 0x88)
	case '}':
		return m.push(&dict{})
	case ']':
		return m.push(&list{})
	case ')':
		return m.push(tuple{})
	case 0x85, 0x86, 0x87: // TUPLE1, 2, 3
		return m.popTuple(int(op) - 0x84)
	case 't', 'l':
		items, err := m.popMark()
		if err != nil {
			return err
		}
		if op == 'l' {
			return m.push(&list{items})
		}
		return m.push(items)
	case 'K', 'M', 'J', 0x8a, 'G':
		return m.scalar(op)
	case 'X', 'U', 'T', 0x8c, 0x8d, 'B', 'C': // strings and bytes, with their length in front
		width := map[byte]int{'X': 4, 'U': 1, 'T': 4, 0x8c: 1, 0x8d: 8, 'B': 4, 'C': 1}[op]
		n, err := m.number(width)
		if err != nil {
			return err
		}
		b, err := m.take(n)
		if err != nil {
			return err
		}
		return m.push(string(b))
	case 'q', 'r', 0x94: // BINPUT, LONG_BINPUT, MEMOIZE
		return m.remember(op)
	case 'h', 'j': // BINGET, LONG_BINGET
		key, err := m.number(map[byte]int{'h': 1, 'j': 4}[op])
		if err != nil {
			return err
		}
		v, ok := m.memo[key]
		if !ok {
			return m.fail("nothing was remembered as %d", key)
		}
		return m.push(v)
	case 'c': // GLOBAL
		module, err := m.line()
		if err != nil {
			return err
		}
		name, err := m.line()
		if err != nil {
			return err
		}
		return m.push(global(module + " " + name))
	case 0x93: // STACK_GLOBAL
		name, err := m.pop()
		if err != nil {
			return err
		}
		module, err := m.pop()
		if err != nil {
			return err
		}
		return m.push(global(fmt.Sprintf("%v %v", module, name)))
	case 'Q':
		return m.persistent()
	case 'R':
		return m.reduce()
	case 'b', 's', 'u', 'a', 'e':
		return m.build(op)
	}
	return m.fail("opcode %#02x does not occur in a state dict", op)
}

func (m *machine) scalar(op byte) error {
	switch op {
	case 'K', 'M':
		v, err := m.number(map[byte]int{'K': 1, 'M': 2}[op])
		if err != nil {
			return err
		}
		return m.push(int64(v))
	case 'J':
		b, err := m.take(4)
		if err != nil {
			return err
		}
		return m.push(int64(int32(binary.LittleEndian.Uint32(b))))
	case 'G':
		b, err := m.take(8)
		if err != nil {
			return err
		}
		return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
	// LONG1: two's complement of up to 255 bytes; a size or an offset needs at most 8.
	n, err := m.number(1)
	if err != nil {
		return err
	}
	b, err := m.take(n)
	if err != nil {
		return err
	}
	if n > 8 {
		return m.push(opaque{})
	}
	var wide [8]byte
	if n > 0 && b[n-1]&0x80 != 0 {
		for i := range wide {
			wide[i] = 0xff
		}
	}
	copy(wide[:], b)
	return m.push(int64(binary.LittleEndian.Uint64(wide[:])))
}

func (m *machine) remember(op byte) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	key := len(m.memo)
	if op != 0x94 {
		if key, err = m.number(map[byte]int{'q': 1, 'r': 4}[op]); err != nil {
			return err
		}
	}
	m.memo[key] = v
	return nil
}

// storages are the classes that a persistent id may name.
var storages = map[global]tensor.DType{
	"torch FloatStorage": tensor.F32, "torch HalfStorage": tensor.F16, "torch BFloat16Storage": tensor.BF16, "torch DoubleStorage": tensor.F64,
	"torch LongStorage": tensor.I64, "torch IntStorage": tensor.I32, "torch ShortStorage": tensor.I16, "torch CharStorage": tensor.I8,
	"torch ByteStorage": tensor.U8, "torch BoolStorage": tensor.Bool,
}

// persistent resolves ('storage', class, key, location, elements).
func (m *machine) persistent() error {
	id, err := m.pop()
	if err != nil {
		return err
	}
	t, ok := id.(tuple)
	if !ok || len(t) != 5 || t[0] != "storage" {
		return m.fail("a persistent id is not a storage")
	}
	class, _ := t[1].(global)
	dtype, ok := storages[class]
	if !ok {
		return m.fail("%q is not a known storage", class)
	}
	key, ok := t[2].(string)
	if !ok {
		return m.fail("a storage has no name")
	}
	return m.push(storage{dtype, key})
}

// reduce stands for the few calls that a state dict is made of.
func (m *machine) reduce() error {
	argument, err := m.pop()
	if err != nil {
		return err
	}
	callee, err := m.pop()
	if err != nil {
		return err
	}
	name, _ := callee.(global)
	args, ok := argument.(tuple)
	if !ok {
		return m.fail("a call without arguments")
	}
	switch name {
	case "collections OrderedDict":
		return m.push(&dict{})
	case "torch._utils _rebuild_tensor_v2":
		ref, err := m.rebuild(args)
		if err != nil {
			return err
		}
		return m.push(ref)
	case "torch._utils _rebuild_parameter", "torch._utils _rebuild_parameter_with_state":
		if len(args) == 0 {
			return m.fail("a parameter without a tensor")
		}
		return m.push(args[0])
	}
	return m.fail("%q is refused: a checkpoint needs no code; save model.state_dict() alone", name)
}

// view is a tensor over a storage.
type view struct {
	storage
	first int64
	shape []int
}

// rebuild reads (storage, offset, size, stride, ...); only contiguous tensors are weights.
func (m *machine) rebuild(args tuple) (view, error) {
	var v view
	if len(args) < 4 {
		return v, m.fail("a tensor needs a storage, an offset, a size and a stride")
	}
	s, ok := args[0].(storage)
	first, ok1 := args[1].(int64)
	size, ok2 := args[2].(tuple)
	stride, ok3 := args[3].(tuple)
	if !ok || !ok1 || !ok2 || !ok3 || first < 0 || len(size) != len(stride) || len(size) > 8 {
		return v, m.fail("a tensor needs a storage, an offset, a size and a stride")
	}
	v = view{storage: s, first: first, shape: make([]int, len(size))}
	step := int64(1)
	for i := len(size) - 1; i >= 0; i-- {
		n, ok := size[i].(int64)
		k, ok1 := stride[i].(int64)
		if !ok || !ok1 || n < 0 || n > tensor.MaxElements {
			return v, m.fail("a tensor has a dimension of %v", size[i])
		}
		if n > 1 && k != step {
			return v, m.fail("a tensor of shape %v is not contiguous; call .contiguous() before saving", size)
		}
		v.shape[i] = int(n)
		if n > 0 && step > tensor.MaxElements/n {
			return v, m.fail("a tensor of shape %v is too large", size)
		}
		step *= max(n, 1)
	}
	return v, nil
}

// build fills dicts and lists.
func (m *machine) build(op byte) error {
	var items tuple
	switch op {
	case 'b', 'a':
		v, err := m.pop()
		if err != nil {
			return err
		}
		items = tuple{v}
	case 's':
		if len(m.stack) < 2 {
			return m.fail("nothing on the stack")
		}
		items = slices.Clone(m.stack[len(m.stack)-2:])
		m.stack = m.stack[:len(m.stack)-2]
	default:
		var err error
		if items, err = m.popMark(); err != nil {
			return err
		}
	}
	target, err := m.top()
	if err != nil {
		return err
	}
	switch target := target.(type) {
	case *dict:
		if op == 'b' { // the attributes of an OrderedDict: _metadata, which says nothing of the weights
			return nil
		}
		if len(items)%2 != 0 || op == 'a' || op == 'e' {
			return m.fail("a dict with a key without a value")
		}
		for i := 0; i < len(items); i += 2 {
			target.set(items[i], items[i+1])
		}
		return nil
	case *list:
		if op == 'a' || op == 'e' {
			target.items = append(target.items, items...)
			return nil
		}
	}
	return m.fail("%T cannot be filled", target)
}
