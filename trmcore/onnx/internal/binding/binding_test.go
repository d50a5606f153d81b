//go:build cgo && !windows

package binding

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPlacesAreThoseOfTheHeader compares the places of the functions with the C header that the Go binding ships.
func TestPlacesAreThoseOfTheHeader(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Skip("the go command does not find the module that ships the header: ", err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "onnxruntime_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`).ReplaceAllString(string(header), "")
	_, text, _ = strings.Cut(text, "struct OrtApi {")
	text, _, _ = strings.Cut(text, "\n};")
	entry := regexp.MustCompile(`ORT_API2_STATUS\(\s*(\w+)|ORT_CLASS_RELEASE\(\s*(\w+)|\(ORT_API_CALL\*\s*(\w+)\)`)
	used := map[string]int{}
	for i, found := range entry.FindAllStringSubmatch(text, -1) {
		name := found[1] + found[3]
		if found[2] != "" {
			name = "Release" + found[2]
		}
		if at := place(name); at >= 0 {
			used[name] = i
			if at != i {
				t.Errorf("%s is number %d, not %d", name, i, at)
			}
		}
	}
	source, err := os.ReadFile("shim.c")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`\bF\(\w+, \d+\)`).FindAllString(string(source), -1)
	if len(want) < 30 || len(used) != len(want) {
		t.Errorf("%d functions of the header are used, but %d are listed", len(used), len(want))
	}
}

func TestDriver(t *testing.T) {
	version, err := Driver()
	if err == nil && version < 10000 {
		t.Errorf("a driver that serves CUDA %d", version)
	}
	t.Log(version, err)
}

func TestErrorsNameWhatFailed(t *testing.T) {
	if err := Preload("/nowhere/libcudart.so.13"); err == nil || !strings.Contains(err.Error(), "/nowhere/libcudart.so.13") {
		t.Error(err)
	}
	if _, err := Open(Options{Library: "/nowhere/libonnxruntime.so.1"}); err == nil || !strings.Contains(err.Error(), "/nowhere/libonnxruntime.so.1") {
		t.Error(err)
	}
}
