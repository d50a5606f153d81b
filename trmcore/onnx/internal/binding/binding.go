//go:build cgo && !windows

package binding

/*
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "shim.h"
*/
import "C"

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// failed turns an error of the C side into one of Go's, and frees it.
func failed(text *C.char) error {
	if text == nil {
		return nil
	}
	defer C.free(unsafe.Pointer(text))
	return errors.New(C.GoString(text))
}

// started is the library that is in use, for the whole process: it is never unloaded.
var started struct {
	sync.Mutex
	library string
}

func start(library string) error {
	started.Lock()
	defer started.Unlock()
	if started.library != "" {
		if started.library != library {
			return fmt.Errorf("this process already uses %s", started.library)
		}
		return nil
	}
	path := C.CString(library)
	defer C.free(unsafe.Pointer(path))
	if err := failed(C.shim_start(path)); err != nil {
		return err
	}
	started.library = library
	return nil
}

// Session is a graph on a device. Its methods are for one goroutine at a time. Buffers and bindings must be closed
// before it.
type Session struct {
	c    C.shim_session
	cuda bool
}

// Open makes a session.
func Open(o Options) (*Session, error) {
	if err := start(o.Library); err != nil {
		return nil, fmt.Errorf("load %s: %w", o.Library, err)
	}
	keys, values := make([]*C.char, 0, len(o.Provider)+1), make([]*C.char, 0, len(o.Provider)+1)
	for _, key := range slices.Sorted(maps.Keys(o.Provider)) {
		keys, values = append(keys, C.CString(key)), append(values, C.CString(o.Provider[key]))
	}
	defer func() {
		for _, text := range append(keys, values...) {
			C.free(unsafe.Pointer(text))
		}
	}()
	s := &Session{cuda: o.CUDA}
	err := failed(C.shim_open(unsafe.Pointer(unsafe.SliceData(o.Graph)), C.size_t(len(o.Graph)), C.int(o.IntraOp), flag(o.CUDA),
		unsafe.SliceData(keys), unsafe.SliceData(values), C.size_t(len(keys)), &s.c))
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close frees the session. Closing twice does nothing.
func (s *Session) Close() { C.shim_close(&s.c) }

func flag(on bool) C.int {
	if on {
		return 1
	}
	return 0
}

// Buffer is memory of the device.
type Buffer struct {
	session *Session
	memory  unsafe.Pointer
	size    int
}

// Buffer allocates so many bytes on the device. Their contents are not defined.
func (s *Session) Buffer(size int) (*Buffer, error) {
	b := &Buffer{session: s, size: size}
	if err := failed(C.shim_alloc(&s.c, C.size_t(size), &b.memory)); err != nil {
		return nil, fmt.Errorf("allocate %d bytes: %w", size, err)
	}
	return b, nil
}

// Close frees the memory. Closing twice does nothing.
func (b *Buffer) Close() {
	if b.memory != nil {
		C.shim_free(&b.session.c, b.memory)
		b.memory = nil
	}
}

// Write copies data to the device, from the offset in bytes on; Read copies from there.
func (b *Buffer) Write(offset int, data []byte) error { return b.copy(offset, data, true) }

// Read is the opposite of Write.
func (b *Buffer) Read(offset int, data []byte) error { return b.copy(offset, data, false) }

func (b *Buffer) copy(offset int, data []byte, toDevice bool) error {
	if len(data) == 0 {
		return nil
	}
	if offset < 0 || offset+len(data) > b.size {
		return fmt.Errorf("copy %d bytes at %d of a buffer of %d", len(data), offset, b.size)
	}
	there, here := unsafe.Add(b.memory, offset), unsafe.Pointer(unsafe.SliceData(data))
	if toDevice {
		return failed(C.shim_copy(flag(b.session.cuda), there, here, C.size_t(len(data)), 1))
	}
	return failed(C.shim_copy(flag(b.session.cuda), here, there, C.size_t(len(data)), 0))
}

// Binding ties buffers to a graph's inputs and outputs.
type Binding struct {
	session *Session
	binding *C.OrtIoBinding
	options *C.OrtRunOptions
}

// Binding makes an empty binding. graph names what the CUDA provider records under enable_cuda_graph: bindings of
// different shapes or buffers need different names. Empty records nothing.
func (s *Session) Binding(graph string) (*Binding, error) {
	b := &Binding{session: s}
	var id *C.char
	if graph != "" {
		id = C.CString(graph)
		defer C.free(unsafe.Pointer(id))
	}
	err := failed(C.shim_binding(&s.c, &b.binding))
	if err == nil {
		err = failed(C.shim_options(id, &b.options))
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("make a binding: %w", err)
	}
	return b, nil
}

// Close frees the binding. Closing twice does nothing.
func (b *Binding) Close() {
	C.shim_unbind(b.binding)
	C.shim_release_options(b.options)
	b.binding, b.options = nil, nil
}

// Input ties the beginning of a buffer to an input; Output ties it to an output.
func (b *Binding) Input(name string, from *Buffer, elem Elem, shape ...int) error {
	return b.bind(name, from, elem, shape, false)
}

// Output is Input for an output.
func (b *Binding) Output(name string, to *Buffer, elem Elem, shape ...int) error {
	return b.bind(name, to, elem, shape, true)
}

func (b *Binding) bind(name string, buffer *Buffer, elem Elem, shape []int, output bool) error {
	size, dims := elem.Size(), make([]C.int64_t, len(shape))
	for i, d := range shape {
		size *= d
		dims[i] = C.int64_t(d)
	}
	if size > buffer.size {
		return fmt.Errorf("bind %s: %v needs %d bytes, the buffer has %d", name, shape, size, buffer.size)
	}
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	err := failed(C.shim_bind(&b.session.c, b.binding, text, buffer.memory, C.size_t(size), unsafe.SliceData(dims), C.size_t(len(dims)), C.int(elem), flag(output)))
	if err != nil {
		return fmt.Errorf("bind %s: %w", name, err)
	}
	return nil
}

// Run runs the session's graph on what is bound, and returns when the outputs are written. A cancelled context ends it
// within an operator.
func (b *Binding) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(done)
		C.shim_terminate(b.options, 1)
	})
	err := failed(C.shim_run(&b.session.c, b.options, b.binding))
	if !cancel() {
		<-done
		C.shim_terminate(b.options, 0)
		return ctx.Err()
	}
	return err
}

// Preload loads a shared library into the process, so that others that need it find it.
func Preload(path string) error {
	text := C.CString(path)
	defer C.free(unsafe.Pointer(text))
	return failed(C.shim_preload(text))
}

// Driver is the newest version of CUDA that NVIDIA's driver serves, as 12040 for 12.4. It fails with ErrNoDriver,
// ErrNoDevice or the driver's own error; the version is known even so, if there is a driver.
func Driver() (version int, err error) {
	var v, devices, code C.int
	if err := failed(C.shim_driver(&v, &devices, &code)); err != nil {
		if strings.Contains(err.Error(), "No such file") {
			return 0, ErrNoDriver
		}
		return 0, fmt.Errorf("%w: %w", ErrNoDriver, err)
	}
	const noDevice = 100 // CUDA_ERROR_NO_DEVICE
	switch {
	case code == noDevice || code == 0 && devices == 0:
		return int(v), ErrNoDevice
	case code != 0:
		return int(v), fmt.Errorf("the NVIDIA driver fails with CUDA error %d", int(code))
	}
	return int(v), nil
}

// place is the place of a function in the C API's table, or -1.
func place(function string) int {
	text := C.CString(function)
	defer C.free(unsafe.Pointer(text))
	return int(C.shim_place(text))
}
