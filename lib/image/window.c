/* Cutting windows out of images: pixels are moved, whatever they are made of. */
#include <string.h>

#include "image/image.h"

static int64_t positive_mod(int64_t a, int64_t n) {
    int64_t r = a % n;
    return r < 0 ? r + n : r;
}

int64_t dnnk_border_index(dnnk_border border, int64_t i, int64_t n) {
    if (i >= 0 && i < n) return i;
    if (border == DNNK_CONSTANT) return -1;
    if (border == DNNK_EDGE) return i < 0 ? 0 : n - 1;
    if (n == 1) return 0;
    int64_t period = 2 * (n - 1), r = positive_mod(i, period);
    return r < n ? r : period - r;
}

static void fill_pixels(char *to, int64_t pixels, const dnnk_grid *grid, const void *fill) {
    int64_t bytes = pixels * grid->pixel;
    if (grid->element == 1) {
        memset(to, *(const uint8_t *)fill, (size_t)bytes);
        return;
    }
    for (int64_t i = 0; i < bytes; i += grid->element) memcpy(to + i, fill, (size_t)grid->element);
}

/* One pixel of a source row, from beyond its edge or not. */
static void put_pixel(char *to, const char *row, int64_t x, const dnnk_grid *from, const dnnk_cut *cut) {
    int64_t at = dnnk_border_index(cut->border, x, from->cols);
    if (at < 0) fill_pixels(to, 1, from, cut->fill);
    else memcpy(to, row + at * from->pixel, (size_t)from->pixel);
}

static int64_t between(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

/* `cols` pixels from column `left` on: what is inside in one piece, the rest pixel by pixel. */
static void copy_row(char *to, int64_t cols, const char *row, const dnnk_grid *from, const dnnk_cut *cut) {
    int64_t first = between(-cut->left, 0, cols), last = between(from->cols - cut->left, first, cols);
    for (int64_t x = 0; x < first; x++) put_pixel(to + x * from->pixel, row, cut->left + x, from, cut);
    if (last > first)
        memcpy(to + first * from->pixel, row + (cut->left + first) * from->pixel,
               (size_t)((last - first) * from->pixel));
    for (int64_t x = last; x < cols; x++) put_pixel(to + x * from->pixel, row, cut->left + x, from, cut);
}

/* Swaps pixels of a size that the compiler knows, or not. */
#define REVERSE(bytes)                                              \
    for (char *a = row, *b = row + (cols - 1) * (bytes); a < b; a += (bytes), b -= (bytes)) { \
        char swapped[16];                                           \
        memcpy(swapped, a, (size_t)(bytes));                        \
        memcpy(a, b, (size_t)(bytes));                              \
        memcpy(b, swapped, (size_t)(bytes));                        \
    }

static void reverse_wide(char *row, int64_t cols, int64_t pixel) {
    for (char *a = row, *b = row + (cols - 1) * pixel; a < b; a += pixel, b -= pixel)
        for (int64_t i = 0; i < pixel; i++) {
            char byte = a[i];
            a[i] = b[i];
            b[i] = byte;
        }
}

static void reverse_row(char *row, int64_t cols, int64_t pixel) {
    switch (pixel) {
    case 1: REVERSE(1) break;
    case 3: REVERSE(3) break;
    case 4: REVERSE(4) break;
    case 12: REVERSE(12) break;
    default: reverse_wide(row, cols, pixel);
    }
}

void dnnk_window(const dnnk_grid *from, const dnnk_grid *to, const dnnk_cut *cut) {
    for (int64_t y = 0; y < to->rows; y++) {
        char *row = (char *)to->data + y * to->cols * to->pixel;
        int64_t source = cut->top + (cut->flip_rows ? to->rows - 1 - y : y);
        int64_t at = dnnk_border_index(cut->border, source, from->rows);
        if (at < 0) {
            fill_pixels(row, to->cols, to, cut->fill);
            continue;
        }
        copy_row(row, to->cols, (const char *)from->data + at * from->cols * from->pixel, from, cut);
        if (cut->flip_cols) reverse_row(row, to->cols, to->pixel);
    }
}
