//go:build cgo && !windows

#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct OrtStatus OrtStatus;

// The places of the functions in the table of ONNX Runtime's C API, and their names there.
#define FUNCTIONS(F)                               \
	F(GetErrorMessage, 2)                          \
	F(CreateEnv, 3)                                \
	F(CreateSessionFromArray, 8)                   \
	F(CreateSessionOptions, 10)                    \
	F(SetSessionLogSeverityLevel, 22)              \
	F(SetSessionGraphOptimizationLevel, 23)        \
	F(SetIntraOpNumThreads, 24)                    \
	F(SetInterOpNumThreads, 25)                    \
	F(CreateRunOptions, 39)                        \
	F(RunOptionsSetTerminate, 46)                  \
	F(RunOptionsUnsetTerminate, 47)                \
	F(CreateTensorWithDataAsOrtValue, 49)          \
	F(CreateMemoryInfo, 68)                        \
	F(AllocatorAlloc, 75)                          \
	F(AllocatorFree, 76)                           \
	F(ReleaseStatus, 93)                           \
	F(ReleaseMemoryInfo, 94)                       \
	F(ReleaseSession, 95)                          \
	F(ReleaseValue, 96)                            \
	F(ReleaseRunOptions, 97)                       \
	F(ReleaseSessionOptions, 100)                  \
	F(CreateAllocator, 131)                        \
	F(ReleaseAllocator, 132)                       \
	F(RunWithBinding, 133)                         \
	F(CreateIoBinding, 134)                        \
	F(ReleaseIoBinding, 135)                       \
	F(BindInput, 136)                              \
	F(BindOutput, 137)                             \
	F(AddRunConfigEntry, 165)                      \
	F(SessionOptionsAppendExecutionProvider_CUDA_V2, 204) \
	F(CreateCUDAProviderOptions, 205)              \
	F(UpdateCUDAProviderOptions, 206)              \
	F(ReleaseCUDAProviderOptions, 208)

#define PLACE(name, place) at_##name = place,
enum { FUNCTIONS(PLACE) };

#define NAMED(name, place) \
	if (strcmp(function, #name) == 0) return place;
int shim_place(const char *function) {
	FUNCTIONS(NAMED)
	return -1;
}

enum { api_version = 24, fatal = 4, optimise_all = 99, device_allocator = 0, default_memory = 0 };

static void *const *api;
static void *env;

// CALL calls a function that returns a status, FREE one that returns nothing.
#define CALL(name, types, arguments) failure(((OrtStatus * (*) types) api[at_##name]) arguments)
#define FREE(name, what)                                  \
	do {                                                  \
		if (what) ((void (*)(void *))api[at_##name])(what); \
	} while (0)

static char *copy(const char *text) { return strdup(text ? text : "unknown error"); }

static char *failure(OrtStatus *status) {
	if (!status) return NULL;
	char *text = copy(((const char *(*)(const OrtStatus *))api[at_GetErrorMessage])(status));
	FREE(ReleaseStatus, status);
	return text;
}

char *shim_start(const char *library) {
	typedef struct {
		const void *(*get)(uint32_t);
		const char *(*version)(void);
	} base;
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!handle) return copy(dlerror());
	const base *(*get_base)(void) = (const base *(*)(void))dlsym(handle, "OrtGetApiBase");
	if (!get_base) return copy(dlerror());
	api = get_base()->get(api_version);
	if (!api) return copy("the library is older than the API that is needed");
	return CALL(CreateEnv, (int, const char *, void **), (fatal, "trm", &env));
}

static char *append_cuda(void *options, const char **keys, const char **values, size_t n) {
	void *cuda = NULL;
	char *error = CALL(CreateCUDAProviderOptions, (void **), (&cuda));
	if (!error && n) error = CALL(UpdateCUDAProviderOptions, (void *, const char *const *, const char *const *, size_t), (cuda, keys, values, n));
	if (!error) error = CALL(SessionOptionsAppendExecutionProvider_CUDA_V2, (void *, const void *), (options, cuda));
	FREE(ReleaseCUDAProviderOptions, cuda);
	return error;
}

char *shim_open(const void *graph, size_t size, int threads, int cuda, const char **keys, const char **values, size_t n, shim_session *s) {
	void *options = NULL;
	char *error = CALL(CreateSessionOptions, (void **), (&options));
	if (!error) error = CALL(SetSessionGraphOptimizationLevel, (void *, int), (options, optimise_all));
	if (!error) error = CALL(SetIntraOpNumThreads, (void *, int), (options, threads));
	if (!error) error = CALL(SetInterOpNumThreads, (void *, int), (options, 1));
	if (!error) error = CALL(SetSessionLogSeverityLevel, (void *, int), (options, fatal));
	if (!error && cuda) error = append_cuda(options, keys, values, n);
	if (!error) error = CALL(CreateSessionFromArray, (void *, const void *, size_t, void *, OrtSession **), (env, graph, size, options, &s->session));
	if (!error) error = CALL(CreateMemoryInfo, (const char *, int, int, int, OrtMemoryInfo **), (cuda ? "Cuda" : "Cpu", device_allocator, 0, default_memory, &s->where));
	if (!error) error = CALL(CreateAllocator, (OrtSession *, OrtMemoryInfo *, OrtAllocator **), (s->session, s->where, &s->allocator));
	FREE(ReleaseSessionOptions, options);
	if (error) shim_close(s);
	return error;
}

void shim_close(shim_session *s) {
	FREE(ReleaseAllocator, s->allocator);
	FREE(ReleaseMemoryInfo, s->where);
	FREE(ReleaseSession, s->session);
	memset(s, 0, sizeof *s);
}

char *shim_alloc(shim_session *s, size_t bytes, void **out) {
	return CALL(AllocatorAlloc, (OrtAllocator *, size_t, void **), (s->allocator, bytes, out));
}

void shim_free(shim_session *s, void *memory) { free(CALL(AllocatorFree, (OrtAllocator *, void *), (s->allocator, memory))); }

// loaded finds a function of a library of CUDA's that is loaded already.
static void *loaded(const char *function) {
	static const char *const names[] = {"libcudart.so.13", "libcudart.so.12"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		void *handle = dlopen(names[i], RTLD_LAZY | RTLD_NOLOAD);
		if (handle) return dlsym(handle, function);
	}
	return NULL;
}

// shim_copy copies between the host and the device, and returns when it is done: a copy from ordinary memory may still be
// under way when cudaMemcpy returns, and ONNX Runtime's stream does not wait for it.
char *shim_copy(int cuda, void *to, const void *from, size_t bytes, int to_device) {
	static int (*copier)(void *, const void *, size_t, int), (*waiter)(void *);
	if (!cuda) {
		memcpy(to, from, bytes);
		return NULL;
	}
	if (!copier) {
		waiter = (int (*)(void *))loaded("cudaStreamSynchronize");
		copier = (int (*)(void *, const void *, size_t, int))loaded("cudaMemcpy");
	}
	if (!copier || !waiter) return copy("CUDA's runtime library (libcudart) is not loaded");
	int code = copier(to, from, bytes, to_device ? 1 : 2);
	if (!code && to_device) code = waiter(NULL);
	if (!code) return NULL;
	char text[64];
	snprintf(text, sizeof text, "CUDA error %d", code);
	return copy(text);
}

char *shim_binding(shim_session *s, OrtIoBinding **out) {
	return CALL(CreateIoBinding, (OrtSession *, OrtIoBinding **), (s->session, out));
}

// shim_bind ties memory to an input or output. The binding keeps the tensor, not the memory.
char *shim_bind(shim_session *s, OrtIoBinding *b, const char *name, void *memory, size_t bytes, const int64_t *shape, size_t rank, int elem, int output) {
	void *value = NULL;
	char *error = CALL(CreateTensorWithDataAsOrtValue, (OrtMemoryInfo *, void *, size_t, const int64_t *, size_t, int, void **), (s->where, memory, bytes, shape, rank, elem, &value));
	if (!error && output) error = CALL(BindOutput, (OrtIoBinding *, const char *, void *), (b, name, value));
	if (!error && !output) error = CALL(BindInput, (OrtIoBinding *, const char *, void *), (b, name, value));
	FREE(ReleaseValue, value);
	return error;
}

void shim_unbind(OrtIoBinding *b) { FREE(ReleaseIoBinding, b); }

char *shim_options(const char *graph_id, OrtRunOptions **out) {
	char *error = CALL(CreateRunOptions, (OrtRunOptions **), (out));
	if (!error && graph_id) error = CALL(AddRunConfigEntry, (OrtRunOptions *, const char *, const char *), (*out, "gpu_graph_id", graph_id));
	return error;
}

void shim_terminate(OrtRunOptions *o, int stop) {
	free(stop ? CALL(RunOptionsSetTerminate, (OrtRunOptions *), (o)) : CALL(RunOptionsUnsetTerminate, (OrtRunOptions *), (o)));
}

void shim_release_options(OrtRunOptions *o) { FREE(ReleaseRunOptions, o); }

char *shim_run(shim_session *s, OrtRunOptions *o, OrtIoBinding *b) {
	return CALL(RunWithBinding, (OrtSession *, OrtRunOptions *, OrtIoBinding *), (s->session, o, b));
}

char *shim_preload(const char *path) { return dlopen(path, RTLD_LAZY | RTLD_GLOBAL) ? NULL : copy(dlerror()); }

// shim_driver asks NVIDIA's driver for the newest version of CUDA that it serves and the number of GPUs. code is the
// driver's own error, or -1 if there is no driver.
char *shim_driver(int *version, int *devices, int *code) {
	*code = -1;
	void *handle = dlopen("libcuda.so.1", RTLD_LAZY);
	if (!handle) return copy(dlerror());
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(handle, "cuInit");
	int (*get_version)(int *) = (int (*)(int *))dlsym(handle, "cuDriverGetVersion");
	int (*count)(int *) = (int (*)(int *))dlsym(handle, "cuDeviceGetCount");
	if (!init || !get_version || !count) return copy("libcuda.so.1 lacks the driver's functions");
	*code = get_version(version);
	if (!*code) *code = init(0);
	if (!*code) *code = count(devices);
	return NULL;
}
