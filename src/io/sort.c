#include "io/sort.h"

#include <string.h>

typedef struct {
    char *items;
    size_t bytes;
    int (*compare)(const void *context, const void *a, const void *b);
    const void *context;
} job;

static void *item(const job *j, int64_t i) { return j->items + (size_t)i * j->bytes; }

static void swap(const job *j, int64_t a, int64_t b) {
    char kept[64];
    memcpy(kept, item(j, a), j->bytes);
    memmove(item(j, a), item(j, b), j->bytes);
    memcpy(item(j, b), kept, j->bytes);
}

/* Heapsort: item `i` sinks until none of its children is larger. */
static void sink(const job *j, int64_t i, int64_t n) {
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && j->compare(j->context, item(j, child), item(j, child + 1)) < 0) child++;
        if (j->compare(j->context, item(j, i), item(j, child)) >= 0) return;
        swap(j, i, child);
    }
}

void dnni_io_sort(void *items, int64_t n, int64_t bytes,
                  int (*compare)(const void *context, const void *a, const void *b), const void *context) {
    job j = {items, (size_t)bytes, compare, context};
    for (int64_t i = n / 2 - 1; i >= 0; i--) sink(&j, i, n);
    for (int64_t last = n - 1; last > 0; last--) {
        swap(&j, 0, last);
        sink(&j, 0, last);
    }
}
