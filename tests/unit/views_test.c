/* Views that choose: split by class and by group, filter, concat, balance; and targets read alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/datasets.h"

#define SPLIT(a, b, source, ...) \
    dnn_dataset_split(a, b, source, &(dnn_split_desc){DNN_SIZED(dnn_split_desc), __VA_ARGS__})

/* Marks the inputs of a part in seen[], and counts its targets in count[]; pairs are whole: target = label[input]. */
static void look_at(dnn_dataset *part, const int64_t *label, int *seen, int *count) {
    dnn_tensor *x, *t;
    OK(dnn_dataset_get_range(&x, &t, part, 0, dnn_dataset_count(part)));
    for (int64_t i = 0; i < dnn_dataset_count(part); i++) {
        int64_t sample = (int64_t)tensor_at(x, i), target = (int64_t)tensor_at(t, i);
        assert_int_equal(target, label[sample]);
        seen[sample]++;
        count[target]++;
    }
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}

/* 60 of class 0, 30 of class 1, 9 of class 2, 1 of class 3; mixed. */
static void uneven_labels(int64_t *label) {
    for (int i = 0; i < 100; i++) label[i * 37 % 100] = i < 60 ? 0 : i < 90 ? 1 : i < 99 ? 2 : 3;
}

/* ---- splits ---- */

static void strata_keep_their_share(void **state) {
    (void)state;
    int64_t label[100];
    uneven_labels(label);
    dnn_dataset *all = labelled(label, 100), *a, *b;
    int seen[100] = {0}, first[4] = {0}, second[4] = {0};
    OK(SPLIT(&a, &b, all, .fraction = 0.7, .stratified = 1, .seed = 4));
    assert_int_equal(dnn_dataset_count(a), 70);
    look_at(a, label, seen, first);
    look_at(b, label, seen, second);
    for (int i = 0; i < 100; i++) assert_int_equal(seen[i], 1);
    assert_int_equal(first[0], 42);
    assert_int_equal(first[1], 21);
    assert_int_equal(first[2], 6); /* of 6.3 */
    assert_int_equal(first[3], 1); /* of 0.7 */
    assert_int_equal(second[2], 3);
    dnn_dataset_release(a);
    dnn_dataset_release(b);
    dnn_dataset_release(all);
}

static void strata_are_drawn_at_random_and_repeat(void **state) {
    (void)state;
    int64_t label[100];
    uneven_labels(label);
    dnn_dataset *all = labelled(label, 100), *a, *b;
    int seen[3][100] = {{0}}, count[4];
    for (int k = 0; k < 3; k++) {
        OK(SPLIT(&a, &b, all, .count = 30, .stratified = 1, .seed = k == 2 ? 8 : 7));
        look_at(a, label, seen[k], count);
        dnn_dataset_release(a);
        dnn_dataset_release(b);
    }
    assert_memory_equal(seen[0], seen[1], sizeof seen[0]);
    assert_memory_not_equal(seen[0], seen[2], sizeof seen[0]);
    dnn_dataset_release(all);
}

static void groups_stay_together(void **state) {
    (void)state;
    int64_t label[90], group[90];
    for (int i = 0; i < 90; i++) label[i] = i % 3, group[i] = (int64_t)(i % 17) * 1000000007 - 5;
    dnn_dataset *all = labelled(label, 90), *a, *b;
    for (uint64_t seed = 0; seed < 5; seed++) {
        int seen[2][90] = {{0}}, count[3];
        OK(SPLIT(&a, &b, all, .fraction = 0.6, .groups = group, .n_groups = 90, .seed = seed));
        assert_in_range(dnn_dataset_count(a), 49, 54); /* a group has 5 or 6 */
        look_at(a, label, seen[0], count);
        look_at(b, label, seen[1], count);
        for (int i = 0; i < 90; i++) {
            assert_int_equal(seen[0][i] + seen[1][i], 1);
            assert_int_equal(seen[0][i], seen[0][i % 17]);
        }
        dnn_dataset_release(a);
        dnn_dataset_release(b);
    }
    dnn_dataset_release(all);
}

static void rules_of_splits_are_checked(void **state) {
    (void)state;
    const int64_t label[] = {0, 1, 0, 1}, group[] = {7, 7, 7, 7};
    dnn_dataset *all = labelled(label, 4), *a, *b;
    FAILS(SPLIT(&a, &b, all, .count = 2, .groups = group, .n_groups = 4), DNN_ERROR_VALUE, "each of the 1 groups");
    FAILS(SPLIT(&a, &b, all, .count = 2, .groups = group, .n_groups = 3), DNN_ERROR_ARGUMENT, "n_groups is 3");
    FAILS(SPLIT(&a, &b, all, .count = 2, .n_groups = 4), DNN_ERROR_ARGUMENT, "groups is NULL");
    FAILS(SPLIT(&a, &b, all, .count = 2, .stratified = 1, .groups = group, .n_groups = 4), DNN_ERROR_ARGUMENT, "both");
    OK(SPLIT(&a, &b, all, .count = 4, .groups = group, .n_groups = 4));
    assert_int_equal(dnn_dataset_count(b), 0);
    dnn_dataset_release(a);
    dnn_dataset_release(b);
    dnn_dataset_release(all);
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(4, 1), NULL);
    OK(dnn_dataset_from_tensors(&all, x, x));
    FAILS(SPLIT(&a, &b, all, .count = 2, .stratified = 1), DNN_ERROR_SHAPE, "class numbers are scalars");
    dnn_dataset_release(all);
    OK(dnn_dataset_from_tensors(&all, x, NULL));
    FAILS(SPLIT(&a, &b, all, .count = 2, .stratified = 1), DNN_ERROR_DTYPE, "class numbers are uint8");
    dnn_dataset_release(all);
    dnn_tensor_release(x);
}

/* ---- targets alone ---- */

typedef struct {
    int gets, targets;
} reads;

static dnn_status get_both(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)epoch;
    ((reads *)user)->gets++;
    *(float *)input->data = (float)index;
    *(int32_t *)target->data = (int32_t)(index % 3);
    return DNN_OK;
}

static dnn_status get_target(void *user, int64_t index, const dnn_array *target) {
    ((reads *)user)->targets++;
    if (index == 40) return dnn_fail(DNN_ERROR_IO, "torn");
    *(int32_t *)target->data = (int32_t)(index % 3);
    return DNN_OK;
}

static dnn_dataset *counted(reads *user, int64_t count, bool targets_alone) {
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc),
                                      .count = count,
                                      .input = {.dtype = DNN_F32},
                                      .target = {.dtype = DNN_I32},
                                      .get = get_both,
                                      .get_target = targets_alone ? get_target : NULL,
                                      .user = user};
    OK(dnn_dataset_from_callbacks(&dataset, data_ctx, &desc));
    return dataset;
}

static void targets_are_read_without_inputs(void **state) {
    (void)state;
    for (int alone = 0; alone < 2; alone++) {
        reads user = {0};
        dnn_dataset *all = counted(&user, 30, alone), *part, *both;
        dnn_tensor *t;
        OK(dnn_dataset_subset(&part, all, (const int64_t[]){5, 7, 2, 9}, 4));
        OK(dnn_dataset_concat(&both, (dnn_dataset *[]){all, part}, 2));
        OK(dnn_dataset_get_targets(&t, both, 29, 4));
        expect_shape(t, DIMS(4));
        expect_values(t, (const double[]){2, 2, 1, 2}, 0, "targets");
        assert_int_equal(user.gets, alone ? 0 : 4);
        assert_int_equal(user.targets, alone ? 4 : 0);
        dnn_tensor_release(t);
        dnn_dataset_release(both);
        dnn_dataset_release(part);
        dnn_dataset_release(all);
    }
}

static void targets_that_cannot_be_read(void **state) {
    (void)state;
    reads user = {0};
    dnn_dataset *all = counted(&user, 50, true), *part, *a, *b;
    dnn_tensor *t;
    OK(dnn_dataset_subset(&part, all, (const int64_t[]){5, 40}, 2));
    FAILS(dnn_dataset_get_targets(&t, part, 0, 2), DNN_ERROR_CALLBACK, "sample 1: sample 40 of its source: torn");
    assert_null(t);
    FAILS(dnn_dataset_get_targets(&t, part, 1, 2), DNN_ERROR_NOT_FOUND, "the dataset has 2");
    FAILS(SPLIT(&a, &b, part, .count = 1, .stratified = 1), DNN_ERROR_CALLBACK, "torn");
    dnn_dataset_release(part);
    dnn_dataset_release(all);
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(4, 1), NULL);
    OK(dnn_dataset_from_tensors(&all, x, NULL));
    FAILS(dnn_dataset_get_targets(&t, all, 0, 2), DNN_ERROR_STATE, "no targets");
    dnn_dataset_release(all);
    dnn_tensor_release(x);
}

/* ---- filter ---- */

static dnn_status choose_odd(void *user, int64_t index, const dnn_array *input, const dnn_array *target,
                             int32_t *keep) {
    if (user && index == *(int64_t *)user) return dnn_fail(DNN_ERROR_VALUE, "I do not know");
    if (input->data) assert_true(*(float *)input->data == (float)index);
    assert_int_equal(*(int32_t *)target->data, index % 3);
    *keep = *(int32_t *)target->data == 1;
    return DNN_OK;
}

#define FILTER(out, source, ...) \
    dnn_dataset_filter(out, source, &(dnn_filter_desc){DNN_SIZED(dnn_filter_desc), __VA_ARGS__})

static void a_filter_keeps_what_is_chosen(void **state) {
    (void)state;
    for (int alone = 0; alone < 2; alone++) {
        reads user = {0};
        dnn_dataset *all = counted(&user, 31, true), *some;
        OK(FILTER(&some, all, .choose = choose_odd, .targets_only = alone));
        assert_int_equal(user.gets, alone ? 0 : 31);
        assert_int_equal(dnn_dataset_count(some), 10);
        for (int64_t i = 0; i < 10; i++) assert_true(input_of(some, i) == (double)(3 * i + 1));
        dnn_dataset_release(some);
        dnn_dataset_release(all);
    }
}

static dnn_status stop_at_256(void *user, const char *what, int64_t done, int64_t total) {
    (void)user;
    assert_string_equal(what, "choosing samples");
    assert_int_equal(total, 300);
    return done < 256 ? DNN_OK : dnn_fail(DNN_ERROR_STATE, "enough");
}

static void a_filter_that_fails(void **state) {
    (void)state;
    reads user = {0};
    int64_t at = 5;
    dnn_dataset *all = counted(&user, 300, false), *some = all;
    FAILS(FILTER(&some, all, .choose = choose_odd, .user = &at), DNN_ERROR_CALLBACK, "sample 5: I do not know");
    assert_null(some);
    FAILS(FILTER(&some, all, .choose = choose_odd, .progress = {stop_at_256, NULL}), DNN_ERROR_STATE, "enough");
    FAILS(FILTER(&some, all, .user = &at), DNN_ERROR_ARGUMENT, "choose is NULL");
    dnn_dataset_release(all);
}

/* ---- concat ---- */

static void sources_follow_each_other(void **state) {
    (void)state;
    dnn_dataset *a = pairs(3), *none = pairs(0), *b = pairs(5), *all;
    OK(dnn_dataset_concat(&all, (dnn_dataset *[]){a, none, b, a}, 4));
    dnn_dataset_release(a);
    dnn_dataset_release(b);
    dnn_dataset_release(none);
    assert_int_equal(dnn_dataset_count(all), 11);
    const double want[11] = {0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2};
    for (int64_t i = 0; i < 11; i++)
        assert_true(input_of(all, i) == want[i] && target_of(all, i) == 100 + want[i]);
    assert_int_equal(dnn_dataset_source_index(all, 7), 4);
    dnn_dataset_release(all);
}

static dnn_dataset *known(dnn_dataset *source, const char *const *names, int64_t classes, double low, double high) {
    dnn_dataset *view;
    OK(dnn_dataset_with_metadata(&view, source, &(dnn_metadata_desc){DNN_SIZED(dnn_metadata_desc), .class_names = names,
                                                                     .classes = classes, .low = low, .high = high}));
    return view;
}

static void sources_must_agree(void **state) {
    (void)state;
    const char *const names[2] = {"cat", "dog"}, *const others[2] = {"cat", "owl"};
    dnn_dataset *plain = pairs(3), *a = known(plain, names, 2, 0, 1), *b = known(plain, others, 2, -1, 0.5);
    dnn_dataset *three = known(plain, NULL, 3, 0, 0), *unnamed = known(plain, NULL, 2, 0, 0), *all;
    const int64_t label[3] = {0};
    dnn_dataset *narrow = labelled(label, 3), *digits;
    OK(dnn_digits(&digits, data_ctx, NULL));
#define CONCAT(...)                                                                                  \
    dnn_dataset_concat(&all, (dnn_dataset *[]){__VA_ARGS__}, sizeof((dnn_dataset *[]){__VA_ARGS__}) / sizeof all)
    FAILS(CONCAT(a, b), DNN_ERROR_VALUE, "class 1 is \"owl\" in sources[1], \"dog\"");
    FAILS(CONCAT(a, three), DNN_ERROR_VALUE, "sources[1] has 3 classes, those before it 2");
    FAILS(CONCAT(plain, narrow), DNN_ERROR_SHAPE, "sources[1] has inputs float32 [1], sources[0] float32 [2]");
    FAILS(CONCAT(plain, NULL), DNN_ERROR_ARGUMENT, "sources[1]: source is NULL");
    FAILS(dnn_dataset_concat(&all, NULL, 1), DNN_ERROR_ARGUMENT, "sources is NULL");
    FAILS(dnn_dataset_concat(&all, &a, 0), DNN_ERROR_ARGUMENT, "no source");
    double low, high;
    OK(CONCAT(a, unnamed));
    assert_int_equal(dnn_dataset_classes(all), 2);
    assert_null(dnn_dataset_class_name(all, 0));
    dnn_dataset_release(all);
    OK(CONCAT(a, plain));
    assert_int_equal(dnn_dataset_classes(all), 0);
    OK(dnn_dataset_range(all, &low, &high));
    assert_true(low == 0 && high == 0);
    dnn_dataset_release(all);
    dnn_dataset *c = known(a, NULL, 0, -1, 0.5);
    OK(CONCAT(a, c));
    assert_string_equal(dnn_dataset_class_name(all, 1), "dog");
    OK(dnn_dataset_range(all, &low, &high));
    assert_true(low == -1 && high == 1);
    dnn_dataset *made[] = {all, plain, a, b, c, three, unnamed, narrow, digits};
    for (int i = 0; i < 9; i++) dnn_dataset_release(made[i]);
}

/* ---- balance ---- */

static void every_class_comes_equally_often(void **state) {
    (void)state;
    int64_t label[100];
    uneven_labels(label);
    dnn_dataset *all = labelled(label, 100), *even;
    OK(dnn_dataset_balance(&even, all, NULL));
    assert_int_equal(dnn_dataset_count(even), 240);
    int seen[100] = {0}, count[4] = {0};
    look_at(even, label, seen, count);
    for (int k = 0; k < 4; k++) assert_int_equal(count[k], 60);
    for (int i = 0; i < 100; i++) {
        if (label[i] < 2) assert_int_equal(seen[i], label[i] + 1); /* all of them, once or twice */
        if (label[i] == 2) assert_in_range(seen[i], 6, 7);         /* 60 of 9 */
        if (label[i] == 3) assert_int_equal(seen[i], 60);
    }
    dnn_dataset_release(even);
    dnn_dataset_release(all);
}

/* The inputs of one epoch, in the loader's order. */
static void read_epoch(dnn_dataset *dataset, int64_t epoch, double *input) {
    dnn_loader *loader;
    const dnn_tensor *x, *t;
    OK(dnn_loader_create(&loader, dataset, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = 20}));
    OK(dnn_loader_set_epoch(loader, epoch));
    while (dnn_loader_next(loader, &x, &t) == DNN_OK)
        for (int64_t i = 0; i < dnn_tensor_dim(x, 0); i++) *input++ = tensor_at(x, i);
    dnn_loader_release(loader);
}

static void balance_draws_anew_each_epoch_and_repeats(void **state) {
    (void)state;
    int64_t label[100];
    uneven_labels(label);
    dnn_dataset *all = labelled(label, 100), *even[3];
    double drawn[4][40];
    for (int k = 0; k < 3; k++)
        OK(dnn_dataset_balance(&even[k], all, &(dnn_balance_desc){DNN_SIZED(dnn_balance_desc), .per_class = 10,
                                                                  .seed = k == 2 ? 1 : 0}));
    read_epoch(even[0], 0, drawn[0]);
    read_epoch(even[1], 0, drawn[1]);
    read_epoch(even[0], 1, drawn[2]);
    read_epoch(even[2], 0, drawn[3]);
    assert_memory_equal(drawn[0], drawn[1], sizeof drawn[0]);
    assert_memory_not_equal(drawn[0], drawn[2], sizeof drawn[0]);
    assert_memory_not_equal(drawn[0], drawn[3], sizeof drawn[0]);
    assert_int_equal(dnn_dataset_source_index(even[0], 5), (int64_t)drawn[0][5]);
    for (int k = 0; k < 3; k++) dnn_dataset_release(even[k]);
    FAILS(dnn_dataset_balance(&even[0], all, &(dnn_balance_desc){DNN_SIZED(dnn_balance_desc), .per_class = -1}),
          DNN_ERROR_ARGUMENT, "per_class is -1");
    dnn_dataset_release(all);
    all = labelled(label, 0);
    FAILS(dnn_dataset_balance(&even[0], all, NULL), DNN_ERROR_VALUE, "no samples");
    dnn_dataset_release(all);
}

/* ---- memory ---- */

static dnn_status use_everything(void *user) {
    const int64_t label[6] = {0, 1, 0, 2, 1, 0};
    dnn_dataset *all = user, *made[9] = {NULL};
    dnn_tensor *t = NULL;
    reads count = {0};
    dnn_status status = SPLIT(&made[0], &made[1], all, .count = 3, .stratified = 1);
    if (status == DNN_OK) status = SPLIT(&made[2], &made[3], all, .count = 3, .groups = label, .n_groups = 6);
    if (status == DNN_OK) status = dnn_dataset_concat(&made[4], (dnn_dataset *[]){all, made[2]}, 2);
    if (status == DNN_OK) status = dnn_dataset_balance(&made[5], made[4], NULL);
    if (status == DNN_OK) status = dnn_dataset_get_targets(&t, made[5], 0, 4);
    if (status == DNN_OK) status = FILTER(&made[6], all, .choose = choose_odd);
    (void)count;
    dnn_tensor_release(t);
    for (int i = 0; i < 9; i++) OK(dnn_dataset_release(made[i]));
    return status;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    reads user = {0};
    dnn_dataset *all = counted(&user, 6, false);
    expect_memory_failures_survived(use_everything, all, 40);
    dnn_dataset_release(all);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)
    const struct CMUnitTest tests[] = {
        TEST(strata_keep_their_share),
        TEST(strata_are_drawn_at_random_and_repeat),
        TEST(groups_stay_together),
        TEST(rules_of_splits_are_checked),
        TEST(targets_are_read_without_inputs),
        TEST(targets_that_cannot_be_read),
        TEST(a_filter_keeps_what_is_chosen),
        TEST(a_filter_that_fails),
        TEST(sources_follow_each_other),
        TEST(sources_must_agree),
        TEST(every_class_comes_equally_often),
        TEST(balance_draws_anew_each_epoch_and_repeats),
        TEST(out_of_memory_anywhere_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
