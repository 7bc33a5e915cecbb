#include "core/sort.h"

typedef int comparison(const void *context, uint32_t a, uint32_t b);

/* Lets index[root] sink below children that are larger: heap[i]'s children are 2i + 1 and 2i + 2. */
static void sink(uint32_t *index, int64_t root, int64_t n, comparison *compare, const void *context) {
    for (int64_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && compare(context, index[child], index[child + 1]) < 0) child++;
        if (compare(context, index[root], index[child]) >= 0) return;
        uint32_t larger = index[child];
        index[child] = index[root];
        index[root] = larger;
    }
}

/* Heapsort (Williams 1964): the worst case is the usual one, so that no file can make it slow. */
void dnni_sort(uint32_t *index, int64_t n, comparison *compare, const void *context) {
    for (int64_t root = n / 2 - 1; root >= 0; root--) sink(index, root, n, compare, context);
    for (int64_t last = n - 1; last > 0; last--) {
        uint32_t largest = index[0];
        index[0] = index[last];
        index[last] = largest;
        sink(index, 0, last, compare, context);
    }
}
