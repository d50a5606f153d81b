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

// inFolder is the library in a folder: as the npm package names it, or as Python's packages do.
func inFolder(dir string) string {
	path := filepath.Join(dir, libraryFile())
	if _, err := os.Stat(path); err == nil {
		return path
	}
	for _, folder := range []string{dir, filepath.Join(dir, "onnxruntime", "capi")} {
		if found, err := versioned(folder); err == nil {
			return found
		}
	}
	return path
}

// versioned is the library in a folder whose name ends in its version, as Python's packages name it.
func versioned(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "libonnxruntime.so.1.*"))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("there is no libonnxruntime.so in %s: %w", dir, os.ErrNotExist)
	}
	if err != nil {
		return "", err
	}
	return found[len(found)-1], nil
}

// places are where a library may be without being named, in the order of trust.
func places() []Library {
	var found []Library
	file := libraryFile()
	if dir, err := os.Getwd(); err == nil {
		for {
			found = append(found, Library{filepath.Join(dir, ".cache", cacheFolder(), file), "project cache"})
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
	dirs := []string{"/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/opt/homebrew/lib"}
	names := []string{file, "libonnxruntime.so"}
	if runtime.GOOS == "darwin" {
		names = []string{file, "libonnxruntime.dylib"}
	}
	if runtime.GOOS == "windows" {
		return found
	}
	for _, dir := range dirs {
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

// cacheFolder is the folder within a cache that holds the pinned version.
func cacheFolder() string { return "onnxruntime-" + libraryVersion }

// userCache is the folder in the user's cache that holds the pinned version.
func userCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "refiner", cacheFolder()), nil
}
