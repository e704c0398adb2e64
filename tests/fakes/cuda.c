/* libcuda and libcudart as far as edge_lpr calls them, on ordinary memory, strictly: a pointer that was not given out, a
 * second free, a copy past the end, a wrong flag and a call out of order are errors. Work put on a stream runs only when
 * the stream is synchronised, as on a GPU: who reads a result too early reads rubbish.
 *
 * FAKE_CUDA: words separated by commas. "integrated" memory is shared; "noinit", "nodevice"; "cc=87" the capability;
 * "fail=NAME:N" the N-th call of NAME (1 is the first) and all later ones fail with 719.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INVALID = 1, NO_MEMORY = 2, BAD_HANDLE = 400, LAUNCH_FAILED = 719, CAPTURE_BAD = 901, MOST = 4096 };
typedef void (*work_fn)(void *);
typedef struct { work_fn work; void *what; void *target; const void *source; size_t size; } job;
typedef struct { int count; job jobs[MOST]; } queue;
typedef struct { int alive, capturing; queue waiting, captured; } stream;
typedef struct { void *at; size_t size; int kind; } block;

static block blocks[MOST];
static int block_count;
static stream streams[64];
static struct { char name[64]; int calls; } counted[64];

static const char *word(const char *name) {
    const char *all = getenv("FAKE_CUDA");
    size_t size = strlen(name);
    for (const char *at = all; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (!strncmp(at, name, size) && (at[size] == 0 || at[size] == ',' || at[size] == '=')) return at + size;
    return NULL;
}
static int fails(const char *name) {
    const char *wanted = word("fail");
    int at = 0;
    while (counted[at].name[0] && strcmp(counted[at].name, name)) at++;
    strcpy(counted[at].name, name);
    counted[at].calls++;
    size_t size = strlen(name);
    if (!wanted || strncmp(wanted + 1, name, size) || wanted[1 + size] != ':') return 0;
    return counted[at].calls >= atoi(wanted + 2 + size) ? LAUNCH_FAILED : 0;
}
#define ENTER(name) do { int code_ = fails(name); if (code_) return code_; } while (0)

static block *find(const void *at, size_t size, int kinds) {
    for (int i = 0; i < block_count; i++)
        if (blocks[i].at && (blocks[i].kind & kinds) && (char *)at >= (char *)blocks[i].at
            && (char *)at + size <= (char *)blocks[i].at + blocks[i].size) return &blocks[i];
    return NULL;
}
static int give(void **at, size_t size, int kind) {
    if (!at || !size || block_count == MOST) return INVALID;
    *at = malloc(size);
    memset(*at, 0xAB, size);
    blocks[block_count++] = (block){*at, size, kind};
    return 0;
}
static int take(void *at, int kind) {
    for (int i = 0; i < block_count; i++)
        if (blocks[i].at == at && blocks[i].kind == kind) { free(at); blocks[i].at = NULL; return 0; }
    return INVALID;
}
static stream *known(void *handle) {
    for (int i = 0; i < 64; i++) if (handle == &streams[i] && streams[i].alive) return &streams[i];
    return NULL;
}
static int put(stream *on, job one) {
    if (!on) return BAD_HANDLE;
    queue *into = on->capturing ? &on->captured : &on->waiting;
    if (into->count == MOST) return NO_MEMORY;
    into->jobs[into->count++] = one;
    return 0;
}

int cuInit(unsigned flags) { return flags || word("noinit") ? 999 : 0; }
int cuDriverGetVersion(int *version) { *version = 12060; return 0; }
int cuDeviceGetCount(int *count) { *count = !word("nodevice"); return 0; }
int cuDeviceGet(int *device, int number) { *device = 0; return number || word("noget") ? 101 : 0; }
int cuDeviceGetName(char *name, int size, int device) { snprintf(name, size, "Fake GPU"); return device; }
int cuDeviceTotalMem_v2(size_t *size, int device) { *size = 8000000000u; return device; }
int cuDeviceGetAttribute(int *value, int which, int device) {
    int cc = word("cc") ? atoi(word("cc") + 1) : 87;
    *value = which == 75 ? cc / 10 : which == 76 ? cc % 10 : which == 18 ? word("integrated") != NULL : -1;
    return device || *value < 0;
}

const char *cudaGetErrorString(int code) { return code == LAUNCH_FAILED ? "unspecified launch failure" : "fake error"; }
int cudaStreamCreateWithFlags(void **handle, unsigned flags) {
    ENTER("cudaStreamCreateWithFlags");
    int at = 0;
    while (at < 64 && streams[at].alive) at++;
    if (flags != 1 || at == 64) return INVALID;
    memset(&streams[at], 0, sizeof streams[at]);
    streams[at].alive = 1;
    *handle = &streams[at];
    return 0;
}
int cudaStreamSynchronize(void *handle) {
    ENTER("cudaStreamSynchronize");
    stream *on = known(handle);
    if (!on) return BAD_HANDLE;
    if (on->capturing) return CAPTURE_BAD;
    for (int i = 0; i < on->waiting.count; i++) {
        job *one = &on->waiting.jobs[i];
        if (one->work) one->work(one->what); else memcpy(one->target, one->source, one->size);
    }
    on->waiting.count = 0;
    return 0;
}
int cudaStreamDestroy(void *handle) {
    stream *on = known(handle);
    if (!on) return BAD_HANDLE;
    on->alive = 0;
    return 0;
}
int cudaHostAlloc(void **at, size_t size, unsigned flags) {
    ENTER("cudaHostAlloc");
    return flags == 0 || flags == 2 ? give(at, size, flags ? 2 : 1) : INVALID;
}
int cudaHostGetDevicePointer(void **at, void *host, unsigned flags) {
    ENTER("cudaHostGetDevicePointer");
    if (flags || !find(host, 1, 2)) return INVALID;
    *at = host;
    return 0;
}
int cudaFreeHost(void *at) { return take(at, 1) ? take(at, 2) : 0; }
int cudaMalloc(void **at, size_t size) { ENTER("cudaMalloc"); return give(at, size, 4); }
int cudaFree(void *at) { return take(at, 4); }
int cudaMemcpyAsync(void *target, const void *source, size_t size, int kind, void *handle) {
    ENTER("cudaMemcpyAsync");
    int to_gpu = kind == 1 || kind == 3, from_gpu = kind == 2 || kind == 3;  /* kind 3: within the GPU's memory */
    if (kind < 1 || kind > 3) return INVALID;
    if (!find(target, size, to_gpu ? (kind == 3 ? 6 : 4) : 1) || !find(source, size, from_gpu ? (kind == 3 ? 6 : 4) : 1)) return INVALID;
    return put(known(handle), (job){0, 0, target, source, size});
}
int cudaStreamBeginCapture(void *handle, int mode) {
    ENTER("cudaStreamBeginCapture");
    stream *on = known(handle);
    if (!on || mode != 1) return INVALID;
    if (on->capturing || on->waiting.count) return CAPTURE_BAD;
    on->capturing = 1;
    on->captured.count = 0;
    return 0;
}
int cudaStreamEndCapture(void *handle, void **graph) {
    stream *on = known(handle);
    if (!on || !on->capturing) return CAPTURE_BAD;
    on->capturing = 0;
    ENTER("cudaStreamEndCapture");
    *graph = malloc(sizeof(queue));
    memcpy(*graph, &on->captured, sizeof(queue));
    return 0;
}
int cudaGraphInstantiate(void **ready, void *graph, unsigned long long flags) {
    ENTER("cudaGraphInstantiate");
    if (!graph || flags) return INVALID;
    *ready = malloc(sizeof(queue));
    memcpy(*ready, graph, sizeof(queue));
    return 0;
}
int cudaGraphLaunch(void *ready, void *handle) {
    ENTER("cudaGraphLaunch");
    stream *on = known(handle);
    if (!on || on->capturing) return CAPTURE_BAD;
    for (int i = 0; i < ((queue *)ready)->count; i++) put(on, ((queue *)ready)->jobs[i]);
    return 0;
}
int cudaGraphExecDestroy(void *ready) { free(ready); return 0; }
int cudaGraphDestroy(void *graph) { free(graph); return 0; }

/* For the fake TensorRT and the tests. */
int fake_enqueue(void *handle, work_fn work, void *what) { return put(known(handle), (job){work, what, 0, 0, 0}); }
int fake_is_memory(const void *at, size_t size) { return find(at, size, 2 | 4) != NULL; }
int fake_is_capturing(void *handle) { stream *on = known(handle); return on ? on->capturing : -1; }
void fake_reset(void) { memset(counted, 0, sizeof counted); }
int fake_blocks(void) { int n = 0; for (int i = 0; i < block_count; i++) n += blocks[i].at != NULL; return n; }
int fake_calls(const char *name) {
    for (int i = 0; i < 64; i++) if (!strcmp(counted[i].name, name)) return counted[i].calls;
    return 0;
}
