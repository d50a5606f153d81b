//go:build cgo && !windows

package onnx

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

// driver returns the driver's own error, or -1 without a driver.
static int driver(int *version, int *devices) {
	void *handle = dlopen("libcuda.so.1", RTLD_LAZY);
	if (!handle) return -1;
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(handle, "cuInit");
	int (*get_version)(int *) = (int (*)(int *))dlsym(handle, "cuDriverGetVersion");
	int (*count)(int *) = (int (*)(int *))dlsym(handle, "cuDeviceGetCount");
	if (!init || !get_version || !count) return -1;
	int code = get_version(version);
	if (!code) code = init(0);
	if (!code) code = count(devices);
	return code;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// preload loads a shared library into the process, so that others that need it find it.
func preload(path string) error {
	text := C.CString(path)
	defer C.free(unsafe.Pointer(text))
	if C.dlopen(text, C.RTLD_LAZY|C.RTLD_GLOBAL) == nil {
		return errors.New(C.GoString(C.dlerror()))
	}
	return nil
}

// cudaDriver is the newest version of CUDA that NVIDIA's driver serves, as 12040 for 12.4. It fails with ErrNoDriver,
// ErrNoGPU or the driver's own error; the version is known even so, if there is a driver.
func cudaDriver() (version int, err error) {
	const noDevice = 100 // CUDA_ERROR_NO_DEVICE
	var v, devices C.int
	switch code := C.driver(&v, &devices); {
	case code == -1:
		return 0, ErrNoDriver
	case code == noDevice || code == 0 && devices == 0:
		return int(v), ErrNoGPU
	case code != 0:
		return int(v), fmt.Errorf("the NVIDIA driver fails with CUDA error %d", int(code))
	}
	return int(v), nil
}
