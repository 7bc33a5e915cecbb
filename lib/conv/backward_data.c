/* The gradient of the data, one product for each residue class of the stride.
 *
 * Input row iy receives from output row oy through tap r if iy + pad = oy·stride + r·dilation. So the rows that hear of
 * a tap r are those with (iy + pad − r·dilation) divisible by the stride: iy + pad falls into one of `stride` classes,
 * and within a class the taps are every (stride / gcd(stride, dilation))-th. A class is then a dense convolution of dy
 * with its own taps. Columns are cut likewise, so there are stride_h · stride_w classes; some may have no tap at all,
 * and their part of dx is 0.
 */
#include <string.h>

#include "conv/conv.h"
#include "conv/depthwise.h"
#include "conv/patches.h"
#include "conv/winograd.h"

/* One axis of one class. Positions first, first + stride, …: `count` of them. Taps tap0, tap0 + tap_step, …: `taps` of
 * them. Position q and the class's tap t meet dy at begin + q + t·step. */
typedef struct {
    int64_t first, count, tap0, tap_step, taps, begin, step;
} axis;

static int64_t gcd(int64_t a, int64_t b) { return b == 0 ? a : gcd(b, a % b); }

static void drop_first(axis *a) {
    a->tap0 += a->tap_step, a->begin += a->step, a->taps--;
}

/* Taps at which all positions lie behind dy's end, or before its begin. */
static void drop_useless_taps(axis *a, int64_t outputs) {
    while (a->taps > 0 && a->begin >= outputs) drop_first(a);
    while (a->taps > 0 && a->begin + (a->taps - 1) * a->step + a->count - 1 < 0) a->taps--;
}

static axis class_axis(int64_t first, int64_t size, int64_t outputs, int64_t kernel, int64_t stride, int64_t dilation,
                       int64_t pad) {
    axis a = {.first = first, .count = dnnk_ceil_div(dnnk_max(0, size - first), stride)};
    a.tap_step = stride / gcd(stride, dilation);
    while (a.tap0 < a.tap_step && (first + pad - a.tap0 * dilation) % stride != 0) a.tap0++;
    if (a.tap0 == a.tap_step || a.tap0 >= kernel) return a;
    a.taps = dnnk_ceil_div(kernel - a.tap0, a.tap_step);
    a.begin = (first + pad - a.tap0 * dilation) / stride;
    a.step = -(a.tap_step * dilation) / stride;
    drop_useless_taps(&a, outputs);
    return a;
}

/* The operands of a class, and where its positions lie in dx. */
typedef struct {
    const dnnk_conv *conv;
    axis y, x;
    dnnk_patches patches;
    dnnk_turned_weights weights;
} class;

/* A dnnk_row_map: position (n, u, v) of the class is the pixel (n, y.first + u·stride_h, x.first + v·stride_w) of
 * dx. */
static void pixels_of_class(const void *map, int64_t first, int64_t count, int64_t *offset) {
    const class *k = map;
    const dnnk_conv *c = k->conv;
    for (int64_t i = 0; i < count; i++) {
        int64_t v = (first + i) % k->x.count, u = (first + i) / k->x.count % k->y.count;
        int64_t n = (first + i) / k->x.count / k->y.count;
        int64_t row = n * c->height + k->y.first + u * c->stride_h;
        offset[i] = (row * c->width + k->x.first + v * c->stride_w) * c->in_channels;
    }
}

static class make_class(const dnnk_env *env, const dnnk_conv *c, int64_t number, const void *dy, const void *w) {
    class k = {.conv = c};
    dnnk_packer packer = dnnk_gemm_packer(env->isa, c->type);
    int64_t depth = c->out_channels / c->groups;
    k.y = class_axis(number / c->stride_w, c->height, dnnk_conv_out_height(c), c->kernel_h, c->stride_h, c->dilation_h,
                     c->pad_top);
    k.x = class_axis(number % c->stride_w, c->width, dnnk_conv_out_width(c), c->kernel_w, c->stride_w, c->dilation_w,
                     c->pad_left);
    k.patches = (dnnk_patches){.packer = packer, .image = dy, .height = dnnk_conv_out_height(c),
                               .width = dnnk_conv_out_width(c), .channels = c->out_channels, .depth = depth,
                               .rows = k.y.count, .cols = k.x.count, .y0 = k.y.begin, .x0 = k.x.begin, .step_y = 1,
                               .step_x = 1, .taps_h = k.y.taps, .taps_w = k.x.taps, .tap_y = k.y.step,
                               .tap_x = k.x.step};
    k.weights = (dnnk_turned_weights){.packer = packer, .w = w, .kernel_h = c->kernel_h, .kernel_w = c->kernel_w,
                                      .depth = c->in_channels / c->groups, .outputs = depth, .r0 = k.y.tap0,
                                      .step_r = k.y.tap_step, .s0 = k.x.tap0, .step_s = k.x.tap_step,
                                      .taps_w = k.x.taps};
    return k;
}

/* dx [positions of the class, C] (+)= patches of dy [positions, taps·O] · turned weights [taps·O, C] */
static dnnk_gemm_problem class_problem(const class *k, void *dx, bool accumulate) {
    const dnnk_conv *c = k->conv;
    int64_t taps = k->y.taps * k->x.taps, m = c->batch * k->y.count * k->x.count, depth = c->in_channels / c->groups;
    dnnk_operand a = {.pack = dnnk_pack_patches, .source = &k->patches};
    dnnk_operand b = {.pack = dnnk_pack_turned_weights, .source = &k->weights};
    bool plain = taps == 1 && k->y.begin == 0 && k->x.begin == 0 && k->y.count == k->patches.height &&
                 k->x.count == k->patches.width; /* the patches are dy */
    if (plain) a = dnnk_gemm_a(k->patches.image, c->out_channels, 1);
    a.batch_stride[1] = k->patches.depth;
    dnnk_gemm_problem p = dnnk_gemm_simple(c->type, m, depth, taps * k->patches.depth, a, b, dx);
    p.c_row = c->in_channels;
    if (c->stride_h > 1 || c->stride_w > 1) p.row_map = pixels_of_class, p.map = k;
    p.accumulate = accumulate;
    p.batch[1] = c->groups;
    p.c_batch_stride[1] = depth;
    return p;
}

int64_t dnnk_conv_backward_data_workspace(const dnnk_env *env, const dnnk_conv *c) {
    if (dnnk_is_depthwise(c)) return dnnk_depthwise_workspace(env, c);
    int64_t tile = dnnk_winograd_tile(c), most = 0;
    if (tile) return dnnk_winograd_workspace(env, c, tile, true, false);
    for (int64_t i = 0; i < c->stride_h * c->stride_w; i++) {
        class k = make_class(env, c, i, NULL, NULL);
        dnnk_gemm_problem p = class_problem(&k, NULL, false);
        most = dnnk_max(most, dnnk_gemm_workspace(env, &p));
    }
    return most;
}

typedef struct {
    const class *k;
    char *dx;
} zero_job;

/* One row of positions of a class without taps. */
static void zero_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const zero_job *j = arg;
    const dnnk_conv *c = j->k->conv;
    int64_t size = dnnk_size(c->type);
    for (int64_t v = 0, at; v < j->k->x.count; v++) {
        pixels_of_class(j->k, task * j->k->x.count + v, 1, &at);
        memset(j->dx + at * size, 0, (size_t)(c->in_channels * size));
    }
}

static void run_class(const dnnk_env *env, const class *k, void *dx, bool accumulate, void *work) {
    dnnk_gemm_problem p = class_problem(k, dx, accumulate);
    zero_job zero = {.k = k, .dx = dx};
    if (p.k > 0)
        dnnk_gemm(env, &p, work);
    else if (!accumulate)
        dnnk_parallel(env, k->conv->batch * k->y.count, zero_task, &zero);
}

void dnnk_conv_backward_data(const dnnk_env *env, const dnnk_conv *c, const void *dy, const void *w, void *dx,
                             bool accumulate, void *work) {
    int64_t tile = dnnk_winograd_tile(c);
    if (dnnk_is_depthwise(c)) {
        dnnk_depthwise_backward_data(env, c, dy, w, dx, accumulate, work);
        return;
    }
    if (tile) {
        dnnk_winograd_backward_data(env, c, tile, dy, w, dx, accumulate, work);
        return;
    }
    for (int64_t i = 0; i < c->stride_h * c->stride_w; i++) {
        class k = make_class(env, c, i, dy, w);
        run_class(env, &k, dx, accumulate, work);
    }
}
