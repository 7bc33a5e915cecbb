/* Sources and views: what they give, what they refuse, and that a lack of memory leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/data.h>

#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    if (dnn_context_release(ctx) != DNN_OK) return 1;
    if (memory.live != 0) print_error("%lld pieces of memory were not given back\n", (long long)memory.live);
    return memory.live == 0 ? 0 : 1;
}

#define OK(call) expect_ok(call, #call)
static void expect_ok(dnn_status status, const char *call) {
    if (status != DNN_OK) fail_msg("%s: %s", call, dnn_last_error());
}

#define ERROR_SAYS(words)                                                                                              \
    do {                                                                                                               \
        if (!strstr(dnn_last_error(), words)) fail_msg("'%s' is not in: %s", words, dnn_last_error());                 \
    } while (0)

/* Sample i: input (i, i + 0.5), target 100 + i. */
static dnn_dataset *pairs(int64_t n) {
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(n, 2), NULL), *t = tensor_of(ctx, DNN_I64, DIMS(n), NULL);
    for (int64_t i = 0; i < n; i++) {
        tensor_put(x, 2 * i, (double)i);
        tensor_put(x, 2 * i + 1, (double)i + 0.5);
        tensor_put(t, i, (double)(100 + i));
    }
    dnn_dataset *dataset;
    OK(dnn_dataset_from_tensors(&dataset, x, t));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return dataset;
}

/* Checks that sample `place` of the dataset is pair `i` of pairs(). */
static void expect_pair(dnn_dataset *dataset, int64_t place, int64_t i) {
    dnn_tensor *x, *t;
    OK(dnn_dataset_get(&x, &t, dataset, &place, 1));
    expect_shape(x, DIMS(1, 2));
    expect_shape(t, DIMS(1));
    assert_true(tensor_at(x, 0) == (double)i && tensor_at(x, 1) == (double)i + 0.5 &&
                tensor_at(t, 0) == (double)(100 + i));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}

/* ---- sources ---- */

static void rows_of_tensors(void **state) {
    (void)state;
    dnn_dataset *dataset = pairs(5);
    assert_int_equal(dnn_dataset_count(dataset), 5);
    dnn_item_info info = {DNN_SIZED(dnn_item_info)};
    OK(dnn_dataset_item(dataset, &info));
    assert_int_equal(info.input.dtype, DNN_F32);
    assert_int_equal(info.input.rank, 1);
    assert_int_equal(info.input.dims[0], 2);
    assert_int_equal(info.target.dtype, DNN_I64);
    assert_int_equal(info.target.rank, 0);
    dnn_tensor *x, *t;
    OK(dnn_dataset_get(&x, &t, dataset, (const int64_t[]){4, 0, 4}, 3));
    expect_values(x, (const double[]){4, 4.5, 0, 0.5, 4, 4.5}, 0, "inputs");
    expect_values(t, (const double[]){104, 100, 104}, 0, "targets");
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    OK(dnn_dataset_get_range(&x, NULL, dataset, 1, 2));
    expect_values(x, (const double[]){1, 1.5, 2, 2.5}, 0, "inputs");
    dnn_tensor_release(x);
    dnn_dataset_release(dataset);
}

static void tensors_without_targets(void **state) {
    (void)state;
    dnn_tensor *x = tensor_of(ctx, DNN_U8, DIMS(3, 2, 2), NULL), *batch, *targets = x;
    dnn_dataset *dataset;
    OK(dnn_dataset_from_tensors(&dataset, x, NULL));
    dnn_item_info info = {DNN_SIZED(dnn_item_info)};
    OK(dnn_dataset_item(dataset, &info));
    assert_int_equal(info.target.dtype, DNN_DTYPE_NONE);
    OK(dnn_dataset_get_range(&batch, &targets, dataset, 0, 3));
    assert_null(targets);
    expect_shape(batch, DIMS(3, 2, 2));
    dnn_tensor_release(batch);
    dnn_tensor_release(x);
    dnn_dataset_release(dataset);
}

static void tensors_that_do_not_fit(void **state) {
    (void)state;
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(3, 2), NULL), *t = tensor_of(ctx, DNN_I64, DIMS(4), NULL);
    dnn_tensor *scalar = tensor_of(ctx, DNN_F32, 0, NULL, NULL);
    dnn_dataset *dataset = (dnn_dataset *)x;
    assert_int_equal(dnn_dataset_from_tensors(&dataset, x, t), DNN_ERROR_SHAPE);
    ERROR_SAYS("inputs [3,2] and targets [4]");
    assert_null(dataset);
    assert_int_equal(dnn_dataset_from_tensors(&dataset, scalar, NULL), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_dataset_from_tensors(&dataset, x, scalar), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_dataset_from_tensors(&dataset, NULL, t), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_dataset_from_tensors(NULL, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_dataset_from_tensors(&dataset, x, (dnn_tensor *)ctx), DNN_ERROR_HANDLE);
    dnn_context *other;
    OK(dnn_context_create(&other, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1}));
    dnn_tensor *foreign = tensor_of(other, DNN_I64, DIMS(3), NULL);
    assert_int_equal(dnn_dataset_from_tensors(&dataset, x, foreign), DNN_ERROR_HANDLE);
    dnn_tensor_release(foreign);
    dnn_context_release(other);
    dnn_tensor_release(scalar);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}

static void empty_datasets(void **state) {
    (void)state;
    dnn_dataset *dataset = pairs(0), *none;
    dnn_tensor *x, *t;
    assert_int_equal(dnn_dataset_count(dataset), 0);
    OK(dnn_dataset_get(&x, &t, dataset, NULL, 0));
    expect_shape(x, DIMS(0, 2));
    OK(dnn_dataset_subset(&none, dataset, NULL, 0));
    assert_int_equal(dnn_dataset_count(none), 0);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_dataset_release(none);
    dnn_dataset_release(dataset);
}

/* What a host's source is given and does. */
typedef struct {
    int64_t fails_at; /* -1: never */
    bool silent;      /* fails without a reason */
    int64_t calls, released;
} host;

static dnn_status get_square(void *user, int64_t index, int64_t epoch, const dnn_array *input,
                             const dnn_array *target) {
    host *h = user;
    h->calls++;
    if (index == h->fails_at) return h->silent ? DNN_ERROR_IO : dnn_fail(DNN_ERROR_IO, "the disk is wet");
    float *x = input->data;
    if (input->rank != 2 || input->dims[0] != 2 || input->dtype != DNN_F32) return dnn_fail(DNN_ERROR_SHAPE, "input");
    if (x[0] != 0 || x[5] != 0) return dnn_fail(DNN_ERROR_VALUE, "the memory is not zeroed");
    x[0] = (float)(index * index);
    x[5] = (float)epoch;
    if (target->data) *(double *)target->data = (double)-index;
    return DNN_OK;
}

static void release_host(void *user) { ((host *)user)->released++; }

static dnn_callback_dataset_desc host_desc(host *h, int64_t count) {
    return (dnn_callback_dataset_desc){DNN_SIZED(dnn_callback_dataset_desc),
                                       .count = count,
                                       .input = {.dtype = DNN_F32, .rank = 2, .dims = {2, 3}},
                                       .target = {.dtype = DNN_F64},
                                       .get = get_square,
                                       .release = release_host,
                                       .user = h};
}

static void samples_of_the_host(void **state) {
    (void)state;
    host h = {.fails_at = -1};
    dnn_callback_dataset_desc desc = host_desc(&h, 1000);
    dnn_dataset *dataset;
    OK(dnn_dataset_from_callbacks(&dataset, ctx, &desc));
    dnn_tensor *x, *t;
    OK(dnn_dataset_get(&x, &t, dataset, (const int64_t[]){3, 999}, 2));
    expect_shape(x, DIMS(2, 2, 3));
    assert_true(tensor_at(x, 0) == 9 && tensor_at(x, 6) == 999.0 * 999 && tensor_at(x, 11) == 0);
    expect_values(t, (const double[]){-3, -999}, 0, "targets");
    assert_int_equal(h.calls, 2);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_dataset_release(dataset);
    assert_int_equal(h.released, 1);
}

static void a_host_that_fails(void **state) {
    (void)state;
    host h = {.fails_at = 7};
    dnn_callback_dataset_desc desc = host_desc(&h, 10);
    dnn_dataset *dataset, *part;
    OK(dnn_dataset_from_callbacks(&dataset, ctx, &desc));
    dnn_tensor *x = (dnn_tensor *)ctx, *t = (dnn_tensor *)ctx;
    assert_int_equal(dnn_dataset_get_range(&x, &t, dataset, 5, 4), DNN_ERROR_CALLBACK);
    assert_string_equal(dnn_last_error(), "sample 7: the disk is wet");
    assert_null(x);
    assert_null(t);
    OK(dnn_dataset_subset(&part, dataset, (const int64_t[]){1, 7}, 2));
    assert_int_equal(dnn_dataset_get_range(&x, NULL, part, 0, 2), DNN_ERROR_CALLBACK);
    assert_string_equal(dnn_last_error(), "sample 1: sample 7 of its source: the disk is wet");
    dnn_fail(DNN_ERROR_VALUE, "an older error");
    h.silent = true;
    assert_int_equal(dnn_dataset_get_range(&x, NULL, dataset, 7, 1), DNN_ERROR_CALLBACK);
    ERROR_SAYS("DNN_ERROR_IO (50) and gave no reason");
    h.fails_at = -1;
    OK(dnn_dataset_get_range(&x, NULL, dataset, 5, 4));
    dnn_tensor_release(x);
    dnn_dataset_release(part);
    dnn_dataset_release(dataset);
}

static void descriptions_of_samples_are_checked(void **state) {
    (void)state;
    host h = {.fails_at = -1};
    dnn_dataset *dataset;
#define REFUSED(status, ...)                                                                                           \
    do {                                                                                                               \
        dnn_callback_dataset_desc desc = host_desc(&h, 10);                                                            \
        __VA_ARGS__;                                                                                                   \
        assert_int_equal(dnn_dataset_from_callbacks(&dataset, ctx, &desc), status);                                    \
        assert_null(dataset);                                                                                          \
    } while (0)
    REFUSED(DNN_ERROR_ARGUMENT, desc.count = -1);
    REFUSED(DNN_ERROR_ARGUMENT, desc.get = NULL);
    REFUSED(DNN_ERROR_ARGUMENT, desc.size = 0);
    REFUSED(DNN_ERROR_DTYPE, desc.input.dtype = DNN_DTYPE_NONE);
    REFUSED(DNN_ERROR_DTYPE, desc.target.dtype = (dnn_dtype)77);
    REFUSED(DNN_ERROR_SHAPE, desc.input.dims[1] = -3);
    REFUSED(DNN_ERROR_SHAPE, desc.input.rank = DNN_MAX_RANK);
    REFUSED(DNN_ERROR_SHAPE, desc.input.rank = 99);
    REFUSED(DNN_ERROR_SHAPE, desc.input.dims[0] = INT64_MAX);
    assert_int_equal(dnn_dataset_from_callbacks(&dataset, ctx, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(h.released, 0);
}

/* ---- views ---- */

static void subsets(void **state) {
    (void)state;
    dnn_dataset *all = pairs(10), *part, *two;
    OK(dnn_dataset_subset(&part, all, (const int64_t[]){9, 2, 2, 5}, 4));
    OK(dnn_dataset_first(&two, part, 2));
    dnn_dataset_release(all);
    dnn_dataset_release(part);
    assert_int_equal(dnn_dataset_count(two), 2);
    expect_pair(two, 0, 9);
    expect_pair(two, 1, 2);
    dnn_dataset_release(two);
}

static void indices_that_are_not_there(void **state) {
    (void)state;
    dnn_dataset *all = pairs(10), *view;
    dnn_tensor *x;
    assert_int_equal(dnn_dataset_subset(&view, all, (const int64_t[]){0, 10}, 2), DNN_ERROR_NOT_FOUND);
    ERROR_SAYS("indices[1] is 10, the dataset has 10 samples");
    assert_null(view);
    assert_int_equal(dnn_dataset_first(&view, all, 11), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_dataset_first(&view, all, -1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_dataset_get(&x, NULL, all, (const int64_t[]){-1}, 1), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_dataset_get_range(&x, NULL, all, 8, 3), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_dataset_get_range(&x, NULL, all, 1, INT64_MAX), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_dataset_get_range(&x, NULL, all, -1, 2), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_dataset_get(&x, NULL, all, NULL, 2), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_dataset_get(NULL, NULL, all, NULL, 0), DNN_ERROR_ARGUMENT);
    dnn_dataset_release(all);
}

/* Which of pairs() are in the dataset: adds 1 to seen[i] for each. */
static void count_pairs(dnn_dataset *dataset, int *seen) {
    dnn_tensor *x, *t;
    OK(dnn_dataset_get_range(&x, &t, dataset, 0, dnn_dataset_count(dataset)));
    for (int64_t i = 0; i < dnn_dataset_count(dataset); i++) {
        assert_true(tensor_at(t, i) == tensor_at(x, 2 * i) + 100);
        seen[(int64_t)tensor_at(x, 2 * i)]++;
    }
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}

static void splits_are_disjoint_and_complete(void **state) {
    (void)state;
    dnn_dataset *all = pairs(101), *a, *b;
    dnn_split_desc desc = {DNN_SIZED(dnn_split_desc), .fraction = 0.7, .seed = 5};
    int seen[101] = {0}, in_first[101] = {0};
    OK(dnn_dataset_split(&a, &b, all, &desc));
    assert_int_equal(dnn_dataset_count(a), 71);
    assert_int_equal(dnn_dataset_count(b), 30);
    count_pairs(a, in_first);
    count_pairs(a, seen);
    count_pairs(b, seen);
    int64_t leading = 0;
    for (int64_t i = 0; i < 101; i++) {
        assert_int_equal(seen[i], 1);
        leading += i < 71 && in_first[i];
    }
    assert_true(leading < 65); /* at random: 50 are to be expected */
    dnn_dataset_release(a);
    dnn_dataset_release(b);
    dnn_dataset_release(all);
}

static void splits_repeat(void **state) {
    (void)state;
    dnn_dataset *all = pairs(50), *part[3], *rest;
    uint64_t seeds[3] = {1, 1, 2};
    int seen[3][50] = {{0}};
    for (int k = 0; k < 3; k++) {
        dnn_split_desc desc = {DNN_SIZED(dnn_split_desc), .count = 20, .seed = seeds[k]};
        OK(dnn_dataset_split(&part[k], &rest, all, &desc));
        assert_int_equal(dnn_dataset_count(rest), 30);
        count_pairs(part[k], seen[k]);
        dnn_dataset_release(rest);
        dnn_dataset_release(part[k]);
    }
    assert_memory_equal(seen[0], seen[1], sizeof seen[0]);
    assert_memory_not_equal(seen[0], seen[2], sizeof seen[0]);
    dnn_dataset_release(all);
}

static void splits_are_checked(void **state) {
    (void)state;
    dnn_dataset *all = pairs(10), *a, *b;
#define SPLIT(...) dnn_dataset_split(&a, &b, all, &(dnn_split_desc){DNN_SIZED(dnn_split_desc), __VA_ARGS__})
    assert_int_equal(SPLIT(.seed = 1), DNN_ERROR_ARGUMENT);
    ERROR_SAYS("neither");
    assert_int_equal(SPLIT(.fraction = 0.5, .count = 5), DNN_ERROR_ARGUMENT);
    assert_int_equal(SPLIT(.fraction = 1), DNN_ERROR_ARGUMENT);
    assert_int_equal(SPLIT(.fraction = -0.5), DNN_ERROR_ARGUMENT);
    assert_int_equal(SPLIT(.count = 11), DNN_ERROR_ARGUMENT);
    assert_int_equal(SPLIT(.count = -1), DNN_ERROR_ARGUMENT);
    assert_null(a);
    assert_null(b);
    assert_int_equal(dnn_dataset_split(&a, &b, all, NULL), DNN_ERROR_ARGUMENT);
    dnn_split_desc good = {DNN_SIZED(dnn_split_desc), .count = 10};
    assert_int_equal(dnn_dataset_split(&a, &a, all, &good), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_dataset_split(&a, NULL, all, &good), DNN_ERROR_ARGUMENT);
    OK(dnn_dataset_split(&a, &b, all, &good));
    assert_int_equal(dnn_dataset_count(b), 0);
    dnn_dataset_release(a);
    dnn_dataset_release(b);
    dnn_dataset_release(all);
}

/* ---- handles, memory ---- */

static void wrong_handles(void **state) {
    (void)state;
    dnn_dataset *all = pairs(3), *out;
    dnn_dataset *wrong[] = {NULL, (dnn_dataset *)ctx, all};
    dnn_item_info info = {DNN_SIZED(dnn_item_info)};
    dnn_split_desc split = {DNN_SIZED(dnn_split_desc), .count = 1};
    dnn_tensor *x;
    assert_int_equal(dnn_dataset_item(all, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_dataset_item(all, &(dnn_item_info){.size = 0}), DNN_ERROR_ARGUMENT);
    OK(dnn_dataset_release(all)); /* the last of `wrong` is released from here on */
    for (int i = 0; i < 3; i++) {
        dnn_status want = wrong[i] ? DNN_ERROR_HANDLE : DNN_ERROR_ARGUMENT;
        assert_int_equal(dnn_dataset_count(wrong[i]), -1);
        assert_int_equal(dnn_dataset_item(wrong[i], &info), want);
        assert_int_equal(dnn_dataset_get_range(&x, NULL, wrong[i], 0, 1), want);
        assert_int_equal(dnn_dataset_get(&x, NULL, wrong[i], (const int64_t[]){0}, 1), want);
        assert_int_equal(dnn_dataset_first(&out, wrong[i], 1), want);
        assert_int_equal(dnn_dataset_subset(&out, wrong[i], (const int64_t[]){0}, 1), want);
        assert_int_equal(dnn_dataset_split(&out, &all, wrong[i], &split), want);
        assert_int_equal(dnn_dataset_retain(wrong[i]), want);
        assert_int_equal(dnn_dataset_release(wrong[i]), wrong[i] ? want : DNN_OK);
    }
}

static dnn_status read_one(dnn_dataset *dataset) {
    dnn_tensor *x, *t;
    dnn_status status = dnn_dataset_get_range(&x, &t, dataset, 0, 1);
    if (status != DNN_OK) return status;
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return DNN_OK;
}

/* Makes one of everything, reads from it, and releases it. */
static dnn_status use_everything(dnn_tensor *x, host *h) {
    dnn_dataset *of_tensors = NULL, *of_host = NULL, *a = NULL, *b = NULL, *part = NULL, *first = NULL;
    dnn_callback_dataset_desc desc = host_desc(h, 6);
    dnn_split_desc split = {DNN_SIZED(dnn_split_desc), .fraction = 0.5};
    dnn_status status = dnn_dataset_from_tensors(&of_tensors, x, NULL);
    if (status == DNN_OK) status = dnn_dataset_from_callbacks(&of_host, ctx, &desc);
    if (status == DNN_OK) status = dnn_dataset_split(&a, &b, of_tensors, &split);
    if (status == DNN_OK) status = dnn_dataset_subset(&part, of_host, (const int64_t[]){5, 1}, 2);
    if (status == DNN_OK) status = dnn_dataset_first(&first, part, 1);
    if (status == DNN_OK) status = read_one(a);
    if (status == DNN_OK) status = read_one(first);
    dnn_dataset *made[] = {of_tensors, of_host, a, b, part, first};
    for (int i = 0; i < 6; i++) OK(dnn_dataset_release(made[i]));
    return status;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    host h = {.fails_at = -1};
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(8, 3), NULL);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        dnn_status status = DNN_ERROR_MEMORY;
        int64_t k = 1;
        for (; status != DNN_OK; k++) {
            test_allocator_arm(&memory, k, for_ever);
            status = use_everything(x, &h);
            test_allocator_arm(&memory, 0, false);
            if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
            OK(use_everything(x, &h));
        }
        assert_true(k > 12);
    }
    dnn_tensor_release(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_of_tensors, setup, teardown),
        cmocka_unit_test_setup_teardown(tensors_without_targets, setup, teardown),
        cmocka_unit_test_setup_teardown(tensors_that_do_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_datasets, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_of_the_host, setup, teardown),
        cmocka_unit_test_setup_teardown(a_host_that_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptions_of_samples_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(subsets, setup, teardown),
        cmocka_unit_test_setup_teardown(indices_that_are_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(splits_are_disjoint_and_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(splits_repeat, setup, teardown),
        cmocka_unit_test_setup_teardown(splits_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_handles, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory_anywhere_is_survived, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
