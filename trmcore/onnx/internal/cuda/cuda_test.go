package cuda

import (
	"errors"
	"strings"
	"testing"
)

func TestErrorsNameWhatFailed(t *testing.T) {
	if err := Preload("/nowhere/libcudart.so.13"); !errors.Is(err, ErrUnavailable) && (err == nil || !strings.Contains(err.Error(), "/nowhere/libcudart.so.13")) {
		t.Error(err)
	}
	if version, err := Driver(); err == nil && version < 10000 {
		t.Errorf("a driver that serves CUDA %d", version)
	}
}
