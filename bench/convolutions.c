/* The convolutions of ResNet-18, each in its three directions. */
#include <stdio.h>
#include <stdlib.h>

#include "conv/conv.h"
#include "kernels.h"
#include "onednn.h"

typedef struct {
    const char *name;
    int64_t size, in, out, kernel, stride, times; /* times: how often ResNet-18 has it */
    bool no_data_gradient;
} layer;

static const layer resnet18[] = {
    {"7x7/2 3->64 224", 224, 3, 64, 7, 2, 1, true},      {"3x3 64->64 56", 56, 64, 64, 3, 1, 4, false},
    {"3x3/2 64->128 56", 56, 64, 128, 3, 2, 1, false},   {"1x1/2 64->128 56", 56, 64, 128, 1, 2, 1, false},
    {"3x3 128->128 28", 28, 128, 128, 3, 1, 3, false},   {"3x3/2 128->256 28", 28, 128, 256, 3, 2, 1, false},
    {"1x1/2 128->256 28", 28, 128, 256, 1, 2, 1, false}, {"3x3 256->256 14", 14, 256, 256, 3, 1, 3, false},
    {"3x3/2 256->512 14", 14, 256, 512, 3, 2, 1, false}, {"1x1/2 256->512 14", 14, 256, 512, 1, 2, 1, false},
    {"3x3 512->512 7", 7, 512, 512, 3, 1, 3, false},
};

typedef struct {
    dnnk_conv c;
    void *x, *w, *y, *work;
} convolution;

static void forward_call(void *arg) {
    convolution *v = arg;
    dnnk_conv_forward(&env, &v->c, v->x, v->w, NULL, v->y, v->work);
}

static void data_call(void *arg) {
    convolution *v = arg;
    dnnk_conv_backward_data(&env, &v->c, v->y, v->w, v->x, false, v->work);
}

static void weights_call(void *arg) {
    convolution *v = arg;
    dnnk_conv_backward_weights(&env, &v->c, v->x, v->y, v->w, false, NULL, v->work);
}

static const struct {
    const char *name;
    void (*call)(void *arg);
    int64_t (*workspace)(const dnnk_env *, const dnnk_conv *);
} directions[3] = {{"forward", forward_call, dnnk_conv_forward_workspace},
                   {"data", data_call, dnnk_conv_backward_data_workspace},
                   {"weights", weights_call, dnnk_conv_backward_weights_workspace}};

typedef struct {
    double ours, peer; /* seconds */
} times;

static dnnk_conv problem(const layer *l, int64_t batch, bool winograd) {
    int64_t pad = l->kernel / 2;
    return (dnnk_conv){.type = DNNK_F32, .batch = batch, .height = l->size, .width = l->size, .in_channels = l->in,
                       .out_channels = l->out, .kernel_h = l->kernel, .kernel_w = l->kernel, .groups = 1,
                       .stride_h = l->stride, .stride_w = l->stride, .dilation_h = 1, .dilation_w = 1, .pad_top = pad,
                       .pad_bottom = pad, .pad_left = pad, .pad_right = pad, .allow_winograd = winograd};
}

static times bench_direction(const char *layer_name, convolution *v, int direction, bool peer, double flops) {
    char name[80];
    snprintf(name, sizeof name, "%s %s", layer_name, directions[direction].name);
    v->work = bytes(directions[direction].workspace(&env, &v->c));
    onednn_conv *other = peer ? onednn_conv_create(&v->c, direction) : NULL;
    timed ours = {directions[direction].call, v}, theirs = {onednn_conv_run, other};
    times t;
    t.ours = measure(&ours, other ? &theirs : NULL, &t.peer);
    report(name, flops, t.ours, t.peer);
    free(v->work);
    if (other) onednn_conv_release(other);
    return t;
}

/* Adds the layer's share in one training step. */
static void bench_layer(const layer *l, int64_t batch, bool winograd, bool peer, times *total) {
    convolution v = {.c = problem(l, batch, winograd)};
    int64_t outputs = batch * dnnk_conv_out_height(&v.c) * dnnk_conv_out_width(&v.c),
            taps = l->kernel * l->kernel * l->in;
    v.x = filled(batch * l->size * l->size * l->in), v.w = filled(l->out * taps), v.y = filled(outputs * l->out);
    for (int d = 0; d < 3; d++) {
        if (l->no_data_gradient && d == 1) continue;
        times t = bench_direction(l->name, &v, d, peer, 2.0 * (double)outputs * (double)taps * (double)l->out);
        total->ours += t.ours * (double)l->times, total->peer += t.peer * (double)l->times;
    }
    free(v.x), free(v.w), free(v.y);
}

void bench_convolutions(int64_t batch, int64_t threads) {
    for (int winograd = 0; winograd < 2; winograd++) {
        times total = {0};
        bool peer = winograd && onednn_start(threads);
        printf("\nResNet-18, batch %ld%s\n", (long)batch, winograd ? ", Winograd allowed" : "");
        if (peer) printf("%72s %7s\n", "oneDNN", "ratio");
        for (size_t i = 0; i < sizeof resnet18 / sizeof *resnet18; i++)
            bench_layer(&resnet18[i], batch, winograd, peer, &total);
        printf("all convolutions of a training step: %.0f ms", total.ours * 1e3);
        if (peer) printf(", oneDNN %.0f ms: %.2f times as fast", total.peer * 1e3, total.peer / total.ours);
        printf("\n");
    }
}
