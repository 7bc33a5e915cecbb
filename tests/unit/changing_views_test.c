/* Views that change samples: map, windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/datasets.h"

/* ---- map ---- */

typedef struct {
    int released, fails;
} mapper;

/* Input (a, b), target t, becomes input (a + b, epoch, 0), target t + 1. */
static dnn_status map_sum(void *user, int64_t index, int64_t epoch, const dnn_array *from_input,
                          const dnn_array *from_target, const dnn_array *input, const dnn_array *target) {
    const float *from = from_input->data;
    double *to = input->data;
    if (((mapper *)user)->fails) return dnn_fail(DNN_ERROR_VALUE, "no sum");
    if (to[0] != 0 || to[2] != 0) return dnn_fail(DNN_ERROR_VALUE, "not zeroed");
    if (*(int64_t *)target->data != *(int64_t *)from_target->data) return dnn_fail(DNN_ERROR_VALUE, "not copied");
    if (*(int64_t *)target->data != 100 + index) return dnn_fail(DNN_ERROR_VALUE, "not the sample");
    to[0] = (double)from[0] + (double)from[1];
    to[1] = (double)epoch;
    ++*(int64_t *)target->data;
    return DNN_OK;
}

static void release_mapper(void *user) { ((mapper *)user)->released++; }

static dnn_map_desc sum_desc(mapper *user) {
    return (dnn_map_desc){DNN_SIZED(dnn_map_desc),
                          .input = {.dtype = DNN_F64, .rank = 1, .dims = {3}},
                          .map = map_sum,
                          .release = release_mapper,
                          .user = user,
                          .high = 100};
}

static void samples_are_rewritten(void **state) {
    (void)state;
    mapper user = {0};
    dnn_map_desc desc = sum_desc(&user);
    dnn_dataset *all = pairs(6), *sums;
    OK(dnn_dataset_map(&sums, all, &desc));
    dnn_dataset_release(all);
    dnn_tensor *x, *t;
    OK(dnn_dataset_get(&x, &t, sums, (const int64_t[]){4, 1}, 2));
    expect_shape(x, DIMS(2, 3));
    expect_values(x, (const double[]){8.5, 0, 0, 2.5, 0, 0}, 0, "inputs");
    expect_values(t, (const double[]){105, 102}, 0, "targets");
    double low = -1, high = -1;
    OK(dnn_dataset_range(sums, &low, &high));
    assert_true(low == 0 && high == 100);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    user.fails = 1;
    FAILS(dnn_dataset_get_range(&x, NULL, sums, 2, 1), DNN_ERROR_CALLBACK, "sample 2: no sum");
    dnn_dataset_release(sums);
    assert_int_equal(user.released, 1);
}

static void a_map_in_a_loader_knows_the_epoch(void **state) {
    (void)state;
    mapper user = {0};
    dnn_map_desc desc = sum_desc(&user);
    dnn_dataset *all = pairs(64), *sums;
    dnn_loader *loader;
    const dnn_tensor *x, *t;
    OK(dnn_dataset_map(&sums, all, &desc));
    OK(dnn_loader_create(&loader, sums, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = 16, .workers = 3,
                                                           .shuffle = 1}));
    OK(dnn_loader_set_epoch(loader, 5));
    for (int b = 0; b < 4; b++) {
        OK(dnn_loader_next(loader, &x, &t));
        for (int64_t i = 0; i < 16; i++)
            assert_true(tensor_at(x, 3 * i) == 2 * (tensor_at(t, i) - 101) + 0.5 && tensor_at(x, 3 * i + 1) == 5);
    }
    dnn_loader_release(loader);
    dnn_dataset_release(sums);
    dnn_dataset_release(all);
}

static void wrong_maps(void **state) {
    (void)state;
    mapper user = {0};
    dnn_dataset *all = pairs(3), *view = all;
    dnn_map_desc desc = sum_desc(&user);
    desc.map = NULL;
    FAILS(dnn_dataset_map(&view, all, &desc), DNN_ERROR_ARGUMENT, "map is NULL");
    assert_null(view);
    desc = sum_desc(&user);
    desc.input.dims[0] = -1;
    FAILS(dnn_dataset_map(&view, all, &desc), DNN_ERROR_SHAPE, "desc.input");
    desc = sum_desc(&user);
    desc.low = 200;
    FAILS(dnn_dataset_map(&view, all, &desc), DNN_ERROR_VALUE, "200 … 100");
    assert_int_equal(user.released, 0);
    dnn_dataset_release(all);
}

/* ---- windows ---- */

/* n images (5, 6, 2), element e of image i is 1000 i + e; dense targets (5, 6), int64, the number of the place. */
static dnn_dataset *images(int64_t n) {
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(n, 5, 6, 2), NULL);
    dnn_tensor *t = tensor_of(data_ctx, DNN_I64, DIMS(n, 5, 6), NULL);
    for (int64_t i = 0; i < n; i++)
        for (int64_t e = 0; e < 60; e++) {
            tensor_put(x, i * 60 + e, (double)(1000 * i + e));
            tensor_put(t, i * 30 + e / 2, (double)(1000 * i + e / 2));
        }
    dnn_dataset *dataset;
    OK(dnn_dataset_from_tensors(&dataset, x, t));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return dataset;
}

#define WINDOWS(out, source, ...) \
    dnn_dataset_windows(out, source, &(dnn_windows_desc){DNN_SIZED(dnn_windows_desc), __VA_ARGS__})

/* That window `w` of the view, of height h and width 2, is cut from image i at (y, x). */
static void expect_window(dnn_dataset *view, int64_t w, int64_t i, int64_t y, int64_t x, int64_t h) {
    dnn_tensor *input, *target;
    OK(dnn_dataset_get(&input, &target, view, &w, 1));
    expect_shape(input, DIMS(1, h, 2, 2));
    expect_shape(target, DIMS(1, h, 2));
    for (int64_t r = 0; r < h; r++)
        for (int64_t c = 0; c < 2; c++) {
            double place = (double)((y + r) * 6 + x + c);
            assert_true(tensor_at(input, (r * 2 + c) * 2 + 1) == (double)(1000 * i) + 2 * place + 1);
            assert_true(tensor_at(target, r * 2 + c) == (double)(1000 * i) + place);
        }
    dnn_tensor_release(input);
    dnn_tensor_release(target);
}

static void images_are_cut(void **state) {
    (void)state;
    dnn_dataset *all = images(3), *view;
    OK(WINDOWS(&view, all, .window = {3, 2}, .stride = {2, 3}, .target = DNN_WINDOW_TARGET_DENSE));
    assert_int_equal(dnn_dataset_count(view), 3 * 2 * 2);
    for (int64_t w = 0; w < 12; w++) expect_window(view, w, w / 4, w / 2 % 2 * 2, w % 2 * 3, 3);
    assert_int_equal(dnn_dataset_source_index(view, 6), 1);
    char name[32], little[12];
    OK(dnn_dataset_sample_name(view, 7, name, sizeof name));
    assert_string_equal(name, "sample 1 (2, 3)");
    OK(dnn_dataset_sample_name(view, 7, little, sizeof little));
    assert_string_equal(little, "sample 1 (2");
    dnn_dataset_release(view);
    OK(WINDOWS(&view, all, .window = {2}, .target = DNN_WINDOW_TARGET_DENSE)); /* a square, side by side */
    assert_int_equal(dnn_dataset_count(view), 3 * 2 * 3);
    expect_window(view, 6 + 5, 1, 2, 4, 2);
    dnn_dataset_release(view);
    OK(WINDOWS(&view, all, .window = {2}, .cover = 1, .target = DNN_WINDOW_TARGET_DENSE));
    assert_int_equal(dnn_dataset_count(view), 3 * 3 * 3);
    expect_window(view, 8, 0, 3, 4, 2); /* moved back to the border */
    dnn_dataset_release(view);
    dnn_dataset_release(all);
}

static void targets_of_windows(void **state) {
    (void)state;
    dnn_dataset *all = images(2), *view;
    dnn_item_info info = {DNN_SIZED(dnn_item_info)};
    OK(WINDOWS(&view, all, .window = {3}, .stride = {1}, .target = DNN_WINDOW_TARGET_CENTRE));
    OK(dnn_dataset_item(view, &info));
    assert_int_equal(info.target.rank, 0);
    assert_int_equal(dnn_dataset_count(view), 2 * 3 * 4);
    assert_true(target_of(view, 0) == 7 && target_of(view, 23) == 1000 + 3 * 6 + 4);
    dnn_dataset_release(view);
    OK(WINDOWS(&view, all, .window = {5, 6}));
    OK(dnn_dataset_item(view, &info));
    assert_int_equal(info.target.rank, 2);
    assert_true(target_of(view, 1) == 1000);
    dnn_dataset_release(view);
    dnn_dataset_release(all);
}

static void sequences_are_cut(void **state) {
    (void)state;
    dnn_tensor *x = tensor_of(data_ctx, DNN_U8, DIMS(2, 7), NULL);
    for (int64_t i = 0; i < 14; i++) tensor_put(x, i, (double)i);
    dnn_dataset *all, *view;
    OK(dnn_dataset_from_tensors(&all, x, x));
    OK(WINDOWS(&view, all, .window = {4}, .stride = {2}, .target = DNN_WINDOW_TARGET_DENSE));
    assert_int_equal(dnn_dataset_count(view), 4);
    dnn_tensor *part, *target;
    OK(dnn_dataset_get_range(&part, &target, view, 0, 4));
    expect_values(part, (const double[]){0, 1, 2, 3, 2, 3, 4, 5, 7, 8, 9, 10, 9, 10, 11, 12}, 0, "windows");
    expect_same_bits(part, target, "dense targets");
    char name[32];
    OK(dnn_dataset_sample_name(view, 3, name, sizeof name));
    assert_string_equal(name, "sample 1 (2)");
    dnn_tensor_release(part);
    dnn_tensor_release(target);
    dnn_dataset_release(view);
    dnn_dataset_release(all);
    dnn_tensor_release(x);
}

static void wrong_windows(void **state) {
    (void)state;
    dnn_dataset *all = images(2), *flat = pairs(4), *view;
    FAILS(WINDOWS(&view, all, .window = {6}), DNN_ERROR_SHAPE, "a window of 6 does not fit into axis 0");
    FAILS(WINDOWS(&view, all, .window = {0}), DNN_ERROR_ARGUMENT, "window[0] is 0");
    FAILS(WINDOWS(&view, all, .window = {2, -1}), DNN_ERROR_ARGUMENT, "window[1] is -1");
    FAILS(WINDOWS(&view, all, .window = {2}, .stride = {-1}), DNN_ERROR_ARGUMENT, "stride[0] is -1");
    FAILS(WINDOWS(&view, all, .window = {2}, .target = (dnn_window_target)7), DNN_ERROR_ARGUMENT, "target is 7");
    FAILS(WINDOWS(&view, flat, .window = {2}, .target = DNN_WINDOW_TARGET_DENSE), DNN_ERROR_SHAPE,
          "begins with the input's axes [2], this one has shape []");
    assert_null(view);
    dnn_dataset_release(all);
    dnn_dataset_release(flat);
}

/* ---- what is read once ---- */

typedef struct {
    int64_t reads, fails_at;
} source;

static dnn_status get_row(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    source *s = user;
    s->reads++;
    (void)target;
    if (index == s->fails_at) return dnn_fail(DNN_ERROR_IO, "gone");
    for (int64_t i = 0; i < 8; i++) ((float *)input->data)[i] = (float)(index * 100 + epoch * 10 + i);
    return DNN_OK;
}

static dnn_dataset *rows(source *s, int64_t count) {
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = count,
                                      .input = {.dtype = DNN_F32, .rank = 1, .dims = {8}}, .get = get_row, .user = s};
    OK(dnn_dataset_from_callbacks(&dataset, data_ctx, &desc));
    return dataset;
}

static void neighbours_read_their_sample_once(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *all = rows(&s, 5), *a, *b, *both;
    OK(WINDOWS(&a, all, .window = {2}));
    OK(WINDOWS(&b, all, .window = {2}, .stride = {6}));
    OK(dnn_dataset_concat(&both, (dnn_dataset *[]){a, b}, 2));
    dnn_tensor *x;
    OK(dnn_dataset_get(&x, NULL, both, (const int64_t[]){3, 1, 2, 20, 21, 3, 5, 29}, 8)); /* 0 0 0 | 0 0 | 0 1 | 4 */
    assert_int_equal(s.reads, 5);
    const double want[16] = {6, 7, 2, 3, 4, 5, 0, 1, 6, 7, 6, 7, 102, 103, 406, 407};
    expect_values(x, want, 0, "windows");
    dnn_tensor_release(x);
    s.fails_at = 1; /* what a failed read has left is not taken for a sample */
    FAILS(dnn_dataset_get(&x, NULL, a, (const int64_t[]){4, 5}, 2), DNN_ERROR_CALLBACK, "sample 4: sample 1 of its");
    dnn_dataset *made[] = {all, a, b, both};
    for (int i = 0; i < 4; i++) dnn_dataset_release(made[i]);
}

static void windows_in_a_loader_follow_the_epoch(void **state) {
    (void)state;
    source s = {.fails_at = -1};
    dnn_dataset *all = rows(&s, 6), *view;
    dnn_loader *loader;
    const dnn_tensor *x;
    OK(WINDOWS(&view, all, .window = {4}));
    dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = 6, .prefetch = DNN_NO_PREFETCH};
    OK(dnn_loader_create(&loader, view, &desc));
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        for (int64_t w = 0; dnn_loader_next(loader, &x, NULL) == DNN_OK; w += 6)
            for (int64_t i = 0; i < 6; i++)
                assert_true(tensor_at(x, 4 * i) == (double)((w + i) / 2 * 100 + epoch * 10 + (w + i) % 2 * 4));
    }
    assert_int_equal(s.reads, 18);
    dnn_loader_release(loader);
    dnn_dataset_release(view);
    dnn_dataset_release(all);
}

/* ---- memory ---- */

static dnn_status use_everything(void *user) {
    mapper m = {0};
    dnn_map_desc desc = sum_desc(&m);
    dnn_dataset *sums = NULL, *view = NULL;
    dnn_tensor *x = NULL;
    dnn_status status = dnn_dataset_map(&sums, user, &desc);
    if (status == DNN_OK) status = WINDOWS(&view, sums, .window = {2}, .stride = {1});
    if (status == DNN_OK) status = dnn_dataset_get_range(&x, NULL, view, 0, 3);
    dnn_tensor_release(x);
    dnn_dataset_release(view);
    dnn_dataset_release(sums);
    return status;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    dnn_dataset *all = pairs(4);
    expect_memory_failures_survived(use_everything, all, 6);
    dnn_dataset_release(all);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)
    const struct CMUnitTest tests[] = {
        TEST(samples_are_rewritten),
        TEST(a_map_in_a_loader_knows_the_epoch),
        TEST(wrong_maps),
        TEST(images_are_cut),
        TEST(targets_of_windows),
        TEST(sequences_are_cut),
        TEST(wrong_windows),
        TEST(neighbours_read_their_sample_once),
        TEST(windows_in_a_loader_follow_the_epoch),
        TEST(out_of_memory_anywhere_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
