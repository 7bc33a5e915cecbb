/* A program outside the tree: fits y = 2x - 1 with its own training loop, on the installed headers and libraries. */
#include <dnn/dnn.h>
#include <math.h>
#include <stdio.h>

enum { POINTS = 16, STEPS = 400 };

static int failed(const char *what) {
    fprintf(stderr, "%s: %s\n", what, dnn_last_error());
    return 1;
}

/* The mean squared error after training, or a negative number. */
static double train(dnn_module *net, dnn_optimizer *opt, dnn_loss *loss, const dnn_tensor *x, const dnn_tensor *target) {
    double value = -1;
    int step;
    for (step = 0; step < STEPS; step++) {
        const dnn_tensor *y, *dy;
        if (dnn_optimizer_zero_grad(opt) != DNN_OK || dnn_module_forward(net, x, &y) != DNN_OK ||
            dnn_loss_evaluate(loss, y, target, &value, &dy) != DNN_OK || dnn_module_backward(net, dy, NULL) != DNN_OK ||
            dnn_optimizer_step(opt) != DNN_OK)
            return -1;
    }
    return value;
}

int main(void) {
    static float xs[POINTS], targets[POINTS];
    const int64_t dims[2] = {POINTS, 1};
    dnn_context *ctx = NULL;
    dnn_module *net = NULL;
    dnn_optimizer *opt = NULL;
    dnn_loss *loss = NULL;
    dnn_tensor *x = NULL, *target = NULL;
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 1, .out_features = 1};
    dnn_sgd_desc sgd = {DNN_SIZED(dnn_sgd_desc), .lr = 0.5};
    double value;
    int i;

    for (i = 0; i < POINTS; i++) {
        xs[i] = (float)i / POINTS;
        targets[i] = 2 * xs[i] - 1;
    }
    if (dnn_context_create(&ctx, NULL) != DNN_OK) return failed("context");
    if (dnn_tensor_wrap(&x, ctx, DNN_F32, 2, dims, xs, NULL, NULL) != DNN_OK) return failed("x");
    if (dnn_tensor_wrap(&target, ctx, DNN_F32, 2, dims, targets, NULL, NULL) != DNN_OK) return failed("target");
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return failed("net");
    if (dnn_sequential_add(net, "fc", dnn_linear(ctx, &linear)) != DNN_OK) return failed("fc");
    if (dnn_mse_create(&loss, ctx, NULL) != DNN_OK) return failed("loss");
    if (dnn_sgd_create(&opt, net, &sgd) != DNN_OK) return failed("optimizer");

    value = train(net, opt, loss, x, target);
    printf("libdnn %s: error after %d steps: %g\n", dnn_version_string(), (int)STEPS, value);

    dnn_optimizer_release(opt);
    dnn_loss_release(loss);
    dnn_module_release(net);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    dnn_context_release(ctx);
    if (value < 0) return failed("training");
    return dnn_version() == DNN_VERSION_NUMBER && value < 1e-4 && isfinite(value) ? 0 : 1;
}
