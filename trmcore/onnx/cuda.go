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

	"github.com/trm-go/refiner/trmcore/onnx/internal/cuda"
)

// cudaInfo is what is known about CUDA on this machine.
type cudaInfo struct {
	driver  int // the newest version of CUDA that the driver serves, as 12040 for 12.4; 0 without one
	library int // the version of CUDA that the provider beside the library needs, as 13 for 13.x; 0 if it is not known
}

// Errors of CUDA, in the order in which they are met.
var (
	// ErrNoDriver is returned without NVIDIA's driver.
	ErrNoDriver = cuda.ErrNoDriver
	// ErrNoGPU is returned if the driver finds no GPU.
	ErrNoGPU = cuda.ErrNoDevice
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

// checkCUDA looks whether a library can run on CUDA here, and says what is missing first: a driver, a GPU, the provider,
// a newer driver, one of CUDA's libraries. It loads CUDA's libraries, but runs nothing.
func checkCUDA(library string) (cudaInfo, error) {
	var info cudaInfo
	path := filepath.Join(filepath.Dir(library), providerFiles[1])
	var err error
	if info.driver, err = cuda.Driver(); err != nil {
		return info, err
	}
	for _, name := range providerFiles {
		if _, err := os.Stat(filepath.Join(filepath.Dir(library), name)); err != nil {
			return info, ErrNoProvider
		}
	}
	needs, err := neededLibraries(path)
	if err != nil {
		return info, fmt.Errorf("read %s: %w", path, err)
	}
	for _, name := range needs {
		if v, ok := cutVersion(name, "libcudart.so."); ok {
			info.library = v
		}
	}
	if info.library > 0 && info.driver/1000 < info.library {
		return info, fmt.Errorf("%w: it serves CUDA %d.%d, the library needs CUDA %d", ErrOldDriver, info.driver/1000, info.driver%1000/10, info.library)
	}
	return info, preloadCUDA(library, needs)
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

// cutVersion reads the number after a prefix.
func cutVersion(name, prefix string) (int, bool) {
	if len(name) <= len(prefix) || name[:len(prefix)] != prefix {
		return 0, false
	}
	n, err := strconv.Atoi(name[len(prefix):])
	return n, err == nil
}

// lazyLibraries are those that the provider loads only when it starts, as patterns, in the order of their own needs.
var lazyLibraries = []string{"libnvrtc.so.*", "libnvJitLink.so.*", "libcufft.so.*", "libcudnn.so.*", "libcudnn_*.so.*"}

// firstOf are the libraries that others need.
var firstOf = []string{"libcudart.so", "libcublasLt.so", "libcublas.so"}

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
	rank := func(name string) int {
		return slices.IndexFunc(append(slices.Clone(firstOf), ""), func(first string) bool { return len(name) >= len(first) && name[:len(first)] == first })
	}
	slices.SortStableFunc(needs, func(a, b string) int { return rank(a) - rank(b) })
	for _, name := range needs {
		if !isCUDA(name) {
			continue
		}
		path := name // the system's loader looks for it
		if found := find(name); found != nil {
			path = found[0]
		}
		if err := cuda.Preload(path); err != nil {
			return fmt.Errorf("%w: %w", ErrNoCUDA, err)
		}
	}
	for _, pattern := range lazyLibraries {
		for _, path := range find(pattern) {
			_ = cuda.Preload(path) // the provider says what it lacks, if it gets as far as to need it
		}
	}
	return nil
}

// isCUDA says whether a needed library is one of CUDA's own, the driver's excepted.
func isCUDA(name string) bool {
	return slices.ContainsFunc([]string{"libcudart", "libcublas", "libcurand", "libcufft", "libcudnn", "libnvrtc"}, func(prefix string) bool {
		return len(name) > len(prefix) && name[:len(prefix)] == prefix
	})
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

// neededLibraries are the names that a shared library asks the loader for.
func neededLibraries(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ImportedLibraries()
}
