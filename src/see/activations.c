/* What a layer makes of its inputs, as numbers and as a picture. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inspect/canvas.h"
#include "see/trial.h"

enum { DEFAULT_MOST = 64, TITLE = 160 };

/* ---- as numbers ---- */

typedef struct {
    dnn_context *ctx;
    const char *layer;
    dnn_tensor *copy;
} wanted;

static dnn_status keep(void *user, const dnn_observation *o) {
    wanted *w = user;
    if (strcmp(o->path, w->layer) != 0 || strcmp(o->type, "copy") == 0) return DNN_OK;
    dnn_tensor_release(w->copy);
    w->copy = NULL;
    DNNI_TRY(dnni_tensor_like(&w->copy, w->ctx, &o->outputs[0]));
    int64_t bytes = dnni_bytes(&o->outputs[0]);
    if (bytes > 0) memcpy(w->copy->array.data, o->outputs[0].data, (size_t)bytes);
    return DNN_OK;
}

static dnn_status run(dnni_trial *t, wanted *w, const dnn_tensor *const *inputs, int32_t n_inputs) {
    DNNI_TRY(dnni_trial_look_at(t, w->layer));
    t->module->gradient_flags = 0; /* nothing is to be kept, and no layer need have a backward */
    DNNI_TRY(dnn_module_observe(t->module, inputs, n_inputs, keep, w));
    return w->copy ? DNN_OK : dnni_trial_never_ran(t);
}

dnn_status dnn_activations(dnn_tensor **out, dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                           const char *layer) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_REQUIRE(layer, "layer is NULL");
    DNNI_TRY(dnni_check_tensors(module, inputs, n_inputs, false, "input"));
    wanted w = {.ctx = dnni_context_of(module), .layer = layer};
    dnni_trial t;
    dnn_status status = dnni_trial_open(&t, module);
    if (status == DNN_OK) status = run(&t, &w, inputs, n_inputs);
    dnni_trial_close(&t);
    if (status == DNN_OK) *out = w.copy;
    else dnn_tensor_release(w.copy);
    return status;
}

/* ---- as a picture ---- */

typedef struct {
    dnn_context *ctx;
    dnni_pool pool;
    dnn_activations_desc d;
    const dnn_array *a;
    char title[TITLE];
    double low, high;  /* of the channels at hand */
    dnn_tensor *tiles; /* (channels, h, w, 3), u8 */
    const char **captions;
} picture;

static void find_range(picture *p, int64_t first, int64_t last) {
    const dnn_array *a = p->a;
    int64_t pixels = a->dims[1] * a->dims[2], channels = a->dims[3], base = p->d.sample * pixels * channels;
    p->low = INFINITY;
    p->high = -INFINITY;
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = first; c < last; c++) {
            double value = dnni_load(a->dtype, a->data, base + i * channels + c);
            if (!isfinite(value)) continue;
            p->low = fmin(p->low, value);
            p->high = fmax(p->high, value);
        }
    if (p->low > p->high) p->low = p->high = 0;
    if (p->low >= 0 || p->high <= 0) return;
    p->high = fmax(p->high, -p->low);
    p->low = -p->high;
}

static uint32_t colour_of(const picture *p, double value) {
    if (!isfinite(value)) return DNNI_NOT_FINITE;
    double t = dnni_place(value, p->low, p->high);
    if (p->low < 0 && p->high > 0) return dnni_diverging(t);
    return dnni_glow(p->high > p->low ? t : 0);
}

static void draw_channel(const picture *p, int64_t c) {
    const dnn_array *a = p->a;
    int64_t pixels = a->dims[1] * a->dims[2], channels = a->dims[3];
    unsigned char *to = (unsigned char *)p->tiles->array.data + c * pixels * 3;
    for (int64_t i = 0; i < pixels; i++) {
        uint32_t colour =
            colour_of(p, dnni_load(a->dtype, a->data, (p->d.sample * pixels + i) * channels + c));
        for (int k = 0; k < 3; k++) *to++ = (unsigned char)(colour >> (16 - 8 * k) & 255u);
    }
}

static dnn_status draw_map(dnn_tensor **out, picture *p) {
    const dnn_array *a = p->a;
    char number[24];
    int64_t n = dnnk_min(a->dims[3], p->d.most);
    DNNI_TRY(dnn_tensor_create(&p->tiles, p->ctx, DNN_U8, 4, (const int64_t[]){n, a->dims[1], a->dims[2], 3}));
    p->captions = dnni_pool_alloc(&p->pool, n, sizeof *p->captions);
    if (!p->captions) return DNN_ERROR_MEMORY;
    find_range(p, 0, n);
    for (int64_t c = 0; c < n; c++) {
        if (p->d.one_by_one) find_range(p, c, c + 1);
        draw_channel(p, c);
        snprintf(number, sizeof number, "%lld", (long long)c);
        p->captions[c] = dnni_pool_string(&p->pool, number);
        if (!p->captions[c]) return DNN_ERROR_MEMORY;
    }
    dnn_sheet_desc sheet = {DNN_SIZED(dnn_sheet_desc), .title = p->d.title, .captions = p->captions,
                            .columns = p->d.columns, .zoom = p->d.zoom};
    return dnn_sheet_create(out, p->ctx, p->tiles, &sheet);
}

/* A matrix of all samples' units, or, the other way round, of one sample's channels over time. */
static dnn_status draw_heat(dnn_tensor **out, picture *p) {
    const dnn_array *a = p->a;
    bool sequence = a->rank == 3;
    int64_t columns = a->dims[1], units = dnni_last(a), rows = sequence ? dnnk_min(units, p->d.most) : a->dims[0];
    dnn_tensor *matrix;
    DNNI_TRY(dnn_tensor_create(&matrix, p->ctx, DNN_F64, 2, (const int64_t[]){rows, columns}));
    double *to = matrix->array.data;
    for (int64_t i = 0; i < rows * columns; i++) {
        int64_t row = i / columns, column = i % columns;
        to[i] = dnni_load(a->dtype, a->data, sequence ? (p->d.sample * columns + column) * units + row : i);
    }
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .title = p->d.title, .x_label = sequence ? "time" : "unit",
                       .y_label = sequence ? "channel" : "sample",
                       .height = 120 + dnnk_max(40, dnnk_min(24 * rows, 360))};
    dnn_status status = dnn_plot_heat(out, p->ctx, matrix, &d);
    dnn_tensor_release(matrix);
    return status;
}

static dnn_status draw(dnn_tensor **out, picture *p, const char *layer) {
    const dnn_array *a = p->a;
    bool one = a->rank >= 3;
    if (a->rank < 2 || a->rank > 4 || dnni_count(a) == 0)
        return dnni_error(DNN_ERROR_SHAPE, "%.200s: its output %s is no picture: 2 to 4 axes are needed", layer,
                          dnni_array_shape(a).text);
    DNNI_REQUIRE(p->d.most >= 1 && p->d.sample >= 0 && (!one || p->d.sample < a->dims[0]),
                 "desc: most is %lld, sample %lld of %lld", (long long)p->d.most, (long long)p->d.sample,
                 (long long)a->dims[0]);
    snprintf(p->title, sizeof p->title, "%.80s %.70s", layer, dnni_array_shape(a).text);
    if (!p->d.title) p->d.title = p->title;
    return a->rank == 4 ? draw_map(out, p) : draw_heat(out, p);
}

dnn_status dnn_sheet_activations(dnn_tensor **out, dnn_module *module, const dnn_tensor *const *inputs,
                                 int32_t n_inputs, const char *layer, const dnn_activations_desc *desc) {
    picture p = {.ctx = NULL};
    dnn_tensor *output;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(DNNI_READ_DESC(p.d, desc, true));
    if (p.d.most == 0) p.d.most = DEFAULT_MOST;
    DNNI_TRY(dnn_activations(&output, module, inputs, n_inputs, layer));
    p.ctx = p.pool.ctx = dnni_context_of(module);
    p.a = &output->array;
    dnn_status status = draw(out, &p, layer);
    dnn_tensor_release(p.tiles);
    dnn_tensor_release(output);
    dnni_pool_free(&p.pool);
    return status;
}
