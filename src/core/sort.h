/* Sorting numbers of items. (The C library's qsort may take memory behind the allocator's back.) */
#ifndef DNNI_SORT_H
#define DNNI_SORT_H

#include <stdint.h>

/* Sorts index[0..n), whose items `compare` tells apart by their place in `context` (as strcmp does), in O(n log n)
 * comparisons whatever the input, without memory. */
void dnni_sort(uint32_t *index, int64_t n, int (*compare)(const void *context, uint32_t a, uint32_t b),
               const void *context);

#endif
