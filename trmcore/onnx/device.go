package onnx

import (
	"fmt"
	"runtime"
	"strings"
)

// Device is where the graph runs.
type Device string

// The devices.
const (
	Auto   Device = "auto"   // the fastest that proves itself against the CPU
	CPU    Device = "cpu"    // everywhere
	CUDA   Device = "cuda"   // NVIDIA; needs the CUDA provider's libraries beside ONNX Runtime's
	WebGPU Device = "webgpu" // Vulkan on Linux, Metal on macOS, Direct3D on Windows
	CoreML Device = "coreml" // macOS
)

// Devices lists them all.
func Devices() []Device { return []Device{Auto, CPU, CUDA, WebGPU, CoreML} }

func (d Device) check() error {
	for _, known := range Devices() {
		if d == known {
			return nil
		}
	}
	return fmt.Errorf("%w: unknown device %q: use auto, cpu, cuda, webgpu or coreml", ErrDevice, d)
}

// candidates are the devices that Auto tries before the CPU, the likeliest fastest first.
func candidates() []Device {
	if runtime.GOOS == "darwin" {
		return []Device{WebGPU, CoreML}
	}
	return []Device{CUDA, WebGPU}
}

// webGPUWorks refuses the versions that hang for ever without a GPU: 1.24.1 and 1.24.3 do.
func webGPUWorks(version string) error {
	if strings.HasPrefix(version, "1.24.") {
		return fmt.Errorf("ONNX Runtime %s hangs on WebGPU; use %s", version, libraryVersion)
	}
	return nil
}
