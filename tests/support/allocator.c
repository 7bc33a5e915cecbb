#include "support/allocator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands right before each piece: `gap` bytes further back the whole piece of the C library's begins. */
typedef struct {
    size_t bytes, gap;
} label;

static label *label_of(void *memory) { return (label *)memory - 1; }

/* Fresh memory is filled with 0xFF, which is NaN as a number: 0 times what was never written shows, too. */
static void *allocate(void *user, size_t bytes, size_t alignment) {
    test_allocator *state = user;
    int64_t call = atomic_fetch_add(&state->calls, 1) + 1;
    if (state->fail_at > 0 && (call == state->fail_at || (state->for_ever && call > state->fail_at))) return NULL;
    size_t gap = alignment < 64 ? 64 : alignment;
    void *whole = NULL;
    if (posix_memalign(&whole, gap, gap + bytes) != 0) return NULL;
    char *memory = (char *)whole + gap;
    *label_of(memory) = (label){bytes, gap};
    memset(memory, 0xff, bytes);
    atomic_fetch_add(&state->live, 1);
    int64_t now = atomic_fetch_add(&state->bytes, (int64_t)bytes) + (int64_t)bytes, peak = atomic_load(&state->peak);
    while (now > peak && !atomic_compare_exchange_weak(&state->peak, &peak, now)) continue;
    return memory;
}

/* The size must be the one that was asked for: an allocator of the host's may rely on it. */
static void release(void *user, void *memory, size_t bytes) {
    test_allocator *state = user;
    label l = *label_of(memory);
    if (l.bytes != bytes) {
        fprintf(stderr, "memory of %zu bytes was given back as %zu\n", l.bytes, bytes);
        abort();
    }
    atomic_fetch_sub(&state->live, 1);
    atomic_fetch_sub(&state->bytes, (int64_t)bytes);
    free((char *)memory - l.gap);
}

dnn_allocator test_allocator_of(test_allocator *state) { return (dnn_allocator){allocate, release, state}; }

void test_allocator_arm(test_allocator *state, int64_t fail_at, bool for_ever) {
    atomic_store(&state->calls, 0);
    state->fail_at = fail_at;
    state->for_ever = for_ever;
}
