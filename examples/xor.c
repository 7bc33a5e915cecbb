/* The training loop on one screen: two inputs, one hidden layer, exclusive or. */
#include <dnn/dnn.h>
#include <stdio.h>

/* Every call may fail; one line says why. */
#define TRY(call)                                                \
    do {                                                         \
        if ((call) != DNN_OK) {                                  \
            fprintf(stderr, "%s\n", dnn_last_error());           \
            return 1;                                            \
        }                                                        \
    } while (0)

int main(void) {
    dnn_context *ctx;
    TRY(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 1}));

    float inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, targets[4][1] = {{0}, {1}, {1}, {0}};
    dnn_tensor *x, *target;
    TRY(dnn_tensor_wrap(&x, ctx, DNN_F32, 2, (int64_t[]){4, 2}, inputs, NULL, NULL));
    TRY(dnn_tensor_wrap(&target, ctx, DNN_F32, 2, (int64_t[]){4, 1}, targets, NULL, NULL));

    dnn_module *net;
    TRY(dnn_sequential_create(&net, ctx));
    dnn_sequential_add(net, "hidden", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 2, .out_features = 8}));
    dnn_sequential_add(net, "tanh", dnn_tanh(ctx));
    dnn_sequential_add(net, "out", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 8, .out_features = 1}));
    TRY(dnn_module_error(net)); /* the first thing that went wrong while building, if any */

    dnn_loss *loss;
    dnn_optimizer *opt;
    TRY(dnn_bce_with_logits_create(&loss, ctx, NULL));
    TRY(dnn_adam_create(&opt, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 0.05}));

    double value = 0;
    for (int step = 0; step <= 200; step++) {
        const dnn_tensor *y, *dy; /* lent: nothing to release */
        TRY(dnn_optimizer_zero_grad(opt));
        TRY(dnn_module_forward(net, x, &y));
        TRY(dnn_loss_evaluate(loss, y, target, &value, &dy));
        TRY(dnn_module_backward(net, dy, NULL));
        TRY(dnn_optimizer_step(opt));
        if (step % 50 == 0) printf("step %3d  loss %.4f\n", step, value);
    }

    dnn_optimizer_release(opt);
    dnn_loss_release(loss);
    dnn_module_release(net);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    dnn_context_release(ctx);
    return value < 0.05 ? 0 : 1;
}
