#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/datasets.h"

test_allocator data_memory;
dnn_context *data_ctx;

int data_setup(void **state) {
    (void)state;
    data_memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&data_memory), .threads = 2};
    return dnn_context_create(&data_ctx, &desc) == DNN_OK ? 0 : 1;
}

int data_teardown(void **state) {
    (void)state;
    if (dnn_context_release(data_ctx) != DNN_OK) return 1;
    if (data_memory.live != 0) print_error("%lld pieces of memory were not given back\n", (long long)data_memory.live);
    return data_memory.live == 0 ? 0 : 1;
}

void expect_ok(dnn_status status, const char *call) {
    if (status != DNN_OK) fail_msg("%s: %s", call, dnn_last_error());
}

void expect_failure(dnn_status got, dnn_status want, const char *words, const char *call) {
    if (got != want) fail_msg("%s gave %s, not %s", call, dnn_status_name(got), dnn_status_name(want));
    if (!strstr(dnn_last_error(), words)) fail_msg("%s: '%s' is not in: %s", call, words, dnn_last_error());
}

static dnn_dataset *dataset_of(dnn_tensor *x, dnn_tensor *t) {
    dnn_dataset *dataset;
    OK(dnn_dataset_from_tensors(&dataset, x, t));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return dataset;
}

dnn_dataset *pairs(int64_t n) {
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(n, 2), NULL), *t = tensor_of(data_ctx, DNN_I64, DIMS(n), NULL);
    for (int64_t i = 0; i < n; i++) {
        tensor_put(x, 2 * i, (double)i);
        tensor_put(x, 2 * i + 1, (double)i + 0.5);
        tensor_put(t, i, (double)(100 + i));
    }
    return dataset_of(x, t);
}

dnn_dataset *labelled(const int64_t *labels, int64_t n) {
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(n, 1), NULL), *t = tensor_of(data_ctx, DNN_I64, DIMS(n), NULL);
    for (int64_t i = 0; i < n; i++) {
        tensor_put(x, i, (double)i);
        tensor_put(t, i, (double)labels[i]);
    }
    return dataset_of(x, t);
}

static double first_of(dnn_dataset *dataset, int64_t place, bool want_target) {
    dnn_tensor *x, *t;
    OK(dnn_dataset_get(&x, &t, dataset, &place, 1));
    double value = tensor_at(want_target ? t : x, 0);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return value;
}

double input_of(dnn_dataset *dataset, int64_t place) { return first_of(dataset, place, false); }
double target_of(dnn_dataset *dataset, int64_t place) { return first_of(dataset, place, true); }

void expect_memory_failures_survived(dnn_status (*use)(void *user), void *user, int64_t at_least) {
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        dnn_status status = DNN_ERROR_MEMORY;
        int64_t k = 1;
        for (; status != DNN_OK; k++) {
            test_allocator_arm(&data_memory, k, for_ever);
            status = use(user);
            test_allocator_arm(&data_memory, 0, false);
            if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
            OK(use(user));
        }
        if (k <= at_least) fail_msg("only %lld allocations could fail", (long long)k - 2);
    }
}
