/* The audit as a function: what it refuses, that it can be stopped and can run out of memory, that threads do not
 * matter, features, probabilities, names. What it finds: audit_faults_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "support/datasets.h"

static dnn_dataset *digits(int64_t n, int64_t first) {
    dnn_dataset *d;
    OK(dnn_digits(&d, data_ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = n, .first = first}));
    return d;
}

static dnn_finding finding_of(const dnn_report *report, const char *name) {
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    OK(dnn_report_find(report, name, &f));
    return f;
}

/* n rows of two numbers, near (label, -label). */
static dnn_dataset *rows(dnn_context *ctx, int64_t n, int64_t classes) {
    dnn_tensor *x, *t;
    dnn_dataset *d;
    OK(dnn_tensor_create(&x, ctx, DNN_F32, 2, (int64_t[]){n, 2}));
    OK(dnn_tensor_create(&t, ctx, DNN_I64, 1, &n));
    for (int64_t i = 0; i < n; i++) {
        int64_t label = i * 7 % classes;
        ((int64_t *)dnn_tensor_data(t))[i] = label;
        ((float *)dnn_tensor_data(x))[2 * i] = (float)label + (float)(i % 97) * 0.001f;
        ((float *)dnn_tensor_data(x))[2 * i + 1] = (float)-label + (float)(i % 89) * 0.001f;
    }
    OK(dnn_dataset_from_tensors(&d, x, t));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return d;
}

/* ---- refusals ---- */

static void options(void **state) {
    (void)state;
    dnn_report *r;
    dnn_dataset *d = rows(data_ctx, 30, 3), *other = digits(20, 0);
    dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .k = 101};
    FAILS(dnn_audit(&r, d, NULL, &o), DNN_ERROR_ARGUMENT, "options.k is 101");
    o = (dnn_audit_desc){DNN_SIZED(dnn_audit_desc), .low = 1, .high = 1};
    FAILS(dnn_audit(&r, d, NULL, &o), DNN_ERROR_ARGUMENT, "no range");
    o = (dnn_audit_desc){DNN_SIZED(dnn_audit_desc), .skip = 8};
    FAILS(dnn_audit(&r, d, NULL, &o), DNN_ERROR_ARGUMENT, "options.skip is 8");
    o = (dnn_audit_desc){DNN_SIZED(dnn_audit_desc), .max_samples = -1};
    FAILS(dnn_audit(&r, d, NULL, &o), DNN_ERROR_ARGUMENT, "options.max_samples is -1");
    FAILS(dnn_audit(&r, d, other, NULL), DNN_ERROR_SHAPE, "[2] in train, [28,28,1] in test");
    FAILS(dnn_audit(NULL, d, NULL, NULL), DNN_ERROR_ARGUMENT, "out is NULL");
    assert_null(r);
    dnn_dataset_release(other);
    dnn_dataset_release(d);
}

static void probabilities_that_do_not_fit(void **state) {
    (void)state;
    dnn_report *r;
    dnn_dataset *d = rows(data_ctx, 30, 3);
    dnn_tensor *wrong[] = {tensor_of(data_ctx, DNN_F32, DIMS(29, 3), NULL), tensor_of(data_ctx, DNN_F32, DIMS(30, 4), NULL),
                           tensor_of(data_ctx, DNN_I32, DIMS(30, 3), NULL)};
    const dnn_status status[] = {DNN_ERROR_SHAPE, DNN_ERROR_SHAPE, DNN_ERROR_DTYPE};
    for (int i = 0; i < 3; i++) {
        dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .probabilities = wrong[i]};
        FAILS(dnn_audit(&r, d, NULL, &o), status[i], "options.probabilities");
        dnn_tensor_release(wrong[i]);
    }
    dnn_dataset_release(d);
}

/* ---- small and odd sets ---- */

static void without_samples_targets_or_values(void **state) {
    (void)state;
    int64_t shapes[][2] = {{0, 3}, {1, 3}, {2, 3}, {5, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        dnn_report *r;
        dnn_dataset *d;
        dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, 2, shapes[i], 3);
        OK(dnn_dataset_from_tensors(&d, x, NULL));
        OK(dnn_audit(&r, d, d, NULL));
        assert_non_null(dnn_report_text(r));
        dnn_report_release(r);
        dnn_dataset_release(d);
        dnn_tensor_release(x);
    }
}

static dnn_status fails_at_seven(void *user, int64_t index, int64_t epoch, const dnn_array *x, const dnn_array *t) {
    (void)user, (void)epoch, (void)t;
    ((float *)x->data)[0] = (float)index;
    return index == 7 || index == 9 ? dnn_fail(DNN_ERROR_IO, "the disk is gone") : DNN_OK;
}

static void a_sample_that_cannot_be_read(void **state) {
    (void)state;
    dnn_report *r;
    dnn_dataset *d;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = 20, .get = fails_at_seven,
                                      .input = {.dtype = DNN_F32, .rank = 1, .dims = {1}}, .thread_safe = 1};
    OK(dnn_dataset_from_callbacks(&d, data_ctx, &desc));
    FAILS(dnn_audit(&r, d, NULL, NULL), DNN_ERROR_CALLBACK, "train: sample 7: the disk is gone");
    dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .train_name = "fold 3"};
    FAILS(dnn_audit(&r, d, NULL, &o), DNN_ERROR_CALLBACK, "fold 3: sample 7: the disk is gone");
    dnn_dataset_release(d);
}

/* ---- progress ---- */

typedef struct {
    int calls, stop_at;
} watch;

static dnn_status count_calls(void *user, const char *what, int64_t done, int64_t total) {
    watch *w = user;
    assert_true(*what && done >= 0 && done <= total);
    return ++w->calls == w->stop_at ? dnn_fail(DNN_ERROR_STATE, "had enough") : DNN_OK;
}

static void stopped_at_every_step(void **state) {
    (void)state;
    dnn_report *r;
    dnn_dataset *train = digits(60, 0), *test = digits(40, 60);
    watch w = {0, 0};
    dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .skip = DNN_AUDIT_NO_SHEETS, .progress = {count_calls, &w}};
    OK(dnn_audit(&r, train, test, &o));
    dnn_report_release(r);
    int all = w.calls;
    assert_true(all > 10);
    for (int at = 1; at <= all; at++) {
        w = (watch){0, at};
        FAILS(dnn_audit(&r, train, test, &o), DNN_ERROR_STATE, "had enough");
    }
    dnn_dataset_release(train);
    dnn_dataset_release(test);
}

/* ---- threads ---- */

static char *report_of(int32_t threads) {
    dnn_context *ctx;
    dnn_dataset *d, *train, *test;
    dnn_report *r;
    OK(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = threads}));
    OK(dnn_digits(&d, ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = 1300}));
    OK(dnn_dataset_split(&train, &test, d, &(dnn_split_desc){DNN_SIZED(dnn_split_desc), .count = 1100}));
    dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .max_samples = 900, .seed = 3, .skip = DNN_AUDIT_NO_SHEETS};
    OK(dnn_audit(&r, train, test, &o));
    char *json = strdup(dnn_report_json(r));
    dnn_report_release(r);
    dnn_dataset_release(train);
    dnn_dataset_release(test);
    dnn_dataset_release(d);
    dnn_context_release(ctx);
    return json;
}

static void any_number_of_threads(void **state) {
    (void)state;
    char *one = report_of(1);
    assert_non_null(strstr(one, "drawn at random: max_samples"));
    for (int32_t threads = 2; threads <= 4; threads++) {
        char *other = report_of(threads);
        assert_string_equal(one, other);
        free(other);
    }
    free(one);
}

/* ---- what it is given besides ---- */

/* Sample 5 is labelled 2 and looks like a 0 to the model; sample 11 is not sure enough. */
static void label_errors(void **state) {
    (void)state;
    enum { N = 30, K = 3 };
    dnn_report *r;
    dnn_dataset *d = rows(data_ctx, N, K);
    dnn_tensor *p = tensor_of(data_ctx, DNN_F64, DIMS(N, K), NULL);
    for (int64_t i = 0; i < N; i++)
        for (int64_t k = 0; k < K; k++) tensor_put(p, i * K + k, k == i * 7 % K ? 0.9 : 0.05);
    double surely[K] = {0.97, 0.02, 0.01}, perhaps[K] = {0.2, 0.4, 0.4};
    for (int64_t k = 0; k < K; k++) {
        tensor_put(p, 5 * K + k, surely[k]);
        tensor_put(p, 11 * K + k, perhaps[k]);
    }
    dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .probabilities = p};
    OK(dnn_audit(&r, d, NULL, &o));
    dnn_finding f = finding_of(r, "label-errors");
    assert_int_equal(f.n_samples, 1);
    assert_int_equal(f.samples[0], 5);
    assert_non_null(strstr(f.how, "2 should be 0, 1 times"));
    dnn_report_release(r);
    dnn_tensor_release(p);
    dnn_dataset_release(d);
}

/* What the module makes of the values is what neighbours are searched by: it may see what tells the classes, or not. */
static void features_of_a_module(void **state) {
    (void)state;
    enum { N = 200 };
    dnn_report *r;
    dnn_dataset *d;
    dnn_module *net;
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(N, 6), 5), *t = tensor_of(data_ctx, DNN_I64, DIMS(N), NULL);
    for (int64_t i = 0; i < N; i++) {
        tensor_put(t, i, (double)(i * 7 % 2));
        tensor_put(x, i * 6, i * 7 % 2 ? 1 : -1);
    }
    OK(dnn_dataset_from_tensors(&d, x, t));
    OK(dnn_sequential_create(&net, data_ctx));
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 6, .out_features = 3};
    dnn_sequential_add(net, "fc", dnn_linear(data_ctx, &linear));
    dnn_tensor *weight = value_of(net, "fc.weight");
    for (int64_t i = 0; i < 3; i++) tensor_put(value_of(net, "fc.bias"), i, 0);
    for (int64_t seen = 0; seen < 6; seen += 5) {
        for (int64_t i = 0; i < 18; i++) tensor_put(weight, i, i % 6 == seen ? 1 : 0.001);
        dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .features = net};
        OK(dnn_audit(&r, d, NULL, &o));
        assert_int_equal(dnn_report_find(r, "targets-out-of-step", NULL), seen ? DNN_OK : DNN_ERROR_NOT_FOUND);
        assert_int_equal(dnn_module_is_training(net), 1);
        dnn_report_release(r);
    }
    dnn_module_release(net);
    dnn_dataset_release(d);
    dnn_tensor_release(t);
    dnn_tensor_release(x);
}

/* Bytes go into the module as floats. */
static void features_of_bytes(void **state) {
    (void)state;
    dnn_report *r;
    dnn_dataset *d;
    dnn_tensor *x = tensor_of(data_ctx, DNN_U8, DIMS(30, 8, 8, 1), NULL);
    for (int64_t i = 0; i < 30 * 64; i++) tensor_put(x, i, (double)(i * i % 251));
    OK(dnn_dataset_from_tensors(&d, x, NULL));
    dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .features = dnn_flatten(data_ctx)};
    OK(dnn_audit(&r, d, NULL, &o));
    dnn_report_release(r);
    dnn_module_release((dnn_module *)(uintptr_t)o.features);
    o.features = dnn_linear(data_ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 3, .out_features = 1});
    FAILS(dnn_audit(&r, d, NULL, &o), DNN_ERROR_SHAPE, "3");
    dnn_module_release((dnn_module *)(uintptr_t)o.features);
    dnn_dataset_release(d);
    dnn_tensor_release(x);
}

/* Names of classes and samples, and the sheet beside a finding. */
static void names_and_pictures(void **state) {
    (void)state;
    dnn_report *r;
    dnn_dataset *source = digits(60, 0), *named, *twice;
    const char *const names[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
    dnn_metadata_desc m = {DNN_SIZED(dnn_metadata_desc), .class_names = names, .classes = 10};
    OK(dnn_dataset_with_metadata(&named, source, &m));
    int64_t order[62];
    for (int64_t i = 0; i < 60; i++) order[i] = i;
    order[60] = order[61] = 4;
    OK(dnn_dataset_subset(&twice, named, order, 62));
    dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .train_name = "fold"};
    OK(dnn_audit(&r, twice, NULL, &o));
    dnn_finding f = finding_of(r, "duplicates");
    assert_string_equal(f.set, "fold");
    assert_int_equal(f.n_samples, 2);
    assert_int_equal(f.samples[0], 60);
    assert_non_null(strstr(f.what, "fold[60] = fold[4]; fold[61] = fold[4]"));
    dnn_picture p = {DNN_SIZED(dnn_picture)};
    OK(dnn_report_picture(r, f.picture, &p));
    assert_int_equal(dnn_tensor_rank(p.image), 3);
    dnn_report_release(r);
    dnn_dataset_release(twice);
    dnn_dataset_release(named);
    dnn_dataset_release(source);
}

/* ---- memory ---- */

static dnn_status audit_sets(dnn_dataset *const *sets) {
    dnn_report *r = NULL;
    dnn_audit_desc o = {DNN_SIZED(dnn_audit_desc), .k = 3};
    dnn_status status = dnn_audit(&r, sets[0], sets[1], &o);
    assert_true((status == DNN_OK) == (r != NULL));
    dnn_report_release(r);
    return status;
}

/* The k-th allocation fails, for every `step`-th k until the audit succeeds; how many there are. */
static int64_t fail_each(dnn_dataset *const *sets, int64_t step, bool for_ever) {
    dnn_status status = DNN_ERROR_MEMORY;
    int64_t k = 1, live = data_memory.live;
    for (; status != DNN_OK; k += step) {
        test_allocator_arm(&data_memory, k, for_ever);
        status = audit_sets(sets);
        test_allocator_arm(&data_memory, 0, false);
        if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
    }
    assert_true(data_memory.live - live <= 256); /* the reports' headers: they stay behind as tombstones */
    return k;
}

/* Nothing is kept from one audit to the next, so that one that succeeds at the end is proof enough. */
static void out_of_memory(void **state) {
    (void)state;
    dnn_dataset *all, *sets[2];
    int64_t order[26], n = 0;
    OK(dnn_digits(&all, data_ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = 60, .image_size = 8}));
    for (int64_t i = 0; i < 25; i++) order[n++] = i;
    order[n++] = 3;
    OK(dnn_dataset_subset(&sets[0], all, order, n));
    OK(dnn_dataset_subset(&sets[1], all, order + 14, 12));
    assert_true(fail_each(sets, 1, false) > 200);
    fail_each(sets, 7, true);
    dnn_dataset_release(sets[0]);
    dnn_dataset_release(sets[1]);
    dnn_dataset_release(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options),
        cmocka_unit_test(probabilities_that_do_not_fit),
        cmocka_unit_test(without_samples_targets_or_values),
        cmocka_unit_test(a_sample_that_cannot_be_read),
        cmocka_unit_test(stopped_at_every_step),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(label_errors),
        cmocka_unit_test(features_of_a_module),
        cmocka_unit_test(features_of_bytes),
        cmocka_unit_test(names_and_pictures),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
