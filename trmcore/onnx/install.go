package onnx

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// The pinned package. It carries the libraries of all systems; one file of it is kept.
const (
	packageName = "onnxruntime-node"
	packageRoot = "package/bin/napi-v6/"
)

// pinned is the file of a system in the package, and its SHA-256.
type pinned struct{ path, sha256 string }

var libraries = map[string]pinned{
	"linux/amd64":   {"linux/x64/libonnxruntime.so.1", "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23"},
	"linux/arm64":   {"linux/arm64/libonnxruntime.so.1", "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76"},
	"darwin/arm64":  {"darwin/arm64/libonnxruntime.1.dylib", "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d"},
	"windows/amd64": {"win32/x64/onnxruntime.dll", "508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67"},
	"windows/arm64": {"win32/arm64/onnxruntime.dll", "6c3a2abf5c6aca11c48a0d338a91af309f2266f25ce2e4084e6a87bbcb0fbfd0"},
}

// InstallOptions says where to install to. The zero value is fine.
type InstallOptions struct {
	// Dir is the folder that gets the library. Empty means the user's cache. [FindLibrary] looks into a project's
	// .cache/onnxruntime as well.
	Dir string
	// Package is a tarball of the pinned version that was fetched before, for machines without a network. Empty means
	// that npm fetches it.
	Package string
	// Log tells what is done. Nil discards.
	Log *slog.Logger
}

// InstallLibrary fetches ONNX Runtime through npm, the package client that carries it for every system, and keeps the one
// file that is needed if its hash is right (46 MB of a download of 114 MB). A library
// that is there already with the right hash is left as it is.
func InstallLibrary(ctx context.Context, o *InstallOptions) (Library, error) {
	path, err := install(ctx, cmp.Or(o, &InstallOptions{}))
	if err != nil {
		return Library{}, fmt.Errorf("install ONNX Runtime: %w", err)
	}
	return Library{path, "installed"}, nil
}

func install(ctx context.Context, o *InstallOptions) (string, error) {
	log := cmp.Or(o.Log, discard)
	system := runtime.GOOS + "/" + runtime.GOARCH
	pin, ok := libraries[system]
	if !ok {
		return "", fmt.Errorf("there is none for %s in %s %s; name one with $%s", system, packageName, libraryVersion, LibraryVariable)
	}
	dir := o.Dir
	if dir == "" {
		var err error
		if dir, err = userCache(); err != nil {
			return "", err
		}
	}
	path := filepath.Join(dir, libraryFile())
	if sum, err := hashFile(path); err == nil && sum == pin.sha256 {
		log.Info("ONNX Runtime is installed already", "path", path)
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tarball := o.Package
	if tarball == "" {
		work, err := os.MkdirTemp(dir, "fetch-")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(work)
		log.Info("fetching ONNX Runtime, 114 MB", "package", packageName+"@"+libraryVersion)
		if tarball, err = fetch(ctx, work); err != nil {
			return "", err
		}
	}
	if err := extract(tarball, packageRoot+pin.path, pin.sha256, path); err != nil {
		return "", err
	}
	log.Info("installed ONNX Runtime", "path", path)
	return path, nil
}

// fetch has npm put the package into dir.
func fetch(ctx context.Context, dir string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm is needed to fetch the package %s@%s: %w; or fetch it elsewhere and give the file", packageName, libraryVersion, err)
	}
	cmd := exec.CommandContext(ctx, npm, "pack", "--silent", packageName+"@"+libraryVersion)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("npm pack %s@%s: %w: %s", packageName, libraryVersion, err, strings.TrimSpace(stderr.String()))
	}
	return filepath.Join(dir, packageName+"-"+libraryVersion+".tgz"), nil
}

// extract writes one of the tarball's files, under another name until its hash is right.
func extract(tarball, name, sum, to string) (err error) {
	f, err := os.Open(tarball)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("read the package: %w", err)
	}
	archive := tar.NewReader(z)
	for header := (&tar.Header{}); header.Name != name; {
		if header, err = archive.Next(); err != nil {
			return fmt.Errorf("find %s in the package: %w", name, err)
		}
	}
	temporary, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // fails once it has been moved
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(temporary, h), archive)
	if err = errors.Join(err, temporary.Chmod(0o644), temporary.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("%s has the SHA-256 %s, not %s", name, got, sum)
	}
	return os.Rename(temporary.Name(), to)
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
