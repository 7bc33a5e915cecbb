/* A context that counts its memory, and small datasets, for the tests of the data room. */
#ifndef TEST_DATASETS_H
#define TEST_DATASETS_H

#include "support/allocator.h"
#include "support/running.h"

extern test_allocator data_memory;
extern dnn_context *data_ctx;

/* Set-up and teardown of a CMocka test; the teardown fails if memory was not given back. */
int data_setup(void **state);
int data_teardown(void **state);

#define OK(call) expect_ok(call, #call)
void expect_ok(dnn_status status, const char *call);

/* That the call fails so, and that the last error has these words. */
#define FAILS(call, status, words) expect_failure(call, status, words, #call)
void expect_failure(dnn_status got, dnn_status want, const char *words, const char *call);

/* Sample i: float32 input (i, i + 0.5), int64 target 100 + i. */
dnn_dataset *pairs(int64_t n);

/* n samples: input i (float32, shape (1)), target labels[i] (int64). */
dnn_dataset *labelled(const int64_t *labels, int64_t n);

/* The first element of sample `place`'s input; its target. */
double input_of(dnn_dataset *dataset, int64_t place);
double target_of(dnn_dataset *dataset, int64_t place);

/* Calls use(user) with the k-th allocation failing, once and for ever, for each k, until it succeeds: whatever fails must
 * fail with MEMORY. */
void expect_memory_failures_survived(dnn_status (*use)(void *user), void *user, int64_t at_least);

#endif
