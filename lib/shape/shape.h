/* Moving elements without looking at them: permute, pad, slice, concatenate, fill, copy.
 *
 * No function here knows a type: `size` is the bytes of an element (1, 2, 4 or 8), and pointers may be misaligned.
 * Arrays are contiguous, last axis fastest, and have 0 to DNNK_AXES axes; a dimension of 0 is an empty array, no axes
 * at all a single element. Source and destination never overlap. Results do not depend on the number of lanes: every
 * destination byte is written once, by one task.
 */
#ifndef DNNK_SHAPE_H
#define DNNK_SHAPE_H

#include "base/env.h"

#define DNNK_AXES 8

/* y = x, `bytes` long. */
void dnnk_copy(const dnnk_env *env, int64_t bytes, const void *x, void *y);

/* y[0 .. count) = *value, an element of `size` bytes. A NULL value stands for all bytes zero. */
void dnnk_fill_elements(const dnnk_env *env, int64_t size, int64_t count, const void *value, void *y);

/* Copies `rows` blocks of `row_bytes`, whose starts lie x_pitch and y_pitch bytes apart. Concatenation along an axis
 * is one call for each input: rows = product of the dimensions before the axis, row_bytes = the input's bytes from
 * the axis on, x_pitch = row_bytes, y_pitch = the output's bytes from the axis on, y at the input's offset in them.
 * Its backward is the same call with the sides exchanged, and so is splitting. */
void dnnk_copy_rows(const dnnk_env *env, int64_t rows, int64_t row_bytes, const void *x, int64_t x_pitch, void *y,
                    int64_t y_pitch);

/* For every index below dims: y[sum index * y_stride] = x[sum index * x_stride]. Strides count elements; x's may be 0
 * or negative (broadcasting, flipping), y's must not send two indices to one place. The engine below permute and
 * slice: it drops and merges axes, then copies runs, transposes in tiles, or gathers. */
void dnnk_copy_strided(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const void *x,
                       const int64_t *x_stride, void *y, const int64_t *y_stride);

/* y's axis a is x's axis order[a]; dims are x's. dims_y[a] = dims[order[a]]. */
void dnnk_permute(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int *order, const void *x,
                  void *y);

/* The order that undoes `order`: permuting dy by it is the backward of permuting x. */
void dnnk_permute_inverse(int axes, const int *order, int *inverse);

/* y[b] = transpose of x[b]: (batch, rows, cols) to (batch, cols, rows). NHWC to NCHW is rows = H * W, cols = C. */
void dnnk_transpose(const dnnk_env *env, int64_t size, int64_t batch, int64_t rows, int64_t cols, const void *x,
                    void *y);

/* y = x with before[a] and after[a] elements of *value (NULL: zero) around it on axis a, all >= 0; dims are x's. */
void dnnk_pad(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *before,
              const int64_t *after, const void *value, const void *x, void *y);

/* The backward of dnnk_pad: dx = the middle of dy; dims are x's, the smaller. */
void dnnk_crop(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *before,
               const int64_t *after, const void *dy, void *dx);

/* y[j] = x[begin + j * step] on every axis, j < count; dims are x's. The caller has checked that all indices lie in
 * [0, dims): step may be negative, count 0. */
void dnnk_slice(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *begin,
                const int64_t *step, const int64_t *count, const void *x, void *y);

/* The backward of dnnk_slice: dx = 0, then dx[begin + j * step] = dy[j]; dims are x's, the larger; step is not 0. */
void dnnk_slice_backward(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const int64_t *begin,
                         const int64_t *step, const int64_t *count, const void *dy, void *dx);

#endif
