/* Sorting in place in O(n log n) comparisons whatever the input, without memory: no file can force a bad case. */
#ifndef DNNI_IO_SORT_H
#define DNNI_IO_SORT_H

#include <stdint.h>

/* Sorts items [0, n), of `bytes` ≤ 64 bytes each. `compare` is as strcmp. */
void dnni_io_sort(void *items, int64_t n, int64_t bytes,
                  int (*compare)(const void *context, const void *a, const void *b), const void *context);

#endif
