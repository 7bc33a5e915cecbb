/* A layer of your own: y = x · sin(a x), with one trainable a for each feature, in float32 and float64, checked and
 * trained as any built-in one. docs/adding-a-layer.md walks through it. */
#include <dnn/dnn.h>
#include <math.h>
#include <stdio.h>

#define TRY(call)                                                \
    do {                                                         \
        if ((call) != DNN_OK) {                                  \
            fprintf(stderr, "%s\n", dnn_last_error());           \
            return 1;                                            \
        }                                                        \
    } while (0)

/* What a wave knows about itself: copied into every module that is made of it. */
typedef struct {
    int64_t features;
} wave;

/* (…, features) to the same. The backward wants x. */
static dnn_status wave_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const wave *s = state;
    if (call->n_inputs != 1) return dnn_fail(DNN_ERROR_SHAPE, "a wave takes one input");
    const dnn_array *x = &call->inputs[0];
    if (x->rank < 1 || x->dims[x->rank - 1] != s->features)
        return dnn_fail(DNN_ERROR_SHAPE, "the last axis of the input is not the wave's number of features");
    spec->n_outputs = 1;
    spec->outputs[0] = *x;
    spec->backward_reads = DNN_READS_INPUT(0);
    return DNN_OK;
}

static int64_t elements(const dnn_array *a) {
    int64_t n = 1;
    for (int32_t i = 0; i < a->rank; i++) n *= a->dims[i];
    return n;
}

/* One body for both element types: the gradient check works in float64. */
#define WAVE(real, suffix)                                                                                     \
    static void forward_##suffix(int64_t n, int64_t features, const real *x, const real *a, real *y) {         \
        for (int64_t i = 0; i < n; i++) y[i] = x[i] * (real)sin((double)(a[i % features] * x[i]));             \
    }                                                                                                          \
    /* dy/dx = sin(ax) + a x cos(ax), dy/da = x² cos(ax) */                                                    \
    static void backward_##suffix(int64_t n, int64_t features, const real *x, const real *a, const real *dy,   \
                                  real *dx, real *da) {                                                        \
        for (int64_t i = 0; i < n; i++) {                                                                      \
            double ax = (double)(a[i % features] * x[i]), c = cos(ax);                                         \
            if (dx) dx[i] = dy[i] * (real)(sin(ax) + ax * c);                                                  \
            if (da) da[i % features] += dy[i] * x[i] * x[i] * (real)c;                                         \
        }                                                                                                      \
    }
WAVE(float, f32)
WAVE(double, f64)

static dnn_status wave_forward(const void *state, const dnn_layer_call *call) {
    int64_t n = elements(&call->inputs[0]), features = ((const wave *)state)->features;
    const void *x = call->inputs[0].data, *a = call->parameters[0].data;
    if (call->inputs[0].dtype == DNN_F64) forward_f64(n, features, x, a, call->outputs[0].data);
    else forward_f32(n, features, x, a, call->outputs[0].data);
    return DNN_OK;
}

/* A gradient that nobody needs has no memory (data is NULL): the input's, when nothing trainable lies before the layer;
 * the parameter's, when it is frozen. Input gradients are written, parameter gradients are added to. */
static dnn_status wave_backward(const void *state, const dnn_layer_call *call) {
    int64_t n = elements(&call->inputs[0]), features = ((const wave *)state)->features;
    const void *x = call->inputs[0].data, *a = call->parameters[0].data, *dy = call->output_gradients[0].data;
    void *dx = call->input_gradients[0].data, *da = call->parameter_gradients[0].data;
    if (call->inputs[0].dtype == DNN_F64) backward_f64(n, features, x, a, dy, dx, da);
    else backward_f32(n, features, x, a, dy, dx, da);
    return DNN_OK;
}

static const dnn_layer_class wave_class = {DNN_SIZED(dnn_layer_class),
                                           .type = "wave",
                                           .shape = wave_shape,
                                           .forward = wave_forward,
                                           .backward = wave_backward,
                                           .repeatable = 1}; /* twice the same: may be computed again for memory */

static dnn_module *wave_create(dnn_context *ctx, int64_t features) {
    wave state = {features};
    dnn_module *m = dnn_layer_create(ctx, &wave_class, &state, sizeof state);
    dnn_init near_one = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .a = 1, .b = 0.2};
    dnn_layer_add_parameter(m, "a", 1, &features, &near_one); /* a failure is kept by the module */
    return m;
}

/* The layer's gradients against differences, in float64. */
static int check(dnn_context *ctx, dnn_module *net) {
    dnn_tensor *x;
    TRY(dnn_tensor_create(&x, ctx, DNN_F32, 2, (int64_t[]){3, 1}));
    TRY(dnn_tensor_fill(x, &(dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1}));
    dnn_check_report *report;
    TRY(dnn_check_gradients(&report, net, (const dnn_tensor *[]){x}, 1, NULL));
    printf("%s\n", dnn_check_report_text(report));
    dnn_check_figures figures = {DNN_SIZED(dnn_check_figures)};
    TRY(dnn_check_report_figures(report, &figures));
    dnn_check_report_release(report);
    dnn_tensor_release(x);
    return figures.verdict == DNN_CHECK_PASS ? 0 : 1;
}

/* Learns y = x sin(2x) on [-3, 3]. */
static int train(dnn_context *ctx, dnn_module *net) {
    float xs[128], ys[128];
    for (int i = 0; i < 128; i++) {
        xs[i] = (float)i / 127 * 6 - 3;
        ys[i] = xs[i] * sinf(2 * xs[i]);
    }
    dnn_tensor *x, *target;
    dnn_loss *loss;
    dnn_optimizer *opt;
    TRY(dnn_tensor_wrap(&x, ctx, DNN_F32, 2, (int64_t[]){128, 1}, xs, NULL, NULL));
    TRY(dnn_tensor_wrap(&target, ctx, DNN_F32, 2, (int64_t[]){128, 1}, ys, NULL, NULL));
    TRY(dnn_mse_create(&loss, ctx, NULL));
    TRY(dnn_adam_create(&opt, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 0.01}));
    double first = 0, value = 0;
    for (int step = 0; step < 600; step++) {
        const dnn_tensor *y, *dy;
        TRY(dnn_optimizer_zero_grad(opt));
        TRY(dnn_module_forward(net, x, &y));
        TRY(dnn_loss_evaluate(loss, y, target, &value, &dy));
        TRY(dnn_module_backward(net, dy, NULL));
        TRY(dnn_optimizer_step(opt));
        if (step == 0) first = value;
    }
    printf("x sin(2x): loss %.3f, after 600 steps %.5f\n", first, value);
    dnn_optimizer_release(opt);
    dnn_loss_release(loss);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return value < 0.05 * first ? 0 : 1;
}

int main(void) {
    dnn_context *ctx;
    TRY(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 3}));
    dnn_module *net;
    TRY(dnn_sequential_create(&net, ctx));
    dnn_sequential_add(net, "in", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 1, .out_features = 16}));
    dnn_sequential_add(net, "wave", wave_create(ctx, 16));
    dnn_sequential_add(net, "out", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 16, .out_features = 1}));
    TRY(dnn_module_error(net));
    int failed = check(ctx, net) || train(ctx, net);
    dnn_module_release(net);
    dnn_context_release(ctx);
    return failed;
}
