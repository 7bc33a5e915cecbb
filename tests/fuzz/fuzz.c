/* A libFuzzer target: each input is a file for the parser that FUZZ_PARSER names. Besides what the sanitizers see, it
 * is a finding if more memory is taken than was promised, or an error is none that a file can cause. */
#define _GNU_SOURCE /* memfd_create */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "corpus/parsers.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int64_t taken, peak;

static void *take(void *user, size_t bytes, size_t alignment) {
    void *memory = NULL;
    (void)user;
    if (posix_memalign(&memory, alignment < 16 ? 16 : alignment, bytes) != 0) return NULL;
    taken += (int64_t)bytes;
    if (taken > peak) peak = taken;
    return memory;
}

static void give(void *user, void *memory, size_t bytes) {
    (void)user;
    taken -= (int64_t)bytes;
    free(memory);
}

static const parser *find(void) {
    for (int i = 0; i < parser_count; i++)
        if (strcmp(parsers[i].name, FUZZ_PARSER) == 0) return &parsers[i];
    abort();
}

/* A file that is only in memory, at a path of its own. */
static const char *file_of(const uint8_t *bytes, size_t n) {
    static int descriptor = -1;
    static char path[64];
    if (descriptor < 0) {
        descriptor = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    }
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, bytes, n, 0) != (ssize_t)n) abort();
    return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static dnn_context *ctx;
    const parser *p = find();
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = {take, give, NULL}, .threads = 1};
    if (!ctx && dnn_context_create(&ctx, &desc) != DNN_OK) abort();
    int64_t before = peak = taken;
    dnn_status status = p->read(ctx, file_of(bytes, n));
    bool possible = status == DNN_OK || status == DNN_ERROR_FORMAT || status == DNN_ERROR_UNSUPPORTED;
    if (possible && peak - before <= 4 * (int64_t)n + PARSER_CONSTANT + p->unfolds) return 0;
    fprintf(stderr, "%s: %s; %lld bytes taken for %zu\n", dnn_status_name(status), dnn_last_error(),
            (long long)(peak - before), n);
    abort();
}
