package protobuf

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func message() Message {
	var m Message
	m.Int(1, 300)
	m.Int(2, -1)
	m.Float(3, 1.5)
	m.String(4, "graph")
	m.Ints(5, []int64{1, 128})
	m.Bytes(6, nil)
	return m
}

func TestFieldsReadsWhatWasWritten(t *testing.T) {
	var got []Field
	if err := Fields(message(), func(f Field) error { got = append(got, f); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []Field{
		{Number: 1, Int: 300}, {Number: 2, Int: math.MaxUint64}, {Number: 3, Int: uint64(math.Float32bits(1.5))},
		{Number: 4, Bytes: []byte("graph")}, {Number: 5, Bytes: []byte{1, 0x80, 1}}, {Number: 6, Bytes: []byte{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKnownBytes(t *testing.T) {
	// The first example of the encoding's documentation: field 1 holds 150; field 2 holds "testing".
	var m Message
	m.Int(1, 150)
	m.String(2, "testing")
	if want := "089601120774657374696e67"; fmt.Sprintf("%x", []byte(m)) != want {
		t.Errorf("%x, want %s", []byte(m), want)
	}
}

func TestTruncated(t *testing.T) {
	var m Message
	m.String(4, "a long string")
	for n := 1; n < len(m); n++ {
		if err := Fields(m[:n], func(Field) error { return nil }); !errors.Is(err, ErrWire) {
			t.Errorf("%d of %d bytes: error %v, want ErrWire", n, len(m), err)
		}
	}
	for _, raw := range [][]byte{{0x0b}, {0}, {0x0d, 1}, {0x09, 1}} {
		if err := Fields(raw, func(Field) error { return nil }); !errors.Is(err, ErrWire) {
			t.Errorf("%x: error %v, want ErrWire", raw, err)
		}
	}
}

func TestFieldsStopsAtAnError(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	if err := Fields(message(), func(Field) error { calls++; return stop }); err != stop || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
}

func FuzzFields(f *testing.F) {
	f.Add([]byte(message()))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		read := 0
		if err := Fields(raw, func(f Field) error { read += len(f.Bytes); return nil }); err != nil && !errors.Is(err, ErrWire) {
			t.Errorf("error %v", err)
		}
		if read > len(raw) {
			t.Errorf("%d bytes read of %d", read, len(raw))
		}
	})
}
