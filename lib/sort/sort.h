/* Sorting. */
#ifndef DNNK_SORT_H
#define DNNK_SORT_H

#include <stdint.h>

/* Bytes of `work` for dnnk_sort_keys. */
int64_t dnnk_sort_keys_workspace(int64_t n);

/* order[0..n) = 0 … n-1 sorted by key, ascending; equal keys stay in order. Counts digits of 16 bits, from the lowest
 * on (radix sort): at most four passes, and those in which all keys have the same digit are left out. */
void dnnk_sort_keys(int64_t n, const int64_t *key, int64_t *order, void *work);

#endif
