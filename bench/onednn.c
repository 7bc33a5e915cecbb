/* By the C interface of oneDNN 2. */
#include "onednn.h"

#include <dnnl.h>
#include <stdlib.h>

enum { TENSORS = 3 };

struct onednn_conv {
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[TENSORS];
    dnnl_exec_arg_t args[TENSORS];
};

static dnnl_engine_t engine;
static dnnl_stream_t stream;

/* Of the OpenMP library that oneDNN was built with; absent if it was built with another. */
extern void omp_set_num_threads(int) __attribute__((weak));

bool onednn_start(int64_t threads) {
    if (dnnl_version()->cpu_runtime != DNNL_RUNTIME_OMP || !omp_set_num_threads) return false;
    omp_set_num_threads((int)threads);
    return dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
           dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) == dnnl_success;
}

/* Descriptions of x, w and y. */
typedef struct {
    dnnl_memory_desc_t x, w, y;
    dnnl_dims_t strides, before, after;
} shapes;

static void any_layout(dnnl_memory_desc_t *desc, int64_t a, int64_t b, int64_t c, int64_t d) {
    dnnl_dims_t dims = {a, b, c, d};
    dnnl_memory_desc_init_by_tag(desc, 4, dims, dnnl_f32, dnnl_format_tag_any);
}

static shapes shapes_of(const dnnk_conv *c) {
    shapes s = {.strides = {c->stride_h, c->stride_w}, .before = {c->pad_top, c->pad_left},
                .after = {c->pad_bottom, c->pad_right}};
    any_layout(&s.x, c->batch, c->in_channels, c->height, c->width);
    any_layout(&s.w, c->out_channels, c->in_channels, c->kernel_h, c->kernel_w);
    any_layout(&s.y, c->batch, c->out_channels, dnnk_conv_out_height(c), dnnk_conv_out_width(c));
    return s;
}

/* A gradient is described together with the forward pass that it belongs to. */
static dnnl_primitive_desc_t describe(const shapes *s, int direction, dnnl_alg_kind_t algorithm,
                                      const_dnnl_primitive_desc_t forward) {
    dnnl_convolution_desc_t d;
    dnnl_primitive_desc_t desc = NULL;
    if (direction == 0)
        dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, algorithm, &s->x, &s->w, NULL, &s->y, s->strides,
                                           s->before, s->after);
    else if (direction == 1)
        dnnl_convolution_backward_data_desc_init(&d, algorithm, &s->x, &s->w, &s->y, s->strides, s->before, s->after);
    else
        dnnl_convolution_backward_weights_desc_init(&d, algorithm, &s->x, &s->w, NULL, &s->y, s->strides, s->before,
                                                    s->after);
    if (dnnl_primitive_desc_create(&desc, &d, NULL, engine, forward) != dnnl_success) return NULL;
    return desc;
}

/* Its own choice, of all algorithms it has. */
static dnnl_primitive_desc_t choose(const dnnk_conv *c, int direction) {
    shapes s = shapes_of(c);
    dnnl_primitive_desc_t forward = describe(&s, 0, dnnl_convolution_auto, NULL);
    if (direction == 0 || !forward) return forward;
    dnnl_primitive_desc_t desc = describe(&s, direction, dnnl_convolution_auto, forward);
    if (!desc) desc = describe(&s, direction, dnnl_convolution_direct, forward);
    dnnl_primitive_desc_destroy(forward);
    return desc;
}

static bool add_tensor(onednn_conv *v, int i, dnnl_query_t query, int arg) {
    const dnnl_memory_desc_t *desc = dnnl_primitive_desc_query_md(v->desc, query, 0);
    if (!desc || dnnl_memory_create(&v->memory[i], desc, engine, DNNL_MEMORY_ALLOCATE) != dnnl_success) return false;
    v->args[i] = (dnnl_exec_arg_t){arg, v->memory[i]};
    float *data;
    if (dnnl_memory_map_data(v->memory[i], (void **)&data) != dnnl_success) return false;
    for (size_t k = 0; k < dnnl_memory_desc_get_size(desc) / sizeof *data; k++) data[k] = (float)(k % 13) / 13 - 0.5f;
    return dnnl_memory_unmap_data(v->memory[i], data) == dnnl_success;
}

static bool add_tensors(onednn_conv *v, int direction) {
    static const struct {
        dnnl_query_t query;
        int arg;
    } tensors[3][TENSORS] = {
        {{dnnl_query_src_md, DNNL_ARG_SRC}, {dnnl_query_weights_md, DNNL_ARG_WEIGHTS}, {dnnl_query_dst_md, DNNL_ARG_DST}},
        {{dnnl_query_diff_src_md, DNNL_ARG_DIFF_SRC}, {dnnl_query_weights_md, DNNL_ARG_WEIGHTS},
         {dnnl_query_diff_dst_md, DNNL_ARG_DIFF_DST}},
        {{dnnl_query_src_md, DNNL_ARG_SRC}, {dnnl_query_diff_weights_md, DNNL_ARG_DIFF_WEIGHTS},
         {dnnl_query_diff_dst_md, DNNL_ARG_DIFF_DST}}};
    for (int i = 0; i < TENSORS; i++)
        if (!add_tensor(v, i, tensors[direction][i].query, tensors[direction][i].arg)) return false;
    return true;
}

onednn_conv *onednn_conv_create(const dnnk_conv *c, int direction) {
    onednn_conv *v = calloc(1, sizeof *v);
    if (!v) return NULL;
    v->desc = choose(c, direction);
    if (v->desc && dnnl_primitive_create(&v->primitive, v->desc) == dnnl_success && add_tensors(v, direction)) return v;
    onednn_conv_release(v);
    return NULL;
}

void onednn_conv_run(void *conv) {
    onednn_conv *v = conv;
    dnnl_primitive_execute(v->primitive, stream, TENSORS, v->args);
    dnnl_stream_wait(stream);
}

void onednn_conv_release(onednn_conv *v) {
    for (int i = 0; i < TENSORS; i++)
        if (v->memory[i]) dnnl_memory_destroy(v->memory[i]);
    if (v->primitive) dnnl_primitive_destroy(v->primitive);
    if (v->desc) dnnl_primitive_desc_destroy(v->desc);
    free(v);
}
