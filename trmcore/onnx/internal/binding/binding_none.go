//go:build !cgo || windows

package binding

import "context"

type (
	// Session is a graph on a device.
	Session struct{}
	// Buffer is memory of the device.
	Buffer struct{}
	// Binding ties buffers to a graph's inputs and outputs.
	Binding struct{}
)

// Open fails.
func Open(Options) (*Session, error) { return nil, ErrUnavailable }

// Close does nothing.
func (*Session) Close() {}

// Buffer fails.
func (*Session) Buffer(int) (*Buffer, error) { return nil, ErrUnavailable }

// Binding fails.
func (*Session) Binding(string) (*Binding, error) { return nil, ErrUnavailable }

// Close does nothing.
func (*Buffer) Close() {}

// Write fails.
func (*Buffer) Write(int, []byte) error { return ErrUnavailable }

// Read fails.
func (*Buffer) Read(int, []byte) error { return ErrUnavailable }

// Close does nothing.
func (*Binding) Close() {}

// Input fails.
func (*Binding) Input(string, *Buffer, Elem, ...int) error { return ErrUnavailable }

// Output fails.
func (*Binding) Output(string, *Buffer, Elem, ...int) error { return ErrUnavailable }

// Run fails.
func (*Binding) Run(context.Context) error { return ErrUnavailable }

// Preload fails.
func Preload(string) error { return ErrUnavailable }

// Driver fails.
func Driver() (int, error) { return 0, ErrUnavailable }
