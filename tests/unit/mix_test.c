/* Mixtures of samples: shares add up, boxes are where they are said to be, runs repeat. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rng/rng.h"
#include "support/datasets.h"

/* ---- the beta distribution ---- */

/* The largest distance between the numbers drawn and the distribution (Kolmogorov and Smirnov): above 1.95/√n once in a
 * thousand times. */
enum { DRAWN = 20000 };

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double arcsine(double x) { return 2 / 3.14159265358979323846 * asin(sqrt(x)); }
static double even(double x) { return x; }
static double parabola(double x) { return 3 * x * x - 2 * x * x * x; }

static void expect_distribution(double a, double (*distribution)(double)) {
    static double x[DRAWN];
    double worst = 0;
    for (int i = 0; i < DRAWN; i++) x[i] = dnnk_random_beta(11, 12, (uint64_t)i, a);
    qsort(x, DRAWN, sizeof *x, ascending);
    for (int i = 0; i < DRAWN; i++) {
        assert_true(x[i] >= 0 && x[i] <= 1);
        worst = fmax(worst, fabs(distribution(x[i]) - (i + 0.5) / DRAWN));
    }
    if (worst * sqrt(DRAWN) > 1.95) fail_msg("a = %g: a distance of %g", a, worst);
}

static void beta_has_its_distribution(void **state) {
    (void)state;
    expect_distribution(0.5, arcsine);
    expect_distribution(1, even);
    expect_distribution(2, parabola);
}

static void beta_has_its_moments(void **state) {
    (void)state;
    const double parameters[] = {0.01, 0.2, 0.9, 1.1, 5, 100};
    for (size_t k = 0; k < sizeof parameters / sizeof *parameters; k++) {
        double a = parameters[k], sum = 0, squares = 0, variance = 1 / (8 * a + 4);
        for (int i = 0; i < DRAWN; i++) {
            double d = dnnk_random_beta(3, 4, (uint64_t)i, a) - 0.5;
            sum += d;
            squares += d * d;
        }
        assert_true(fabs(sum / DRAWN) < 4 * sqrt(variance / DRAWN));
        assert_true(fabs(squares / DRAWN / variance - 1) < 0.05);
    }
    assert_true(isfinite(dnnk_random_beta(1, 2, 3, 1e-300)));
}

/* ---- mixtures ---- */

enum { COUNT = 40, SIDE = 8 };

/* Image i (8, 8, 2): all numbers are i. Target: class i mod 4. */
static dnn_dataset *flat_images(dnn_dtype dtype) {
    dnn_tensor *x = tensor_of(data_ctx, dtype, DIMS(COUNT, SIDE, SIDE, 2), NULL);
    dnn_tensor *t = tensor_of(data_ctx, DNN_I64, DIMS(COUNT), NULL);
    dnn_dataset *dataset;
    for (int64_t i = 0; i < COUNT * SIDE * SIDE * 2; i++) tensor_put(x, i, (double)(i / (SIDE * SIDE * 2)));
    for (int64_t i = 0; i < COUNT; i++) tensor_put(t, i, (double)(i % 4));
    OK(dnn_dataset_from_tensors(&dataset, x, t));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return dataset;
}

#define MIX(out, source, ...) dnn_dataset_mix(out, source, &(dnn_mix_desc){DNN_SIZED(dnn_mix_desc), __VA_ARGS__})

static dnn_dataset *mixed(dnn_dtype dtype, double mixup, double cutmix, uint64_t seed) {
    dnn_dataset *all = flat_images(dtype), *view;
    OK(MIX(&view, all, .mixup = mixup, .cutmix = cutmix, .classes = 4, .seed = seed));
    dnn_dataset_release(all);
    return view;
}

/* The shares of a soft target: they add up to 1, and no more than two are not 0. */
static double share_of(const dnn_tensor *t, int64_t row, int64_t class) {
    double sum = 0;
    int some = 0;
    for (int64_t k = 0; k < 4; k++) {
        sum += tensor_at(t, row * 4 + k);
        some += tensor_at(t, row * 4 + k) > 0;
    }
    assert_true(fabs(sum - 1) < 1e-6 && some >= 1 && some <= 2);
    return tensor_at(t, row * 4 + class);
}

static void mixup_mixes_inputs_as_targets(void **state) {
    (void)state;
    dnn_dataset *view = mixed(DNN_F64, 1, 0, 5);
    dnn_tensor *x, *t;
    OK(dnn_dataset_get_range(&x, &t, view, 0, COUNT));
    expect_shape(t, DIMS(COUNT, 4));
    int halves = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        double value = tensor_at(x, i * SIDE * SIDE * 2), own = share_of(t, i, i % 4);
        for (int64_t e = 0; e < SIDE * SIDE * 2; e++) assert_true(tensor_at(x, i * SIDE * SIDE * 2 + e) == value);
        if (own > 0.999) continue; /* the partner is of the same class */
        double partner = ((double)value - own * (double)i) / (1 - own);
        assert_true(fabs(partner - round(partner)) < 1e-3 && partner > -0.5 && partner < COUNT - 0.5);
        assert_true(tensor_at(t, i * 4 + (int64_t)round(partner) % 4) > 0);
        halves += own > 0.2 && own < 0.8;
    }
    assert_true(halves > 8);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_dataset_release(view);
}

/* The box of other numbers in an image of a mixture; its area. */
static int64_t box_area(const dnn_tensor *x, int64_t image) {
    int64_t top = SIDE, left = SIDE, bottom = -1, right = -1, others = 0;
    double partner = -1;
    for (int64_t y = 0; y < SIDE; y++)
        for (int64_t c = 0; c < SIDE; c++) {
            double value = tensor_at(x, ((image * SIDE + y) * SIDE + c) * 2);
            assert_true(value == tensor_at(x, ((image * SIDE + y) * SIDE + c) * 2 + 1));
            if (value == (double)image) continue;
            assert_true(partner < 0 || partner == value);
            partner = value;
            others++;
            top = y < top ? y : top, left = c < left ? c : left;
            bottom = y > bottom ? y : bottom, right = c > right ? c : right;
        }
    if (others > 0) assert_int_equal(others, (bottom - top + 1) * (right - left + 1));
    return others;
}

static void cutmix_pastes_a_box(void **state) {
    (void)state;
    dnn_dataset *view = mixed(DNN_U8, 0, 1, 6);
    dnn_tensor *x, *t;
    OK(dnn_dataset_get_range(&x, &t, view, 0, COUNT));
    int boxes = 0;
    for (int64_t i = 0; i < COUNT; i++) {
        double own = share_of(t, i, i % 4), area = (double)box_area(x, i);
        if (own < 0.9999) assert_true(fabs(own - (1 - area / (SIDE * SIDE))) < 1e-6);
        boxes += area > 0;
    }
    assert_true(boxes > COUNT / 2);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_dataset_release(view);
}

/* One epoch's batch of all samples, as the loader's three threads read it. */
static void read_epoch(dnn_dataset *view, int64_t epoch, float *x) {
    dnn_loader *loader;
    const dnn_tensor *batch, *t;
    OK(dnn_loader_create(&loader, view, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = COUNT,
                                                           .workers = 3}));
    OK(dnn_loader_set_epoch(loader, epoch));
    OK(dnn_loader_next(loader, &batch, &t));
    memcpy(x, dnn_tensor_const_data(batch), COUNT * SIDE * SIDE * 2 * sizeof *x);
    dnn_loader_release(loader);
}

static void mixtures_are_keyed_by_seed_and_epoch(void **state) {
    (void)state;
    static float x[4][COUNT * SIDE * SIDE * 2];
    dnn_dataset *a = mixed(DNN_F32, 0.4, 0.7, 1), *b = mixed(DNN_F32, 0.4, 0.7, 1), *c = mixed(DNN_F32, 0.4, 0.7, 2);
    read_epoch(a, 3, x[0]);
    read_epoch(b, 3, x[1]);
    read_epoch(a, 4, x[2]);
    read_epoch(c, 3, x[3]);
    assert_memory_equal(x[0], x[1], sizeof x[0]);
    assert_memory_not_equal(x[0], x[2], sizeof x[0]);
    assert_memory_not_equal(x[0], x[3], sizeof x[0]);
    int blended = 0, pasted = 0; /* of both kinds there are some */
    for (int64_t i = 0; i < COUNT; i++) {
        const float *image = x[0] + i * SIDE * SIDE * 2;
        bool same = true;
        for (int e = 1; e < SIDE * SIDE * 2; e++) same = same && image[e] == image[0];
        blended += same && image[0] != (float)i;
        pasted += !same;
    }
    assert_true(blended > 5 && pasted > 5);
    dnn_dataset_release(a);
    dnn_dataset_release(b);
    dnn_dataset_release(c);
}

static void some_samples_stay_whole(void **state) {
    (void)state;
    dnn_dataset *all = flat_images(DNN_F32), *view;
    for (int never = 0; never < 2; never++) {
        int whole = 0;
        OK(MIX(&view, all, .mixup = 1, .classes = 5, .probability = never ? DNN_ZERO : 0.5));
        for (int64_t i = 0; i < COUNT; i++) whole += input_of(view, i) == (double)i;
        assert_in_range(whole, never ? COUNT : 8, never ? COUNT : 34);
        dnn_dataset_release(view);
    }
    dnn_dataset_release(all);
}

static void real_targets_are_mixed_too(void **state) {
    (void)state;
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(9, 2), NULL), *t = tensor_of(data_ctx, DNN_F64, DIMS(9, 1), NULL);
    dnn_dataset *all, *view;
    for (int64_t i = 0; i < 9; i++) {
        tensor_put(x, 2 * i, (double)i);
        tensor_put(t, i, 10.0 * (double)i);
    }
    OK(dnn_dataset_from_tensors(&all, x, t));
    OK(MIX(&view, all, .mixup = 2));
    for (int64_t i = 0; i < 9; i++) assert_true(fabs(target_of(view, i) - 10 * input_of(view, i)) < 1e-4);
    dnn_dataset_release(view);
    dnn_dataset_release(all);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}

static void a_loss_takes_them(void **state) {
    (void)state;
    dnn_dataset *view = mixed(DNN_F32, 1, 0, 5);
    dnn_tensor *x, *t, *y = tensor_of(data_ctx, DNN_F32, DIMS(COUNT, 4), NULL);
    dnn_loss *loss;
    double value;
    OK(dnn_dataset_get_range(&x, &t, view, 0, COUNT));
    OK(dnn_cross_entropy_create(&loss, data_ctx, NULL));
    OK(dnn_loss_evaluate(loss, y, t, &value, NULL));
    assert_true(fabs(value - log(4)) < 1e-6);
    dnn_loss_release(loss);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_tensor_release(y);
    dnn_dataset_release(view);
}

static void wrong_mixtures(void **state) {
    (void)state;
    dnn_dataset *bytes = flat_images(DNN_U8), *floats = flat_images(DNN_F32), *flat = pairs(3), *view;
    FAILS(MIX(&view, floats, .classes = 4), DNN_ERROR_ARGUMENT, "neither mixup nor cutmix");
    FAILS(MIX(&view, floats, .mixup = -1), DNN_ERROR_ARGUMENT, "desc.mixup is -1");
    FAILS(MIX(&view, floats, .cutmix = INFINITY), DNN_ERROR_ARGUMENT, "desc.cutmix is inf");
    FAILS(MIX(&view, floats, .mixup = 1, .probability = 2), DNN_ERROR_ARGUMENT, "probability is 2");
    FAILS(MIX(&view, floats, .mixup = 1), DNN_ERROR_ARGUMENT, "does not know how many classes");
    FAILS(MIX(&view, bytes, .mixup = 1, .classes = 4), DNN_ERROR_DTYPE, "inputs are uint8");
    FAILS(MIX(&view, flat, .cutmix = 1, .classes = 4), DNN_ERROR_SHAPE, "inputs have shape [2]");
    OK(MIX(&view, floats, .mixup = 1, .classes = 3));
    dnn_tensor *x;
    FAILS(dnn_dataset_get_range(&x, NULL, view, 3, 1), DNN_ERROR_VALUE, "sample 3: the target is class 3, there are 3");
    dnn_dataset *made[] = {bytes, floats, flat, view};
    for (int i = 0; i < 4; i++) dnn_dataset_release(made[i]);
}

static dnn_status use_mixture(void *user) {
    dnn_dataset *view;
    dnn_tensor *x = NULL;
    dnn_status status = MIX(&view, user, .mixup = 1, .cutmix = 1, .classes = 4);
    if (status == DNN_OK) status = dnn_dataset_get_range(&x, NULL, view, 0, 2);
    dnn_tensor_release(x);
    dnn_dataset_release(view);
    return status;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    dnn_dataset *all = flat_images(DNN_F32);
    expect_memory_failures_survived(use_mixture, all, 4);
    dnn_dataset_release(all);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beta_has_its_distribution),
        cmocka_unit_test(beta_has_its_moments),
        TEST(mixup_mixes_inputs_as_targets),
        TEST(cutmix_pastes_a_box),
        TEST(mixtures_are_keyed_by_seed_and_epoch),
        TEST(some_samples_stay_whole),
        TEST(real_targets_are_mixed_too),
        TEST(a_loss_takes_them),
        TEST(wrong_mixtures),
        TEST(out_of_memory_anywhere_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
