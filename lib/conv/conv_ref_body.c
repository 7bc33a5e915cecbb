/* The specification of the convolution and of its gradients. All three walk over the same triples (input, weight,
 * output) of places that belong together; they differ in which of the three receives. */
#include "base/body.h"

#include "conv/reference.h"

typedef struct {
    const dnnk_conv *c;
    int64_t n, oy, ox, o; /* an output */
    int64_t out;          /* its offset in y */
} output;

/* Calls visit(arg, offset in x, offset in w) for each product that belongs to an output. */
static void for_each_product(const output *y, void (*visit)(void *arg, int64_t in_x, int64_t in_w), void *arg) {
    const dnnk_conv *c = y->c;
    int64_t depth = c->in_channels / c->groups, group = y->o / (c->out_channels / c->groups);
    for (int64_t r = 0; r < c->kernel_h; r++)
        for (int64_t s = 0; s < c->kernel_w; s++) {
            int64_t iy = y->oy * c->stride_h - c->pad_top + r * c->dilation_h;
            int64_t ix = y->ox * c->stride_w - c->pad_left + s * c->dilation_w;
            if (iy < 0 || iy >= c->height || ix < 0 || ix >= c->width) continue;
            for (int64_t i = 0; i < depth; i++)
                visit(arg, ((y->n * c->height + iy) * c->width + ix) * c->in_channels + group * depth + i,
                      ((y->o * c->kernel_h + r) * c->kernel_w + s) * depth + i);
        }
}

static void for_each_output(const dnnk_conv *c, void (*visit)(void *arg, const output *y), void *arg) {
    int64_t rows = dnnk_conv_out_height(c), cols = dnnk_conv_out_width(c);
    output y = {.c = c};
    for (y.n = 0; y.n < c->batch; y.n++)
        for (y.oy = 0; y.oy < rows; y.oy++)
            for (y.ox = 0; y.ox < cols; y.ox++)
                for (y.o = 0; y.o < c->out_channels; y.o++, y.out++) visit(arg, &y);
}

typedef struct {
    const real *x, *w, *dy;
    real *y, *dx, *dw, *db;
    const dnnk_epilogue *epilogue;
    real value; /* of the output being summed up, or of its gradient */
} tensors;

static void sum_product(void *arg, int64_t in_x, int64_t in_w) {
    tensors *t = arg;
    t->value += t->x[in_x] * t->w[in_w];
}

static void forward_output(void *arg, const output *y) {
    tensors *t = arg;
    const real *scale = t->epilogue->scale, *bias = t->epilogue->bias, *residual = t->epilogue->residual;
    t->value = 0;
    for_each_product(y, sum_product, t);
    if (scale) t->value *= scale[y->o];
    if (bias) t->value += bias[y->o];
    if (residual) t->value += residual[y->out];
    t->y[y->out] = t->epilogue->relu && t->value < 0 ? 0 : t->value;
}

static void forward(const dnnk_conv *c, const void *x, const void *w, const dnnk_epilogue *epilogue, void *y) {
    tensors t = {.x = x, .w = w, .y = y, .epilogue = epilogue};
    for_each_output(c, forward_output, &t);
}

static void spread_to_x(void *arg, int64_t in_x, int64_t in_w) {
    tensors *t = arg;
    t->dx[in_x] += t->value * t->w[in_w];
}

static void data_output(void *arg, const output *y) {
    tensors *t = arg;
    t->value = t->dy[y->out];
    for_each_product(y, spread_to_x, t);
}

static void backward_data(const dnnk_conv *c, const void *dy, const void *w, void *dx) {
    tensors t = {.dy = dy, .w = w, .dx = dx};
    for_each_output(c, data_output, &t);
}

static void spread_to_w(void *arg, int64_t in_x, int64_t in_w) {
    tensors *t = arg;
    t->dw[in_w] += t->value * t->x[in_x];
}

static void weights_output(void *arg, const output *y) {
    tensors *t = arg;
    t->value = t->dy[y->out];
    if (t->db) t->db[y->o] += t->value;
    for_each_product(y, spread_to_w, t);
}

static void backward_weights(const dnnk_conv *c, const void *x, const void *dy, void *dw, void *db) {
    tensors t = {.x = x, .dy = dy, .dw = dw, .db = db};
    for_each_output(c, weights_output, &t);
}

const dnnk_conv_ref_table DNNK_TABLE(conv_ref) = {
    .forward = forward, .backward_data = backward_data, .backward_weights = backward_weights};
