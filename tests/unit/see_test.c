/* What a network does, where the answer is known by mathematics: activations, Grad-CAM, occlusion, maximisation, their
 * pictures; and that the module is bitwise as it was. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "support/datasets.h"

enum { SIDE = 8, PIXELS = SIDE * SIDE };

static dnn_module *linear(int64_t in, int64_t out) {
    return dnn_linear(data_ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out,
                                                   .no_bias = 1});
}

static dnn_module *conv(int64_t in, int64_t out, int64_t kernel) {
    return dnn_conv2d(data_ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                                   .kernel = {kernel}, .padding = kernel / 2, .no_bias = 1});
}

/* images (n, SIDE, SIDE, channels) → y (n, classes), linear. */
static dnn_module *flat_net(int64_t channels, int64_t classes) {
    dnn_module *net;
    OK(dnn_sequential_create(&net, data_ctx));
    dnn_sequential_add(net, "flatten", dnn_flatten(data_ctx));
    dnn_sequential_add(net, "fc", linear(PIXELS * channels, classes));
    OK(dnn_module_error(net));
    return net;
}

/* Something with all that a run could change: running statistics, random numbers, a branch. */
static dnn_module *busy_net(int64_t channels) {
    dnn_module *net;
    OK(dnn_sequential_create(&net, data_ctx));
    dnn_sequential_add(net, "conv", conv(channels, 6, 3));
    dnn_sequential_add(net, "norm", dnn_batch_norm(data_ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc),
                                                                                    .features = 6}));
    dnn_sequential_add(net, "relu", dnn_relu(data_ctx));
    dnn_sequential_add(net, "drop", dnn_dropout(data_ctx, 0.3));
    dnn_sequential_add(net, "flatten", dnn_flatten(data_ctx));
    dnn_sequential_add(net, "fc", linear(PIXELS * 6, 3));
    OK(dnn_module_error(net));
    return net;
}

static dnn_tensor *images(int64_t n, int64_t channels, uint64_t seed) {
    return tensor_normal(data_ctx, DNN_F32, DIMS(n, SIDE, SIDE, channels), seed);
}

/* ---- activations ---- */

static void activations_are_the_forward(void **state) {
    (void)state;
    dnn_module *net = busy_net(2);
    dnn_tensor *x = images(3, 2, 1), *found;
    const dnn_tensor *in = x, *y;
    OK(dnn_activations(&found, net, &in, 1, "fc"));
    OK(dnn_module_eval(net));
    OK(dnn_module_forward(net, x, &y));
    expect_shape(found, DIMS(3, 3));
    for (int64_t i = 0; i < 9; i++) expect_near(found, i, tensor_at(y, i), 1e-5, "fc");
    dnn_tensor_release(found);
    OK(dnn_activations(&found, net, &in, 1, "relu"));
    expect_shape(found, DIMS(3, SIDE, SIDE, 6));
    for (int64_t i = 0; i < dnn_tensor_count(found); i++) assert_true(tensor_at(found, i) >= 0);
    dnn_tensor_release(found);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

static void layers_that_are_none(void **state) {
    (void)state;
    dnn_module *net, *block = busy_net(1);
    OK(dnn_sequential_create(&net, data_ctx));
    dnn_sequential_add(net, "block", block);
    dnn_tensor *x = images(1, 1, 1), *found;
    const dnn_tensor *in = x;
    FAILS(dnn_activations(&found, net, &in, 1, "block.conv9"), DNN_ERROR_NOT_FOUND, "block.conv9");
    FAILS(dnn_activations(&found, net, &in, 1, "block"), DNN_ERROR_UNSUPPORTED, "container");
    FAILS(dnn_activations(&found, net, &in, 1, "block.flatten"), DNN_ERROR_UNSUPPORTED, "another shape");
    FAILS(dnn_gradcam(&found, net, x, &(dnn_gradcam_desc){DNN_SIZED(dnn_gradcam_desc), .layer = "block.fc"}),
          DNN_ERROR_SHAPE, "block.fc: its output is");
    FAILS(dnn_gradcam(&found, net, x, &(dnn_gradcam_desc){DNN_SIZED(dnn_gradcam_desc), .layer = "block.flatten"}),
          DNN_ERROR_UNSUPPORTED, "another shape");
    assert_null(found);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

/* Images give a sheet with a tile for each channel, sequences and vectors a map. */
static void activations_as_pictures(void **state) {
    (void)state;
    dnn_tensor *x = images(2, 1, 1), *t = tensor_normal(data_ctx, DNN_F32, DIMS(2, 9, 4), 1), *picture;
    dnn_module *net = busy_net(1), *sequence;
    const dnn_tensor *in = x, *steps = t;
    OK(dnn_sequential_create(&sequence, data_ctx));
    dnn_sequential_add(sequence, "fc", linear(4, 7));
    const char *const layers[] = {"conv", "relu", "fc"};
    for (int i = 0; i < 3; i++) {
        OK(dnn_sheet_activations(&picture, net, &in, 1, layers[i], NULL));
        expect_shape(picture, DIMS(dnn_tensor_dim(picture, 0), dnn_tensor_dim(picture, 1), 3));
        dnn_tensor_release(picture);
    }
    dnn_activations_desc d = {DNN_SIZED(dnn_activations_desc), .sample = 1, .one_by_one = 1, .most = 3};
    OK(dnn_sheet_activations(&picture, net, &in, 1, "conv", &d));
    dnn_tensor_release(picture);
    OK(dnn_sheet_activations(&picture, sequence, &steps, 1, "fc", &d));
    dnn_tensor_release(picture);
    d.sample = 2;
    FAILS(dnn_sheet_activations(&picture, net, &in, 1, "conv", &d), DNN_ERROR_ARGUMENT, "sample 2 of 2");
    dnn_module_release(sequence);
    dnn_module_release(net);
    dnn_tensor_release(t);
    dnn_tensor_release(x);
}

/* ---- Grad-CAM ---- */

/* A 1 × 1 convolution whose channel 0 is the image's channel 0, channel 1 its channel 1; class 0 is the mean of the
 * first, class 1 of the second: dscore/dA_k = 1/64, so the heat is max(A_k, 0) / 64, in every pixel. */
static dnn_module *two_colours(void) {
    dnn_module *net;
    OK(dnn_sequential_create(&net, data_ctx));
    dnn_sequential_add(net, "conv", conv(2, 2, 1));
    dnn_sequential_add(net, "pool", dnn_adaptive_avg_pool2d(data_ctx, 1, 1));
    dnn_sequential_add(net, "flatten", dnn_flatten(data_ctx));
    OK(dnn_module_error(net));
    for (int64_t i = 0; i < 4; i++) tensor_put(value_of(net, "conv.weight"), i, i == 0 || i == 3);
    return net;
}

/* Channel 0 is bright in the upper left corner, channel 1 in the lower right one. */
static dnn_tensor *two_corners(void) {
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(1, SIDE, SIDE, 2), NULL);
    for (int64_t i = 0; i < PIXELS; i++) {
        int64_t row = i / SIDE, column = i % SIDE;
        if (row < 3 && column < 3) tensor_put(x, 2 * i, 1 + (double)i);
        if (row > 4 && column > 4) tensor_put(x, 2 * i + 1, 3);
    }
    return x;
}

static void gradcam_lights_the_corner(void **state) {
    (void)state;
    dnn_module *net = two_colours();
    dnn_tensor *x = two_corners(), *heat;
    for (int64_t c = 0; c < 2; c++) {
        dnn_gradcam_desc d = {DNN_SIZED(dnn_gradcam_desc), .classes = &c, .n_classes = 1};
        OK(dnn_gradcam(&heat, net, x, &d)); /* without a layer: the convolution, not the pool, which is 1 × 1 */
        expect_shape(heat, DIMS(1, SIDE, SIDE));
        for (int64_t i = 0; i < PIXELS; i++)
            expect_near(heat, i, tensor_at(x, 2 * i + c) / PIXELS, 1e-6, "heat");
        dnn_tensor_release(heat);
    }
    /* The class with the larger score is the one that is meant by default: 0. */
    OK(dnn_gradcam(&heat, net, x, NULL));
    assert_true(tensor_at(heat, 0) > 0 && tensor_at(heat, PIXELS - 1) == 0);
    dnn_tensor_release(heat);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

/* Behind the convolution all is linear and sees each place by itself. Where every part speaks for the class, place by
 * place the parts add up to the score; means over places of weights that cancel show nothing. */
static void gradcam_by_place_adds_up(void **state) {
    (void)state;
    dnn_module *net;
    const dnn_tensor *y;
    dnn_tensor *x = images(1, 1, 7), *heat, *w;
    double sum = 0, weights = 0;
    OK(dnn_sequential_create(&net, data_ctx));
    dnn_sequential_add(net, "conv", conv(1, 2, 1));
    dnn_sequential_add(net, "flatten", dnn_flatten(data_ctx));
    dnn_sequential_add(net, "fc", linear(PIXELS * 2, 1));
    OK(dnn_module_error(net));
    for (int64_t k = 0; k < 2; k++) tensor_put(value_of(net, "conv.weight"), k, 1);
    w = value_of(net, "fc.weight");
    for (int64_t i = 0; i < 2 * PIXELS; i++) tensor_put(w, i, tensor_at(x, i / 2) > 0 ? 0.5 : -0.5);
    dnn_gradcam_desc d = {DNN_SIZED(dnn_gradcam_desc), .layer = "conv", .by_place = 1};
    OK(dnn_gradcam(&heat, net, x, &d));
    OK(dnn_module_forward(net, x, &y));
    for (int64_t i = 0; i < PIXELS; i++) {
        expect_near(heat, i, fabs(tensor_at(x, i)), 1e-5, "a place's part");
        sum += tensor_at(heat, i);
        weights += tensor_at(w, 2 * i);
    }
    expect_near(y, 0, sum, 1e-4, "the score");
    dnn_tensor_release(heat);
    d.by_place = 0;
    OK(dnn_gradcam(&heat, net, x, &d));
    for (int64_t i = 0; i < PIXELS; i++)
        expect_near(heat, i, fmax(2 * weights / PIXELS * tensor_at(x, i), 0), 1e-5, "with mean weights");
    dnn_tensor_release(heat);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

static void gradcam_refuses(void **state) {
    (void)state;
    dnn_module *net = two_colours();
    dnn_tensor *x = two_corners(), *heat, *bytes = tensor_of(data_ctx, DNN_U8, DIMS(1, SIDE, SIDE, 2), NULL);
    dnn_gradcam_desc pool = {DNN_SIZED(dnn_gradcam_desc), .layer = "pool"};
    FAILS(dnn_gradcam(&heat, net, x, &pool), DNN_ERROR_UNSUPPORTED, "pool: its output [1,1,1,2] has one place");
    int64_t classes[] = {2, 0};
    dnn_gradcam_desc two = {DNN_SIZED(dnn_gradcam_desc), .classes = classes, .n_classes = 1};
    FAILS(dnn_gradcam(&heat, net, x, &two), DNN_ERROR_VALUE, "class 2 is none of the module's 2");
    two.n_classes = 2;
    FAILS(dnn_gradcam(&heat, net, x, &two), DNN_ERROR_ARGUMENT, "n_classes is 2 for 1 images");
    FAILS(dnn_gradcam(&heat, net, bytes, NULL), DNN_ERROR_DTYPE, "uint8");
    dnn_module *flat = flat_net(2, 3);
    FAILS(dnn_gradcam(&heat, flat, x, NULL), DNN_ERROR_UNSUPPORTED, "no layer gives a map");
    dnn_module_release(flat);
    dnn_tensor_release(bytes);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

/* ---- occlusion ---- */

/* Of a linear network, a pixel covered with 0 costs Σ_c w x, exactly; a patch the sum over its pixels. */
static void occlusion_of_a_linear_network(void **state) {
    (void)state;
    for (int64_t channels = 1; channels <= 3; channels += 2) {
        dnn_module *net = flat_net(channels, 2);
        dnn_tensor *x = images(2, channels, 3), *heat, *w = value_of(net, "fc.weight");
        const double black[3] = {0};
        int64_t c = 1;
        dnn_occlusion_desc d = {DNN_SIZED(dnn_occlusion_desc), .patch = {1, 1}, .stride = {1, 1}, .fill = black,
                                .classes = &c, .n_classes = 1};
        OK(dnn_occlusion(&heat, net, x, &d));
        for (int64_t i = 0; i < 2 * PIXELS; i++) {
            double want = 0;
            for (int64_t k = 0; k < channels; k++)
                want += tensor_at(w, (PIXELS + i % PIXELS) * channels + k) * tensor_at(x, i * channels + k);
            expect_near(heat, i, want, 1e-4, "a pixel's part");
        }
        dnn_tensor_release(heat);
        dnn_tensor_release(x);
        dnn_module_release(net);
    }
}

/* One corner matters: the heat is there, and nowhere else; patches that stick out are moved in. */
static void occlusion_lights_the_corner(void **state) {
    (void)state;
    dnn_module *net = flat_net(1, 2);
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(1, SIDE, SIDE, 1), NULL), *heat, *w = value_of(net, "fc.weight");
    for (int64_t i = 0; i < 2 * PIXELS; i++) tensor_put(w, i, i == 2 * PIXELS - 1);
    tensor_put(x, PIXELS - 1, 5);
    dnn_occlusion_desc d = {DNN_SIZED(dnn_occlusion_desc), .patch = {3, 3}, .stride = {2, 4}};
    OK(dnn_occlusion(&heat, net, x, &d));
    for (int64_t i = 0; i < PIXELS; i++) {
        bool near = i / SIDE >= SIDE - 3 && i % SIDE >= SIDE - 3;
        assert_true(near || tensor_at(heat, i) == 0);
    }
    expect_near(heat, PIXELS - 1, 5 - 5.0 / PIXELS, 1e-5, "the corner, covered with the mean");
    dnn_tensor_release(heat);
    d.stride[0] = INT64_MAX;
    FAILS(dnn_occlusion(&heat, net, x, &d), DNN_ERROR_ARGUMENT, "every 9223372036854775807 × 4");
    d.stride[0] = 2;
    d.patch[0] = SIDE + 1;
    FAILS(dnn_occlusion(&heat, net, x, &d), DNN_ERROR_ARGUMENT, "a patch of 9 × 3");
    assert_null(heat);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

static dnn_status stop(void *user, const char *what, int64_t done, int64_t total) {
    (void)what;
    assert_true(done <= total);
    return --*(int *)user == 0 ? dnn_fail(DNN_ERROR_CALLBACK, "enough") : DNN_OK;
}

static void long_calls_can_be_stopped(void **state) {
    (void)state;
    int left = 2;
    dnn_module *net = flat_net(1, 2);
    dnn_tensor *x = images(3, 1, 3), *out;
    dnn_progress progress = {stop, &left};
    dnn_occlusion_desc d = {DNN_SIZED(dnn_occlusion_desc), .progress = progress};
    FAILS(dnn_occlusion(&out, net, x, &d), DNN_ERROR_CALLBACK, "enough");
    assert_null(out);
    left = 2;
    dnn_maximise_desc m = {DNN_SIZED(dnn_maximise_desc), .height = SIDE, .width = SIDE, .channels = 1,
                           .progress = progress};
    FAILS(dnn_maximise(&out, net, &m), DNN_ERROR_CALLBACK, "enough");
    assert_null(out);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

/* ---- overlay ---- */

static void overlay_has_its_colours(void **state) {
    (void)state;
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(1, 1, 3, 1), (double[]){0.5, 0.5, 0.5}), *over;
    dnn_tensor *heat = tensor_of(data_ctx, DNN_F32, DIMS(1, 1, 3), (double[]){0, 2, -2});
    dnn_overlay_desc d = {DNN_SIZED(dnn_overlay_desc), .low = 0, .high = 1, .zoom = 1, .strength = 1};
    OK(dnn_overlay(&over, x, heat, &d));
    const unsigned char *p = dnn_tensor_const_data(over);
    assert_int_equal(p[0], 128);
    assert_true(p[0] == p[1] && p[1] == p[2]);
    assert_true(p[3] > 200 && p[4] > 200 && p[5] < 40); /* the most there is: yellow */
    assert_true(p[8] > 200 && p[6] < 60);               /* against it: blue */
    dnn_tensor_release(over);
    OK(dnn_overlay(&over, x, heat, NULL));
    expect_shape(over, DIMS(1, 96, 3 * 96, 3));
    dnn_tensor_release(over);
    dnn_tensor *wrong = tensor_of(data_ctx, DNN_F32, DIMS(1, 3, 1), NULL);
    FAILS(dnn_overlay(&over, x, wrong, &d), DNN_ERROR_SHAPE, "heat is [1,3,1] for images [1,1,3,1]");
    dnn_tensor_release(wrong);
    dnn_tensor_release(heat);
    dnn_tensor_release(x);
}

/* ---- maximisation ---- */

/* A class that wants the left half bright and the right half dark gets it; its score is near the most there can be. */
static void maximises_what_is_wanted(void **state) {
    (void)state;
    for (int64_t channels = 1; channels <= 5; channels++) {
        dnn_module *net = flat_net(channels, 2);
        dnn_tensor *out, *w = value_of(net, "fc.weight");
        for (int64_t i = 0; i < 2 * PIXELS * channels; i++) tensor_put(w, i, i / channels % SIDE < SIDE / 2 ? 1 : -1);
        double scores[2];
        int64_t unit = 1;
        dnn_maximise_desc d = {DNN_SIZED(dnn_maximise_desc), .height = SIDE, .width = SIDE, .channels = channels,
                               .units = &unit, .n_units = 1, .steps = 200, .scores = scores};
        OK(dnn_maximise(&out, net, &d));
        expect_shape(out, DIMS(1, SIDE, SIDE, channels));
        double most = (double)(PIXELS / 2 * channels);
        assert_true(fabs(scores[0]) < 0.1 * most && scores[1] > 0.6 * most);
        for (int64_t i = 0; i < PIXELS * channels; i++) assert_true(tensor_at(out, i) >= 0 && tensor_at(out, i) <= 1);
        dnn_tensor_release(out);
        dnn_module_release(net);
    }
}

/* The scores are what the module gives for the picture, prepared as was said; the seed decides. */
static void maximisation_keeps_its_word(void **state) {
    (void)state;
    dnn_module *net = busy_net(3);
    const dnn_tensor *y;
    dnn_tensor *out, *again;
    double scores[6];
    const double mean[] = {100, 90, 80}, std[] = {50, 60, 70};
    dnn_maximise_desc d = {DNN_SIZED(dnn_maximise_desc), .height = SIDE, .width = SIDE, .channels = 3, .steps = 30,
                           .low = 0, .high = 255, .mean = mean, .std = std, .scores = scores, .seed = 5};
    OK(dnn_maximise(&out, net, &d));
    OK(dnn_maximise(&again, net, &d));
    expect_same_bits(out, again, "the same seed");
    dnn_tensor_release(again);
    d.seed = 6;
    d.scores = NULL;
    OK(dnn_maximise(&again, net, &d));
    assert_memory_not_equal(dnn_tensor_const_data(out), dnn_tensor_const_data(again), 100);
    for (int64_t i = 0; i < dnn_tensor_count(out); i++)
        tensor_put(out, i, (tensor_at(out, i) - mean[i % 3]) / std[i % 3]);
    OK(dnn_module_eval(net));
    OK(dnn_module_forward(net, out, &y));
    for (int64_t k = 0; k < 3; k++) {
        expect_near(y, 4 * k, scores[3 + k], 1e-3, "score");
        assert_true(scores[3 + k] > scores[k]);
    }
    dnn_tensor_release(again);
    dnn_tensor_release(out);
    dnn_module_release(net);
}

/* A channel of a layer in the middle: its mean over all places rises. Of float64 too. */
static void maximises_a_channel(void **state) {
    (void)state;
    dnn_module *net = busy_net(2);
    double scores[4];
    int64_t units[] = {5, 2};
    dnn_tensor *out;
    dnn_maximise_desc d = {DNN_SIZED(dnn_maximise_desc), .height = SIDE, .width = SIDE, .channels = 2, .steps = 40,
                           .layer = "conv", .units = units, .n_units = 2, .scores = scores};
    for (int wide = 0; wide < 2; wide++) {
        OK(dnn_module_to(net, wide ? DNN_F64 : DNN_F32));
        OK(dnn_maximise(&out, net, &d));
        assert_true(scores[2] > scores[0] && scores[3] > scores[1]);
        dnn_tensor_release(out);
    }
    units[1] = 6;
    FAILS(dnn_maximise(&out, net, &d), DNN_ERROR_VALUE, "conv: unit 6 is none of 6");
    d.n_units = INT64_MAX;
    FAILS(dnn_maximise(&out, net, &d), DNN_ERROR_ARGUMENT, "it may be 1 to 4096");
    d.n_units = 2;
    d.channels = 0;
    FAILS(dnn_maximise(&out, net, &d), DNN_ERROR_ARGUMENT, "images of 8 × 8 × 0");
    d.channels = 3;
    FAILS(dnn_maximise(&out, net, &d), DNN_ERROR_SHAPE, "conv: input");
    assert_null(out);
    dnn_module_release(net);
}

/* ---- threads, types, graphs ---- */

/* Maximised, on so many threads, by a network that a seed decides. */
static dnn_tensor *maximised_on(int32_t threads, dnn_tensor **heat) {
    dnn_context *home = data_ctx;
    dnn_tensor *out;
    OK(dnn_context_create(&data_ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = threads, .seed = 3}));
    dnn_module *net = busy_net(3);
    dnn_tensor *x = images(2, 3, 8);
    dnn_maximise_desc d = {DNN_SIZED(dnn_maximise_desc), .height = SIDE, .width = SIDE, .channels = 3, .steps = 5};
    OK(dnn_maximise(&out, net, &d));
    OK(dnn_occlusion(heat, net, x, NULL));
    dnn_tensor_release(x);
    dnn_module_release(net);
    dnn_context_release(data_ctx);
    data_ctx = home;
    return out;
}

static void any_number_of_threads_gives_the_same_bits(void **state) {
    (void)state;
    dnn_tensor *heat[2], *one = maximised_on(1, &heat[0]), *three = maximised_on(3, &heat[1]);
    expect_same_bits(one, three, "maximised");
    expect_same_bits(heat[0], heat[1], "occlusion");
    dnn_tensor_release(one);
    dnn_tensor_release(three);
    dnn_tensor_release(heat[0]);
    dnn_tensor_release(heat[1]);
}

/* A graph of two outputs, of which the first has the classes; in float32 and float64. */
static void graphs_and_types(void **state) {
    (void)state;
    dnn_module *net;
    dnn_tensor *x = images(2, 1, 5), *wide, *heat[2], *covered[2];
    OK(dnn_graph_create(&net, data_ctx));
    dnn_value v = dnn_graph_apply(net, "conv", conv(1, 3, 3), dnn_graph_input(net));
    dnn_value flat = dnn_graph_apply(net, "flatten", dnn_flatten(data_ctx), v);
    dnn_graph_output(net, dnn_graph_apply(net, "fc", linear(PIXELS * 3, 4), flat));
    dnn_graph_output(net, dnn_graph_apply(net, "relu", dnn_relu(data_ctx), v));
    OK(dnn_module_error(net));
    OK(dnn_gradcam(&heat[0], net, x, &(dnn_gradcam_desc){DNN_SIZED(dnn_gradcam_desc), .layer = "conv"}));
    OK(dnn_occlusion(&covered[0], net, x, NULL));
    OK(dnn_tensor_cast(&wide, x, DNN_F64, DNN_CAST_EXACT, NULL));
    OK(dnn_module_to(net, DNN_F64));
    OK(dnn_gradcam(&heat[1], net, wide, &(dnn_gradcam_desc){DNN_SIZED(dnn_gradcam_desc), .layer = "conv"}));
    OK(dnn_occlusion(&covered[1], net, wide, NULL));
    for (int64_t i = 0; i < 2 * PIXELS; i++) {
        expect_near(heat[0], i, tensor_at(heat[1], i), 1e-5, "Grad-CAM");
        expect_near(covered[0], i, tensor_at(covered[1], i), 1e-4, "occlusion");
    }
    /* The second output's ReLU has no part in the first. */
    dnn_tensor *none;
    OK(dnn_gradcam(&none, net, wide, &(dnn_gradcam_desc){DNN_SIZED(dnn_gradcam_desc), .layer = "relu"}));
    for (int64_t i = 0; i < 2 * PIXELS; i++) assert_true(tensor_at(none, i) == 0);
    dnn_tensor_release(none);
    for (int i = 0; i < 2; i++) {
        dnn_tensor_release(heat[i]);
        dnn_tensor_release(covered[i]);
    }
    dnn_tensor_release(wide);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

/* ---- the module is as it was ---- */

typedef struct {
    unsigned char bytes[200000];
    size_t n;
} snapshot;

static void take_bytes(snapshot *s, const dnn_tensor *t) {
    size_t bytes = (size_t)dnn_tensor_bytes(t);
    assert_true(s->n + bytes < sizeof s->bytes);
    memcpy(s->bytes + s->n, dnn_tensor_const_data(t), bytes);
    s->n += bytes;
}

static void take(snapshot *s, dnn_module *net, const dnn_tensor *y) {
    s->n = 0;
    for (int64_t i = 0; i < dnn_module_parameter_count(net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        OK(dnn_module_parameter_at(net, i, &p));
        take_bytes(s, p.value);
        if (p.gradient) take_bytes(s, p.gradient);
        s->bytes[s->n++] = (unsigned char)p.is_frozen;
    }
    take_bytes(s, y);
    s->bytes[s->n++] = (unsigned char)dnn_module_is_training(net);
    s->bytes[s->n++] = (unsigned char)dnn_module_pending_backwards(net);
}

static dnn_status see_all(dnn_module *net, dnn_tensor *x) {
    dnn_tensor *out;
    const dnn_tensor *in = x;
    dnn_status status = dnn_activations(&out, net, &in, 1, "relu");
    if (status != DNN_OK) return status;
    dnn_tensor_release(out);
    if ((status = dnn_sheet_activations(&out, net, &in, 1, "relu", NULL)) != DNN_OK) return status;
    dnn_tensor_release(out);
    if ((status = dnn_gradcam(&out, net, x, NULL)) != DNN_OK) return status;
    dnn_tensor *heat = out;
    status = dnn_overlay(&out, x, heat, NULL);
    dnn_tensor_release(heat);
    if (status != DNN_OK) return status;
    dnn_tensor_release(out);
    if ((status = dnn_occlusion(&out, net, x, NULL)) != DNN_OK) return status;
    dnn_tensor_release(out);
    dnn_maximise_desc d = {DNN_SIZED(dnn_maximise_desc), .height = SIDE, .width = SIDE,
                           .channels = dnn_tensor_dim(x, 3), .steps = 2, .layer = "relu", .n_units = 2};
    if ((status = dnn_maximise(&out, net, &d)) != DNN_OK) return status;
    dnn_tensor_release(out);
    return DNN_OK;
}

/* A forward in training, what is seen (or not), then its backward and another forward: all of that again in another
 * context of the same seed. */
static void train_a_little(snapshot *end, bool seen) {
    static snapshot before, after;
    const dnn_tensor *y;
    dnn_context *home = data_ctx;
    OK(dnn_context_create(&data_ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1}));
    dnn_module *net = busy_net(2);
    dnn_tensor *x = images(4, 2, 9), *dy = tensor_normal(data_ctx, DNN_F32, DIMS(4, 3), 2);
    OK(dnn_module_freeze(net, "fc.*"));
    OK(dnn_module_forward(net, x, &y));
    take(&before, net, y);
    if (seen) OK(see_all(net, x));
    take(&after, net, y);
    assert_int_equal(before.n, after.n);
    assert_memory_equal(before.bytes, after.bytes, before.n);
    OK(dnn_module_backward(net, dy, NULL));
    OK(dnn_module_forward(net, x, &y));
    take(end, net, y);
    dnn_tensor_release(dy);
    dnn_tensor_release(x);
    dnn_module_release(net);
    OK(dnn_context_release(data_ctx));
    data_ctx = home;
}

static void module_stays_bitwise_as_it_was(void **state) {
    (void)state;
    static snapshot plain, seen;
    train_a_little(&plain, false);
    train_a_little(&seen, true);
    assert_int_equal(plain.n, seen.n);
    assert_memory_equal(plain.bytes, seen.bytes, plain.n);
}

typedef struct {
    dnn_module *net;
    dnn_tensor *x;
} pair;

static dnn_status see_again(void *user) { return see_all(((pair *)user)->net, ((pair *)user)->x); }

static void out_of_memory(void **state) {
    (void)state;
    static snapshot before, after;
    const dnn_tensor *y;
    pair p = {busy_net(1), images(1, 1, 4)};
    OK(dnn_module_forward(p.net, p.x, &y));
    take(&before, p.net, y);
    expect_memory_failures_survived(see_again, &p, 80);
    take(&after, p.net, y);
    assert_memory_equal(before.bytes, after.bytes, before.n);
    dnn_tensor_release(p.x);
    dnn_module_release(p.net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(activations_are_the_forward, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(layers_that_are_none, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(activations_as_pictures, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(gradcam_lights_the_corner, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(gradcam_by_place_adds_up, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(gradcam_refuses, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(occlusion_of_a_linear_network, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(occlusion_lights_the_corner, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(long_calls_can_be_stopped, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(overlay_has_its_colours, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(maximises_what_is_wanted, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(maximisation_keeps_its_word, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(maximises_a_channel, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(any_number_of_threads_gives_the_same_bits, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(graphs_and_types, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(module_stays_bitwise_as_it_was, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(out_of_memory, data_setup, data_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
