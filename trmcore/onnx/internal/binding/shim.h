// The C side of package binding. Every function returns NULL, or an error that the caller frees.
#ifndef BINDING_SHIM_H
#define BINDING_SHIM_H

#include <stddef.h>
#include <stdint.h>

typedef struct OrtSession OrtSession;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtMemoryInfo OrtMemoryInfo;
typedef struct OrtIoBinding OrtIoBinding;
typedef struct OrtRunOptions OrtRunOptions;

// A session with the memory of its device.
typedef struct {
	OrtSession *session;
	OrtMemoryInfo *where;
	OrtAllocator *allocator;
} shim_session;

char *shim_start(const char *library);
char *shim_open(const void *graph, size_t size, int threads, int cuda, const char **keys, const char **values, size_t options, shim_session *out);
void shim_close(shim_session *s);

char *shim_alloc(shim_session *s, size_t bytes, void **out);
void shim_free(shim_session *s, void *memory);
char *shim_copy(int cuda, void *to, const void *from, size_t bytes, int to_device);

char *shim_binding(shim_session *s, OrtIoBinding **out);
char *shim_bind(shim_session *s, OrtIoBinding *b, const char *name, void *memory, size_t bytes, const int64_t *shape, size_t rank, int elem, int output);
void shim_unbind(OrtIoBinding *b);

char *shim_options(const char *graph_id, OrtRunOptions **out);
void shim_terminate(OrtRunOptions *o, int stop);
void shim_release_options(OrtRunOptions *o);
char *shim_run(shim_session *s, OrtRunOptions *o, OrtIoBinding *b);

char *shim_preload(const char *path);
char *shim_driver(int *version, int *devices, int *code);
int shim_place(const char *function);

#endif
