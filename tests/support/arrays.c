#include "support/arrays.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

const int64_t test_sizes[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 1000};
const int test_size_count = sizeof test_sizes / sizeof *test_sizes;

#define ARRAYS_MAX 256

static struct {
    void *map;
    size_t bytes;
} maps[ARRAYS_MAX];
static int map_count;

/* `bytes` that end at a page without access. */
static test_array guarded(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (bytes / page + 1) * page;
    char *map = mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || map_count == ARRAYS_MAX || mprotect(map + body, page, PROT_NONE) != 0) abort();
    memset(map, 0xff, body); /* NaN in both types */
    maps[map_count].map = map;
    maps[map_count++].bytes = body + page;
    return (test_array){.p = map + body - bytes};
}

static void unmap(int i) {
    munmap(maps[i].map, maps[i].bytes);
    maps[i] = maps[--map_count];
}

void arrays_free(void) {
    while (map_count > 0) unmap(map_count - 1);
}

void array_free(test_array *array) {
    for (int i = 0; i < map_count; i++) {
        const char *start = maps[i].map;
        if ((const char *)array->p < start || (const char *)array->p >= start + maps[i].bytes) continue;
        unmap(i);
        return;
    }
}

test_array array_new(dnnk_type type, int64_t n) {
    test_array a = guarded((size_t)(n * dnnk_size(type)));
    a.type = type;
    a.n = n;
    return a;
}

test_array array_bytes(int64_t bytes) {
    test_array a = guarded((size_t)dnnk_round_up(bytes, 64));
    a.n = bytes;
    return a;
}

test_array array_copy(const test_array *from) {
    test_array a = array_new(from->type, from->n);
    memcpy(a.p, from->p, (size_t)(from->n * dnnk_size(from->type)));
    return a;
}

double array_get(const test_array *array, int64_t i) {
    return array->type == DNNK_F64 ? ((const double *)array->p)[i] : (double)((const float *)array->p)[i];
}

void array_set(test_array *array, int64_t i, double value) {
    if (array->type == DNNK_F64)
        ((double *)array->p)[i] = value;
    else
        ((float *)array->p)[i] = (float)value;
}

int64_t array_difference(const test_array *a, const test_array *b) {
    size_t size = (size_t)dnnk_size(a->type);
    for (int64_t i = 0; i < a->n; i++)
        if (memcmp((char *)a->p + (size_t)i * size, (char *)b->p + (size_t)i * size, size) != 0) return i;
    return -1;
}

void array_expect(const test_array *a, int64_t i, double want, double bound, const char *what) {
    double got = array_get(a, i);
    bool right = isnan(want) ? isnan(got) : got == want || fabs(got - want) <= bound * fmax(1, fabs(want));
    if (!right)
        fail_msg("%s, %s, element %lld of %lld: %.9g, expected %.9g", what, a->type == DNNK_F64 ? "f64" : "f32",
                 (long long)i, (long long)a->n, got, want);
}

/* Steele, Lea and Flood's SplitMix64: not the generator under test. */
double test_uniform(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

double test_normal(uint64_t *state) {
    double sum = -6.0; /* twelve uniform numbers: variance 1 */
    for (int i = 0; i < 12; i++) sum += test_uniform(state);
    return sum;
}

test_array array_normal(dnnk_type type, int64_t n, uint64_t seed) {
    test_array a = array_new(type, n);
    for (int64_t i = 0; i < n; i++) array_set(&a, i, test_normal(&seed));
    return a;
}

double ulp_f32(float result, double exact) {
    if (isnan(exact)) return isnan(result) ? 0 : INFINITY;
    if ((float)exact == result) return 0;
    if (isinf(result) || isinf((float)exact)) return INFINITY;
    int exponent;
    frexp(exact, &exponent);
    double ulp = ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
    return fabs((double)result - exact) / ulp;
}
