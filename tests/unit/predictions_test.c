/* Metrics of single samples; sheets of samples beside what is made of them; film strips. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "support/datasets.h"

enum { RIGHT = 0x2e9e5b, WRONG = 0xd43a2a };

static int64_t count_colour(const dnn_tensor *picture, uint32_t colour) {
    const unsigned char *p = dnn_tensor_const_data(picture);
    int64_t n = 0;
    for (int64_t i = 0; i < dnn_tensor_count(picture); i += 3)
        n += ((uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2]) == colour;
    return n;
}

/* Samples of n rows of two numbers; y = x, so the numbers are the scores of two classes. */
static dnn_dataset *rows_of(const double *x, const double *labels, int64_t n) {
    dnn_tensor *inputs = tensor_of(data_ctx, DNN_F32, DIMS(n, 2), x);
    dnn_tensor *targets = tensor_of(data_ctx, DNN_I64, DIMS(n), labels);
    dnn_dataset *d;
    OK(dnn_dataset_from_tensors(&d, inputs, targets));
    dnn_tensor_release(targets);
    dnn_tensor_release(inputs);
    return d;
}

static dnn_module *identity(void) {
    dnn_module *net;
    OK(dnn_sequential_create(&net, data_ctx));
    dnn_sequential_add(net, "scale", dnn_leaky_relu(data_ctx, 1));
    OK(dnn_module_error(net));
    return net;
}

/* Images (n, side, side, channels) with targets: labels of each pixel, the images themselves, or a number each. */
typedef enum { MASKS, IMAGES, NUMBERS } kind;

static dnn_dataset *images_with(kind what, int64_t n, int64_t side, int64_t channels) {
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(n, side, side, channels), 1), *t;
    dnn_dataset *d;
    if (what == MASKS) t = tensor_of(data_ctx, DNN_U8, DIMS(n, side, side), NULL);
    else if (what == IMAGES) OK(dnn_tensor_clone(&t, x));
    else t = tensor_of(data_ctx, DNN_F32, DIMS(n, 1), NULL);
    OK(dnn_dataset_from_tensors(&d, x, t));
    dnn_tensor_release(t);
    dnn_tensor_release(x);
    return d;
}

/* ---- metrics ---- */

static void metric_of_each_sample(void **state) {
    (void)state;
    enum { N = 130 }; /* more than are read at once */
    double x[2 * N], labels[N], values[N];
    for (int i = 0; i < N; i++) {
        x[2 * i] = 0.05 * i;
        x[2 * i + 1] = 1;
        labels[i] = i % 2;
    }
    dnn_dataset *d = rows_of(x, labels, N);
    dnn_module *net = identity();
    dnn_metrics_desc classes = {DNN_SIZED(dnn_metrics_desc), .classes = 2};
    OK(dnn_sample_metric(values, net, d, &classes, "loss"));
    for (int i = 0; i < N; i++) {
        double want = log(exp(x[2 * i]) + exp(1)) - x[2 * i + i % 2];
        assert_true(fabs(values[i] - want) < 1e-5 * (1 + want));
    }
    OK(dnn_sample_metric(values, net, d, &classes, "accuracy"));
    for (int i = 0; i < N; i++) assert_true(values[i] == ((x[2 * i] >= 1 ? 0 : 1) == i % 2));
    FAILS(dnn_sample_metric(values, net, d, &classes, "beauty"), DNN_ERROR_NOT_FOUND, "beauty");
    FAILS(dnn_sample_metric(NULL, net, d, &classes, "loss"), DNN_ERROR_ARGUMENT, "values");
    FAILS(dnn_sample_metric(values, net, d, NULL, "mse"), DNN_ERROR_DTYPE, "");
    dnn_module_release(net);
    dnn_dataset_release(d);
}

static void metric_without_targets(void **state) {
    (void)state;
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(3, 2), 1);
    dnn_dataset *d;
    double values[3];
    dnn_module *net = identity();
    OK(dnn_dataset_from_tensors(&d, x, NULL));
    FAILS(dnn_sample_metric(values, net, d, NULL, "mse"), DNN_ERROR_VALUE, "no targets");
    dnn_module_release(net);
    dnn_dataset_release(d);
    dnn_tensor_release(x);
}

/* ---- sheets ---- */

/* Of two right and three wrong ones, two are framed green and three red. */
static void right_and_wrong_are_framed(void **state) {
    (void)state;
    const double x[] = {3, 0, 0, 3, 3, 0, 0, 3, 1, 0}, labels[] = {0, 1, 1, 0, 1};
    const double values[] = {0.1, 0.2, 3, 4, 5};
    dnn_dataset *d = rows_of(x, labels, 5);
    dnn_module *net = identity();
    dnn_tensor *sheet;
    dnn_predictions_desc p = {DNN_SIZED(dnn_predictions_desc), .values = values, .name = "loss", .title = "easy to hard"};
    OK(dnn_sheet_predictions(&sheet, net, d, &p));
    int64_t green = count_colour(sheet, RIGHT), red = count_colour(sheet, WRONG);
    assert_true(green > 0 && green * 3 == red * 2);
    dnn_tensor_release(sheet);
    const int64_t one[] = {2};
    p = (dnn_predictions_desc){DNN_SIZED(dnn_predictions_desc), .indices = one, .n_indices = 1, .probabilities = 1};
    OK(dnn_sheet_predictions(&sheet, net, d, &p));
    assert_int_equal(count_colour(sheet, RIGHT), 0);
    assert_int_equal(count_colour(sheet, WRONG), red / 3);
    dnn_tensor_release(sheet);
    const int64_t none[] = {5};
    p.indices = none;
    FAILS(dnn_sheet_predictions(&sheet, net, d, &p), DNN_ERROR_NOT_FOUND, "5");
    assert_null(sheet);
    dnn_module_release(net);
    dnn_dataset_release(d);
}

static void too_many_to_show(void **state) {
    (void)state;
    double x[66] = {0}, labels[33] = {0};
    dnn_dataset *d = rows_of(x, labels, 33);
    dnn_module *net = identity();
    dnn_tensor *sheet;
    FAILS(dnn_sheet_predictions(&sheet, net, d, NULL), DNN_ERROR_ARGUMENT, "33 samples for a sheet of 1 to 32");
    dnn_module_release(net);
    dnn_dataset_release(d);
}

/* Images of any number of channels, with masks, with images, with numbers. */
static void targets_of_all_kinds(void **state) {
    (void)state;
    dnn_module *net = identity();
    dnn_tensor *sheet[3][5];
    for (int what = MASKS; what <= NUMBERS; what++)
        for (int64_t channels = 1; channels <= 5; channels++) {
            dnn_dataset *d = images_with((kind)what, 3, 6, channels);
            OK(dnn_sheet_predictions(&sheet[what][channels - 1], net, d, NULL));
            dnn_dataset_release(d);
        }
    /* Those with a picture for a target have a column more. */
    assert_true(dnn_tensor_dim(sheet[IMAGES][0], 0) > dnn_tensor_dim(sheet[NUMBERS][0], 0) - 100);
    for (int i = 0; i < 15; i++) dnn_tensor_release(sheet[i / 5][i % 5]);
    dnn_module_release(net);
}

/* One number, 2, whose target is 0: a bar as wide as the cell, from the line at 0 to the top; and of 20 a curve. */
static void numbers_are_drawn(void **state) {
    (void)state;
    double many[20];
    for (int i = 0; i < 20; i++) many[i] = sin(i);
    dnn_module *net = identity();
    for (int64_t n = 1; n <= 20; n += 19) {
        dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(1, n), n == 1 ? (double[]){2} : many), *sheet;
        dnn_tensor *t = tensor_of(data_ctx, DNN_F32, DIMS(1, n), NULL);
        dnn_dataset *d;
        OK(dnn_dataset_from_tensors(&d, x, t));
        OK(dnn_sheet_predictions(&sheet, net, d, NULL));
        int64_t blue = count_colour(sheet, 0x2f6fbf);
        if (n == 1) assert_true(blue > 2 * 138 * 130); /* the input's, too */
        else assert_true(blue > 50 && blue < 2000); /* edges of lines are mixed with what is below */
        dnn_tensor_release(sheet);
        dnn_dataset_release(d);
        dnn_tensor_release(t);
        dnn_tensor_release(x);
    }
    dnn_module_release(net);
}

/* ---- strips ---- */

static void a_strip_grows(void **state) {
    (void)state;
    const double x[] = {3, 0, 0, 3}, labels[] = {0, 0};
    dnn_dataset *d = rows_of(x, labels, 2);
    dnn_module *net = identity(), *other;
    dnn_strip *strip;
    dnn_tensor *before, *after;
    OK(dnn_strip_create(&strip, d, &(dnn_strip_desc){DNN_SIZED(dnn_strip_desc), .title = "two"}));
    dnn_dataset_release(d); /* it is held */
    OK(dnn_strip_picture(&before, strip));
    for (int i = 0; i < 70; i++) {
        char label[32];
        snprintf(label, sizeof label, "epoch %d", i);
        OK(dnn_strip_add(strip, net, label));
        if (i != 2) continue;
        OK(dnn_strip_picture(&after, strip));
        assert_true(dnn_tensor_dim(after, 1) > dnn_tensor_dim(before, 1) + 300);
        assert_int_equal(count_colour(after, RIGHT), count_colour(after, WRONG));
        dnn_tensor_release(after);
    }
    OK(dnn_strip_picture(&after, strip)); /* 64 of 70 */
    assert_true(dnn_tensor_dim(after, 1) < 32767);
    OK(dnn_sequential_create(&other, data_ctx));
    dnn_sequential_add(other, "fc", dnn_linear(data_ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc),
                                                                            .in_features = 2, .out_features = 3}));
    FAILS(dnn_strip_add(strip, other, "other"), DNN_ERROR_SHAPE, "the module's output is [2,3]; the first column had [2,2]");
    FAILS(dnn_strip_add(strip, net, NULL), DNN_ERROR_ARGUMENT, "label");
    dnn_module_release(other);
    dnn_tensor_release(after);
    dnn_tensor_release(before);
    OK(dnn_strip_release(strip));
    dnn_module_release(net);
}

static void strips_that_cannot_be(void **state) {
    (void)state;
    const double x[] = {3, 0}, label = 0;
    dnn_dataset *d = rows_of(x, &label, 1), *none = rows_of(NULL, NULL, 0);
    dnn_strip *strip;
    const int64_t outside = 1;
    dnn_strip_desc s = {DNN_SIZED(dnn_strip_desc), .indices = &outside, .n_indices = 1};
    FAILS(dnn_strip_create(&strip, d, &s), DNN_ERROR_NOT_FOUND, "1");
    FAILS(dnn_strip_create(&strip, none, NULL), DNN_ERROR_VALUE, "no samples");
    assert_null(strip);
    dnn_dataset_release(none);
    dnn_dataset_release(d);
}

/* ---- memory ---- */

typedef struct {
    dnn_dataset *d;
    dnn_module *net;
    bool classes;
} pair;

static dnn_status use(void *user) {
    const pair *p = user;
    dnn_tensor *picture;
    dnn_strip *strip;
    double values[8];
    dnn_metrics_desc classes = {DNN_SIZED(dnn_metrics_desc), .classes = 2};
    const int64_t first = 0;
    dnn_predictions_desc d = {DNN_SIZED(dnn_predictions_desc), .values = values, .name = "loss", .title = "all",
                              .indices = &first, .n_indices = 1};
    dnn_status status = dnn_sample_metric(values, p->net, p->d, p->classes ? &classes : NULL, p->classes ? "loss" : "mse");
    if (status == DNN_OK) status = dnn_sheet_predictions(&picture, p->net, p->d, &d);
    if (status != DNN_OK) return status;
    dnn_tensor_release(picture);
    if ((status = dnn_strip_create(&strip, p->d, &(dnn_strip_desc){DNN_SIZED(dnn_strip_desc), .title = "all"})) != DNN_OK)
        return status;
    status = dnn_strip_add(strip, p->net, "epoch 1");
    if (status == DNN_OK) status = dnn_strip_picture(&picture, strip);
    if (status == DNN_OK) dnn_tensor_release(picture);
    dnn_strip_release(strip);
    return status;
}

static void out_of_memory(void **state) {
    (void)state;
    const double x[] = {3, 0}, label = 0;
    pair p = {rows_of(x, &label, 1), identity(), true};
    expect_memory_failures_survived(use, &p, 60);
    dnn_dataset_release(p.d);
    p.d = images_with(IMAGES, 1, 3, 3);
    p.classes = false;
    expect_memory_failures_survived(use, &p, 60);
    dnn_dataset_release(p.d);
    dnn_module_release(p.net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(metric_of_each_sample, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(metric_without_targets, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(right_and_wrong_are_framed, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(too_many_to_show, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(targets_of_all_kinds, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(numbers_are_drawn, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(a_strip_grows, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(strips_that_cannot_be, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(out_of_memory, data_setup, data_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
