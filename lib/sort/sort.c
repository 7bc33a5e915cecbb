#include "sort/sort.h"

#include <string.h>

enum { DIGIT_BITS = 16, DIGITS = 1 << DIGIT_BITS, PASSES = 64 / DIGIT_BITS };

int64_t dnnk_sort_keys_workspace(int64_t n) { return (n + DIGITS) * 8; }

/* The digit of a key, the sign turned over so that negative keys come first. */
static int64_t digit(int64_t key, int pass) {
    uint64_t bits = (uint64_t)key ^ (UINT64_C(1) << 63);
    return (int64_t)(bits >> (pass * DIGIT_BITS)) & (DIGITS - 1);
}

/* count[d] = how many keys have a smaller digit. False: all have the same. */
static int begin_places(int64_t n, const int64_t *key, int pass, int64_t *count) {
    memset(count, 0, DIGITS * sizeof *count);
    for (int64_t i = 0; i < n; i++) count[digit(key[i], pass)]++;
    if (count[digit(key[0], pass)] == n) return 0;
    int64_t next = 0;
    for (int64_t d = 0; d < DIGITS; d++) {
        int64_t here = count[d];
        count[d] = next;
        next += here;
    }
    return 1;
}

void dnnk_sort_keys(int64_t n, const int64_t *key, int64_t *order, void *work) {
    int64_t *count = work, *other = count + DIGITS, *from = order, *to = other;
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int pass = 0; n > 0 && pass < PASSES; pass++) {
        if (!begin_places(n, key, pass, count)) continue;
        for (int64_t i = 0; i < n; i++) to[count[digit(key[from[i]], pass)]++] = from[i];
        int64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order) memcpy(order, from, (size_t)n * sizeof *order);
}
