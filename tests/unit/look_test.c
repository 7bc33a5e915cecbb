/* dnn_look: each fault that it names, planted in a batch, and none in good ones; the loader stays where it is. Sheets of
 * samples and of draws: which samples, in which places, and what cannot be shown. Out of memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/dnn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK && memory.live == 0 ? 0 : -1;
}

#define OK(call) expect_ok(call, #call)
static void expect_ok(dnn_status status, const char *call) {
    if (status != DNN_OK) fail_msg("%s: %s", call, dnn_last_error());
}

/* ---- batches, good and bad ---- */

enum { N = 32, H = 6, W = 5, C = 3, SAMPLE = H * W * C };

/* Pictures in [0, 1], all different, and labels of four classes. */
typedef struct batch {
    double x[N * SAMPLE], y[N];
    dnn_dtype input, target;
    int32_t rank;
    int64_t dims[4];
    int64_t classes;
    double low, high; /* that the dataset declares */
} batch;

static void good(batch *b) {
    *b = (batch){.input = DNN_F32, .target = DNN_I64, .rank = 4, .dims = {N, H, W, C}, .classes = 4, .high = 1};
    for (int i = 0; i < N * SAMPLE; i++) b->x[i] = (double)((i * 37 + i / 7 * 11) % 256) / 255;
    for (int i = 0; i < N; i++) b->y[i] = i % 4;
}

static dnn_dataset *dataset_of(const batch *b) {
    dnn_dataset *plain, *made;
    dnn_tensor *x = tensor_of(ctx, b->input, b->rank, b->dims, b->x), *y = tensor_of(ctx, b->target, DIMS(N), b->y);
    dnn_metadata_desc d = {DNN_SIZED(dnn_metadata_desc), .classes = b->classes, .low = b->low, .high = b->high};
    OK(dnn_dataset_from_tensors(&plain, x, y));
    OK(dnn_dataset_with_metadata(&made, plain, &d));
    dnn_tensor_release(x);
    dnn_tensor_release(y);
    dnn_dataset_release(plain);
    return made;
}

static dnn_loader *loader_of(const batch *b, bool shuffle, int64_t size) {
    dnn_loader *loader;
    dnn_dataset *dataset = dataset_of(b);
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .batch_size = size, .shuffle = shuffle};
    OK(dnn_loader_create(&loader, dataset, &d));
    dnn_dataset_release(dataset);
    return loader;
}

static dnn_report *look_at(const batch *b) {
    dnn_report *report;
    dnn_loader *loader = loader_of(b, false, N);
    OK(dnn_look(&report, loader, NULL));
    dnn_loader_release(loader);
    return report;
}

/* ---- faults ---- */

static void times(batch *b, double factor) {
    for (int i = 0; i < N * SAMPLE; i++) b->x[i] *= factor;
}

static void nothing(batch *b) { (void)b; }
static void a_nan(batch *b) { b->x[100] = NAN; }
static void an_infinity(batch *b) { b->x[SAMPLE * 3] = INFINITY; }
static void bytes_where_ones_are_declared(batch *b) { times(b, 255); }
static void slightly_beyond(batch *b) { times(b, 1.2); }
static void below(batch *b) {
    for (int i = 0; i < N * SAMPLE; i++) b->x[i] = 2 * b->x[i] - 1;
}
static void twice(batch *b) { times(b, 1 / 255.0); }
static void three_times(batch *b) { times(b, 1 / 65025.0); }
static void undeclared(batch *b) { b->high = 0; }
static void twice_undeclared(batch *b) {
    undeclared(b);
    twice(b);
}
static void bytes_undeclared(batch *b) {
    undeclared(b);
    for (int i = 0; i < N * SAMPLE; i++) b->x[i] = floor(255 * b->x[i]);
}
static void bytes_as_u8(batch *b) {
    bytes_undeclared(b);
    b->input = DNN_U8;
}
static void standardised_after_twice(batch *b) {
    undeclared(b);
    twice(b);
    for (int i = 0; i < N * SAMPLE; i++) b->x[i] = (b->x[i] - 0.485) / 0.229;
}
static void standardised(batch *b) {
    undeclared(b);
    for (int i = 0; i < N * SAMPLE; i++) b->x[i] = (b->x[i] - 0.5) / 0.29;
}
static void large(batch *b) {
    undeclared(b);
    for (int i = 0; i < N * SAMPLE; i++) b->x[i] = 1000 * b->x[i] - 300;
}
static void same_samples(batch *b) {
    for (int i = SAMPLE; i < N * SAMPLE; i++) b->x[i] = b->x[i - SAMPLE];
}
static void a_constant_channel(batch *b) {
    for (int i = 1; i < N * SAMPLE; i += C) b->x[i] = 0.5;
}
static void grey(batch *b) {
    for (int i = 0; i < N * SAMPLE; i += C) b->x[i + 1] = b->x[i + 2] = b->x[i];
}
static void channels_first(batch *b) {
    b->dims[1] = C;
    b->dims[2] = H;
    b->dims[3] = W;
}
static void minus_one(batch *b) { b->y[5] = -1; }
static void minus_one_as_u8(batch *b) {
    b->y[5] = 255;
    b->target = DNN_U8;
}
static void from_one(batch *b) {
    for (int i = 0; i < N; i++) b->y[i]++;
}
static void sorted(batch *b) {
    for (int i = 0; i < N; i++) b->y[i] = 2;
}
static void regression(batch *b) {
    b->target = DNN_F32;
    b->classes = 0;
    for (int i = 0; i < N; i++) b->y[i] = sin(i);
}
static void a_target_nan(batch *b) {
    regression(b);
    b->y[7] = NAN;
}
static void one_target(batch *b) {
    regression(b);
    for (int i = 0; i < N; i++) b->y[i] = 1.5;
}

typedef struct fault {
    const char *what;
    void (*plant)(batch *b);
    dnn_severity severity; /* NONE: nothing at WARNING or above is to be found */
    const char *name, *words;
} fault;

static const fault faults[] = {
    {"good", nothing, DNN_SEVERITY_NONE, NULL, NULL},
    {"standardised", standardised, DNN_SEVERITY_NONE, NULL, NULL},
    {"undeclared", undeclared, DNN_SEVERITY_NONE, NULL, NULL},
    {"regression", regression, DNN_SEVERITY_NONE, NULL, NULL},
    {"NaN", a_nan, DNN_SEVERITY_ERROR, "not-finite", "1 of 2880 values of the inputs are not finite."},
    {"infinity", an_infinity, DNN_SEVERITY_ERROR, "not-finite", "Evidence: 0 NaN, 1 infinite\n  Sample: 3\n"},
    {"0 to 255", bytes_where_ones_are_declared, DNN_SEVERITY_ERROR, "range",
     "The inputs lie between 0 and 255, where 0 to 1 is declared."},
    {"0 to 1.2", slightly_beyond, DNN_SEVERITY_WARNING, "range", "beyond it by 20 % of its width"},
    {"-1 to 1", below, DNN_SEVERITY_ERROR, "range", "between -1 and 1"},
    {"twice", twice, DNN_SEVERITY_ERROR, "scaled-twice", "Input max 0.0039: ×255 = 1.00. Scaled twice?"},
    {"three times", three_times, DNN_SEVERITY_ERROR, "scaled-twice", "×255² = 1.00"},
    {"twice, undeclared", twice_undeclared, DNN_SEVERITY_WARNING, "scaled-twice", "Scaled twice?"},
    {"bytes as floats", bytes_undeclared, DNN_SEVERITY_WARNING, "not-scaled", "whole numbers up to 255"},
    {"bytes", bytes_as_u8, DNN_SEVERITY_WARNING, "not-float", "The model gets uint8."},
    {"standardised after twice", standardised_after_twice, DNN_SEVERITY_WARNING, "little-spread", "hardly vary"},
    {"large", large, DNN_SEVERITY_NOTE, "large-values", "are large: mean"},
    {"the same sample", same_samples, DNN_SEVERITY_ERROR, "same-samples", "All 32 samples of the batch are the same."},
    {"a constant channel", a_constant_channel, DNN_SEVERITY_WARNING, "constant-channel",
     "Channel 1 is 0.5 in the whole batch."},
    {"grey", grey, DNN_SEVERITY_NOTE, "equal-channels", "grey pictures, stored as colour"},
    {"channels first", channels_first, DNN_SEVERITY_WARNING, "channels-first", "Inputs of [32,3,6,5]"},
    {"-1", minus_one, DNN_SEVERITY_ERROR, "labels-negative", "A label is -1.\n  Sample: 5\n"},
    {"-1 as u8", minus_one_as_u8, DNN_SEVERITY_ERROR, "labels-out-of-range", "a label of -1 becomes 255 as uint8"},
    {"from 1", from_one, DNN_SEVERITY_ERROR, "labels-out-of-range", "Samples: 3, 7, 11, 15, 19, 23, 27, 31\n"},
    {"sorted", sorted, DNN_SEVERITY_WARNING, "sorted-classes", "The batch holds one class alone: 2."},
    {"a target is NaN", a_target_nan, DNN_SEVERITY_ERROR, "targets-not-finite", "1 of 32 values of the targets"},
    {"one target", one_target, DNN_SEVERITY_WARNING, "targets-constant", "All targets of the batch are 1.5."},
};

static void expect_fault(const fault *f, dnn_report *report) {
    dnn_finding found = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_NONE};
    if (f->severity == DNN_SEVERITY_NONE) {
        if (dnn_report_worst(report) != DNN_SEVERITY_NONE) fail_msg("%s: %s", f->what, dnn_report_text(report));
        return;
    }
    if (dnn_report_find(report, f->name, &found) != DNN_OK || found.severity != f->severity ||
        !strstr(dnn_report_text(report), f->words) || !*found.action)
        fail_msg("%s: %s is not there, or otherwise:\n%s", f->what, f->name, dnn_report_text(report));
    if (dnn_report_worst(report) > f->severity) fail_msg("%s: more than that:\n%s", f->what, dnn_report_text(report));
}

static void test_faults(void **state) {
    (void)state;
    batch b;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        good(&b);
        faults[i].plant(&b);
        dnn_report *report = look_at(&b);
        expect_fault(&faults[i], report);
        dnn_report_release(report);
    }
}

/* What the model is said to want counts more than what the dataset declares. */
static void test_declared_by_the_caller(void **state) {
    (void)state;
    batch b;
    dnn_report *report;
    good(&b);
    dnn_loader *loader = loader_of(&b, false, N);
    dnn_look_desc d = {DNN_SIZED(dnn_look_desc), .low = -1, .high = 0.25, .name = "train"};
    OK(dnn_look(&report, loader, &d));
    assert_int_equal(dnn_report_find(report, "range", NULL), DNN_OK);
    assert_string_equal(dnn_report_title(report), "train, as the model gets it");
    dnn_report_release(report);
    dnn_loader_release(loader);
}

static void test_figures(void **state) {
    (void)state;
    batch b;
    dnn_figure f = {DNN_SIZED(dnn_figure), .value = 0};
    good(&b);
    dnn_report *report = look_at(&b);
    OK(dnn_report_figure(report, 4, &f));
    assert_string_equal(f.name, "first loss to expect");
    assert_true(fabs(f.value - log(4)) < 1e-12);
    assert_int_equal(dnn_report_pictures(report), 3);
    dnn_report_release(report);
}

/* Targets that are pictures are shown too: a mask of class 1 in the lower half. */
static void test_masks(void **state) {
    (void)state;
    double x[4 * 6 * 6], y[4 * 6 * 6];
    for (int i = 0; i < 4 * 6 * 6; i++) {
        x[i] = (i * 7 % 11) / 10.0;
        y[i] = i % 36 >= 18;
    }
    dnn_tensor *images = tensor_of(ctx, DNN_F32, DIMS(4, 6, 6, 1), x), *masks = tensor_of(ctx, DNN_U8, DIMS(4, 6, 6), y);
    dnn_dataset *d;
    dnn_loader *loader;
    dnn_report *report;
    dnn_picture p = {DNN_SIZED(dnn_picture), .title = NULL};
    OK(dnn_dataset_from_tensors(&d, images, masks));
    OK(dnn_loader_create(&loader, d, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = 4}));
    OK(dnn_look(&report, loader, NULL));
    OK(dnn_report_picture(report, 1, &p));
    assert_string_equal(p.title, "its targets, from the least to the greatest value");
    const unsigned char *pixels = dnn_tensor_const_data(p.image);
    int64_t black = 0;
    for (int64_t i = 0; i < dnn_tensor_count(p.image); i += 3) black += pixels[i] + pixels[i + 1] + pixels[i + 2] == 0;
    assert_int_equal(black, 4 * 18 * 64); /* at zoom 8 */
    dnn_report_release(report);
    dnn_loader_release(loader);
    dnn_dataset_release(d);
    dnn_tensor_release(images);
    dnn_tensor_release(masks);
}

/* ---- the loader ---- */

static double next_sum(dnn_loader *loader) {
    const dnn_tensor *x;
    double sum = 0;
    if (dnn_loader_next(loader, &x, NULL) != DNN_OK) return -1;
    for (int64_t i = 0; i < dnn_tensor_count(x); i++) sum += (double)(i % 101) * tensor_at(x, i);
    return sum;
}

static void look_and_go_on(bool looks, double *sums) {
    batch b;
    dnn_report *report;
    good(&b);
    dnn_loader *loader = loader_of(&b, true, 12);
    for (int i = 0; i < 10; i++) {
        if (looks) {
            OK(dnn_look(&report, loader, NULL));
            dnn_report_release(report);
        }
        sums[i] = next_sum(loader);
    }
    dnn_loader_release(loader);
}

/* Three batches and an end, again and again: the same with and without a look before each. */
static void test_loader_stays(void **state) {
    (void)state;
    double with[10], without[10];
    look_and_go_on(true, with);
    look_and_go_on(false, without);
    assert_memory_equal(with, without, sizeof with);
    assert_true(with[3] == -1 && with[7] == -1);
}

static void test_no_batches(void **state) {
    (void)state;
    batch b;
    dnn_report *report;
    dnn_loader *loader;
    good(&b);
    dnn_dataset *dataset = dataset_of(&b);
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .batch_size = N + 1, .last_batch = DNN_LAST_BATCH_DROP};
    OK(dnn_loader_create(&loader, dataset, &d));
    assert_int_equal(dnn_look(&report, loader, NULL), DNN_ERROR_VALUE);
    assert_string_equal(dnn_last_error(), "the loader's epochs have no batches");
    dnn_loader_release(loader);
    dnn_dataset_release(dataset);
}

/* ---- sheets ---- */

/* 20 pictures of 4 × 4: sample i is of grey 10 i, and of class i mod 3; class 3 has none. */
static dnn_dataset *greys(void) {
    double x[20 * 16], y[20];
    static const char *const names[] = {"one", "two", "three", "none"};
    for (int i = 0; i < 20 * 16; i++) x[i] = 10 * (i / 16);
    for (int i = 0; i < 20; i++) y[i] = i % 3;
    dnn_dataset *plain, *made;
    dnn_tensor *a = tensor_of(ctx, DNN_U8, DIMS(20, 4, 4), x), *b = tensor_of(ctx, DNN_I64, DIMS(20), y);
    dnn_metadata_desc d = {DNN_SIZED(dnn_metadata_desc), .classes = 4, .class_names = names};
    OK(dnn_dataset_from_tensors(&plain, a, b));
    OK(dnn_dataset_with_metadata(&made, plain, &d));
    dnn_tensor_release(a);
    dnn_tensor_release(b);
    dnn_dataset_release(plain);
    return made;
}

/* At zoom 1 cells are 6 wide and high (with a border of 1), with captions of up to two lines below and wider for them:
 * so each picture is looked for by its colour. */
static int64_t count_grey(const dnn_tensor *sheet, int grey) {
    const unsigned char *p = dnn_tensor_const_data(sheet);
    int64_t n = 0;
    for (int64_t i = 0; i < dnn_tensor_count(sheet); i += 3) n += p[i] == grey && p[i + 1] == grey && p[i + 2] == grey;
    return n;
}

static dnn_tensor *sheet_of(dnn_dataset *d, const dnn_samples_desc *desc) {
    dnn_tensor *sheet;
    OK(dnn_sheet_samples(&sheet, d, desc));
    return sheet;
}

static void test_sheet_by_score(void **state) {
    (void)state;
    dnn_dataset *d = greys();
    double scores[20];
    for (int i = 0; i < 20; i++) scores[i] = i == 19 ? (double)NAN : -i; /* the best are 0, 1, 2 */
    dnn_samples_desc desc = {DNN_SIZED(dnn_samples_desc), .order = DNN_SHEET_BY_SCORE, .scores = scores, .count = 3,
                             .zoom = 1};
    dnn_tensor *sheet = sheet_of(d, &desc);
    assert_int_equal(count_grey(sheet, 10), 16);
    assert_int_equal(count_grey(sheet, 20), 16);
    assert_int_equal(count_grey(sheet, 30), 0);
    dnn_tensor_release(sheet);
    desc.smallest_first = 1;
    sheet = sheet_of(d, &desc);
    assert_int_equal(count_grey(sheet, 190), 0);
    assert_int_equal(count_grey(sheet, 160), 16);
    dnn_tensor_release(sheet);
    dnn_dataset_release(d);
}

static void test_sheet_as_given_and_random(void **state) {
    (void)state;
    dnn_dataset *d = greys();
    dnn_samples_desc desc = {DNN_SIZED(dnn_samples_desc), .order = DNN_SHEET_AS_GIVEN, .zoom = 2,
                             .indices = (int64_t[]){7, 7, 3}, .n_indices = 3};
    dnn_tensor *sheet = sheet_of(d, &desc);
    assert_int_equal(count_grey(sheet, 70), 2 * 64);
    assert_int_equal(count_grey(sheet, 30), 64);
    dnn_tensor_release(sheet);
    desc = (dnn_samples_desc){DNN_SIZED(dnn_samples_desc), .zoom = 1, .count = 100};
    sheet = sheet_of(d, &desc);
    for (int i = 1; i < 20; i++) assert_int_equal(count_grey(sheet, 10 * i), 16);
    dnn_tensor *again = sheet_of(d, &desc);
    assert_memory_equal(dnn_tensor_data(sheet), dnn_tensor_data(again), (size_t)dnn_tensor_count(sheet));
    dnn_tensor_release(again);
    dnn_tensor_release(sheet);
    dnn_dataset_release(d);
}

/* Rows of classes; the fourth is empty. Each row has samples of its class alone. */
static void test_sheet_by_class(void **state) {
    (void)state;
    dnn_dataset *d = greys();
    dnn_samples_desc desc = {DNN_SIZED(dnn_samples_desc), .order = DNN_SHEET_BY_CLASS, .count = 2, .zoom = 12};
    dnn_tensor *sheet = sheet_of(d, &desc);
    int64_t rows[3] = {0}, all = 0;
    for (int i = 1; i < 20; i++) {
        int64_t n = count_grey(sheet, 10 * i);
        rows[i % 3] += n;
        all += n > 0;
    }
    assert_true(all == 5 || all == 6); /* sample 0 is black, as ink nearly is */
    assert_int_equal(rows[1], 2 * 48 * 48);
    assert_int_equal(rows[2], 2 * 48 * 48);
    dnn_tensor_release(sheet);
    dnn_dataset_release(d);
}

static dnn_status plus_epoch(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)user, (void)target;
    for (int i = 0; i < 16; i++) ((unsigned char *)input->data)[i] = (unsigned char)(100 + 10 * index + epoch);
    return DNN_OK;
}

static void test_draws_are_epochs(void **state) {
    (void)state;
    dnn_dataset *d;
    dnn_tensor *sheet;
    dnn_callback_dataset_desc source = {DNN_SIZED(dnn_callback_dataset_desc), .count = 3, .get = plus_epoch,
                                        .input = {.dtype = DNN_U8, .rank = 3, .dims = {4, 4, 1}}};
    OK(dnn_dataset_from_callbacks(&d, ctx, &source));
    dnn_draws_desc desc = {DNN_SIZED(dnn_draws_desc), .indices = (int64_t[]){1, 2}, .n_indices = 2, .draws = 3, .zoom = 4};
    OK(dnn_sheet_draws(&sheet, d, &desc));
    for (int epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(count_grey(sheet, 110 + epoch), 16 * 16);
        assert_int_equal(count_grey(sheet, 120 + epoch), 16 * 16);
    }
    assert_int_equal(count_grey(sheet, 113), 0);
    dnn_tensor_release(sheet);
    dnn_dataset_release(d);
}

/* Behind a transform stands the original, in its own range. */
static void test_draws_show_the_original(void **state) {
    (void)state;
    dnn_dataset *source = greys(), *images, *view;
    dnn_transform *chain;
    dnn_tensor *sheet, *x = tensor_of(ctx, DNN_U8, DIMS(1, 4, 4, 1), (double[]){9, 9, 9, 9, 9, 9, 9, 9, 250, 250, 250, 250,
                                                                               250, 250, 250, 250});
    OK(dnn_dataset_from_tensors(&images, x, NULL));
    OK(dnn_transform_chain(&chain, ctx));
    OK(dnn_transform_add(chain, dnn_random_flip(ctx, &(dnn_random_flip_desc){DNN_SIZED(dnn_random_flip_desc),
                                                                            .horizontal = DNN_ZERO, .vertical = 1})));
    OK(dnn_dataset_transform(&view, images, chain, NULL));
    dnn_draws_desc desc = {DNN_SIZED(dnn_draws_desc), .draws = 1, .zoom = 12};
    OK(dnn_sheet_draws(&sheet, view, &desc));
    assert_int_equal(count_grey(sheet, 9), 2 * 8 * 144);
    assert_int_equal(count_grey(sheet, 250), 2 * 8 * 144);
    dnn_tensor_release(sheet);
    dnn_dataset_release(view);
    dnn_dataset_release(images);
    dnn_dataset_release(source);
    dnn_transform_release(chain);
    dnn_tensor_release(x);
}

static void test_what_cannot_be_shown(void **state) {
    (void)state;
    dnn_dataset *d, *empty;
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(3, 7), NULL), *none = tensor_of(ctx, DNN_U8, DIMS(0, 4, 4), NULL), *sheet;
    OK(dnn_dataset_from_tensors(&d, x, NULL));
    OK(dnn_dataset_from_tensors(&empty, none, NULL));
    expect_error(dnn_sheet_samples(&sheet, d, NULL), DNN_ERROR_SHAPE,
                 "inputs of [7] are no pictures: (H, W, C) or (H, W), with pixels, is needed");
    expect_error(dnn_sheet_draws(&sheet, empty, NULL), DNN_ERROR_VALUE, "the dataset has no samples");
    expect_error(dnn_sheet_samples(&sheet, empty, NULL), DNN_ERROR_VALUE, "the dataset has no samples");
    dnn_dataset_release(d);
    d = greys();
    dnn_samples_desc desc = {DNN_SIZED(dnn_samples_desc), .order = DNN_SHEET_AS_GIVEN, .indices = (int64_t[]){20},
                             .n_indices = 1};
    expect_error(dnn_sheet_samples(&sheet, d, &desc), DNN_ERROR_NOT_FOUND,
                 "indices[0] is 20, the dataset has 20 samples");
    desc.order = (dnn_sheet_order)5;
    expect_error(dnn_sheet_samples(&sheet, d, &desc), DNN_ERROR_ARGUMENT, "desc.order is 5, which is no order");
    desc.order = DNN_SHEET_BY_SCORE;
    expect_error(dnn_sheet_samples(&sheet, d, &desc), DNN_ERROR_ARGUMENT, "desc.scores is NULL");
    dnn_dataset_release(d);
    dnn_dataset_release(empty);
    dnn_tensor_release(x);
    dnn_tensor_release(none);
}

/* ---- out of memory ---- */

static dnn_status make_sheets(dnn_dataset *d) {
    dnn_tensor *sheet[3] = {NULL};
    dnn_samples_desc desc = {DNN_SIZED(dnn_samples_desc), .order = DNN_SHEET_BY_CLASS, .count = 2};
    dnn_status status = dnn_sheet_samples(&sheet[0], d, &desc);
    if (status == DNN_OK) status = dnn_sheet_samples(&sheet[1], d, NULL);
    if (status == DNN_OK) status = dnn_sheet_draws(&sheet[2], d, NULL);
    for (int i = 0; i < 3; i++) dnn_tensor_release(sheet[i]);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    batch b;
    good(&b);
    dnn_loader *loader = loader_of(&b, false, 8);
    dnn_dataset *d = greys();
    dnn_report *report = NULL;
    double first = next_sum(loader);
    (void)first;
    for (int64_t fail = 1; !report; fail++) {
        test_allocator_arm(&memory, fail, false);
        dnn_status status = dnn_look(&report, loader, NULL);
        test_allocator_arm(&memory, 0, false);
        assert_true(status == (report ? DNN_OK : DNN_ERROR_MEMORY));
        dnn_loader_place place = {DNN_SIZED(dnn_loader_place), .epoch = -1};
        OK(dnn_loader_position(loader, &place));
        assert_true(place.epoch == 0 && place.batch == 1);
    }
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t fail = 1; status != DNN_OK; fail++) {
        test_allocator_arm(&memory, fail, false);
        status = make_sheets(d);
        test_allocator_arm(&memory, 0, false);
        assert_true(status == DNN_OK || status == DNN_ERROR_MEMORY);
    }
    dnn_report_release(report);
    dnn_loader_release(loader);
    dnn_dataset_release(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_declared_by_the_caller, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_figures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_masks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loader_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sheet_by_score, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sheet_as_given_and_random, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sheet_by_class, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draws_are_epochs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draws_show_the_original, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
