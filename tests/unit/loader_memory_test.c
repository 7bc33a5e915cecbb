/* What a loader holds: prefetch + 1 batches, the order of an epoch, and a sample for each worker where a view changes
 * samples. Nothing of it grows with the epoch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/datasets.h"

enum { SAMPLES = 20000, BYTES = 3072, BATCH = 40, PREFETCH = 3, WORKERS = 2, SLACK = 64 * 1024 };

static dnn_status get_bytes(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)user, (void)epoch;
    memset(input->data, (int)(index & 127), BYTES);
    *(int64_t *)target->data = index;
    return DNN_OK;
}

static dnn_dataset *made(void) {
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = SAMPLES, .get = get_bytes,
                                      .input = {.dtype = DNN_U8, .rank = 3, .dims = {32, 32, 3}},
                                      .target = {.dtype = DNN_I64}, .thread_safe = 1};
    OK(dnn_dataset_from_callbacks(&dataset, data_ctx, &desc));
    return dataset;
}

/* The most bytes that loading two epochs of the dataset holds, beyond what was held before. */
static int64_t most_held(dnn_dataset *dataset, int32_t shuffle) {
    dnn_loader *loader;
    const dnn_tensor *x, *t;
    int64_t before = data_memory.bytes, batches = 0;
    data_memory.peak = before;
    dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = shuffle, .prefetch = PREFETCH,
                            .workers = WORKERS};
    OK(dnn_loader_create(&loader, dataset, &desc));
    for (int epoch = 0; epoch < 2; epoch++)
        while (dnn_loader_next(loader, &x, &t) == DNN_OK) batches++;
    assert_int_equal(batches, 2 * SAMPLES / BATCH);
    dnn_loader_release(loader);
    return data_memory.peak - before;
}

static const int64_t of_batches = (int64_t)(PREFETCH + 1) * BATCH * (BYTES + 8);

static void a_loader_holds_its_batches(void **state) {
    (void)state;
    dnn_dataset *dataset = made();
    assert_in_range(most_held(dataset, 0), of_batches, of_batches + SLACK);
    assert_in_range(most_held(dataset, 1), of_batches, of_batches + SAMPLES * 8 + SLACK); /* and the order */
    dnn_dataset_release(dataset);
}

static void views_hold_a_sample_for_each_worker(void **state) {
    (void)state;
    dnn_dataset *dataset = made(), *half, *windows, *both;
    dnn_windows_desc whole = {DNN_SIZED(dnn_windows_desc), .window = {32}};
    OK(dnn_dataset_windows(&windows, dataset, &whole));
    OK(dnn_dataset_first(&half, windows, SAMPLES / 2));
    OK(dnn_dataset_concat(&both, (dnn_dataset *[]){half, half}, 2));
    assert_in_range(most_held(both, 0), of_batches, of_batches + WORKERS * BYTES + SLACK);
    dnn_dataset *all[] = {dataset, half, windows, both};
    for (int i = 0; i < 4; i++) dnn_dataset_release(all[i]);
}

/* Fitting and hashing hold some blocks for each thread, however large the dataset is. */
static void walks_hold_some_blocks(void **state) {
    (void)state;
    dnn_dataset *dataset = made();
    dnn_statistics *s;
    uint64_t hash;
    int64_t before = data_memory.bytes;
    data_memory.peak = before;
    OK(dnn_statistics_fit(&s, dataset, NULL));
    OK(dnn_dataset_hash(&hash, dataset, NULL));
    assert_in_range(data_memory.peak - before, 1, 2 << 20); /* the samples are 61 MB */
    dnn_statistics_release(s);
    dnn_dataset_release(dataset);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_loader_holds_its_batches),
        TEST(views_hold_a_sample_for_each_worker),
        TEST(walks_hold_some_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
