package onnx

import "fmt"

// Device is where the graph runs.
type Device string

// The devices.
const (
	Auto Device = "auto" // CUDA if it proves itself against the CPU, else the CPU
	CPU  Device = "cpu"  // everywhere
	CUDA Device = "cuda" // NVIDIA; needs the CUDA provider's libraries beside ONNX Runtime's
)

// Devices lists them all.
func Devices() []Device { return []Device{Auto, CPU, CUDA} }

func (d Device) check() error {
	for _, known := range Devices() {
		if d == known {
			return nil
		}
	}
	return fmt.Errorf("%w: unknown device %q: use auto, cpu or cuda", ErrDevice, d)
}

// CheckCUDA looks whether CUDA can be used at all, and says what is missing; it runs nothing. See [ErrNoDriver] and the
// errors after it.
func CheckCUDA(library string) error {
	_, err := checkCUDA(library)
	return err
}
