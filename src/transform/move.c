#include "transform/move.h"

#include <math.h>
#include <string.h>

#include "base/env.h"
#include "image/image.h"

dnni_move dnni_move_nothing(int64_t height, int64_t width) {
    return (dnni_move){.height = height, .width = width, .matrix = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
}

void dnni_move_affine(dnni_move *move, const double rows[6]) {
    const double last[3] = {0, 0, 1};
    memcpy(move->matrix, rows, 6 * sizeof *rows);
    memcpy(move->matrix + 6, last, sizeof last);
    move->is_warp = true;
}

/* The inverse, up to a factor. */
static void invert(const double m[9], double inverse[9]) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            inverse[3 * i + j] = m[3 * a + c] * m[3 * b + d] - m[3 * a + d] * m[3 * b + c];
        }
}

void dnni_move_projective(dnni_move *move, const double forward[9]) {
    invert(forward, move->matrix);
    double scale = move->matrix[8];
    for (int i = 0; i < 9; i++) move->matrix[i] /= scale;
    move->is_warp = true;
}

bool dnni_move_is_nothing(const dnni_move *move, int64_t out_height, int64_t out_width) {
    static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    if (move->is_warp) {
        for (int i = 0; i < 9; i++)
            if (move->matrix[i] != identity[i]) return false;
        return true;
    }
    return move->top == 0 && move->left == 0 && move->height == out_height && move->width == out_width &&
           !move->flip_rows && !move->flip_cols;
}

int64_t dnni_move_work(int64_t height, int64_t width, int64_t out_height, int64_t out_width, int64_t channels) {
    int64_t bytes = dnnk_resize_workspace(height, width, out_height, out_width, channels);
    return bytes < 0 ? INT64_MAX / 2 : bytes;
}

int64_t dnni_warp_work(int64_t channels) { return dnnk_warp_workspace(channels); }

/* ---- images and masks ---- */

static dnnk_border border_of(dnn_border border) {
    return border == DNN_BORDER_EDGE ? DNNK_EDGE : border == DNN_BORDER_REFLECT ? DNNK_REFLECT : DNNK_CONSTANT;
}

static dnnk_grid grid_of(const dnn_array *a) {
    int64_t element = dnn_dtype_size(a->dtype);
    return (dnnk_grid){a->data, a->dims[0], a->dims[1], dnni_product(a->dims, 2, a->rank) * element, element};
}

static dnnk_image image_of(const dnn_array *a) {
    return (dnnk_image){a->data, a->dims[0], a->dims[1], a->dims[2], a->dtype == DNN_F32};
}

/* A window that is scaled, as a map of points. */
static void window_matrix(const dnni_move *m, int64_t rows, int64_t cols, double matrix[9]) {
    double sx = (double)m->width / (double)cols, sy = (double)m->height / (double)rows;
    const double map[9] = {sx, 0, (double)m->left, 0, sy, (double)m->top, 0, 0, 1};
    memcpy(matrix, map, sizeof map);
}

static bool is_cut(const dnni_move *m, int64_t rows, int64_t cols) {
    return !m->is_warp && m->height == rows && m->width == cols;
}

/* Every pixel that goes out is one that came in, or the fill value. */
static void move_pixels(const dnni_move *m, const dnn_array *in, const dnn_array *out, double fill) {
    char element[8];
    double matrix[9];
    dnni_store(in->dtype, element, 0, fill);
    dnnk_grid from = grid_of(in), to = grid_of(out);
    if (to.rows == 0 || to.cols == 0) return;
    dnnk_cut cut = {m->top, m->left, m->flip_rows, m->flip_cols, border_of(m->border), element};
    if (is_cut(m, to.rows, to.cols)) {
        dnnk_window(&from, &to, &cut);
        return;
    }
    if (m->is_warp) memcpy(matrix, m->matrix, sizeof matrix);
    else window_matrix(m, to.rows, to.cols, matrix);
    dnnk_warp_nearest(&from, &to, matrix, m->is_warp ? cut.border : DNNK_EDGE, element);
}

void dnni_move_image(const dnni_move *move, const dnn_array *in, const dnn_array *out, void *work) {
    dnnk_image from = image_of(in), to = image_of(out);
    if (move->filter == DNN_FILTER_NEAREST || is_cut(move, to.height, to.width)) {
        move_pixels(move, in, out, move->fill);
    } else if (move->is_warp) {
        dnnk_warp_linear(&from, &to, move->matrix, border_of(move->border), (float)move->fill,
                         work);
    } else {
        dnnk_resize resize = {move->top, move->left, move->height, move->width,
                              move->filter == DNN_FILTER_AREA ? DNNK_AREA : DNNK_LINEAR, !move->no_antialias};
        dnnk_resize_image(&from, &to, &resize, work);
    }
}

void dnni_move_mask(const dnni_move *move, const dnn_array *in, const dnn_array *out, double fill) {
    move_pixels(move, in, out, fill);
}

/* ---- boxes ---- */

typedef struct {
    double x0, y0, x1, y1;
} box;

/* The smallest upright box around the four corners, wherever they go. One beyond the horizon makes it nothing. */
static box warp_box(const double m[9], box b) {
    box hull = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    double sign = m[8] < 0 ? -1 : 1;
    for (int i = 0; i < 4; i++) {
        double x = i % 2 ? b.x1 : b.x0, y = i / 2 ? b.y1 : b.y0;
        double w = sign * (m[6] * x + m[7] * y + m[8]);
        if (!(w > 0)) return (box){0, 0, 0, 0};
        double u = sign * (m[0] * x + m[1] * y + m[2]) / w, v = sign * (m[3] * x + m[4] * y + m[5]) / w;
        hull = (box){fmin(hull.x0, u), fmin(hull.y0, v), fmax(hull.x1, u), fmax(hull.y1, v)};
    }
    return hull;
}

static box window_box(const dnni_move *m, double rows, double cols, box b) {
    double sx = cols / (double)m->width, sy = rows / (double)m->height;
    box moved = {(b.x0 - (double)m->left) * sx, (b.y0 - (double)m->top) * sy, (b.x1 - (double)m->left) * sx,
                 (b.y1 - (double)m->top) * sy};
    if (m->flip_cols) moved = (box){cols - moved.x1, moved.y0, cols - moved.x0, moved.y1};
    if (m->flip_rows) moved = (box){moved.x0, rows - moved.y1, moved.x1, rows - moved.y0};
    return moved;
}

static double area(box b) { return b.x1 > b.x0 && b.y1 > b.y0 ? (b.x1 - b.x0) * (b.y1 - b.y0) : 0; }

static box cut_box(box b, double rows, double cols, double visible) {
    box cut = {fmax(b.x0, 0), fmax(b.y0, 0), fmin(b.x1, cols), fmin(b.y1, rows)};
    bool enough = area(cut) > 0 && area(cut) >= visible * area(b);
    return enough ? cut : (box){0, 0, 0, 0};
}

void dnni_move_boxes(const dnni_move *move, const dnn_array *out, double visible, const dnn_array *boxes) {
    double inverse[9], rows = (double)out->dims[0], cols = (double)out->dims[1];
    if (move->is_warp) invert(move->matrix, inverse);
    for (int64_t i = 0; i < boxes->dims[0]; i++) {
        float *row = (float *)boxes->data + i * boxes->dims[1];
        box b = {row[0], row[1], row[2], row[3]};
        if (area(b) > 0) b = move->is_warp ? warp_box(inverse, b) : window_box(move, rows, cols, b);
        b = cut_box(b, rows, cols, visible);
        row[0] = (float)b.x0, row[1] = (float)b.y0, row[2] = (float)b.x1, row[3] = (float)b.y1;
    }
}
