package onnx

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWebGPU runs the graphs on a GPU, or on the software driver that make test-webgpu sets up, and compares every step
// with PyTorch. No operator may fall back to the CPU.
func TestWebGPU(t *testing.T) {
	if os.Getenv("TRM_TEST_WEBGPU") == "" {
		t.Skip("needs a Vulkan driver; run: make test-webgpu")
	}
	runtimeLibrary(t)
	library, err := FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range goldenModels {
		t.Run(name, func(t *testing.T) {
			m := mustLoad(t, name)
			e, err := engineOptions{library: library.Path, intraOp: 1, arch: m.Arch, whole: true}.on(WebGPU, m, FP32)
			if err != nil {
				t.Fatal(err)
			}
			s := newSolver(m, e, &Options{Batch: 4})
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			if s.Device() != WebGPU {
				t.Fatalf("the device is %s", s.Device())
			}
			compare(t, s, readGolden(t, m, filepath.Join("testdata", name)), 1e-3, 1)
		})
	}
}
