#include "base/body.h"

#include "act/elementwise.h"

#define EACH(statement) \
    for (int64_t i = 0; i < n; i++) statement

static void forward(dnnk_binary_kind kind, int64_t n, const void *a_, const void *b_, void *y_) {
    const real *a = a_, *b = b_;
    real *y = y_;
    switch (kind) {
    case DNNK_ADD: EACH(y[i] = a[i] + b[i]); break;
    case DNNK_SUB: EACH(y[i] = a[i] - b[i]); break;
    case DNNK_MUL: EACH(y[i] = a[i] * b[i]); break;
    case DNNK_DIV: EACH(y[i] = a[i] / b[i]); break;
    case DNNK_BINARY_KINDS: break;
    }
}

static void backward_a(dnnk_binary_kind kind, int64_t n, const real *b, const real *dy, real *da) {
    switch (kind) {
    case DNNK_ADD:
    case DNNK_SUB: EACH(da[i] = dy[i]); break;
    case DNNK_MUL: EACH(da[i] = dy[i] * b[i]); break;
    case DNNK_DIV: EACH(da[i] = dy[i] / b[i]); break;
    case DNNK_BINARY_KINDS: break;
    }
}

static void backward_b(dnnk_binary_kind kind, int64_t n, const real *a, const real *b, const real *dy, real *db) {
    switch (kind) {
    case DNNK_ADD: EACH(db[i] = dy[i]); break;
    case DNNK_SUB: EACH(db[i] = -dy[i]); break;
    case DNNK_MUL: EACH(db[i] = dy[i] * a[i]); break;
    case DNNK_DIV: EACH(db[i] = -dy[i] / b[i] * (a[i] / b[i])); break;
    case DNNK_BINARY_KINDS: break;
    }
}

/* Both at once: any of a, b, dy may be da or db, so an element is read whole before it is written. */
static void backward_both(dnnk_binary_kind kind, int64_t n, const real *a, const real *b, const real *dy, real *da,
                          real *db) {
    for (int64_t i = 0; i < n; i++) {
        real g = dy[i], ga = g, gb = g;
        if (kind == DNNK_SUB) gb = -g;
        if (kind == DNNK_MUL) ga = g * b[i], gb = g * a[i];
        if (kind == DNNK_DIV) ga = g / b[i], gb = -g / b[i] * (a[i] / b[i]);
        da[i] = ga;
        db[i] = gb;
    }
}

static void backward(dnnk_binary_kind kind, int64_t n, const void *a, const void *b, const void *dy, void *da,
                     void *db) {
    if (da && db)
        backward_both(kind, n, a, b, dy, da, db);
    else if (da)
        backward_a(kind, n, b, dy, da);
    else if (db)
        backward_b(kind, n, a, b, dy, db);
}

static void scale(int64_t n, double alpha_, const void *x_, void *y_) {
    const real *x = x_;
    real *y = y_, alpha = (real)alpha_;
    EACH(y[i] = alpha * x[i]);
}

static void axpy(int64_t n, double alpha_, const void *x_, void *y_) {
    const real *x = x_;
    real *y = y_, alpha = (real)alpha_;
    EACH(y[i] += alpha * x[i]);
}

static void accumulate(int64_t n, const void *x_, void *y_) {
    const real *x = x_;
    real *y = y_;
    EACH(y[i] += x[i]);
}

static void fill(int64_t n, double value_, void *y_) {
    real *y = y_, value = (real)value_;
    EACH(y[i] = value);
}

static void add_row(int64_t rows, int64_t cols, const void *x_, const void *row_, void *y_) {
    const real *row = row_;
    for (int64_t r = 0; r < rows; r++) {
        const real *x = (const real *)x_ + r * cols;
        real *y = (real *)y_ + r * cols;
        for (int64_t c = 0; c < cols; c++) y[c] = x[c] + row[c];
    }
}

const dnnk_elementwise_table DNNK_TABLE(elementwise) = {.forward = forward,
                                                        .backward = backward,
                                                        .scale = scale,
                                                        .axpy = axpy,
                                                        .accumulate = accumulate,
                                                        .fill = fill,
                                                        .add_row = add_row};
