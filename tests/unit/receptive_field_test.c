/* Receptive fields: worked out by hand, and as the gradient shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/datasets.h"

static dnn_module *conv(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t padding) {
    return dnn_conv2d(data_ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                                   .kernel = {kernel}, .stride = {stride}, .dilation = {dilation},
                                                   .padding = padding});
}

static dnn_module *pool(int64_t kernel, int64_t stride) {
    return dnn_avg_pool2d(data_ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), .kernel = {kernel}, .stride = {stride}});
}

static dnn_module *norm(int64_t features) {
    return dnn_batch_norm(data_ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = features});
}

static dnn_module *chain(dnn_module **layers, int n) {
    dnn_module *net;
    OK(dnn_sequential_create(&net, data_ctx));
    for (int i = 0; i < n; i++) dnn_sequential_add(net, NULL, layers[i]);
    OK(dnn_module_error(net));
    return net;
}
#define CHAIN(...) chain((dnn_module *[]){__VA_ARGS__}, sizeof((dnn_module *[]){__VA_ARGS__}) / sizeof(dnn_module *))

static dnn_receptive_field field_of(dnn_module *net, int64_t height, int64_t width, int64_t channels) {
    dnn_array shape = {.dtype = DNN_F32, .rank = 4, .dims = {1, height, width, channels}};
    dnn_receptive_field f = {DNN_SIZED(dnn_receptive_field)};
    OK(dnn_module_receptive_field(net, &shape, 1, &f));
    return f;
}

static void expect_field(const dnn_receptive_field *f, int64_t size, int64_t stride, double start) {
    assert_int_equal(f->all, 0);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(f->field[k], size);
        assert_int_equal(f->stride[k], stride);
        assert_true(f->start[k] == start);
    }
}

static void chains_are_as_by_hand(void **state) {
    (void)state;
    dnn_module *vgg = CHAIN(conv(3, 4, 3, 1, 1, 1), norm(4), dnn_relu(data_ctx), conv(4, 4, 3, 1, 1, 1),
                            dnn_relu(data_ctx), pool(2, 2), dnn_dropout(data_ctx, 0.5), conv(4, 8, 3, 1, 1, 1));
    dnn_receptive_field f = field_of(vgg, 12, 16, 3);
    expect_field(&f, 10, 2, 1); /* 1, 3, 5, 6, 6 + 2·2 */
    dnn_module *wide = CHAIN(conv(1, 1, 3, 1, 4, 0), conv(1, 1, 5, 3, 1, 2), conv(1, 1, 1, 1, 1, 0));
    f = field_of(wide, 30, 30, 1);
    expect_field(&f, 13, 3, 4.5); /* 9, then 4 more; the centre 4 in, then 2 - 2 */
    dnn_module_release(vgg);
    dnn_module_release(wide);
}

static void sides_differ(void **state) {
    (void)state;
    dnn_module *net = CHAIN(dnn_conv2d(data_ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = 1,
                                                                    .out_channels = 1, .kernel = {5, 3},
                                                                    .stride = {2, 1}, .pad = {1, 0, 2, 0}}));
    dnn_receptive_field f = field_of(net, 20, 20, 1);
    assert_true(f.field[0] == 5 && f.field[1] == 3 && f.stride[0] == 2 && f.stride[1] == 1);
    assert_true(f.start[0] == 1.5 && f.start[1] == -0.5);
    dnn_module_release(net);
}

/* x + conv(conv(x)), then a ReLU; or another branch beside the two convolutions. */
static dnn_module *branches(dnn_module *first, dnn_module *second, dnn_module *other) {
    dnn_module *graph;
    OK(dnn_graph_create(&graph, data_ctx));
    dnn_value x = dnn_graph_input(graph), y = dnn_graph_apply(graph, "a", first, x);
    if (second) y = dnn_graph_apply(graph, "b", second, y);
    if (other) x = dnn_graph_apply(graph, "c", other, x);
    y = dnn_graph_apply2(graph, "add", dnn_add(data_ctx), x, y);
    dnn_graph_output(graph, dnn_graph_apply(graph, "relu", dnn_relu(data_ctx), y));
    OK(dnn_module_error(graph));
    return graph;
}

static void branches_take_the_larger(void **state) {
    (void)state;
    dnn_module *residual = branches(conv(2, 2, 3, 1, 1, 1), conv(2, 2, 3, 1, 1, 1), NULL);
    dnn_receptive_field f = field_of(residual, 8, 8, 2);
    expect_field(&f, 5, 1, 0.5);
    OK(dnn_module_eval(residual)); /* where steps are fused otherwise */
    f = field_of(residual, 8, 8, 2);
    expect_field(&f, 5, 1, 0.5);
    dnn_module_release(residual);
    dnn_module *shortcut = branches(conv(2, 2, 3, 2, 1, 1), NULL, conv(2, 2, 1, 2, 1, 0));
    f = field_of(shortcut, 8, 8, 2);
    expect_field(&f, 3, 2, 0.5);
    dnn_module_release(shortcut);
}

static void branches_of_other_strides_do_not_meet(void **state) {
    (void)state;
    dnn_module *net = branches(conv(1, 1, 2, 2, 1, 0), NULL, conv(1, 1, 3, 1, 1, 0)); /* 4 × 4 to 2 × 2, both */
    dnn_array shape = {.dtype = DNN_F32, .rank = 4, .dims = {1, 4, 4, 1}};
    dnn_receptive_field f = {DNN_SIZED(dnn_receptive_field)};
    FAILS(dnn_module_receptive_field(net, &shape, 1, &f), DNN_ERROR_VALUE, "branches of strides");
    dnn_module_release(net);
}

static void what_mixes_all_sees_all(void **state) {
    (void)state;
    dnn_module *net = CHAIN(conv(1, 2, 3, 1, 1, 0), dnn_flatten(data_ctx),
                            dnn_linear(data_ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 48,
                                                                    .out_features = 3}));
    dnn_receptive_field f = field_of(net, 6, 8, 1);
    assert_true(f.all == 1 && f.field[0] == 6 && f.field[1] == 8 && f.stride[0] == 0);
    dnn_array flat = {.dtype = DNN_F32, .rank = 2, .dims = {1, 48}};
    dnn_module *linear = dnn_relu(data_ctx);
    FAILS(dnn_module_receptive_field(linear, &flat, 1, &f), DNN_ERROR_SHAPE, "no input is an image");
    dnn_module_release(linear);
    dnn_module_release(net);
}

/* The rectangle of pixels that output (row, column) depends on: where the gradient is not 0. */
static void expect_gradient(dnn_module *net, int64_t row, int64_t column) {
    enum { SIDE = 31 };
    dnn_receptive_field f = field_of(net, SIDE, SIDE, 1);
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(1, SIDE, SIDE, 1), 3);
    const dnn_tensor *y = run_forward(net, x);
    int64_t width = dnn_tensor_dim(y, 2), first[2] = {SIDE, SIDE}, last[2] = {-1, -1}, at[2] = {row, column};
    dnn_tensor *dy = tensor_of(data_ctx, DNN_F32, dnn_tensor_rank(y), dnn_tensor_dims(y), NULL);
    tensor_put(dy, (row * width + column) * dnn_tensor_dim(y, 3), 1);
    const dnn_tensor *dx = run_backward(net, dy);
    for (int64_t i = 0; i < SIDE * SIDE; i++)
        for (int k = 0; k < 2 && tensor_at(dx, i) != 0; k++) {
            int64_t place = k ? i % SIDE : i / SIDE;
            first[k] = place < first[k] ? place : first[k];
            last[k] = place > last[k] ? place : last[k];
        }
    for (int k = 0; k < 2; k++) {
        assert_int_equal(last[k] - first[k] + 1, f.field[k]);
        assert_true((double)(first[k] + last[k] + 1) / 2 == f.start[k] + (double)(at[k] * f.stride[k]));
    }
    dnn_tensor_release(dy);
    dnn_tensor_release(x);
}

static void gradients_show_the_same(void **state) {
    (void)state;
    dnn_module *net = CHAIN(conv(1, 2, 3, 1, 2, 1), pool(3, 2), conv(2, 1, 3, 1, 1, 1));
    OK(dnn_module_set_gradients(net, DNN_GRADIENTS_INPUTS));
    expect_gradient(net, 6, 6);
    expect_gradient(net, 5, 7);
    dnn_module_release(net);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)
    const struct CMUnitTest tests[] = {
        TEST(chains_are_as_by_hand),
        TEST(sides_differ),
        TEST(branches_take_the_larger),
        TEST(branches_of_other_strides_do_not_meet),
        TEST(what_mixes_all_sees_all),
        TEST(gradients_show_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
