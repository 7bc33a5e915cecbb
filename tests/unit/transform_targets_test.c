/* Masks and boxes move with the pixels: a marker is painted, the image transformed, and the marker looked for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/arrays.h"
#include "support/datasets.h"
#include "support/transform_table.h"

enum { N = 40, H = 41, W = 37 };

/* Rectangles of whole pixels, 5 to 16 of them wide and high: x0, y0, x1, y1. */
static void rectangle(int64_t i, int64_t r[4]) {
    uint64_t random = (uint64_t)i + 11;
    for (int k = 0; k < 4; k++) test_uniform(&random);
    int64_t width = 5 + (int64_t)(12 * test_uniform(&random)), height = 5 + (int64_t)(12 * test_uniform(&random));
    r[0] = (int64_t)((double)(W - width + 1) * test_uniform(&random));
    r[1] = (int64_t)((double)(H - height + 1) * test_uniform(&random));
    r[2] = r[0] + width;
    r[3] = r[1] + height;
}

/* Images that are 1 (255 in bytes) on their rectangle and 0 elsewhere; the mask is 1 there; a box, and a second one
 * that is none. */
static dnn_dataset *marked(dnn_dtype dtype, dnn_target kind) {
    dnn_tensor *x = tensor_of(data_ctx, dtype, DIMS(N, H, W, 1), NULL), *t;
    dnn_dataset *dataset;
    t = kind == DNN_TARGET_MASK ? tensor_of(data_ctx, DNN_U8, DIMS(N, H, W), NULL)
                                : tensor_of(data_ctx, DNN_F32, DIMS(N, 2, 5), NULL);
    for (int64_t i = 0; i < N; i++) {
        int64_t r[4];
        rectangle(i, r);
        for (int64_t p = 0; p < H * W; p++) {
            bool inside = p % W >= r[0] && p % W < r[2] && p / W >= r[1] && p / W < r[3];
            tensor_put(x, i * H * W + p, inside ? (dtype == DNN_U8 ? 255 : 1) : 0);
            if (kind == DNN_TARGET_MASK) tensor_put(t, i * H * W + p, inside);
        }
        for (int k = 0; k < 4 && kind == DNN_TARGET_BOXES; k++) tensor_put(t, 10 * i + k, (double)r[k]);
        if (kind == DNN_TARGET_BOXES) tensor_put(t, 10 * i + 4, 7), tensor_put(t, 10 * i + 9, 8);
    }
    OK(dnn_dataset_from_tensors(&dataset, x, t));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return dataset;
}

/* Images and targets as a row makes them, with the same seed for every kind of targets. */
static void transformed(const transform_row *row, dnn_dtype dtype, dnn_target kind, dnn_tensor **x, dnn_tensor **t) {
    dnn_dataset *source = marked(dtype, kind), *view;
    dnn_transform *transform = row->make(data_ctx);
    dnn_transform_desc d = {DNN_SIZED(dnn_transform_desc), .seed = 5, .target = kind};
    d.mask_fill = dtype == DNN_F32 ? row->fill : 0; /* in bytes a fill of 1 is next to nothing */
    OK(dnn_dataset_transform(&view, source, transform, &d));
    OK(dnn_dataset_get_range(x, t, view, 0, N));
    dnn_transform_release(transform);
    dnn_dataset_release(view);
    dnn_dataset_release(source);
}

#define EACH_MOVE(row)                                                                                        \
    for (const transform_row *row = transform_rows; row < transform_rows + transform_row_count; row++)        \
        if (row->moves && !row->wants_known)

/* The mask's value here, if all eight pixels around have it too; else -1. */
static double around(const dnn_tensor *mask, int64_t i, int64_t y, int64_t x) {
    int64_t h = dnn_tensor_dim(mask, 1), w = dnn_tensor_dim(mask, 2);
    double value = tensor_at(mask, (i * h + y) * w + x);
    for (int64_t v = y - 1; v <= y + 1; v++)
        for (int64_t u = x - 1; u <= x + 1; u++)
            if (v >= 0 && v < h && u >= 0 && u < w && tensor_at(mask, (i * h + v) * w + u) != value) return -1;
    return value;
}

static void masks_move_with_the_pixels(void **state) {
    (void)state;
    EACH_MOVE(row) for (int f = 0; f < 2; f++) {
        dnn_tensor *x, *mask;
        int64_t seen[2] = {0, 0};
        transformed(row, f ? DNN_F32 : DNN_U8, DNN_TARGET_MASK, &x, &mask);
        int64_t h = dnn_tensor_dim(x, 1), w = dnn_tensor_dim(x, 2);
        assert_int_equal(dnn_tensor_dim(mask, 1), h);
        assert_int_equal(dnn_tensor_dim(mask, 2), w);
        for (int64_t p = 0; p < N * h * w; p++) {
            double value = row->cuts ? tensor_at(mask, p) : around(mask, p / (h * w), p / w % h, p % w);
            if (value < 0) continue;
            double found = tensor_at(x, p) / (f ? 1 : 255); /* mixed with what is around, but mostly its own */
            if (!(fabs(found - value) <= (row->cuts ? 0.005 : 0.6)))
                fail_msg("%s, image %d, pixel %d,%d: %g where the mask is %g", row->name, (int)(p / (h * w)),
                         (int)(p / w % h), (int)(p % w), found, value);
            seen[value > 0]++;
        }
        if (seen[0] == 0 || seen[1] == 0) fail_msg("%s: nothing was seen", row->name);
        dnn_tensor_release(x);
        dnn_tensor_release(mask);
    }
}

/* The smallest box around the mask's pixels; false: there are none. */
static bool box_of_mask(const dnn_tensor *mask, int64_t i, double box[4]) {
    int64_t h = dnn_tensor_dim(mask, 1), w = dnn_tensor_dim(mask, 2);
    bool any = false;
    box[0] = box[1] = 1e9;
    box[2] = box[3] = -1e9;
    for (int64_t p = 0; p < h * w; p++) {
        if (tensor_at(mask, i * h * w + p) == 0) continue;
        double x = (double)(p % w), y = (double)(p / w);
        box[0] = fmin(box[0], x), box[1] = fmin(box[1], y);
        box[2] = fmax(box[2], x + 1), box[3] = fmax(box[3], y + 1);
        any = true;
    }
    return any;
}

/* A pixel belongs to the marker if its middle does, so the mask's box is within half a pixel of an upright marker. The
 * tips of one that is turned may lie between pixels; and where it is cut, what is left may be smaller than its box. */
static void expect_box(const transform_row *row, int64_t i, const double got[4], const double want[4], double h,
                       double w) {
    bool whole = got[0] > 0 && got[1] > 0 && got[2] < w && got[3] < h;
    double inside = row->cuts ? 0 : 0.5001, outside = row->cuts ? 0 : 1.75;
    for (int k = 0; k < 4; k++) {
        double beyond = k < 2 ? got[k] - want[k] : want[k] - got[k]; /* of the mask, beyond the box */
        if (beyond > inside || (whole && -beyond > outside))
            fail_msg("%s, image %d: box %g,%g %g,%g, the mask's is %g,%g %g,%g", row->name, (int)i, got[0], got[1],
                     got[2], got[3], want[0], want[1], want[2], want[3]);
    }
}

static void boxes_move_with_the_pixels(void **state) {
    (void)state;
    EACH_MOVE(row) {
        dnn_tensor *x, *mask, *boxes;
        int64_t found = 0;
        if (row->repeats || row->fill != 0) continue; /* there the mask shows more than the marker */
        transformed(row, DNN_U8, DNN_TARGET_MASK, &x, &mask);
        double h = (double)dnn_tensor_dim(x, 1), w = (double)dnn_tensor_dim(x, 2);
        dnn_tensor_release(x);
        transformed(row, DNN_U8, DNN_TARGET_BOXES, &x, &boxes);
        for (int64_t i = 0; i < N; i++) {
            double got[4], want[4];
            for (int k = 0; k < 4; k++) got[k] = tensor_at(boxes, 10 * i + k);
            bool any = box_of_mask(mask, i, want), is_box = got[2] > got[0] && got[3] > got[1];
            if (any && !is_box) fail_msg("%s, image %d: the box is gone, the marker is not", row->name, (int)i);
            if (any) expect_box(row, i, got, want, h, w), found++;
            assert_true(tensor_at(boxes, 10 * i + 4) == 7 && tensor_at(boxes, 10 * i + 9) == 8);
            for (int k = 5; k < 9; k++) assert_true(tensor_at(boxes, 10 * i + k) == 0);
        }
        if (found == 0) fail_msg("%s: no marker was seen", row->name);
        dnn_tensor_release(x);
        dnn_tensor_release(mask);
        dnn_tensor_release(boxes);
    }
}

/* ---- rules ---- */

#define DESC(type, ...) (&(type){DNN_SIZED(type), __VA_ARGS__})

/* One image (10, 10, 1) with these boxes (n, 4), through a transform. */
static dnn_tensor *boxes_through(dnn_transform *transform, int64_t n, const double *boxes, double min_visible) {
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(1, 10, 10, 1), NULL), *moved;
    dnn_tensor *t = tensor_of(data_ctx, DNN_F32, DIMS(1, n, 4), boxes);
    dnn_dataset *source, *view;
    OK(dnn_dataset_from_tensors(&source, x, t));
    OK(dnn_dataset_transform(&view, source, transform,
                             DESC(dnn_transform_desc, .target = DNN_TARGET_BOXES, .min_visible = min_visible)));
    dnn_tensor_release(x);
    OK(dnn_dataset_get_range(&x, &moved, view, 0, 1));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    dnn_transform_release(transform);
    dnn_dataset_release(view);
    dnn_dataset_release(source);
    return moved;
}

static void boxes_that_leave_the_image(void **state) {
    (void)state;
    /* The window is x and y from 3 to 7: inside; half outside; a quarter of its area inside; all outside; none; NaN */
    const double boxes[] = {4, 4, 5, 6, 5, 4, 9, 6, 6, 6, 8, 8, 0, 0, 3, 3, 9, 9, 9, 9, NAN, 4, 6, 6};
    const double all[] = {1, 1, 2, 3, 2, 1, 4, 3, 3, 3, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    const double most[] = {1, 1, 2, 3, 2, 1, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    dnn_tensor *moved = boxes_through(dnn_center_crop(data_ctx, 4, 4), 6, boxes, 0);
    expect_values(moved, all, 0, "any part");
    dnn_tensor_release(moved);
    moved = boxes_through(dnn_center_crop(data_ctx, 4, 4), 6, boxes, 0.4);
    expect_values(moved, most, 0, "the better part");
    dnn_tensor_release(moved);
}

static void a_quarter_turn_is_exact(void **state) {
    (void)state;
    const double box[] = {1, 2, 4, 8}, want[] = {2, 6, 8, 9}; /* counter-clockwise about (5, 5): x' = y, y' = 10 - x */
    dnn_tensor *moved =
        boxes_through(dnn_random_rotation(data_ctx, DESC(dnn_random_rotation_desc, .low = 90, .high = 90)), 1, box, 0);
    expect_values(moved, want, 1e-5, "turned");
    dnn_tensor_release(moved);
}

/* ---- maps: what was drawn, in words, against where a box goes ---- */

enum { TALL = 200, WIDE = 100 };

/* One box through a transform of an image of 200 × 100, and the words for what was drawn. */
static void box_through(dnn_transform *transform, uint64_t seed, const double *box, double moved[4], char text[128]) {
    dnn_tensor *x = tensor_of(data_ctx, DNN_U8, DIMS(1, TALL, WIDE, 1), NULL), *t;
    dnn_dataset *source, *view;
    t = tensor_of(data_ctx, DNN_F32, DIMS(1, 1, 4), box);
    OK(dnn_dataset_from_tensors(&source, x, t));
    OK(dnn_dataset_transform(&view, source, transform,
                             DESC(dnn_transform_desc, .seed = seed, .target = DNN_TARGET_BOXES)));
    dnn_tensor_release(t);
    dnn_tensor_release(x);
    OK(dnn_dataset_get_range(&x, &t, view, 0, 1));
    for (int k = 0; k < 4; k++) moved[k] = tensor_at(t, k);
    assert_true(dnn_dataset_draws(view, 0, 0, text, 128) > 0);
    dnn_tensor_release(t);
    dnn_tensor_release(x);
    dnn_transform_release(transform);
    dnn_dataset_release(view);
    dnn_dataset_release(source);
}

/* A small box about (70, 90), and where its middle goes: about (50, 100), s · R · [1 tan a; tan b 1 + tan a tan b],
 * then the shift. */
static void affine_maps_do_what_they_say(void **state) {
    (void)state;
    const double box[4] = {69.99, 89.99, 70.01, 90.01}, degree = acos(-1) / 180, dx = 20, dy = -10;
    for (uint64_t seed = 1; seed < 6; seed++) {
        double moved[4], turn, down, right, scale, a, b;
        char text[128];
        box_through(dnn_random_affine(data_ctx, DESC(dnn_random_affine_desc, .rotate = {30, 30}, .scale = {1.5, 1.5},
                                                     .translate = {0.05, 0.1}, .shear = {20, 10})),
                    seed, box, moved, text);
        assert_int_equal(sscanf(text, "rotate %lf, shift %lf, %lf, scale %lf, shear %lf, %lf", &turn, &down, &right,
                                &scale, &a, &b), 6);
        a = tan(a * degree), b = tan(b * degree), turn *= degree;
        double u = dx + a * dy, v = b * dx + (1 + a * b) * dy;
        double x = 50 + right + scale * (cos(turn) * u + sin(turn) * v);
        double y = 100 + down + scale * (cos(turn) * v - sin(turn) * u);
        assert_true(fabs((moved[0] + moved[2]) / 2 - x) < 0.05 && fabs((moved[1] + moved[3]) / 2 - y) < 0.05);
    }
}

/* The box of the whole image becomes the box of the four corners. */
static void corners_move_as_they_say(void **state) {
    (void)state;
    const double box[4] = {0, 0, WIDE, TALL};
    int apart = 0;
    for (uint64_t seed = 1; seed < 6; seed++) {
        double moved[4];
        int x[4], y[4];
        char text[128];
        box_through(dnn_random_perspective(data_ctx, DESC(dnn_random_perspective_desc, .distortion = 0.6)), seed, box,
                    moved, text);
        assert_int_equal(sscanf(text, "corners %d,%d %d,%d %d,%d %d,%d", &x[0], &y[0], &x[1], &y[1], &x[2], &y[2],
                                &x[3], &y[3]), 8);
        assert_true(fabs(moved[0] - fmin(x[0], x[3])) < 0.6 && fabs(moved[1] - fmin(y[0], y[1])) < 0.6);
        assert_true(fabs(moved[2] - fmax(x[1], x[2])) < 0.6 && fabs(moved[3] - fmax(y[2], y[3])) < 0.6);
        assert_true(x[0] <= 31 && x[1] >= 69 && y[0] <= 61 && y[2] >= 139);
        apart += abs(2 * x[0] - y[0]) > 4; /* drawn apart: not the same part of both sides */
    }
    assert_true(apart > 0);
}

static void targets_that_are_none_are_refused(void **state) {
    (void)state;
    dnn_dataset *source = marked(DNN_U8, DNN_TARGET_MASK), *boxes = marked(DNN_U8, DNN_TARGET_BOXES), *view;
    dnn_dataset *flat = pairs(3);
    dnn_transform *flip = dnn_random_flip(data_ctx, NULL), *chain;
    OK(dnn_transform_chain(&chain, data_ctx));
#define VIEW(of, by, ...) dnn_dataset_transform(&view, of, by, DESC(dnn_transform_desc, __VA_ARGS__))
    FAILS(VIEW(source, flip, .target = DNN_TARGET_BOXES), DNN_ERROR_SHAPE, "boxes are float32 (n, 4)");
    FAILS(VIEW(boxes, flip, .target = DNN_TARGET_MASK), DNN_ERROR_SHAPE, "a mask has the height and width");
    FAILS(VIEW(flat, chain, .target = DNN_TARGET_MASK), DNN_ERROR_SHAPE, "targets move with images");
    FAILS(VIEW(source, flip, .target = DNN_TARGET_MASK, .mask_fill = 256), DNN_ERROR_ARGUMENT, "desc.mask_fill is 256");
    FAILS(VIEW(source, flip, .target = DNN_TARGET_MASK, .mask_fill = 0.5), DNN_ERROR_ARGUMENT, "no value of uint8");
    FAILS(VIEW(boxes, flip, .target = DNN_TARGET_BOXES, .min_visible = 2), DNN_ERROR_ARGUMENT, "min_visible is 2");
    FAILS(VIEW(boxes, flip, .target = (dnn_target)5), DNN_ERROR_ARGUMENT, "no kind of targets");
    assert_null(view);
    dnn_transform_release(flip);
    dnn_transform_release(chain);
    dnn_dataset_release(flat);
    dnn_dataset_release(boxes);
    dnn_dataset_release(source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_move_with_the_pixels),   cmocka_unit_test(boxes_move_with_the_pixels),
        cmocka_unit_test(boxes_that_leave_the_image),   cmocka_unit_test(a_quarter_turn_is_exact),
        cmocka_unit_test(affine_maps_do_what_they_say), cmocka_unit_test(corners_move_as_they_say),
        cmocka_unit_test(targets_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
