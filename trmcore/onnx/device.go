package onnx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// Candidates are the devices that Auto tries before the CPU on this system, the likeliest fastest first.
func Candidates() []Device {
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

// ErrNoVulkan is returned for WebGPU on a Linux without Vulkan.
var ErrNoVulkan = errors.New("there is no Vulkan driver, or no loader for it")

// CheckDevice looks whether a device can be there at all, and says what is missing; it runs nothing. See [ErrNoDriver]
// and those after it for what CUDA needs.
func CheckDevice(d Device, library string) error {
	if d == CUDA {
		_, err := checkCUDA(library)
		return err
	}
	return present(d)
}

// present looks whether a device can be there at all, so that Auto need not ask for it: ONNX Runtime's WebGPU libraries
// write to stderr when they find nothing. CUDA is looked for when it is opened.
func present(device Device) error {
	if device == WebGPU && runtime.GOOS == "linux" && (!anyFile(vulkanDrivers()) || !anyFile(vulkanLoaders())) {
		return ErrNoVulkan
	}
	return nil
}

// vulkanDrivers are the patterns of the manifests that Vulkan's loader looks for.
func vulkanDrivers() []string {
	for _, variable := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES"} {
		if files := os.Getenv(variable); files != "" {
			return filepath.SplitList(files)
		}
	}
	patterns := []string{"/etc/vulkan/icd.d/*.json", "/usr/local/share/vulkan/icd.d/*.json", "/usr/share/vulkan/icd.d/*.json", "/run/opengl-driver/share/vulkan/icd.d/*.json"}
	if home, err := os.UserHomeDir(); err == nil {
		patterns = append(patterns, filepath.Join(home, ".local/share/vulkan/icd.d/*.json"))
	}
	return patterns
}

// vulkanLoaders are the patterns of the loader itself.
func vulkanLoaders() []string {
	dirs := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	patterns := []string{"/usr/lib/*/libvulkan.so.1"}
	for _, dir := range append(dirs, "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib64") {
		if dir != "" {
			patterns = append(patterns, filepath.Join(dir, "libvulkan.so.1"))
		}
	}
	return patterns
}

func anyFile(patterns []string) bool {
	for _, p := range patterns {
		if found, err := filepath.Glob(p); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}
