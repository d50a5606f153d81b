package onnx

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv(LibraryVariable, "")
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "user"))
	t.Setenv("HOME", filepath.Join(dir, "home"))
	put := func(path string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	find := func(explicit, path, source string) {
		t.Helper()
		got, err := FindLibrary(explicit)
		if err != nil || got.Source != source {
			t.Fatalf("found %+v, %v; want one by %s", got, err, source)
		}
		if a, b := mustStat(t, got.Path), mustStat(t, path); !os.SameFile(a, b) {
			t.Errorf("found %s, want %s", got.Path, path)
		}
	}
	user, err := userCache()
	if err != nil {
		t.Fatal(err)
	}
	inUser := put(filepath.Join(user, libraryFile()))
	find("", inUser, "user cache")
	if runtime.GOOS == "linux" { // as pip lays it out
		withCUDA := put(filepath.Join(dir, "site-packages", "onnxruntime", "capi", "libonnxruntime.so.1.26.0"))
		find(filepath.Join(dir, "site-packages"), withCUDA, "flag")
		find(filepath.Dir(withCUDA), withCUDA, "flag")
	}
	inProject := put(filepath.Join(dir, ".cache", "onnxruntime", libraryFile()))
	find("", inProject, "project cache")
	if err := os.MkdirAll("cmd/deep", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir("cmd/deep")
	find("", inProject, "project cache")
	named := put(filepath.Join(dir, "elsewhere", libraryFile()))
	t.Setenv(LibraryVariable, named)
	find("", named, "environment")
	find(filepath.Dir(inUser), inUser, "flag") // a folder will do
	t.Setenv(LibraryVariable, filepath.Join(dir, "gone"))
	if _, err := FindLibrary(""); !errors.Is(err, ErrNoLibrary) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a named library that is absent: %v", err)
	}
}

func mustStat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestInstallRefusesAnotherPackage(t *testing.T) {
	dir := t.TempDir()
	tarball := filepath.Join(dir, "other.tgz")
	if err := os.WriteFile(tarball, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := InstallLibrary(t.Context(), &InstallOptions{Dir: filepath.Join(dir, "to"), Package: tarball})
	if err == nil {
		t.Fatal("another package was installed")
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "to")); len(left) != 0 {
		t.Errorf("%d files were left behind", len(left))
	}
}

func TestCUDAFoldersAreThoseOfPip(t *testing.T) {
	dir := t.TempDir()
	library := filepath.Join(dir, "onnxruntime", "capi", "libonnxruntime.so.1.30.0")
	for _, folder := range []string{filepath.Dir(library), filepath.Join(dir, "nvidia", "cu13", "lib"), filepath.Join(dir, "nvidia", "cudnn", "lib")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	got := cudaFolders(library)
	if want := []string{filepath.Dir(library), filepath.Join(dir, "nvidia", "cu13", "lib"), filepath.Join(dir, "nvidia", "cudnn", "lib")}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestInstalledLibraryHasThePinnedHash(t *testing.T) {
	runtimeLibrary(t)
	library, err := FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	if library.Source != "project cache" {
		t.Skipf("the library is by %s", library.Source)
	}
	sum, err := hashFile(library.Path)
	if want := libraries[runtime.GOOS+"/"+runtime.GOARCH].sha256; err != nil || sum != want {
		t.Errorf("SHA-256 %s, %v; want %s", sum, err, want)
	}
	// Installing over it does nothing, and needs no network.
	again, err := InstallLibrary(t.Context(), &InstallOptions{Dir: filepath.Dir(library.Path), Package: "none"})
	if err != nil || again.Path != library.Path {
		t.Errorf("installed again: %+v, %v", again, err)
	}
}

func TestCUDAErrorsNameWhatFailed(t *testing.T) {
	if err := preload("/nowhere/libcudart.so.13"); err == nil || !strings.Contains(err.Error(), "/nowhere/libcudart.so.13") && !strings.Contains(err.Error(), "this build") {
		t.Error(err)
	}
	if version, err := cudaDriver(); err == nil && version < 10000 {
		t.Errorf("a driver that serves CUDA %d", version)
	}
}
