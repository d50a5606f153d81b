package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// The pinned runtime. The binding asks for the API of 1.24, and a library serves every API up to its own.
const (
	libraryVersion = "1.30.0"
	minLibrary     = "1.24"
)

// LibraryVariable is the environment variable that names the shared library.
const LibraryVariable = "TRM_ORT_LIBRARY"

// Library is ONNX Runtime's shared library.
type Library struct {
	Path   string `json:"path"`
	Source string `json:"source"` // how it was found: "flag", "environment", "project cache", "user cache", "system", "installed"
}

// FindLibrary looks for the shared library: at explicit, if that is not empty; where $TRM_ORT_LIBRARY says; in the
// project's .cache, going up from the working directory; in the user's cache; and where systems keep libraries. It
// returns ErrNoLibrary, with what to run, if there is none. A path that is named but does not exist is an error at once.
func FindLibrary(explicit string) (Library, error) {
	for _, named := range []Library{{explicit, "flag"}, {os.Getenv(LibraryVariable), "environment"}} {
		if named.Path == "" {
			continue
		}
		path := named.Path
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = inFolder(path)
		}
		if _, err := os.Stat(path); err != nil {
			return Library{}, fmt.Errorf("%w (the %s names %q: %w)", ErrNoLibrary, named.Source, named.Path, err)
		}
		return Library{path, named.Source}, nil
	}
	for _, l := range places() {
		if info, err := os.Stat(l.Path); err == nil && info.Mode().IsRegular() {
			return l, nil
		}
	}
	return Library{}, ErrNoLibrary
}

// inFolder is the library in a folder: as the npm package names it, or as Python's packages do, with its version.
func inFolder(dir string) string {
	for _, pattern := range []string{libraryFile(), "libonnxruntime.so.1.*", filepath.Join("onnxruntime", "capi", "libonnxruntime.so.1.*")} {
		if found, err := filepath.Glob(filepath.Join(dir, pattern)); err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return filepath.Join(dir, libraryFile())
}

// places are where a library may be without being named, in the order of trust.
func places() []Library {
	var found []Library
	file := libraryFile()
	if dir, err := os.Getwd(); err == nil {
		for {
			found = append(found, Library{filepath.Join(dir, ".cache", "onnxruntime", file), "project cache"})
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	if dir, err := userCache(); err == nil {
		found = append(found, Library{filepath.Join(dir, file), "user cache"})
	}
	names := map[string][]string{"linux": {file, "libonnxruntime.so"}, "darwin": {file, "libonnxruntime.dylib"}}[runtime.GOOS]
	for _, dir := range []string{"/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/opt/homebrew/lib"} {
		for _, name := range names {
			found = append(found, Library{filepath.Join(dir, name), "system"})
		}
	}
	return found
}

// libraryFile is the file's name as the package has it.
func libraryFile() string {
	switch runtime.GOOS {
	case "darwin":
		return "libonnxruntime.1.dylib"
	case "windows":
		return "onnxruntime.dll"
	}
	return "libonnxruntime.so.1"
}

// userCache is the folder in the user's cache that holds the pinned version.
func userCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "refiner", "onnxruntime-"+libraryVersion), nil
}
