/* Arrays for kernel tests: poisoned with NaN, the last element against a page that faults (so the first one lies at an
 * odd alignment whenever the size is odd), read and written as double whatever their type. */
#ifndef TEST_ARRAYS_H
#define TEST_ARRAYS_H

#include "base/env.h"

typedef struct test_array {
    dnnk_type type;
    int64_t n;
    void *p; /* the elements; not NULL even if n = 0 */
} test_array;

test_array array_new(dnnk_type type, int64_t n); /* all NaN */
test_array array_normal(dnnk_type type, int64_t n, uint64_t seed);
test_array array_copy(const test_array *from);
test_array array_bytes(int64_t bytes); /* workspace: poisoned, 64-byte aligned */

/* Unmaps one array, or every one there is: at the end of a check. */
void array_free(test_array *array);
void arrays_free(void);

double array_get(const test_array *array, int64_t i);
void array_set(test_array *array, int64_t i, double value);

/* The place of the first element at which the bits of two arrays differ; -1: none. */
int64_t array_difference(const test_array *a, const test_array *b);

/* Fails the test unless |a[i] - want| <= bound * max(1, |want|), or both are NaN. */
void array_expect(const test_array *a, int64_t i, double want, double bound, const char *what);

/* A number in [0, 1) and a normal one, for building inputs. */
double test_uniform(uint64_t *state);
double test_normal(uint64_t *state);

/* The distance between a float32 result and its exact value, in units of the last place of the exact value; two NaNs,
 * or twice the same infinity, are 0 apart. */
double ulp_f32(float result, double exact);

/* Sizes around vector widths. */
extern const int64_t test_sizes[];
extern const int test_size_count;

/* Every instruction set of this machine, and every type. */
#define FOR_EACH_VARIANT(isa, type)                                      \
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++)    \
        for (dnnk_type type = DNNK_F32; type <= DNNK_F64; type++)

#endif
