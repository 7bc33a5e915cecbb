/* Mistakes with data, in programs that train a small network on pictures or rows. They look and audit before they
 * train, and stop at an error, as they should. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mistakes/parts.h"

enum { N = 600, TESTS = 200, BATCH = 32, CLASSES = 10 };

/* ---- the rest of each program ---- */

/* What is left when the sets are there: look, audit, train. */
static void classify_pictures(program *p, int32_t shuffle) {
    cnn(p, CLASSES);
    classify(p, 2e-3);
    load(p, BATCH, shuffle);
    look(p, 0, 1);
    audit(p, CLASSES);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 1);
}

static void classify_rows(program *p, int64_t columns) {
    mlp(p, columns, 16, GROUPS);
    classify(p, 5e-3);
    load(p, BATCH, 1);
    look(p, 0, 0);
    audit(p, GROUPS);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 2);
}

static void two_sets(program *p, data train, data test) {
    p->train = set_of(train);
    p->test = set_of(test);
}

/* ---- pairs ---- */

/* Names and files were sorted apart from each other: here, labels are shuffled and pictures are not. */
static void out_of_step(program *p) {
    data train = pictures(p, 0, N);
    for (int64_t i = N - 1; i > 0 && p->mistaken; i--) {
        int64_t k = (i * 7919 + 13) % (i + 1), swap = labels(train)[i];
        labels(train)[i] = labels(train)[k];
        labels(train)[k] = swap;
    }
    two_sets(p, train, pictures(p, N, TESTS));
    classify_pictures(p, 1);
}

/* A header line was skipped in one file and not in the other. */
static void off_by_one(program *p) {
    data train = pictures(p, 0, N);
    if (p->mistaken) memmove(labels(train) + 1, labels(train), (N - 1) * sizeof(int64_t));
    two_sets(p, train, pictures(p, N, TESTS));
    classify_pictures(p, 1);
}

/* ---- values ---- */

/* The reader gives [0, 1] already; the program divides once more. */
static void scaled_twice(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    for (int64_t i = 0; i < N * each(train) && p->mistaken; i++) floats(train)[i] /= 255;
    for (int64_t i = 0; i < TESTS * each(test) && p->mistaken; i++) floats(test)[i] /= 255;
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* Bytes are handed to a network that was made for [0, 1]. */
static void not_scaled(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    for (int64_t i = 0; i < N * each(train) && p->mistaken; i++) floats(train)[i] *= 255;
    for (int64_t i = 0; i < TESTS * each(test) && p->mistaken; i++) floats(test)[i] *= 255;
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* The training pictures are scaled, those of the test set are not: whoever predicts has a reader of his own. */
static void test_not_scaled(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    for (int64_t i = 0; i < TESTS * each(test) && p->mistaken; i++) floats(test)[i] *= 255;
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* A cast to bytes before the division by 255 left zeros and ones. */
static void fractions_lost(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    for (int64_t i = 0; i < N * each(train) && p->mistaken; i++) floats(train)[i] = (float)(uint8_t)floats(train)[i];
    for (int64_t i = 0; i < TESTS * each(test) && p->mistaken; i++) floats(test)[i] = (float)(uint8_t)floats(test)[i];
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* A missing measurement is not a number. */
static void not_a_number(program *p) {
    data train = rows(p, 0, N);
    if (p->mistaken) floats(train)[(p->sample = 77) * COLUMNS + 2] = NAN;
    two_sets(p, train, rows(p, N, TESTS));
    classify_rows(p, COLUMNS);
}

/* A missing measurement is -999. */
static void missing_values(program *p) {
    data train = rows(p, 0, N);
    for (int64_t i = 5; i < N && p->mistaken; i += 60) floats(train)[i * COLUMNS + 2] = -999;
    two_sets(p, train, rows(p, N, TESTS));
    classify_rows(p, COLUMNS);
}

/* ---- the two sets ---- */

/* The test set was taken from the training set. */
static void train_in_test(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    if (p->mistaken) {
        memcpy(floats(test), floats(train), (size_t)(40 * each(test)) * sizeof(float));
        memcpy(labels(test), labels(train), 40 * sizeof(int64_t));
        p->sample = 17;
    }
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* Noisy copies are made first, to have more data, and the split comes after: a copy is in the other set. */
static void augmented_before_split(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    for (int64_t i = 0; i < 40 * each(test) && p->mistaken; i++)
        floats(test)[i] = fmaxf(0, floats(train)[i] - 0.004f * (float)(i % 3));
    for (int64_t i = 0; i < 40 && p->mistaken; i++) labels(test)[i] = labels(train)[i];
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* The reader of the test set takes (width, height) for (height, width). */
static void turned(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    for (int64_t n = 0; n < TESTS && p->mistaken; n++)
        for (int64_t i = 0; i < SIDE; i++)
            for (int64_t k = 0; k < i; k++) {
                float *a = floats(test) + (n * SIDE + i) * SIDE + k, *b = floats(test) + (n * SIDE + k) * SIDE + i;
                float swap = *a;
                *a = *b;
                *b = swap;
            }
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* A sorted file, cut at the end: a class is in one part alone. */
static void class_missing(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    for (int64_t i = 0; i < N && p->mistaken; i++)
        if (labels(train)[i] == 9) {
            labels(train)[i] = labels(train)[i ? i - 1 : 0];
            memcpy(floats(train) + i * each(train), floats(train) + (i ? i - 1 : 0) * each(train), 64);
        }
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* The columns of the test set were scaled by another person. */
static void other_scale(program *p) {
    data train = rows(p, 0, N), test = rows(p, N, TESTS);
    for (int64_t i = 0; i < TESTS && p->mistaken; i++) floats(test)[i * COLUMNS + 3] *= 2.54f;
    two_sets(p, train, test);
    classify_rows(p, COLUMNS);
}

/* ---- labels ---- */

/* -1 stands for "nobody knows"; a byte makes 255 of it. */
static void wrapped_labels(program *p) {
    data train = pictures(p, 0, N);
    if (p->mistaken) labels(train)[p->sample = 23] = (uint8_t)-1;
    two_sets(p, train, pictures(p, N, TESTS));
    classify_pictures(p, 1);
}

/* Classes that begin with 1. */
static void labels_from_one(program *p) {
    data train = pictures(p, 0, N), test = pictures(p, N, TESTS);
    for (int64_t i = 0; i < N && p->mistaken; i++) labels(train)[i]++;
    for (int64_t i = 0; i < TESTS && p->mistaken; i++) labels(test)[i]++;
    two_sets(p, train, test);
    classify_pictures(p, 1);
}

/* The classes of the test set were numbered by another list of names. */
static void classes_differ(program *p) {
    data train = rows(p, 0, N), test = rows(p, N, TESTS);
    for (int64_t i = 0; i < TESTS && p->mistaken; i++) labels(test)[i] = (labels(test)[i] + 1) % GROUPS;
    two_sets(p, train, test);
    classify_rows(p, COLUMNS);
}

/* Data are stored class by class, and the loader does not shuffle. */
static void not_shuffled(program *p) {
    data all = pictures(p, 0, N), train = pictures(p, 0, N);
    int64_t n = 0;
    for (int64_t k = 0; k < CLASSES && p->mistaken; k++)
        for (int64_t i = 0; i < N; i++) {
            if (labels(all)[i] != k) continue;
            memcpy(floats(train) + n * each(train), floats(all) + i * each(all), (size_t)each(all) * sizeof(float));
            labels(train)[n++] = k;
        }
    OK(dnn_dataset_release(set_of(all)));
    two_sets(p, train, pictures(p, N, TESTS));
    classify_pictures(p, !p->mistaken);
}

/* One class is nearly all there is. */
static void imbalance(program *p) {
    data train = rows(p, 0, N);
    for (int64_t i = 0, kept = 0; i < N && p->mistaken; i++)
        if (labels(train)[i] == 2 && kept++ >= 12) {
            memcpy(floats(train) + i * COLUMNS, floats(train), COLUMNS * sizeof(float));
            floats(train)[i * COLUMNS] += 1e-3f * (float)i;
            labels(train)[i] = labels(train)[0];
        }
    two_sets(p, train, rows(p, N, TESTS));
    classify_rows(p, COLUMNS);
}

/* Some labels are wrong: nobody near agrees. */
static void wrong_labels(program *p) {
    data train = rows(p, 0, N);
    for (int64_t i = 11; i < N && p->mistaken; i += 50) labels(train)[i] = (labels(train)[i] + 1) % GROUPS;
    if (p->mistaken) p->sample = 11;
    two_sets(p, train, rows(p, N, TESTS));
    classify_rows(p, COLUMNS);
}

/* ---- columns and channels ---- */

static data with_column(program *p, data d, int64_t n) {
    data wide = {.t = d.t};
    OK(dnn_tensor_create(&wide.x, p->ctx, DNN_F32, DIMS(n, COLUMNS + 1)));
    for (int64_t i = 0; i < n; i++) {
        float *row = floats(wide) + i * (COLUMNS + 1);
        memcpy(row, floats(d) + i * COLUMNS, COLUMNS * sizeof(float));
        row[COLUMNS] = p->mistaken ? (float)(3 * labels(d)[i]) : (float)((i * 37 % 101) - 50) / 29;
    }
    OK(dnn_tensor_release(d.x));
    return wide;
}

/* A column that is only known when the answer is. */
static void answer_in_column(program *p) {
    two_sets(p, with_column(p, rows(p, 0, N), N), with_column(p, rows(p, N, TESTS), TESTS));
    classify_rows(p, COLUMNS + 1);
}

/* A sensor was not plugged in. */
static void constant_column(program *p) {
    data train = rows(p, 0, N), test = rows(p, N, TESTS);
    for (int64_t i = 0; i < N && p->mistaken; i++) floats(train)[i * COLUMNS + 4] = 0.25f;
    for (int64_t i = 0; i < TESTS && p->mistaken; i++) floats(test)[i * COLUMNS + 4] = 0.25f;
    two_sets(p, train, test);
    classify_rows(p, COLUMNS);
}

/* Colour pictures whose green the program forgot to fill. */
static data in_colour(program *p, int64_t first, int64_t n) {
    data grey = pictures(p, first, n), d = {.t = grey.t};
    OK(dnn_tensor_create(&d.x, p->ctx, DNN_F32, DIMS(n, SIDE, SIDE, 3)));
    for (int64_t i = 0; i < dnn_tensor_count(grey.x); i++) {
        float v = floats(grey)[i];
        floats(d)[3 * i] = v;
        floats(d)[3 * i + 1] = p->mistaken ? 0 : v * (0.6f + 0.1f * (float)(i / (SIDE * SIDE) % 3));
        floats(d)[3 * i + 2] = 1 - v;
    }
    OK(dnn_tensor_release(grey.x));
    return d;
}

static void constant_channel(program *p) {
    p->train = set_of(in_colour(p, 0, N));
    chain(p);
    add(p, "conv1", conv(p, 3, 8));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "pool1", dnn_adaptive_avg_pool2d(p->ctx, 4, 4));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, 8 * 16, CLASSES));
    classify(p, 2e-3);
    load(p, BATCH, 1);
    look(p, 0, 1);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 1);
}

/* ---- what nobody finds ---- */

/* Statistics of both sets together: what is known of the test set has gone into training, and no number shows it. */
static void statistics_of_both(program *p) {
    dnn_dataset *sets[2], *both;
    dnn_statistics *statistics;
    two_sets(p, rows(p, 0, N), rows(p, N, TESTS));
    sets[0] = p->train;
    sets[1] = p->test;
    OK(dnn_dataset_concat(&both, sets, 2));
    OK(dnn_statistics_fit(&statistics, p->mistaken ? both : p->train, NULL));
    OK(dnn_dataset_release(both));
    dnn_transform *by = dnn_transform_standardize(p->ctx, statistics);
    OK(dnn_dataset_transform(&p->train, sets[0], by, NULL));
    OK(dnn_dataset_transform(&p->test, sets[1], by, NULL));
    OK(dnn_transform_release(by));
    OK(dnn_statistics_release(statistics));
    OK(dnn_dataset_release(sets[0]));
    OK(dnn_dataset_release(sets[1]));
    classify_rows(p, COLUMNS);
}

/* Half of what is written is mirrored by the pipeline, and keeps its label: a 3 that no reader would take for one. */
static void mirrored(program *p) {
    data train = pictures(p, 0, N);
    for (int64_t row = 0; row < N * SIDE && p->mistaken; row++) {
        float *x = floats(train) + row * SIDE, line[SIDE];
        if (row / SIDE % 2) continue;
        memcpy(line, x, sizeof line);
        for (int64_t k = 0; k < SIDE; k++) x[k] = line[SIDE - 1 - k];
    }
    two_sets(p, train, pictures(p, N, TESTS));
    classify_pictures(p, 1);
}

/* ---- what the types of the library do not let pass ---- */

static dnn_dataset *bytes_of(program *p, int64_t first, int64_t n) {
    data d = pictures(p, first, n), b = {.t = d.t};
    for (int64_t i = 0; i < n * each(d); i++) floats(d)[i] = floorf(floats(d)[i] * 255 + 0.5f);
    OK(dnn_tensor_cast(&b.x, d.x, DNN_U8, DNN_CAST_EXACT, NULL));
    OK(dnn_tensor_release(d.x));
    return set_of(b);
}

/* The pipeline scales pictures that its source has scaled already. */
static void to_float_twice(program *p) {
    dnn_dataset *raw = bytes_of(p, 0, N), *once;
    dnn_transform *scale = dnn_to_float(p->ctx, NULL);
    OK(dnn_dataset_transform(&once, raw, scale, NULL));
    OK(dnn_dataset_release(raw));
    p->train = once;
    if (p->mistaken) went(p, "dnn_dataset_transform", dnn_dataset_transform(&once, p->train, scale, NULL));
    OK(dnn_transform_release(scale));
    cnn(p, CLASSES);
    classify(p, 2e-3);
    load(p, BATCH, 1);
    look(p, 0, 0);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 1);
}

/* Labels that are kept in a byte, -1 among them. */
static void cast_to_bytes(program *p) {
    data d = rows(p, 0, N), b = {.x = d.x};
    if (p->mistaken) labels(d)[100] = -1;
    if (!went(p, "dnn_tensor_cast", dnn_tensor_cast(&b.t, d.t, DNN_U8, DNN_CAST_EXACT, NULL))) b.t = d.t;
    else OK(dnn_tensor_release(d.t));
    p->train = set_of(b);
    if (program_worst(p) < DNN_SEVERITY_ERROR) classify_rows(p, COLUMNS);
}

static const mistake mistakes[] = {
    {"inputs and labels out of step", "targets-out-of-step", "dnn_audit", NULL, out_of_step},
    {"labels shifted by one", "targets-shifted", "dnn_audit", NULL, off_by_one},
    {"scaled twice", "scaled-twice", "dnn_look", "255", scaled_twice},
    {"0–255 where [0, 1] is declared", "range", "dnn_look", "0 to 1", not_scaled},
    {"a scale not applied when predicting", "scale-differs", "dnn_audit", "test", test_not_scaled},
    {"cast to bytes before scaling", "fractions-lost", "dnn_audit", NULL, fractions_lost},
    {"a NaN among the inputs", "not-finite", "dnn_audit", "train", not_a_number},
    {"-999 for missing values", "missing-value-codes", "dnn_audit", "999", missing_values},
    {"train samples in the test set", "duplicates-across-split", "dnn_audit", "train", train_in_test},
    {"augmented before the split", "near-duplicates-across-split", "dnn_audit", NULL, augmented_before_split},
    {"height and width swapped in the test set", "orientation-differs", "dnn_audit", "test", turned},
    {"a class missing in the training set", "class-missing", "dnn_audit", "9", class_missing},
    {"a column of the test set in other units", "shift", "dnn_audit", "3", other_scale},
    {"labels -1 cast to u8", "labels-cast", "dnn_audit", "255", wrapped_labels},
    {"labels that begin with 1", "labels-out-of-range", "dnn_audit", "10", labels_from_one},
    {"classes of the test set numbered otherwise", "classes-differ", "dnn_audit", NULL, classes_differ},
    {"no shuffling of sorted classes", "sorted-classes", "dnn_look", NULL, not_shuffled},
    {"a rare class", "class-imbalance", "dnn_audit", "2", imbalance},
    {"wrong labels", "label-votes", "dnn_audit", NULL, wrong_labels},
    {"the answer among the inputs", "target-in-inputs", "dnn_audit", "6", answer_in_column},
    {"a constant column", "constant-dimensions", "dnn_audit", "4", constant_column},
    {"a constant channel", "constant-channel", "dnn_look", "Channel 1", constant_channel},
    {"statistics fitted on both sets together", NULL, "the numbers are as they would be; fit on the training part alone",
     NULL, statistics_of_both},
    {"augmentation that makes other classes of pictures", NULL, "what a mirrored 3 is, the program alone can know", NULL,
     mirrored},
    {"a pipeline that scales twice", "DNN_ERROR_VALUE", "dnn_dataset_transform", "to_float", to_float_twice},
    {"a label of -1 cast to a byte", "DNN_ERROR_VALUE", "dnn_tensor_cast", "-1", cast_to_bytes},
};

MISTAKES_MAIN(mistakes)
