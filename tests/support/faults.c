/* The faults. Those that have places note which samples they spoil. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng/rng.h"
#include "support/faulty.h"

enum { TINT = 1u << CIFAR, INK = 1u << MNIST | 1u << DIGITS, ROWS = 1u << IRIS | 1u << TABLE,
       PICTURES = TINT | INK, CLASSES_ALL = PICTURES | ROWS, SUMS = 1u << NUMBERS };

static float *sample(faulty *d, int set, int64_t i) { return d->x[set] + i * d->items; }
static float *pixel(faulty *d, float *x, int64_t row, int64_t column) {
    return x + (row * d->width + column) * d->channels;
}
static void mark(faulty *d, int64_t i) {
    if (d->n_planted < FAULTY_PLANTED) d->planted[d->n_planted++] = i;
}
static double uniform(uint64_t at) { return dnnk_random_uniform(77, 5, at); }
static float top(const faulty *d) { return d->input == DNN_U8 ? 255 : 1; }

/* As floats in [0, 1], which bytes cannot show. */
static void to_floats(faulty *d) {
    if (d->input != DNN_U8) return;
    d->input = DNN_F32;
    d->high = 1;
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k] * d->items; i++) d->x[k][i] /= 255;
}

static void copy_sample(faulty *d, int from_set, int64_t from, int set, int64_t to) {
    memcpy(sample(d, set, to), sample(d, from_set, from), (size_t)d->items * sizeof(float));
    d->t[set][to] = d->t[from_set][from];
    mark(d, to);
}

/* ---- repetitions ---- */

static int64_t copies(const faulty *d) { return d->n[1] / 20; }
static int64_t place(const faulty *d, int set, int64_t i) { return d->n[set] / 2 + i; }

static void copy_across(faulty *d) {
    for (int64_t i = 0; i < copies(d); i++) copy_sample(d, TRAIN, 20 + i, TEST, place(d, TEST, i));
}
static void copy_within(faulty *d) {
    for (int64_t i = 0; i < copies(d); i++) copy_sample(d, TRAIN, 10 + i, TRAIN, place(d, TRAIN, i));
}
static void other_labels(faulty *d, int set) {
    for (int64_t i = 0; i < d->n_planted; i++) d->t[set][d->planted[i]] = fmod(d->t[set][d->planted[i]] + 1, 3);
}
static void copy_across_relabelled(faulty *d) {
    copy_across(d);
    other_labels(d, TEST);
}
static void copy_within_relabelled(faulty *d) {
    copy_within(d);
    other_labels(d, TRAIN);
}

static void add_noise(faulty *d, int set, double share) {
    for (int64_t p = 0; p < d->n_planted; p++) {
        float *x = sample(d, set, d->planted[p]);
        for (int64_t j = 0; j < d->items; j++) {
            float v = x[j] + (float)((uniform((uint64_t)(p * d->items + j)) - 0.5) * 2 * share) * top(d);
            x[j] = v < 0 ? 0 : v > top(d) ? top(d) : v;
        }
    }
}
static void noisy_copies_across(faulty *d) {
    copy_across(d);
    add_noise(d, TEST, 0.02);
}
static void noisy_copies_within(faulty *d) {
    copy_within(d);
    add_noise(d, TRAIN, 0.02);
}
static void noisy_rows_across(faulty *d) {
    copy_across(d);
    for (int64_t p = 0; p < d->n_planted; p++)
        for (int64_t j = 0; j < d->items; j++) sample(d, TEST, d->planted[p])[j] *= 1 + 1e-4f * (float)(j + 1);
}

static void move(faulty *d, float *x, int64_t down, int64_t across) {
    float *old = malloc((size_t)d->items * sizeof *old);
    memcpy(old, x, (size_t)d->items * sizeof *old);
    for (int64_t i = 0; i < d->height; i++)
        for (int64_t j = 0; j < d->width; j++) {
            int64_t row = i - down < 0 ? 0 : i - down >= d->height ? d->height - 1 : i - down;
            int64_t column = j - across < 0 ? 0 : j - across >= d->width ? d->width - 1 : j - across;
            memcpy(pixel(d, x, i, j), pixel(d, old, row, column), (size_t)d->channels * sizeof *x);
        }
    free(old);
}
static void moved_copies(faulty *d) {
    copy_within(d);
    for (int64_t p = 0; p < d->n_planted; p++) move(d, sample(d, TRAIN, d->planted[p]), 1, -1);
}

/* As JPEG has it: each 8 × 8 block of each channel through a cosine transform whose coefficients are rounded, high ones
 * more coarsely. */
static void compress_block(faulty *d, float *x, int64_t top_row, int64_t left, int64_t c) {
    double f[8][8], back;
    for (int u = 0; u < 8; u++)
        for (int v = 0; v < 8; v++) {
            double sum = 0, step = (2 + u + v) * 2.0 / 255 * (double)top(d);
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 8; j++)
                    sum += (double)pixel(d, x, top_row + i, left + j)[c] * cos((2 * i + 1) * u * 3.14159265358979 / 16) *
                           cos((2 * j + 1) * v * 3.14159265358979 / 16);
            sum *= (u ? 1 : sqrt(0.5)) * (v ? 1 : sqrt(0.5)) / 4;
            f[u][v] = rint(sum / step) * step;
        }
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            back = 0;
            for (int u = 0; u < 8; u++)
                for (int v = 0; v < 8; v++)
                    back += f[u][v] * (u ? 1 : sqrt(0.5)) * (v ? 1 : sqrt(0.5)) / 4 *
                            cos((2 * i + 1) * u * 3.14159265358979 / 16) * cos((2 * j + 1) * v * 3.14159265358979 / 16);
            pixel(d, x, top_row + i, left + j)[c] = (float)fmin(fmax(back, 0), (double)top(d));
        }
}
static void resaved_copies(faulty *d) {
    copy_across(d);
    for (int64_t p = 0; p < d->n_planted; p++)
        for (int64_t i = 0; i + 8 <= d->height; i += 8)
            for (int64_t j = 0; j + 8 <= d->width; j += 8)
                for (int64_t c = 0; c < d->channels; c++)
                    compress_block(d, sample(d, TEST, d->planted[p]), i, j, c);
}
static void brighter_copies(faulty *d) {
    copy_across(d);
    for (int64_t p = 0; p < d->n_planted; p++)
        for (int64_t j = 0; j < d->items; j++) sample(d, TEST, d->planted[p])[j] *= 0.98f;
}

/* ---- turned pictures ---- */

static void transpose(faulty *d, float *x) {
    for (int64_t i = 0; i < d->height; i++)
        for (int64_t j = 0; j < i; j++)
            for (int64_t c = 0; c < d->channels; c++) {
                float kept = pixel(d, x, i, j)[c];
                pixel(d, x, i, j)[c] = pixel(d, x, j, i)[c];
                pixel(d, x, j, i)[c] = kept;
            }
}
static void mirror(faulty *d, float *x, bool vertically) {
    for (int64_t i = 0; i < d->height; i++)
        for (int64_t j = 0; j < d->width; j++) {
            int64_t row = vertically ? d->height - 1 - i : i, column = vertically ? j : d->width - 1 - j;
            if (row * d->width + column <= i * d->width + j) continue;
            for (int64_t c = 0; c < d->channels; c++) {
                float kept = pixel(d, x, i, j)[c];
                pixel(d, x, i, j)[c] = pixel(d, x, row, column)[c];
                pixel(d, x, row, column)[c] = kept;
            }
        }
}
static void swap_colours(faulty *d, float *x) {
    for (int64_t p = 0; p < d->height * d->width; p++) {
        float red = x[p * 3];
        x[p * 3] = x[p * 3 + 2];
        x[p * 3 + 2] = red;
    }
}
static void invert(faulty *d, float *x) {
    for (int64_t j = 0; j < d->items; j++) x[j] = top(d) - x[j];
}
static void each(faulty *d, int set, int64_t first, int64_t count, void (*change)(faulty *, float *)) {
    for (int64_t i = first; i < first + count; i++) {
        change(d, sample(d, set, i));
        mark(d, i);
    }
}
static void upside_down(faulty *d, float *x) { mirror(d, x, true); }
static void turn_around(faulty *d, float *x) {
    mirror(d, x, true);
    mirror(d, x, false);
}

static void a_transposed_copy(faulty *d) {
    copy_sample(d, TRAIN, 30, TRAIN, place(d, TRAIN, 3));
    transpose(d, sample(d, TRAIN, place(d, TRAIN, 3)));
}
static void a_mirrored_copy(faulty *d) {
    copy_sample(d, TRAIN, 31, TRAIN, place(d, TRAIN, 4));
    mirror(d, sample(d, TRAIN, place(d, TRAIN, 4)), false);
}
static void a_turned_copy(faulty *d) {
    copy_sample(d, TRAIN, 32, TRAIN, place(d, TRAIN, 5));
    turn_around(d, sample(d, TRAIN, place(d, TRAIN, 5)));
}
static void a_copy_in_bgr(faulty *d) {
    for (int64_t i = 0; i < 5; i++) {
        copy_sample(d, TRAIN, 33 + i, TRAIN, place(d, TRAIN, 6 + i));
        swap_colours(d, sample(d, TRAIN, place(d, TRAIN, 6 + i)));
    }
}
static void an_inverted_copy(faulty *d) {
    copy_sample(d, TRAIN, 39, TRAIN, place(d, TRAIN, 15));
    invert(d, sample(d, TRAIN, place(d, TRAIN, 15)));
}
static void a_transposed_block(faulty *d) { each(d, TRAIN, d->n[0] / 2, d->n[0] / 20, transpose); }
static void an_upside_down_block(faulty *d) { each(d, TRAIN, d->n[0] / 4, d->n[0] / 20, upside_down); }
static void a_bgr_block(faulty *d) { each(d, TRAIN, d->n[0] / 4, d->n[0] / 10, swap_colours); }
static void transposed_test(faulty *d) { each(d, TEST, 0, d->n[1], transpose); }
static void bgr_test(faulty *d) { each(d, TEST, 0, d->n[1], swap_colours); }
static void inverted_test(faulty *d) { each(d, TEST, 0, d->n[1], invert); }
static void some_inverted(faulty *d) { each(d, TRAIN, 100, 20, invert); }
static void channels_before(faulty *d) { d->channels_first = true; }

/* ---- labels ---- */

static void permute(faulty *d, int set, int64_t first, int64_t count, int64_t step) {
    double *old = malloc((size_t)d->n[set] * sizeof *old);
    memcpy(old, d->t[set], (size_t)d->n[set] * sizeof *old);
    for (int64_t i = 0; i < count; i++) d->t[set][first + i] = old[first + (i * step + 7) % count];
    free(old);
}
static void permuted(faulty *d) { permute(d, TRAIN, 0, d->n[0], d->n[0] / 3 | 1); }
static void permuted_test(faulty *d) { permute(d, TEST, 0, d->n[1], d->n[1] / 3 | 1); }
static void permuted_block(faulty *d) {
    int64_t first = d->n[0] / 4, count = d->n[0] / 5;
    permute(d, TRAIN, first, count, count / 3 | 1);
    for (int64_t i = 0; i < count; i++) mark(d, first + i);
}
static void shift_labels(faulty *d, int set, int64_t by) {
    double *old = malloc((size_t)d->n[set] * sizeof *old);
    memcpy(old, d->t[set], (size_t)d->n[set] * sizeof *old);
    for (int64_t i = 0; i < d->n[set]; i++) d->t[set][i] = old[(i + by + d->n[set]) % d->n[set]];
    free(old);
}
static void shifted(faulty *d) { shift_labels(d, TRAIN, 1); }
static void shifted_test(faulty *d) { shift_labels(d, TEST, -2); }
static void renumbered_test(faulty *d) {
    for (int64_t i = 0; i < d->n[1]; i++) d->t[1][i] = d->t[1][i] == 0 ? 1 : d->t[1][i] == 1 ? 0 : d->t[1][i];
}
static void flipped(faulty *d) {
    for (int64_t i = 25; i < d->n[0]; i += 50) {
        d->t[0][i] = fmod(d->t[0][i] + 3, 10);
        mark(d, i);
    }
}
static void flipped_with_probabilities(faulty *d) {
    flipped(d);
    d->probabilities = true;
}
static void some_labels(faulty *d, double label) {
    for (int64_t i = 11; i < d->n[0]; i += d->n[0] / 8) {
        d->t[0][i] = label;
        mark(d, i);
    }
}
static void cast_labels(faulty *d) {
    d->target = DNN_U8;
    some_labels(d, 255);
}
static void cast_labels_undeclared(faulty *d) {
    d->classes = 0;
    cast_labels(d);
}
static void negative_labels(faulty *d) { some_labels(d, -1); }
static void labels_from_one(faulty *d) {
    int64_t classes = 0;
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++) {
            classes = d->t[k][i] + 1 > (double)classes ? (int64_t)d->t[k][i] + 1 : classes;
            d->t[k][i]++;
        }
    d->classes = classes;
}
static void labels_with_fractions(faulty *d) {
    d->target = DNN_F64;
    d->classes = d->classes ? d->classes : 3;
    some_labels(d, 1.5);
}

/* Keeps the samples that `keep` wants, in order. */
static void filter(faulty *d, int set, bool (*keep)(const faulty *, int, int64_t)) {
    int64_t n = 0;
    for (int64_t i = 0; i < d->n[set]; i++) {
        if (!keep(d, set, i)) continue;
        memmove(sample(d, set, n), sample(d, set, i), (size_t)d->items * sizeof(float));
        d->t[set][n++] = d->t[set][i];
    }
    d->n[set] = n;
}
static bool not_two(const faulty *d, int set, int64_t i) { return d->t[set][i] != 2; }
static bool few_ones(const faulty *d, int set, int64_t i) { return d->t[set][i] != 1 || i % 41 == 5; }
static bool half_ones(const faulty *d, int set, int64_t i) { return d->t[set][i] != 1 || i % 3 == 0; }
static void missing_in_test(faulty *d) { filter(d, TEST, not_two); }
static void missing_in_train(faulty *d) {
    if (!d->classes) d->classes = 3;
    filter(d, TRAIN, not_two);
}
static void imbalanced(faulty *d) { filter(d, TRAIN, few_ones); }
static void other_shares(faulty *d) { filter(d, TEST, half_ones); }

static void sorted_by_class(faulty *d) {
    int64_t n = 0;
    faulty *old = faulty_copy(d);
    for (int64_t k = 0; k < 10; k++)
        for (int64_t i = 0; i < d->n[0]; i++) {
            if (old->t[0][i] != (double)k) continue;
            memcpy(sample(d, 0, n), sample(old, 0, i), (size_t)d->items * sizeof(float));
            d->t[0][n++] = (double)k;
        }
    faulty_free(old);
}

/* ---- values ---- */

static void scale_some(faulty *d, bool (*which)(const faulty *, int64_t), float factor, float offset) {
    to_floats(d);
    for (int64_t i = 0; i < d->n[0]; i++) {
        if (!which(d, i)) continue;
        for (int64_t j = 0; j < d->items; j++) sample(d, 0, i)[j] = sample(d, 0, i)[j] * factor + offset;
        mark(d, i);
    }
}
static bool of_class_three(const faulty *d, int64_t i) { return d->t[0][i] == 3; }
static bool in_block(const faulty *d, int64_t i) { return i >= d->n[0] / 4 && i < d->n[0] / 4 + d->n[0] / 25; }
static bool is_seventh(const faulty *d, int64_t i) { return (void)d, i == 7; }
static void class_scaled_twice(faulty *d) { scale_some(d, of_class_three, 1.0f / 255, 0); }
static void block_scaled_twice(faulty *d) { scale_some(d, in_block, 1.0f / 255, 0); }
static void one_scaled_twice(faulty *d) { scale_some(d, is_seventh, 1.0f / 255, 0); }
static void block_not_scaled(faulty *d) {
    scale_some(d, in_block, 255, 0);
    d->low = d->high = 0;
}
static void block_standardised(faulty *d) {
    scale_some(d, in_block, 3.3f, -0.4f);
    d->low = d->high = 0;
}
static void block_offset(faulty *d) {
    scale_some(d, in_block, 1, 0.5f);
    d->low = d->high = 0;
}
static void scale_all(faulty *d, int set, float factor, float offset) {
    to_floats(d);
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; (set < 0 || k == set) && i < d->n[k] * d->items; i++) d->x[k][i] = d->x[k][i] * factor + offset;
}
static void not_scaled(faulty *d) { scale_all(d, -1, 255, 0); }
static void test_not_scaled(faulty *d) { scale_all(d, TEST, 255, 0); }
static void test_not_scaled_undeclared(faulty *d) {
    test_not_scaled(d);
    d->low = d->high = 0;
}
static void scaled_twice(faulty *d) { scale_all(d, -1, 1.0f / 255, 0); }
static void scaled_twice_undeclared(faulty *d) {
    scaled_twice(d);
    d->low = d->high = 0;
}
static void standardised(faulty *d) { scale_all(d, -1, 4, -2); }
static void rows_scaled(faulty *d) {
    for (int64_t i = 10; i < 14; i++) {
        for (int64_t j = 0; j < d->items; j++) sample(d, 0, i)[j] *= 0.01f;
        mark(d, i);
    }
}
static void a_nan(faulty *d) {
    to_floats(d);
    sample(d, 0, 17)[d->items / 2] = NAN;
    mark(d, 17);
}
static void infinities_in_test(faulty *d) {
    to_floats(d);
    sample(d, 1, 5)[1] = INFINITY;
    sample(d, 1, 9)[0] = -INFINITY;
    mark(d, 5);
    mark(d, 9);
}
static void a_nan_target(faulty *d) {
    d->t[0][33] = (double)NAN;
    mark(d, 33);
}
static void floor_samples(faulty *d, int64_t first, int64_t count) {
    to_floats(d);
    for (int64_t i = first; i < first + count; i++) {
        for (int64_t j = 0; j < d->items; j++) sample(d, 0, i)[j] = floorf(sample(d, 0, i)[j] + 0.3f);
        mark(d, i);
    }
}
static void fractions_lost(faulty *d) { floor_samples(d, 200, 30); }
static void all_fractions_lost(faulty *d) { floor_samples(d, 0, d->n[0]); }

/* ---- columns ---- */

static void set_column(faulty *d, int64_t j, int64_t from, float factor, float offset) {
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++) sample(d, k, i)[j] = sample(d, k, i)[from] * factor + offset;
}
static void constant_column(faulty *d) { set_column(d, 2, 2, 0, 4.5f); }
static void repeated_column(faulty *d) { set_column(d, 3, 1, 1, 0); }
static void missing_codes(faulty *d, float code) {
    for (int64_t i = 6; i < d->n[0]; i += d->n[0] / 5) {
        sample(d, 0, i)[1] = code;
        mark(d, i);
    }
}
static void minus_999(faulty *d) { missing_codes(d, -999); }
static void plus_9999(faulty *d) { missing_codes(d, 9999); }
static void target_as_column(faulty *d) {
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++) sample(d, k, i)[d->items - 1] = 3 * (float)d->t[k][i] + 1;
}
static void code_as_column(faulty *d) { /* the class, in another order, with noise */
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++)
            sample(d, k, i)[0] = (float)(fmod(d->t[k][i] * 2, 3) * 5 + uniform((uint64_t)(i + 1000 * k)));
}
static void target_in_a_pixel(faulty *d) {
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++) sample(d, k, i)[0] = (float)d->t[k][i] / 10 * top(d);
}
static void dead_channel(faulty *d) {
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++)
            for (int64_t p = 0; p < d->items; p += 3) sample(d, k, i)[p + 1] = 0;
}
static void repeated_channel(faulty *d) {
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++)
            for (int64_t p = 0; p < d->items; p += 3) sample(d, k, i)[p + 1] = sample(d, k, i)[p];
}
static void to_grey(faulty *d, float *x) {
    (void)d;
    for (int64_t p = 0; p < d->items; p += 3) x[p] = x[p + 1] = x[p + 2] = rintf((x[p] + x[p + 1] + x[p + 2]) / 3);
}
static void all_grey(faulty *d) {
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++) to_grey(d, sample(d, k, i));
}
static void some_grey(faulty *d) { each(d, TRAIN, 300, 40, to_grey); }
static void shifted_column(faulty *d) {
    for (int64_t i = 0; i < d->n[1]; i++) sample(d, 1, i)[0] += d->items == 4 ? 1.2f : 1.0f;
}
static void brighter_test(faulty *d) {
    for (int64_t i = 0; i < d->n[1] * d->items; i++) d->x[1][i] = fminf(d->x[1][i] * 1.3f + 0.1f * top(d), top(d));
}

/* ---- single pictures and rows ---- */

static void black(faulty *d, float *x) { memset(x, 0, (size_t)d->items * sizeof *x); }
static void white(faulty *d, float *x) {
    for (int64_t j = 0; j < d->items; j++) x[j] = top(d);
}
static void dim(faulty *d, float *x) {
    for (int64_t j = 0; j < d->items; j++) x[j] *= 0.1f;
}
static void bleach(faulty *d, float *x) {
    for (int64_t j = 0; j < d->items; j++) x[j] = top(d) - 0.1f * (top(d) - x[j]);
}
static void blur_once(faulty *d, float *x) {
    float *old = malloc((size_t)d->items * sizeof *old);
    memcpy(old, x, (size_t)d->items * sizeof *old);
    for (int64_t i = 0; i < d->height; i++)
        for (int64_t j = 0; j < d->width; j++)
            for (int64_t c = 0; c < d->channels; c++) {
                float sum = 0, n = 0;
                for (int64_t u = i ? i - 1 : 0; u <= i + 1 && u < d->height; u++)
                    for (int64_t v = j ? j - 1 : 0; v <= j + 1 && v < d->width; v++, n++) sum += pixel(d, old, u, v)[c];
                pixel(d, x, i, j)[c] = sum / n;
            }
    free(old);
}
static void blur(faulty *d, float *x) {
    for (int k = 0; k < 6; k++) blur_once(d, x);
}
static void noise(faulty *d, float *x) {
    for (int64_t j = 0; j < d->items; j++) x[j] = (float)uniform((uint64_t)(j + (x - d->x[0]))) * top(d);
}
static void some_black(faulty *d) { each(d, TRAIN, 60, 3, black); }
static void some_white(faulty *d) { each(d, TRAIN, 61, 3, white); }
static void some_dim(faulty *d) { each(d, TRAIN, 62, 10, dim); }
static void some_bleached(faulty *d) { each(d, TRAIN, 63, 10, bleach); }
static void some_blurred(faulty *d) { each(d, TRAIN, 64, 10, blur); }
static void some_noise(faulty *d) { each(d, TRAIN, 65, 10, noise); }
static void test_noise(faulty *d) { each(d, TEST, 65, 6, noise); }
static void far_rows(faulty *d) {
    for (int64_t i = 40; i < 43; i++) {
        for (int64_t j = 0; j < d->items; j++) sample(d, 0, i)[j] += (i + j) % 2 ? 40 : -40;
        mark(d, i);
    }
}

/* ---- the list ---- */

const fault faults[] = {
    {"a block of the training set in the test set", copy_across, "duplicates-across-split", NULL, TEST, 1, CLASSES_ALL | SUMS},
    {"the same, with other labels", copy_across_relabelled, "duplicates-across-split-labels-differ", NULL, TEST, 1, CLASSES_ALL},
    {"samples twice", copy_within, "duplicates", NULL, TRAIN, 1, CLASSES_ALL | SUMS},
    {"samples twice, with other labels", copy_within_relabelled, "duplicates-labels-differ", NULL, TRAIN, 1, CLASSES_ALL},
    {"copies with noise in the test set", noisy_copies_across, "near-duplicates-across-split", NULL, TEST, 0.9, PICTURES},
    {"copies with noise", noisy_copies_within, "near-duplicates", NULL, TRAIN, 0.9, PICTURES},
    {"rows changed by 0.01 % in the test set", noisy_rows_across, "near-duplicates-across-split", NULL, TEST, 0.9, ROWS | SUMS},
    {"copies moved by a pixel", moved_copies, "near-duplicates", NULL, TRAIN, 0.9, PICTURES},
    {"copies compressed as JPEG does", resaved_copies, "near-duplicates-across-split", NULL, TEST, 0.9, PICTURES},
    {"copies that are darker", brighter_copies, "near-duplicates-across-split", NULL, TEST, 0.9, PICTURES},

    {"a transposed copy", a_transposed_copy, "variants", NULL, TRAIN, 1, PICTURES},
    {"a mirrored copy", a_mirrored_copy, "variants", NULL, TRAIN, 1, PICTURES},
    {"a copy turned by 180°", a_turned_copy, "variants", NULL, TRAIN, 1, PICTURES},
    {"copies in BGR", a_copy_in_bgr, "variants", NULL, TRAIN, 0.8, TINT},
    {"an inverted copy", an_inverted_copy, "variants", NULL, TRAIN, 1, PICTURES},
    {"a transposed block", a_transposed_block, "orientation-differs", NULL, TRAIN, 0.8, PICTURES},
    {"a block upside down", an_upside_down_block, "orientation-differs", NULL, TRAIN, 0.8, PICTURES},
    {"a block in BGR", a_bgr_block, "channels-swapped", NULL, TRAIN, 0.4, TINT},
    {"a transposed test set", transposed_test, "orientation-differs", NULL, TEST, 1, PICTURES},
    {"a test set in BGR", bgr_test, "channels-swapped", NULL, TEST, 1, TINT},
    {"an inverted test set", inverted_test, "orientation-differs", NULL, TEST, 1, INK},
    {"some inverted", some_inverted, "turned", "light", TRAIN, 0.9, INK},
    {"channels first", channels_before, "channels-first", NULL, TRAIN, 0, TINT},

    {"permuted targets", permuted, "targets-out-of-step", NULL, TRAIN, 0, CLASSES_ALL | SUMS},
    {"permuted targets in the test set", permuted_test, "targets-out-of-step", "classes-differ", TEST, 0, INK | ROWS | SUMS},
    {"a block of permuted targets", permuted_block, "targets-out-of-step", NULL, TRAIN, 0.9, INK},
    {"targets shifted by one", shifted, "targets-shifted", NULL, TRAIN, 0, CLASSES_ALL | SUMS},
    {"targets shifted by two in the test set", shifted_test, "targets-shifted", NULL, TEST, 0, INK | ROWS | SUMS},
    {"classes numbered otherwise in the test set", renumbered_test, "classes-differ", NULL, TEST, 0, INK | ROWS},
    {"2 % flipped labels", flipped, "label-votes", NULL, TRAIN, 0.8, INK},
    {"the same, and probabilities of a model", flipped_with_probabilities, "label-errors", NULL, TRAIN, 0.6, INK},
    {"labels -1 cast to u8", cast_labels, "labels-cast", NULL, TRAIN, 1, CLASSES_ALL},
    {"the same, number of classes not declared", cast_labels_undeclared, "labels-cast", NULL, TRAIN, 1, CLASSES_ALL},
    {"labels -1", negative_labels, "labels-negative", NULL, TRAIN, 1, CLASSES_ALL},
    {"labels that begin with 1", labels_from_one, "labels-out-of-range", NULL, TRAIN, 0, CLASSES_ALL},
    {"labels with a fraction", labels_with_fractions, "labels-fractional", NULL, TRAIN, 1, CLASSES_ALL},
    {"a class missing in the test set", missing_in_test, "class-missing", NULL, TEST, 0, CLASSES_ALL},
    {"a class missing in the training set", missing_in_train, "class-missing", NULL, TRAIN, 0, CLASSES_ALL},
    {"a rare class", imbalanced, "class-imbalance", NULL, TRAIN, 0, PICTURES | 1u << TABLE},
    {"other shares in the test set", other_shares, "class-proportions", NULL, TEST, 0, PICTURES | 1u << TABLE},
    {"sorted by class", sorted_by_class, "sorted-classes", NULL, TRAIN, 0, CLASSES_ALL},

    {"a class scaled twice", class_scaled_twice, "scale-differs", NULL, TRAIN, 0.98, PICTURES},
    {"a block scaled twice", block_scaled_twice, "scale-differs", NULL, TRAIN, 0.98, PICTURES},
    {"a sample scaled twice", one_scaled_twice, "scale-differs", NULL, TRAIN, 1, PICTURES},
    {"a block not scaled", block_not_scaled, "scale-differs", NULL, TRAIN, 0.98, PICTURES},
    {"a block standardised", block_standardised, "scale-differs", NULL, TRAIN, 0.4, PICTURES},
    {"a block moved by 0.5", block_offset, "offset-differs", NULL, TRAIN, 0.4, PICTURES},
    {"0 to 255 where [0, 1] is declared", not_scaled, "not-scaled", NULL, TRAIN, 0, PICTURES},
    {"the same in the test set", test_not_scaled, "not-scaled", NULL, TEST, 0, PICTURES},
    {"a test set not scaled, nothing declared", test_not_scaled_undeclared, "scale-differs", NULL, TEST, 0, PICTURES},
    {"scaled twice", scaled_twice, "scaled-twice", NULL, TRAIN, 0, PICTURES},
    {"scaled twice, nothing declared", scaled_twice_undeclared, "scaled-twice", NULL, TRAIN, 0, PICTURES},
    {"standardised where [0, 1] is declared", standardised, "range", NULL, TRAIN, 0, PICTURES},
    {"rows scaled by 0.01", rows_scaled, "scale-differs", NULL, TRAIN, 1, ROWS},
    {"a NaN", a_nan, "not-finite", NULL, TRAIN, 1, CLASSES_ALL | SUMS},
    {"infinities in the test set", infinities_in_test, "not-finite", NULL, TEST, 1, CLASSES_ALL | SUMS},
    {"a NaN among the targets", a_nan_target, "not-finite", NULL, TRAIN, 1, SUMS},
    {"fractions lost in a block", fractions_lost, "fractions-lost", NULL, TRAIN, 0.9, INK},
    {"all fractions lost", all_fractions_lost, "fractions-lost", NULL, TRAIN, 0, INK},

    {"a constant column", constant_column, "constant-dimensions", NULL, TRAIN, 0, ROWS | SUMS},
    {"a dead channel", dead_channel, "constant-dimensions", NULL, TRAIN, 0, TINT},
    {"a column twice", repeated_column, "duplicate-dimensions", NULL, TRAIN, 0, ROWS | SUMS},
    {"a channel twice", repeated_channel, "duplicate-channels", NULL, TRAIN, 0, TINT},
    {"grey in three channels", all_grey, "duplicate-channels", NULL, TRAIN, 0, TINT},
    {"-999 for missing values", minus_999, "missing-value-codes", NULL, TRAIN, 1, ROWS | SUMS},
    {"9999 for missing values", plus_9999, "missing-value-codes", NULL, TRAIN, 1, ROWS | SUMS},
    {"the target as a column", target_as_column, "target-in-inputs", NULL, TRAIN, 0, ROWS | SUMS},
    {"a code for the class as a column", code_as_column, "target-in-inputs", NULL, TRAIN, 0, ROWS},
    {"the class in the first pixel", target_in_a_pixel, "target-in-inputs", NULL, TRAIN, 0, PICTURES},
    {"a column shifted in the test set", shifted_column, "shift", NULL, TEST, 0, ROWS | SUMS},
    {"a brighter test set", brighter_test, "shift", NULL, TEST, 0, PICTURES},

    {"grey among colour", some_grey, "grey-among-colour", NULL, TRAIN, 1, TINT},
    {"black pictures", some_black, "blank", NULL, TRAIN, 1, PICTURES},
    {"white pictures", some_white, "blank", NULL, TRAIN, 1, PICTURES},
    {"dark pictures", some_dim, "dark", NULL, TRAIN, 0.8, PICTURES},
    {"bleached pictures", some_bleached, "light", NULL, TRAIN, 0.8, PICTURES},
    {"blurred pictures", some_blurred, "blurred", NULL, TRAIN, 0.8, PICTURES},
    {"noise instead of pictures", some_noise, "noisy", "outliers", TRAIN, 0.9, PICTURES},
    {"noise in the test set", test_noise, "noisy", "outliers", TEST, 0.9, PICTURES},
    {"rows far from all others", far_rows, "outliers", NULL, TRAIN, 1, ROWS | SUMS},
};
const int n_faults = sizeof faults / sizeof *faults;
