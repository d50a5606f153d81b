package onnx

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/trm-go/refiner/trmcore/onnx/internal/cuda"
)

// What pip installs for each version of CUDA, with hashes. The wheels are those for Python 3.11, but any Python's pip
// will do: only their shared libraries are used.
var (
	//go:embed cuda12.txt
	cuda12 string
	//go:embed cuda13.txt
	cuda13 string
)

var cudaPackages = map[int]string{12: cuda12, 13: cuda13}

// cudaVersions are the keys of cudaPackages, the newest first.
var cudaVersions = []int{13, 12}

// requirementsFile is what a folder was installed from.
const requirementsFile = "requirements.txt"

// SupportedCUDA is the newest version of CUDA, 12 or 13, that can be installed for the driver of this machine; 13 if
// there is none.
func SupportedCUDA() int {
	driver, err := cuda.Driver()
	if err == nil || driver > 0 {
		for _, version := range cudaVersions {
			if driver >= 1000*version {
				return version
			}
		}
	}
	return cudaVersions[0]
}

// InstallCUDA fetches ONNX Runtime with its CUDA provider, and the libraries of CUDA and cuDNN that it needs, through
// pip: pinned versions with their hashes, into a folder of their own (2 GB of a download of 1.3 GB). version is 12 or
// 13. What is there already is left as it is. [FindLibrary] prefers it to a library without CUDA.
func InstallCUDA(ctx context.Context, version int, o *InstallOptions) (Library, error) {
	o = cmp.Or(o, &InstallOptions{})
	log := cmp.Or(o.Log, discard)
	failed := func(err error) (Library, error) {
		return Library{}, fmt.Errorf("install ONNX Runtime for CUDA: %w", err)
	}
	requirements, ok := cudaPackages[version]
	if !ok {
		return failed(fmt.Errorf("there is no package for CUDA %d, only for 12 and 13", version))
	}
	if system := runtime.GOOS + "/" + runtime.GOARCH; system != "linux/amd64" {
		return failed(fmt.Errorf("there is none for %s; name a library with $%s", system, LibraryVariable))
	}
	dir := o.Dir
	if dir == "" {
		cache, err := userCache()
		if err != nil {
			return failed(err)
		}
		dir = cudaFolder(cache, version)
	}
	if text, err := os.ReadFile(filepath.Join(dir, requirementsFile)); err == nil && string(text) == requirements {
		if library, err := pipLibrary(dir); err == nil {
			log.Info("ONNX Runtime for CUDA is installed already", "path", library)
			return Library{library, "installed"}, nil
		}
	}
	if left, err := os.ReadDir(dir); err == nil && len(left) > 0 {
		return failed(fmt.Errorf("%s holds something else; remove it or name another folder", dir))
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return failed(err)
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), ".cuda-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(work) // gone if all went well
	log.Info("fetching ONNX Runtime for CUDA, 1.3 GB", "cuda", version)
	if err := pipInstall(ctx, requirements, work, o.Output); err != nil {
		return failed(err)
	}
	if _, err := pipLibrary(work); err != nil {
		return failed(err)
	}
	if err := errors.Join(os.Chmod(work, 0o755), os.Rename(work, dir)); err != nil {
		return failed(err)
	}
	library, err := pipLibrary(dir)
	if err != nil {
		return failed(err)
	}
	log.Info("installed ONNX Runtime for CUDA", "path", library)
	return Library{library, "installed"}, nil
}

// pipInstall has pip put the requirements into a folder, and writes them there.
func pipInstall(ctx context.Context, requirements, dir string, output io.Writer) error {
	python, err := exec.LookPath("python3")
	if err != nil {
		return fmt.Errorf("pip is needed to fetch the packages: %w", err)
	}
	list := filepath.Join(dir, requirementsFile)
	if err := os.WriteFile(list, []byte(requirements), 0o644); err != nil {
		return err
	}
	arguments := []string{
		"-m", "pip", "install", "--target", dir, "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile",
		"--no-cache-dir", "--disable-pip-version-check", "--progress-bar", "off", "--upgrade", "-r", list,
		"--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--abi", "none",
	}
	for _, glibc := range []string{"_2_28", "_2_27", "_2_17", "2014", "2010", "1"} {
		arguments = append(arguments, "--platform", "manylinux"+glibc+"_x86_64")
	}
	cmd := exec.CommandContext(ctx, python, arguments...)
	var said strings.Builder
	cmd.Stderr = &said
	cmd.Stdout = output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pip: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return nil
}

// pipLibrary is ONNX Runtime's library in a folder of Python packages.
func pipLibrary(dir string) (string, error) {
	return versioned(filepath.Join(dir, "onnxruntime", "capi"))
}

// versioned is the library in a folder whose name ends in its version.
func versioned(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "libonnxruntime.so.1.*"))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("there is no libonnxruntime.so in %s: %w", dir, fs.ErrNotExist)
	}
	if err != nil {
		return "", err
	}
	return found[len(found)-1], nil
}

// cudaFolder is the folder of the library for a version of CUDA, beside the one without.
func cudaFolder(cache string, version int) string {
	return filepath.Join(filepath.Dir(cache), fmt.Sprintf("onnxruntime-cuda%d", version))
}
