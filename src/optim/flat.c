#include "optim/flat.h"

#include <math.h>
#include <string.h>

enum { PARTS = 8 };

static int64_t element_size(const dnni_flat *x) { return x->dtype == DNN_F64 ? 8 : 4; }

dnni_flat dnni_flat_row(const dnni_flat *first, int64_t row) {
    dnni_flat x = *first;
    x.data = (char *)first->data + row * first->n * element_size(first);
    return x;
}

dnni_flat dnni_flat_part(const dnni_flat *vector, int64_t from, int64_t n) {
    return (dnni_flat){(char *)vector->data + from * element_size(vector), n, vector->dtype};
}

static double add_up(const double *parts) {
    return ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

#define FLAT(real)                                                                         \
    static double dot_##real(const real *x, const real *y, int64_t n) {                    \
        double parts[PARTS] = {0};                                                         \
        int64_t i = 0;                                                                     \
        for (; i + PARTS <= n; i += PARTS)                                                 \
            for (int k = 0; k < PARTS; k++) parts[k] += (double)x[i + k] * (double)y[i + k]; \
        for (; i < n; i++) parts[i % PARTS] += (double)x[i] * (double)y[i];                \
        return add_up(parts);                                                              \
    }                                                                                      \
    static double sum_##real(const real *x, int64_t n) {                                   \
        double sum = 0;                                                                    \
        for (int64_t i = 0; i < n; i++) sum += fabs((double)x[i]);                         \
        return sum;                                                                        \
    }                                                                                      \
    static double most_##real(const real *x, int64_t n) {                                  \
        double most = 0;                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                  \
            double size = fabs((double)x[i]);                                              \
            if (size > most || isnan(size)) most = size;                                   \
            if (isnan(most)) break;                                                        \
        }                                                                                  \
        return most;                                                                       \
    }                                                                                      \
    static void scale_##real(real *y, double a, const real *x, int64_t n) {                \
        for (int64_t i = 0; i < n; i++) y[i] = (real)(a * (double)x[i]);                   \
    }                                                                                      \
    static void add_##real(real *y, double a, const real *x, int64_t n) {                  \
        for (int64_t i = 0; i < n; i++) y[i] = (real)((double)y[i] + a * (double)x[i]);    \
    }
FLAT(float)
FLAT(double)

double dnni_flat_dot(const dnni_flat *x, const dnni_flat *y) {
    return x->dtype == DNN_F64 ? dot_double(x->data, y->data, x->n) : dot_float(x->data, y->data, x->n);
}

double dnni_flat_sum(const dnni_flat *x) {
    return x->dtype == DNN_F64 ? sum_double(x->data, x->n) : sum_float(x->data, x->n);
}

double dnni_flat_most(const dnni_flat *x) {
    return x->dtype == DNN_F64 ? most_double(x->data, x->n) : most_float(x->data, x->n);
}

void dnni_flat_scale(const dnni_flat *y, double a, const dnni_flat *x) {
    if (x->dtype == DNN_F64) scale_double(y->data, a, x->data, x->n);
    else scale_float(y->data, a, x->data, x->n);
}

void dnni_flat_add(const dnni_flat *y, double a, const dnni_flat *x) {
    if (x->dtype == DNN_F64) add_double(y->data, a, x->data, x->n);
    else add_float(y->data, a, x->data, x->n);
}

void dnni_flat_copy(const dnni_flat *y, const dnni_flat *x) {
    if (x->n > 0) memcpy(y->data, x->data, (size_t)(x->n * element_size(x)));
}

void dnni_flat_clear(const dnni_flat *y) {
    if (y->n > 0) memset(y->data, 0, (size_t)(y->n * element_size(y)));
}
