/* Layers as users write them through layer.h, one number to one number. */
#include <dnn/layer.h>
#include <math.h>

#include "mistakes/parts.h"

typedef double map(double x);

typedef struct {
    map *value, *slope; /* slope: by x */
} each_number;

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    spec->backward_reads = DNN_READS_INPUT(0);
    return DNN_OK;
}

static int64_t count(const dnn_array *a) {
    int64_t n = 1;
    for (int32_t i = 0; i < a->rank; i++) n *= a->dims[i];
    return n;
}

static double get(const dnn_array *a, int64_t i) {
    return a->dtype == DNN_F64 ? ((const double *)a->data)[i] : (double)((const float *)a->data)[i];
}

static void put(const dnn_array *a, int64_t i, double x) {
    if (a->dtype == DNN_F64) ((double *)a->data)[i] = x;
    else ((float *)a->data)[i] = (float)x;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const each_number *f = state;
    for (int64_t i = 0; i < count(&call->inputs[0]); i++)
        put(&call->outputs[0], i, f->value(get(&call->inputs[0], i)));
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const each_number *f = state;
    const dnn_array *dy = &call->output_gradients[0], *dx = &call->input_gradients[0];
    for (int64_t i = 0; dx->data && i < count(&call->inputs[0]); i++)
        put(dx, i, get(dy, i) * f->slope(get(&call->inputs[0], i)));
    return DNN_OK;
}

static dnn_module *layer(program *p, const char *type, map *value, map *slope) {
    dnn_layer_class class = {DNN_SIZED(dnn_layer_class), .type = type, .shape = shape, .forward = forward,
                             .backward = backward};
    each_number f = {value, slope};
    return dnn_layer_create(p->ctx, &class, &f, sizeof f);
}

static double inverse(double x) { return 1 / x; }
static double safe_log(double x) { return log(fmax(x, 1e-6)); }
static double safe_inverse(double x) { return x > 1e-6 ? 1 / x : 0; }
static double softly(double x) { return x / (1 + fabs(x)); }
static double slope_of_softly(double x) { return 1 / ((1 + fabs(x)) * (1 + fabs(x))); }
static double wrong_slope(double x) { return 1 / (1 + fabs(x)); } /* not squared */

dnn_module *logarithm(program *p) { return layer(p, "log", log, inverse); }
dnn_module *safe_logarithm(program *p) { return layer(p, "log", safe_log, safe_inverse); }
dnn_module *exponential(program *p) { return layer(p, "exp", exp, exp); }
dnn_module *softsign(program *p, bool wrong) {
    return layer(p, "softsign", softly, wrong ? wrong_slope : slope_of_softly);
}

/* (N, T, C): y[n, t] is what lies where x[n, t] would lie if it were (T, N, C). */
static dnn_status time_forward(const void *state, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0], *y = &call->outputs[0];
    (void)state;
    for (int64_t n = 0; n < x->dims[0]; n++)
        for (int64_t t = 0; t < x->dims[1]; t++)
            for (int64_t c = 0; c < x->dims[2]; c++)
                put(y, (n * x->dims[1] + t) * x->dims[2] + c, get(x, (t * x->dims[0] + n) * x->dims[2] + c));
    return DNN_OK;
}

static dnn_status time_backward(const void *state, const dnn_layer_call *call) {
    const dnn_array *dy = &call->output_gradients[0], *dx = &call->input_gradients[0];
    (void)state;
    for (int64_t n = 0; dx->data && n < dy->dims[0]; n++)
        for (int64_t t = 0; t < dy->dims[1]; t++)
            for (int64_t c = 0; c < dy->dims[2]; c++)
                put(dx, (t * dy->dims[0] + n) * dy->dims[2] + c, get(dy, (n * dy->dims[1] + t) * dy->dims[2] + c));
    return DNN_OK;
}

dnn_module *time_by_reshape(program *p) {
    dnn_layer_class class = {DNN_SIZED(dnn_layer_class), .type = "time", .shape = shape, .forward = time_forward,
                             .backward = time_backward};
    return dnn_layer_create(p->ctx, &class, NULL, 0);
}
