/* The guide's page on debugging, docs/guide/debugging.md: a monitor that says what goes wrong in a run, where a NaN comes
 * from, and whether a layer's backward is its derivative.
 *
 *     debugging [--quick]
 *
 * A small network reads digits that are drawn by code. Its first layer is the host's own, and has a fault. */
#include <dnn/dnn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { SIZE = 12, PIXELS = SIZE * SIZE, HIDDEN = 32, COUNT = 640, BATCH = 32 };

/* ---- a layer: y = x / ‖x‖, sample by sample ---- */

typedef struct {
    int complete; /* whether its backward is */
} unit;

static dnn_status unit_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    spec->backward_reads = DNN_READS_INPUT(0) | DNN_READS_OUTPUT(0);
    return DNN_OK;
}

/* dx = (dy - y (y · dy)) / ‖x‖. Without the second term it looks right, and trains. */
#define UNIT(real)                                                                                              \
    static real norm_##real(int64_t n, const real *x) {                                                         \
        real sum = 0;                                                                                           \
        for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];                                                     \
        return (real)sqrt((double)sum);                                                                         \
    }                                                                                                           \
    static void forward_##real(int64_t n, const real *x, real *y) {                                             \
        real norm = norm_##real(n, x);                                                                          \
        for (int64_t i = 0; i < n; i++) y[i] = x[i] / norm;                                                     \
    }                                                                                                           \
    static void backward_##real(int64_t n, const real *x, const real *y, const real *dy, real *dx, int whole) { \
        real norm = norm_##real(n, x), along = 0;                                                               \
        for (int64_t i = 0; whole && i < n; i++) along += y[i] * dy[i];                                         \
        for (int64_t i = 0; i < n; i++) dx[i] = (dy[i] - y[i] * along) / norm;                                  \
    }
UNIT(float)
UNIT(double)

static int64_t features(const dnn_array *a) {
    int64_t n = 1;
    for (int32_t i = 1; i < a->rank; i++) n *= a->dims[i];
    return n;
}

static dnn_status unit_forward(const void *state, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0], *y = &call->outputs[0];
    int64_t n = features(x);
    (void)state;
    for (int64_t s = 0; s < x->dims[0]; s++) {
        if (x->dtype == DNN_F64) forward_double(n, (const double *)x->data + s * n, (double *)y->data + s * n);
        else forward_float(n, (const float *)x->data + s * n, (float *)y->data + s * n);
    }
    return DNN_OK;
}

static dnn_status unit_backward(const void *state, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    const void *y = call->outputs[0].data, *dy = call->output_gradients[0].data;
    void *dx = call->input_gradients[0].data;
    int64_t n = features(x);
    int whole = ((const unit *)state)->complete;
    for (int64_t s = 0, at = 0; dx && s < x->dims[0]; s++, at += n) {
        if (x->dtype == DNN_F64)
            backward_double(n, (const double *)x->data + at, (const double *)y + at, (const double *)dy + at,
                            (double *)dx + at, whole);
        else
            backward_float(n, (const float *)x->data + at, (const float *)y + at, (const float *)dy + at,
                           (float *)dx + at, whole);
    }
    return DNN_OK;
}

static const dnn_layer_class unit_class = {DNN_SIZED(dnn_layer_class), .type = "unit", .shape = unit_shape,
                                           .forward = unit_forward, .backward = unit_backward};

/* ---- a network, and what it learns from ---- */

typedef struct {
    dnn_context *ctx;
    dnn_dataset *digits;
    dnn_module *net;
    dnn_optimizer *opt;
    dnn_loss *loss;
    dnn_monitor *monitor;
    int blank; /* a picture among the digits on which nothing is drawn */
} work;

static dnn_status make_net(work *w) {
    unit state = {.complete = 1};
    TRY(dnn_context_seed(w->ctx, 1));
    TRY(dnn_sequential_create(&w->net, w->ctx));
    dnn_sequential_add(w->net, "unit", dnn_layer_create(w->ctx, &unit_class, &state, sizeof state));
    dnn_sequential_add(w->net, "flat", dnn_flatten(w->ctx));
    dnn_sequential_add(w->net, "hidden", dnn_linear(w->ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc),
                                                            .in_features = PIXELS, .out_features = HIDDEN}));
    dnn_sequential_add(w->net, "relu", dnn_relu(w->ctx));
    dnn_sequential_add(w->net, "out", dnn_linear(w->ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc),
                                                         .in_features = HIDDEN, .out_features = 10}));
    return dnn_module_error(w->net);
}

static dnn_status start(work *w, double rate) {
    dnn_sgd_desc sgd = {DNN_SIZED(dnn_sgd_desc), .lr = rate, .momentum = 0.9};
    dnn_monitor_desc watch = {DNN_SIZED(dnn_monitor_desc), .replay = "debugging.replay"};
    TRY(make_net(w));
    TRY(dnn_sgd_create(&w->opt, w->net, &sgd));
    TRY(dnn_monitor_create(&w->monitor, w->net, w->opt, &watch));
    return DNN_OK;
}

static void end(work *w) {
    dnn_monitor_release(w->monitor);
    dnn_optimizer_release(w->opt);
    dnn_module_release(w->net);
}

/* ---- 1. the loop, watched ---- */

static dnn_status step(work *w, const dnn_tensor *x, const dnn_tensor *target) {
    const dnn_tensor *y, *dy;
    double value;
    TRY(dnn_optimizer_zero_grad(w->opt));
    TRY(dnn_module_forward(w->net, x, &y));
    TRY(dnn_loss_evaluate(w->loss, y, target, &value, &dy));
    TRY(dnn_module_backward(w->net, dy, NULL));

    TRY(dnn_monitor_step_n(w->monitor, value, &x, 1));
    if (dnn_monitor_worst(w->monitor) >= DNN_SEVERITY_ERROR) return DNN_END; /* leave this step out */

    return dnn_optimizer_step(w->opt);
}

static dnn_status epoch(work *w, dnn_loader *loader) {
    const dnn_tensor *x, *target;
    dnn_status status;
    while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) TRY(step(w, x, target));
    return status == DNN_END ? DNN_OK : status;
}

static dnn_status train(work *w, int64_t epochs) {
    dnn_loader *loader;
    dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1, .seed = 1};
    dnn_status status = dnn_loader_create(&loader, w->digits, &desc);
    for (int64_t e = 0; e < epochs && status == DNN_OK; e++) status = epoch(w, loader);
    dnn_loader_release(loader);
    return status == DNN_END ? DNN_OK : status;
}

static dnn_status expect(work *w, const char *name) {
    dnn_report *report;
    TRY(dnn_monitor_report(&report, w->monitor));
    puts(dnn_report_text(report));
    dnn_status status = name ? dnn_report_find(report, name, NULL)
                             : dnn_report_worst(report) < DNN_SEVERITY_ERROR ? DNN_OK : DNN_ERROR_STATE;
    dnn_report_release(report);
    return status;
}

static dnn_status watched(work *w, double rate, int64_t epochs, const char *finding) {
    printf("a rate of %g:\n", rate);
    TRY(start(w, rate));
    TRY(train(w, epochs));
    dnn_status status = expect(w, finding);
    end(w);
    return status;
}

/* ---- 2. where a NaN comes from ---- */

/* The file holds weights and inputs: what was found can be looked at again, in another process, after a change. */
static dnn_status replay(work *w) {
    dnn_report *report;
    dnn_tensor *x;
    const char *name = "input.0";
    TRY(make_net(w));
    TRY(dnn_tensor_create(&x, w->ctx, DNN_F32, 4, (int64_t[]){BATCH, SIZE, SIZE, 1}));
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = w->net, .names = &name, .tensors = &x,
                                  .n_tensors = 1};
    TRY(dnn_checkpoint_read("debugging.replay", &parts));
    TRY(dnn_autopsy(&report, w->net, (const dnn_tensor *[]){x}, 1, NULL));
    dnn_status status = dnn_report_find(report, "not-finite-output", NULL);
    printf("replayed: %s\n\n", status == DNN_OK ? "the same" : "nothing");
    dnn_report_release(report);
    dnn_tensor_release(x);
    dnn_module_release(w->net);
    return status;
}

static dnn_status hunt(work *w) {
    w->blank = 1;
    puts("and then somebody adds a picture:");
    TRY(start(w, 0.1));
    TRY(train(w, 1));
    TRY(expect(w, "not-finite-output"));
    end(w);
    TRY(replay(w));
    return remove("debugging.replay") == 0 ? DNN_OK : dnn_fail(DNN_ERROR_IO, "debugging.replay was not there");
}

/* ---- 3. is the backward the derivative? ---- */

static dnn_status check(dnn_context *ctx, int complete) {
    unit state = {.complete = complete};
    dnn_module *layer = dnn_layer_create(ctx, &unit_class, &state, sizeof state);
    dnn_check_report *report;
    dnn_check_figures figures = {DNN_SIZED(dnn_check_figures)};
    dnn_tensor *x;
    TRY(dnn_tensor_create(&x, ctx, DNN_F32, 2, (int64_t[]){2, 5}));
    TRY(dnn_tensor_fill(x, &(dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1}));

    TRY(dnn_check_gradients(&report, layer, (const dnn_tensor *[]){x}, 1, NULL));
    TRY(dnn_check_report_figures(report, &figures));
    puts(dnn_check_report_text(report));

    dnn_check_report_release(report);
    dnn_tensor_release(x);
    dnn_module_release(layer);
    dnn_check_verdict wanted = complete ? DNN_CHECK_PASS : DNN_CHECK_FAIL;
    return figures.verdict == wanted ? DNN_OK : dnn_fail(DNN_ERROR_STATE, "the gradient check says something else");
}

/* ---- */

/* Digits as they are, but for one that may be blank. */
static dnn_status blank_one(void *user, int64_t index, int64_t epoch, const dnn_array *from_input,
                            const dnn_array *from_target, const dnn_array *input, const dnn_array *target) {
    const work *w = user;
    (void)epoch, (void)from_input, (void)from_target, (void)target;
    if (w->blank && index == 77) memset(input->data, 0, PIXELS * sizeof(float));
    return DNN_OK;
}

static dnn_status run(dnn_context *ctx, int quick) {
    dnn_dataset *drawn;
    work w = {.ctx = ctx};
    TRY(dnn_digits(&drawn, ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = COUNT, .image_size = SIZE}));
    TRY(dnn_dataset_map(&w.digits, drawn, &(dnn_map_desc){DNN_SIZED(dnn_map_desc), .map = blank_one, .user = &w}));
    TRY(dnn_cross_entropy_create(&w.loss, ctx, NULL));
    TRY(watched(&w, 30, 5, "diverged"));
    TRY(watched(&w, 0.1, quick ? 5 : 30, NULL));
    TRY(hunt(&w));
    TRY(check(ctx, 0));
    TRY(check(ctx, 1));
    dnn_loss_release(w.loss);
    dnn_dataset_release(w.digits);
    return dnn_dataset_release(drawn);
}

static void print_line(void *user, dnn_log_level level, const char *line) {
    (void)user, (void)level;
    puts(line);
}

int main(int argc, char **argv) {
    dnn_context *ctx;
    int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .log = {print_line, NULL}};
    dnn_status status = dnn_context_create(&ctx, &desc);
    if (status == DNN_OK) status = run(ctx, quick);
    if (status != DNN_OK) fprintf(stderr, "%s\n", dnn_last_error());
    dnn_context_release(ctx);
    return status != DNN_OK;
}
