/* An allocator for contexts under test: it counts, and fails on order. */
#ifndef TEST_ALLOCATOR_H
#define TEST_ALLOCATOR_H

#include <dnn/context.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct test_allocator {
    _Atomic int64_t calls; /* allocations asked for; set to 0 to count anew */
    _Atomic int64_t live;  /* pieces that are out */
    _Atomic int64_t bytes; /* of them */
    _Atomic int64_t peak;  /* the most that were out at once; set to `bytes` to measure anew */
    int64_t fail_at;       /* the call that fails: 1 the first; 0 none */
    bool for_ever;         /* all calls after it fail too */
} test_allocator;

dnn_allocator test_allocator_of(test_allocator *state);

/* Counts anew, with this order. */
void test_allocator_arm(test_allocator *state, int64_t fail_at, bool for_ever);

#endif
