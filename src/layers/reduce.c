/* The sum and the mean over some axes.
 *
 * Mostly the reduced axes lie side by side: the input is then (outer, n, inner), summed over the middle. Otherwise the
 * input is permuted into scratch memory, kept axes first: (outer, n, 1). */
#include "reduce/reduce.h"

#include <math.h>
#include <stdio.h>

#include "act/elementwise.h"
#include "layers/layer.h"
#include "shape/shape.h"

typedef struct {
    bool mean, keep_dims;
    int32_t n_axes; /* 0: all */
    int32_t axes[DNN_MAX_RANK];
} reduction;

typedef struct {
    bool reduced[DNN_MAX_RANK];
    bool adjacent;
    int64_t outer, n, inner; /* if not adjacent: of the permuted input, inner = 1 */
    double alpha;
} geometry;

static dnn_status mark_axes(const reduction *s, const dnn_array *x, bool *reduced) {
    for (int32_t i = 0; i < DNN_MAX_RANK; i++) reduced[i] = s->n_axes == 0;
    for (int32_t i = 0; i < s->n_axes; i++) {
        int32_t axis;
        DNNI_TRY(dnni_expect_axis(s->axes[i], x, &axis));
        if (reduced[axis])
            return dnni_error(DNN_ERROR_SHAPE, "axis %d of input %s is named twice", axis, dnni_array_shape(x).text);
        reduced[axis] = true;
    }
    return DNN_OK;
}

/* Axes of size 1 are on either side. The groups are kept, reduced, kept: a reduced axis behind the second kept one
 * breaks it. */
static bool lie_adjacent(const dnn_array *x, const bool *reduced) {
    bool begun = false, ended = false;
    for (int32_t i = 0; i < x->rank; i++) {
        if (x->dims[i] == 1) continue;
        if (reduced[i] && ended) return false;
        if (reduced[i]) begun = true;
        else if (begun) ended = true;
    }
    return true;
}

static void measure(const dnn_array *x, geometry *g) {
    bool begun = false;
    g->outer = g->n = g->inner = 1;
    for (int32_t i = 0; i < x->rank; i++) {
        if (g->reduced[i]) g->n *= x->dims[i];
        else if (g->adjacent && begun) g->inner *= x->dims[i];
        else g->outer *= x->dims[i];
        begun = begun || (g->reduced[i] && x->dims[i] != 1);
    }
}

static dnn_status find_geometry(const reduction *s, const dnn_array *x, geometry *g) {
    DNNI_TRY(mark_axes(s, x, g->reduced));
    g->adjacent = lie_adjacent(x, g->reduced);
    measure(x, g);
    g->alpha = !s->mean ? 1.0 : g->n > 0 ? 1.0 / (double)g->n : (double)NAN;
    return DNN_OK;
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const reduction *s = state;
    geometry g;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    const dnn_array *x = &call->inputs[0];
    DNNI_TRY(find_geometry(s, x, &g));
    spec->n_outputs = 1;
    dnn_array *y = &spec->outputs[0];
    y->dtype = x->dtype;
    for (int32_t i = 0; i < x->rank; i++) {
        if (!g.reduced[i]) y->dims[y->rank++] = x->dims[i];
        else if (s->keep_dims) y->dims[y->rank++] = 1;
    }
    spec->forward_work = g.adjacent ? dnnk_sum_middle_workspace(g.outer, g.n, g.inner) : dnni_bytes(x);
    spec->flops = (double)dnni_count(x);
    return DNN_OK;
}

/* Kept axes first, reduced axes last. */
static void gather_order(const geometry *g, int32_t rank, int *order) {
    int32_t n = 0;
    for (int32_t i = 0; i < rank; i++)
        if (!g->reduced[i]) order[n++] = i;
    for (int32_t i = 0; i < rank; i++)
        if (g->reduced[i]) order[n++] = i;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const dnnk_env *env = dnni_call_env(call);
    const dnn_array *x = &call->inputs[0];
    const void *source = x->data;
    geometry g;
    DNNI_TRY(find_geometry(state, x, &g));
    if (!g.adjacent) {
        int order[DNN_MAX_RANK];
        gather_order(&g, x->rank, order);
        dnnk_permute(env, dnn_dtype_size(x->dtype), x->rank, x->dims, order, x->data, call->work);
        source = call->work;
    }
    dnnk_sum_middle(env, dnni_call_type(call), g.outer, g.n, g.inner, g.alpha, false, source, call->outputs[0].data,
                    call->work);
    return DNN_OK;
}

/* dx[…] = dy[kept axes of …]: a copy with strides of 0 along the reduced axes. */
static void repeat(const dnnk_env *env, const geometry *g, const void *dy, const dnn_array *dx) {
    int64_t from[DNN_MAX_RANK], to[DNN_MAX_RANK], step = 1, kept_step = 1;
    for (int32_t i = dx->rank - 1; i >= 0; i--) {
        from[i] = g->reduced[i] ? 0 : kept_step;
        to[i] = step;
        step *= dx->dims[i];
        if (!g->reduced[i]) kept_step *= dx->dims[i];
    }
    dnnk_copy_strided(env, dnn_dtype_size(dx->dtype), dx->rank, dx->dims, dy, from, dx->data, to);
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const dnnk_env *env = dnni_call_env(call);
    const dnn_array *dx = &call->input_gradients[0];
    const void *dy = call->output_gradients[0].data;
    if (!dx->data) return DNN_OK;
    geometry g;
    DNNI_TRY(find_geometry(state, dx, &g));
    if (g.adjacent) {
        dnnk_sum_middle_backward(env, dnni_call_type(call), g.outer, g.n, g.inner, g.alpha, dy, dx->data);
        return DNN_OK;
    }
    repeat(env, &g, dy, dx);
    if (g.alpha != 1) dnnk_scale(env, dnni_call_type(call), dnni_count(dx), g.alpha, dx->data, dx->data);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const reduction *s = state;
    size_t used = (size_t)snprintf(text, bytes, "%s", s->n_axes == 0 ? "over all axes" : "over axes ");
    for (int32_t i = 0; i < s->n_axes && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%d", i ? "," : "", s->axes[i]);
}

#define REDUCTION(name)                                                                                          \
    {DNN_SIZED(dnn_layer_class), .type = name, .shape = shape, .forward = forward, .backward = backward,         \
     .detail = detail, .repeatable = 1}

static const dnn_layer_class sum_class = REDUCTION("sum"), mean_class = REDUCTION("mean");

static dnn_status read_reduction(reduction *s, const dnn_reduce_desc *d) {
    DNNI_REQUIRE(d->n_axes >= 0 && d->n_axes <= DNN_MAX_RANK, "desc.n_axes is %d, it may be 0 (all) to %d", d->n_axes,
                 DNN_MAX_RANK);
    s->keep_dims = d->keep_dims != 0;
    s->n_axes = d->n_axes;
    for (int32_t i = 0; i < d->n_axes; i++) {
        for (int32_t k = 0; k < i; k++)
            DNNI_REQUIRE(d->axes[k] != d->axes[i], "desc.axes[%d] is %d, which occurs twice", i, d->axes[i]);
        s->axes[i] = d->axes[i];
    }
    return DNN_OK;
}

static dnn_module *make(dnn_context *ctx, const dnn_reduce_desc *desc, bool mean) {
    dnn_reduce_desc d;
    reduction state = {.mean = mean};
    if (DNNI_READ_DESC(d, desc, true) != DNN_OK || read_reduction(&state, &d) != DNN_OK) return NULL;
    return dnn_layer_create(ctx, mean ? &mean_class : &sum_class, &state, sizeof state);
}

dnn_module *dnn_sum(dnn_context *ctx, const dnn_reduce_desc *desc) { return make(ctx, desc, false); }
dnn_module *dnn_mean(dnn_context *ctx, const dnn_reduce_desc *desc) { return make(ctx, desc, true); }
