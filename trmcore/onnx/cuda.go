package onnx

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Errors of CUDA, in the order in which they are met.
var (
	// ErrNoDriver is returned without NVIDIA's driver.
	ErrNoDriver = errors.New("there is no NVIDIA driver (libcuda.so.1)")
	// ErrNoGPU is returned if the driver finds no GPU.
	ErrNoGPU = errors.New("the NVIDIA driver finds no GPU")
	// ErrNoProvider is returned if ONNX Runtime's CUDA provider is not beside its library.
	ErrNoProvider = errors.New("ONNX Runtime's CUDA provider is not beside its library")
	// ErrOldDriver is returned if the driver is older than the CUDA that the provider was built for.
	ErrOldDriver = errors.New("the NVIDIA driver is too old for this library")
	// ErrOtherProvider is returned if the provider does not fit the library.
	ErrOtherProvider = errors.New("the CUDA provider does not fit the library beside it: both must be of one package")
	// ErrNoCUDA is returned if a library of CUDA that the provider needs is not found.
	ErrNoCUDA = errors.New("a library of CUDA is missing")
)

// providerFiles are ONNX Runtime's, beside its library.
var providerFiles = []string{"libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"}

// CheckCUDA looks whether a library can run on CUDA here, and says what is missing first: a driver, a GPU, the provider, a
// newer driver, one of CUDA's libraries. It loads CUDA's libraries, but runs nothing.
func CheckCUDA(library string) error {
	driver, err := cudaDriver()
	if err != nil {
		return err
	}
	path := ""
	for _, name := range providerFiles {
		path = filepath.Join(filepath.Dir(library), name)
		if _, err := os.Stat(path); err != nil {
			return ErrNoProvider
		}
	}
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	needs, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	for _, name := range needs {
		if version, ok := strings.CutPrefix(name, "libcudart.so."); ok {
			if v, err := strconv.Atoi(version); err == nil && driver/1000 < v {
				return fmt.Errorf("%w: it serves CUDA %d.%d, the library needs CUDA %d", ErrOldDriver, driver/1000, driver%1000/10, v)
			}
		}
	}
	return preloadCUDA(library, needs)
}

// cudaError tells a provider that cannot be used at all from what went wrong later, and shortens ONNX Runtime's words.
func cudaError(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if _, after, ok := strings.Cut(text, " : FAIL : "); ok {
		text = after
	}
	if strings.Contains(err.Error(), "ProviderLibrary") || strings.Contains(text, "Provider_SetHost") || strings.Contains(text, "Failed to load shared library") {
		return fmt.Errorf("%w (%s)", ErrOtherProvider, text)
	}
	return errors.New(text)
}

// cudaLibraries are CUDA's own that a provider may need; the first are needed by the others.
var cudaLibraries = []string{"libcudart.so", "libcublasLt.so", "libcublas.so", "libcurand.so", "libcufft.so", "libcudnn.so", "libnvrtc.so"}

// lazyLibraries are those that the provider loads only when it starts, as patterns, in the order of their own needs.
var lazyLibraries = []string{"libnvrtc.so.*", "libnvJitLink.so.*", "libcufft.so.*", "libcudnn.so.*", "libcudnn_*.so.*"}

// preloadCUDA loads the provider's libraries from the folders that pip puts them into, or from wherever the system finds
// them. A library that is loaded already is found by its name.
func preloadCUDA(library string, needs []string) error {
	folders := cudaFolders(library)
	find := func(pattern string) []string {
		for _, folder := range folders {
			if found, err := filepath.Glob(filepath.Join(folder, pattern)); err == nil && len(found) > 0 {
				return found
			}
		}
		return nil
	}
	for _, prefix := range cudaLibraries {
		for _, name := range needs {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			path := name // the system's loader looks for it
			if found := find(name); found != nil {
				path = found[0]
			}
			if err := preload(path); err != nil {
				return fmt.Errorf("%w: %w", ErrNoCUDA, err)
			}
		}
	}
	for _, pattern := range lazyLibraries {
		for _, path := range find(pattern) {
			_ = preload(path) // the provider says what it lacks, if it gets as far as to need it
		}
	}
	return nil
}

// cudaFolders are where CUDA's libraries may be: beside the library, and in the packages beside its own, as pip lays them
// out.
func cudaFolders(library string) []string {
	dir := filepath.Dir(library)
	folders := []string{dir}
	if real, err := filepath.EvalSymlinks(library); err == nil && filepath.Dir(real) != dir {
		folders = append(folders, filepath.Dir(real))
	}
	for _, folder := range slices.Clone(folders) {
		more, _ := filepath.Glob(filepath.Join(folder, "..", "..", "nvidia", "*", "lib")) // the pattern is well formed
		folders = append(folders, more...)
	}
	return folders
}
