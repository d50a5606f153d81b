//go:build !cgo || windows

package cuda

// Preload fails.
func Preload(string) error { return ErrUnavailable }

// Driver fails.
func Driver() (int, error) { return 0, ErrUnavailable }
