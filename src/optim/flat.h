/* Vectors of float32 or float64 numbers, for rules that take all parameters as one. Sums are doubles, in one order (in
 * eight parts, so that they vectorise): the same bits on any number of threads, which are not used. */
#ifndef DNNI_FLAT_H
#define DNNI_FLAT_H

#include <dnn/base.h>

typedef struct dnni_flat {
    void *data;
    int64_t n;
    dnn_dtype dtype; /* DNN_F32 or DNN_F64 */
} dnni_flat;

/* Row `row` of a matrix of such vectors; elements [from, from + n) of a vector. */
dnni_flat dnni_flat_row(const dnni_flat *first, int64_t row);
dnni_flat dnni_flat_part(const dnni_flat *vector, int64_t from, int64_t n);

double dnni_flat_dot(const dnni_flat *x, const dnni_flat *y);
double dnni_flat_sum(const dnni_flat *x);   /* of absolute values */
double dnni_flat_most(const dnni_flat *x);  /* the largest absolute value; NaN if there is one */

/* y = a x, y = y + a x */
void dnni_flat_scale(const dnni_flat *y, double a, const dnni_flat *x);
void dnni_flat_add(const dnni_flat *y, double a, const dnni_flat *x);
void dnni_flat_copy(const dnni_flat *y, const dnni_flat *x);
void dnni_flat_clear(const dnni_flat *y);

#endif
