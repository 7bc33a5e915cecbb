/* Every function here is a choice of strides for dnnk_copy_strided. */
#include "shape/shape.h"

static const int64_t ones[DNNK_AXES] = {1, 1, 1, 1, 1, 1, 1, 1};
static const char zero[8];

static const char *at(const void *base, int64_t offset, int64_t size) { return (const char *)base + offset * size; }
static char *at_mutable(void *base, int64_t offset, int64_t size) { return (char *)base + offset * size; }

static void contiguous_strides(int axes, const int64_t *dims, int64_t *stride) {
    int64_t step = 1;
    for (int a = axes - 1; a >= 0; a--) {
        stride[a] = step;
        step *= dims[a];
    }
}

static bool is_empty(int axes, const int64_t *dims) {
    for (int a = 0; a < axes; a++)
        if (dims[a] == 0) return true;
    return false;
}

void dnnk_copy(const dnnk_env *env, int64_t bytes, const void *x, void *y) {
    dnnk_copy_strided(env, 1, 1, &bytes, x, ones, y, ones);
}

void dnnk_fill_elements(const dnnk_env *env, int64_t size, int64_t count, const void *value, void *y) {
    int64_t still = 0;
    if (value)
        dnnk_copy_strided(env, size, 1, &count, value, &still, y, ones);
    else
        dnnk_copy_strided(env, 1, 1, &(int64_t){count * size}, zero, &still, y, ones);
}

void dnnk_copy_rows(const dnnk_env *env, int64_t rows, int64_t row_bytes, const void *x, int64_t x_pitch, void *y,
                    int64_t y_pitch) {
    const int64_t dims[] = {rows, row_bytes}, x_stride[] = {x_pitch, 1}, y_stride[] = {y_pitch, 1};
    dnnk_copy_strided(env, 1, 2, dims, x, x_stride, y, y_stride);
}

void dnnk_permute(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int *order, const void *x,
                  void *y) {
    int64_t stride[DNNK_AXES], dims_y[DNNK_AXES], x_stride[DNNK_AXES], y_stride[DNNK_AXES];
    contiguous_strides(axes, dims, stride);
    for (int a = 0; a < axes; a++) {
        dims_y[a] = dims[order[a]];
        x_stride[a] = stride[order[a]];
    }
    contiguous_strides(axes, dims_y, y_stride);
    dnnk_copy_strided(env, size, axes, dims_y, x, x_stride, y, y_stride);
}

void dnnk_permute_inverse(int axes, const int *order, int *inverse) {
    for (int a = 0; a < axes; a++) inverse[order[a]] = a;
}

void dnnk_transpose(const dnnk_env *env, int64_t size, int64_t batch, int64_t rows, int64_t cols, const void *x,
                    void *y) {
    const int64_t dims[] = {batch, cols, rows}, x_stride[] = {rows * cols, 1, cols};
    const int64_t y_stride[] = {rows * cols, rows, 1};
    dnnk_copy_strided(env, size, 3, dims, x, x_stride, y, y_stride);
}

/* Fills the part of y where axis a runs over [begin, begin + n), the axes before it over the middle that x takes and
 * the axes after it over all of y. */
static void fill_slab(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *before,
                      const int64_t *dims_y, int a, int64_t begin, int64_t n, const void *value, void *y) {
    static const int64_t still[DNNK_AXES] = {0};
    int64_t extent[DNNK_AXES], y_stride[DNNK_AXES], offset = 0;
    contiguous_strides(axes, dims_y, y_stride);
    for (int b = 0; b < axes; b++) {
        extent[b] = b < a ? dims[b] : b == a ? n : dims_y[b];
        offset += (b < a ? before[b] : b == a ? begin : 0) * y_stride[b];
    }
    dnnk_copy_strided(env, size, axes, extent, value, still, at_mutable(y, offset, size), y_stride);
}

static int64_t middle_offset(int axes, const int64_t *before, const int64_t *stride) {
    int64_t offset = 0;
    for (int a = 0; a < axes; a++) offset += before[a] * stride[a];
    return offset;
}

static void padded_dims(int axes, const int64_t *dims, const int64_t *before, const int64_t *after, int64_t *dims_y) {
    for (int a = 0; a < axes; a++) dims_y[a] = before[a] + dims[a] + after[a];
}

void dnnk_pad(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *before,
              const int64_t *after, const void *value, const void *x, void *y) {
    int64_t dims_y[DNNK_AXES], x_stride[DNNK_AXES], y_stride[DNNK_AXES];
    padded_dims(axes, dims, before, after, dims_y);
    if (is_empty(axes, dims_y)) return;
    contiguous_strides(axes, dims, x_stride);
    contiguous_strides(axes, dims_y, y_stride);
    if (!value) value = zero;
    for (int a = 0; a < axes; a++) {
        fill_slab(env, size, axes, dims, before, dims_y, a, 0, before[a], value, y);
        fill_slab(env, size, axes, dims, before, dims_y, a, before[a] + dims[a], after[a], value, y);
    }
    char *middle = at_mutable(y, middle_offset(axes, before, y_stride), size);
    dnnk_copy_strided(env, size, axes, dims, x, x_stride, middle, y_stride);
}

void dnnk_crop(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *before,
               const int64_t *after, const void *dy, void *dx) {
    int64_t dims_y[DNNK_AXES];
    padded_dims(axes, dims, before, after, dims_y);
    dnnk_slice(env, size, axes, dims_y, before, ones, dims, dy, dx);
}

/* The strides of the picked elements within the whole, and the offset of the first. */
static int64_t picked_strides(int axes, const int64_t *dims, const int64_t *begin, const int64_t *step,
                              int64_t *stride) {
    contiguous_strides(axes, dims, stride);
    int64_t offset = middle_offset(axes, begin, stride);
    for (int a = 0; a < axes; a++) stride[a] *= step[a];
    return offset;
}

void dnnk_slice(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *begin,
                const int64_t *step, const int64_t *count, const void *x, void *y) {
    int64_t x_stride[DNNK_AXES], y_stride[DNNK_AXES];
    if (is_empty(axes, count)) return;
    int64_t offset = picked_strides(axes, dims, begin, step, x_stride);
    contiguous_strides(axes, count, y_stride);
    dnnk_copy_strided(env, size, axes, count, at(x, offset, size), x_stride, y, y_stride);
}

static bool is_dense(int axes, const int64_t *step) {
    for (int a = 0; a < axes; a++)
        if (step[a] != 1) return false;
    return true;
}

void dnnk_slice_backward(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *begin,
                         const int64_t *step, const int64_t *count, const void *dy, void *dx) {
    int64_t dx_stride[DNNK_AXES], dy_stride[DNNK_AXES], after[DNNK_AXES], elements = 1;
    for (int a = 0; a < axes; a++) {
        elements *= dims[a];
        after[a] = dims[a] - begin[a] - count[a];
    }
    if (is_dense(axes, step)) {
        dnnk_pad(env, size, axes, count, begin, after, NULL, dy, dx);
        return;
    }
    dnnk_fill_elements(env, size, elements, NULL, dx);
    if (is_empty(axes, count)) return;
    int64_t offset = picked_strides(axes, dims, begin, step, dx_stride);
    contiguous_strides(axes, count, dy_stride);
    dnnk_copy_strided(env, size, axes, count, dy, dy_stride, at_mutable(dx, offset, size), dx_stride);
}
