/* What is known about a dataset besides its samples: names of classes and samples, the range of values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/progress.h"
#include "support/datasets.h"

static const char *const animals[3] = {"cat", "dog", "owl"};

static dnn_status get_zero(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)user, (void)index, (void)epoch, (void)input, (void)target;
    return DNN_OK;
}

static dnn_status name_file(void *user, int64_t index, char *text, size_t bytes) {
    if (index == 3) return dnn_fail(DNN_ERROR_IO, "no name");
    if (index == 4) memset(text, 'x', bytes); /* forgets the zero */
    else snprintf(text, bytes, "%s/%lld.png", (const char *)user, (long long)index);
    return DNN_OK;
}

static char folder[] = "animals";

static dnn_callback_dataset_desc animals_desc(void) {
    return (dnn_callback_dataset_desc){DNN_SIZED(dnn_callback_dataset_desc),
                                       .count = 9,
                                       .input = {.dtype = DNN_U8, .rank = 1, .dims = {2}},
                                       .target = {.dtype = DNN_I64},
                                       .get = get_zero,
                                       .user = folder,
                                       .class_names = animals,
                                       .classes = 3,
                                       .high = 255,
                                       .name = name_file};
}

static dnn_dataset *animal_set(void) {
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = animals_desc();
    OK(dnn_dataset_from_callbacks(&dataset, data_ctx, &desc));
    return dataset;
}

static void expect_name(dnn_dataset *dataset, int64_t index, const char *want) {
    char text[64];
    OK(dnn_dataset_sample_name(dataset, index, text, sizeof text));
    assert_string_equal(text, want);
}

static void expect_range(dnn_dataset *dataset, double low, double high) {
    double found[2] = {-1, -1};
    OK(dnn_dataset_range(dataset, &found[0], &found[1]));
    assert_true(found[0] == low && found[1] == high);
}

static void a_source_says_what_it_knows(void **state) {
    (void)state;
    dnn_dataset *dataset = animal_set();
    assert_int_equal(dnn_dataset_classes(dataset), 3);
    assert_string_equal(dnn_dataset_class_name(dataset, 2), "owl");
    assert_ptr_not_equal(dnn_dataset_class_name(dataset, 2), animals[2]);
    assert_null(dnn_dataset_class_name(dataset, 3));
    assert_null(dnn_dataset_class_name(dataset, -1));
    expect_range(dataset, 0, 255);
    expect_name(dataset, 7, "animals/7.png");
    dnn_dataset_release(dataset);
}

static void names_that_fail_or_do_not_fit(void **state) {
    (void)state;
    dnn_dataset *dataset = animal_set();
    char text[8];
    FAILS(dnn_dataset_sample_name(dataset, 3, text, sizeof text), DNN_ERROR_CALLBACK, "no name");
    OK(dnn_dataset_sample_name(dataset, 4, text, sizeof text));
    assert_string_equal(text, "xxxxxxx");
    OK(dnn_dataset_sample_name(dataset, 5, text, sizeof text));
    assert_string_equal(text, "animals");
    FAILS(dnn_dataset_sample_name(dataset, 9, text, sizeof text), DNN_ERROR_NOT_FOUND, "9");
    FAILS(dnn_dataset_sample_name(dataset, 1, text, 0), DNN_ERROR_ARGUMENT, "room");
    FAILS(dnn_dataset_sample_name(dataset, 1, NULL, 8), DNN_ERROR_ARGUMENT, "room");
    dnn_dataset_release(dataset);
}

static void nothing_known(void **state) {
    (void)state;
    dnn_dataset *dataset = pairs(4);
    assert_int_equal(dnn_dataset_classes(dataset), 0);
    assert_null(dnn_dataset_class_name(dataset, 0));
    expect_range(dataset, 0, 0);
    expect_name(dataset, 3, "sample 3");
    dnn_dataset_release(dataset);
}

static void views_pass_it_on(void **state) {
    (void)state;
    dnn_dataset *dataset = animal_set(), *part, *first;
    OK(dnn_dataset_subset(&part, dataset, (const int64_t[]){8, 2, 6}, 3));
    OK(dnn_dataset_first(&first, part, 2));
    dnn_dataset_release(dataset);
    dnn_dataset_release(part);
    assert_int_equal(dnn_dataset_classes(first), 3);
    assert_string_equal(dnn_dataset_class_name(first, 0), "cat");
    expect_range(first, 0, 255);
    expect_name(first, 0, "animals/8.png");
    assert_int_equal(dnn_dataset_source_index(first, 1), 2);
    assert_int_equal(dnn_dataset_source_index(first, 2), -1);
    assert_int_equal(dnn_dataset_source_index(NULL, 2), -1);
    dnn_dataset_release(first);
}

static void the_names_of_a_source_without_names(void **state) {
    (void)state;
    dnn_dataset *all = pairs(9), *part;
    OK(dnn_dataset_subset(&part, all, (const int64_t[]){8}, 1));
    expect_name(part, 0, "sample 8");
    dnn_dataset_release(part);
    dnn_dataset_release(all);
}

static void the_digits_are_known(void **state) {
    (void)state;
    dnn_dataset *digits;
    OK(dnn_digits(&digits, data_ctx, NULL));
    assert_int_equal(dnn_dataset_classes(digits), 10);
    assert_string_equal(dnn_dataset_class_name(digits, 9), "9");
    expect_range(digits, 0, 1);
    dnn_dataset_release(digits);
}

static void metadata_is_declared_later(void **state) {
    (void)state;
    dnn_dataset *all = pairs(4), *known, *wider;
#define DECLARE(out, source, ...) \
    dnn_dataset_with_metadata(out, source, &(dnn_metadata_desc){DNN_SIZED(dnn_metadata_desc), __VA_ARGS__})
    OK(DECLARE(&known, all, .class_names = animals, .classes = 2, .low = -1, .high = 1));
    OK(DECLARE(&wider, known, .high = 3));
    dnn_dataset_release(known);
    dnn_dataset_release(all);
    assert_int_equal(dnn_dataset_classes(wider), 2);
    assert_string_equal(dnn_dataset_class_name(wider, 1), "dog");
    expect_range(wider, 0, 3);
    assert_true(input_of(wider, 3) == 3 && target_of(wider, 3) == 103);
    OK(DECLARE(&known, wider, .classes = 7));
    assert_int_equal(dnn_dataset_classes(known), 7);
    assert_null(dnn_dataset_class_name(known, 1));
    expect_range(known, 0, 3);
    FAILS(DECLARE(&all, wider, .low = 2, .high = 1), DNN_ERROR_VALUE, "2 … 1 is not a range");
    FAILS(DECLARE(&all, wider, .high = 1.0 / 0.0), DNN_ERROR_VALUE, "not a range");
    FAILS(DECLARE(&all, wider, .classes = -1), DNN_ERROR_ARGUMENT, "desc.classes is -1");
    FAILS(DECLARE(&all, wider, .class_names = animals), DNN_ERROR_ARGUMENT, "desc.class_names is set");
    FAILS(DECLARE(&all, wider, .class_names = (const char *const[]){"a", NULL}, .classes = 2), DNN_ERROR_ARGUMENT,
          "desc.class_names[1] is NULL");
    assert_null(all);
    dnn_dataset_release(known);
    dnn_dataset_release(wider);
}

static void a_source_with_wrong_metadata(void **state) {
    (void)state;
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = animals_desc();
    desc.low = 300;
    FAILS(dnn_dataset_from_callbacks(&dataset, data_ctx, &desc), DNN_ERROR_VALUE, "300 … 255");
    desc = animals_desc();
    desc.classes = 0;
    FAILS(dnn_dataset_from_callbacks(&dataset, data_ctx, &desc), DNN_ERROR_ARGUMENT, "class_names");
    desc = animals_desc(); /* of a program that was compiled before there was metadata */
    desc.size = offsetof(dnn_callback_dataset_desc, class_names);
    OK(dnn_dataset_from_callbacks(&dataset, data_ctx, &desc));
    assert_int_equal(dnn_dataset_classes(dataset), 0);
    expect_name(dataset, 3, "sample 3");
    dnn_dataset_release(dataset);
}

static dnn_status make_known(void *user) {
    (void)user;
    dnn_dataset *dataset, *view = NULL;
    dnn_callback_dataset_desc desc = animals_desc();
    dnn_metadata_desc more = {DNN_SIZED(dnn_metadata_desc), .class_names = animals, .classes = 1};
    dnn_status status = dnn_dataset_from_callbacks(&dataset, data_ctx, &desc);
    if (status == DNN_OK) status = dnn_dataset_with_metadata(&view, dataset, &more);
    dnn_dataset_release(view);
    dnn_dataset_release(dataset);
    return status;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    expect_memory_failures_survived(make_known, NULL, 4);
}

/* ---- progress ---- */

static dnn_status stop_from_two_on(void *user, const char *what, int64_t done, int64_t total) {
    assert_string_equal(what, "counting");
    assert_int_equal(total, 5);
    ++*(int *)user;
    if (done == 3) return (dnn_status)12345;
    return done < 2 ? DNN_OK : dnn_fail(DNN_ERROR_STATE, "the user has left");
}

static void progress_is_told_and_stops(void **state) {
    (void)state;
    int calls = 0;
    dnn_progress progress = {stop_from_two_on, &calls};
    OK(dnni_progress(&(dnn_progress){NULL, NULL}, "counting", 1, 5));
    OK(dnni_progress(&progress, "counting", 1, 5));
    FAILS(dnni_progress(&progress, "counting", 2, 5), DNN_ERROR_STATE, "the user has left");
    FAILS(dnni_progress(&progress, "counting", 3, 5), DNN_ERROR_CALLBACK, "step() returned");
    assert_int_equal(calls, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_source_says_what_it_knows, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(names_that_fail_or_do_not_fit, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(nothing_known, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(views_pass_it_on, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(the_names_of_a_source_without_names, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(the_digits_are_known, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(metadata_is_declared_later, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(a_source_with_wrong_metadata, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(out_of_memory_anywhere_is_survived, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(progress_is_told_and_stops, data_setup, data_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
