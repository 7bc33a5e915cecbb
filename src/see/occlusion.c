/* Occlusion (Zeiler and Fergus 2014): what the score loses when a patch is covered. */
#include <math.h>
#include <string.h>

#include "data/progress.h"
#include "see/predict.h"
#include "see/trial.h"

/* Covered images that run at once. */
enum { AT_ONCE = 32, MOST_STRIDE = 1 << 20 };

typedef struct {
    dnn_context *ctx;
    dnni_pool pool;
    const dnn_occlusion_desc *desc;
    const dnn_tensor *images;
    dnni_predict predict;
    int64_t n, height, width, channels;
    int64_t patch[2], stride[2], places[2]; /* places: of the patch, down and across */
    int64_t *classes;
    double *scores;   /* of the whole images */
    dnn_tensor *batch; /* (AT_ONCE, H, W, C): covered */
    double *fill;     /* [channels], of the image at hand */
    double *sum;      /* [H, W]: of what was lost */
    int64_t *count;   /* [H, W]: of the patches that covered it */
    int64_t done;
} occlusion;

static dnn_status settle(occlusion *o) {
    const dnn_occlusion_desc *d = o->desc;
    int64_t size[2] = {o->height, o->width}, fifth = dnnk_max(1, dnnk_min(o->height, o->width) / 5);
    for (int i = 0; i < 2; i++) {
        o->patch[i] = d->patch[i] ? d->patch[i] : fifth;
        o->stride[i] = d->stride[i] ? d->stride[i] : dnnk_max(1, o->patch[i] / 2);
        DNNI_REQUIRE(o->patch[i] >= 1 && o->patch[i] <= size[i] && o->stride[i] >= 1 &&
                         o->stride[i] <= MOST_STRIDE,
                     "desc: a patch of %lld × %lld every %lld × %lld, on images of %lld × %lld", (long long)d->patch[0],
                     (long long)d->patch[1], (long long)d->stride[0], (long long)d->stride[1], (long long)o->height,
                     (long long)o->width);
        o->places[i] = dnnk_ceil_div(size[i] - o->patch[i], o->stride[i]) + 1;
    }
    return DNN_OK;
}

/* The upper left corner of place i: the last one is moved in, so that the edge is covered too. */
static int64_t corner(const occlusion *o, int axis, int64_t i) {
    int64_t size = axis == 0 ? o->height : o->width;
    return dnnk_min(i * o->stride[axis], size - o->patch[axis]);
}

static dnn_status score_whole(occlusion *o) {
    const dnn_tensor *y;
    DNNI_TRY(dnni_predict_run(&o->predict, o->images, &y));
    DNNI_TRY(dnni_choose_classes(o->classes, &y->array, o->n, o->desc->classes, o->desc->n_classes));
    for (int64_t i = 0; i < o->n; i++) o->scores[i] = dnni_class_score(&y->array, i, o->classes[i]);
    return DNN_OK;
}

/* ---- covering ---- */

static void choose_fill(occlusion *o, int64_t image) {
    const dnn_array *a = &o->images->array;
    int64_t pixels = o->height * o->width;
    for (int64_t c = 0; c < o->channels; c++) {
        double sum = 0;
        for (int64_t p = 0; p < pixels; p++)
            sum += dnni_load(a->dtype, a->data, (image * pixels + p) * o->channels + c);
        o->fill[c] = o->desc->fill ? o->desc->fill[c] : sum / (double)pixels;
    }
}

static void cover(const occlusion *o, int64_t image, int64_t slot, int64_t place) {
    const dnn_array *a = &o->images->array;
    int64_t bytes = dnni_bytes(a) / o->n, top = corner(o, 0, place / o->places[1]),
            left = corner(o, 1, place % o->places[1]);
    char *to = (char *)o->batch->array.data + slot * bytes;
    memcpy(to, (const char *)a->data + image * bytes, (size_t)bytes);
    for (int64_t y = top; y < top + o->patch[0]; y++)
        for (int64_t x = left; x < left + o->patch[1]; x++)
            for (int64_t c = 0; c < o->channels; c++)
                dnni_store(a->dtype, to, (y * o->width + x) * o->channels + c, o->fill[c]);
}

static void add_loss(const occlusion *o, int64_t place, double loss) {
    int64_t top = corner(o, 0, place / o->places[1]), left = corner(o, 1, place % o->places[1]);
    for (int64_t y = top; y < top + o->patch[0]; y++)
        for (int64_t x = left; x < left + o->patch[1]; x++) {
            o->sum[y * o->width + x] += loss;
            o->count[y * o->width + x]++;
        }
}

/* Places first … first + n - 1. What a slot beyond holds is run too, and not looked at. */
static dnn_status run_places(occlusion *o, int64_t image, int64_t first, int64_t n) {
    const dnn_tensor *y;
    for (int64_t i = 0; i < n; i++) cover(o, image, i, first + i);
    DNNI_TRY(dnni_predict_run(&o->predict, o->batch, &y));
    for (int64_t i = 0; i < n; i++)
        add_loss(o, first + i, o->scores[image] - dnni_class_score(&y->array, i, o->classes[image]));
    o->done += n;
    return dnni_progress(&o->desc->progress, "covering patches", o->done, o->n * o->places[0] * o->places[1]);
}

static dnn_status run_image(occlusion *o, int64_t image, float *heat) {
    int64_t pixels = o->height * o->width, places = o->places[0] * o->places[1];
    memset(o->sum, 0, (size_t)pixels * sizeof *o->sum);
    memset(o->count, 0, (size_t)pixels * sizeof *o->count);
    choose_fill(o, image);
    for (int64_t first = 0; first < places; first += AT_ONCE)
        DNNI_TRY(run_places(o, image, first, dnnk_min(AT_ONCE, places - first)));
    for (int64_t p = 0; p < pixels; p++) heat[p] = o->count[p] ? (float)(o->sum[p] / (double)o->count[p]) : 0;
    return DNN_OK;
}

/* ---- entry ---- */

static dnn_status make_room(occlusion *o) {
    int64_t pixels = o->height * o->width;
    o->classes = dnni_pool_alloc(&o->pool, o->n, sizeof *o->classes);
    o->scores = dnni_pool_alloc(&o->pool, o->n, sizeof *o->scores);
    o->fill = dnni_pool_alloc(&o->pool, o->channels, sizeof *o->fill);
    o->sum = dnni_pool_alloc(&o->pool, pixels, sizeof *o->sum);
    o->count = dnni_pool_alloc(&o->pool, pixels, sizeof *o->count);
    if (!o->classes || !o->scores || !o->fill || !o->sum || !o->count) return DNN_ERROR_MEMORY;
    return dnn_tensor_create(&o->batch, o->ctx, o->images->array.dtype, 4,
                             (const int64_t[]){AT_ONCE, o->height, o->width, o->channels});
}

static dnn_status run(dnn_tensor **out, occlusion *o, dnn_module *module) {
    DNNI_TRY(settle(o));
    DNNI_TRY(make_room(o));
    DNNI_TRY(dnni_predict_open(&o->predict, module));
    DNNI_TRY(score_whole(o));
    DNNI_TRY(dnn_tensor_create(out, o->ctx, DNN_F32, 3, (const int64_t[]){o->n, o->height, o->width}));
    dnn_status status = DNN_OK;
    for (int64_t i = 0; status == DNN_OK && i < o->n; i++)
        status = run_image(o, i, (float *)(*out)->array.data + i * o->height * o->width);
    if (status == DNN_OK) return DNN_OK;
    dnn_tensor_release(*out);
    *out = NULL;
    return status;
}

dnn_status dnn_occlusion(dnn_tensor **out, dnn_module *module, const dnn_tensor *images,
                         const dnn_occlusion_desc *desc) {
    dnn_occlusion_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_images(module, images, "images"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    const int64_t *dims = images->array.dims;
    occlusion o = {.ctx = dnni_context_of(module), .desc = &d, .images = images, .n = dims[0], .height = dims[1],
                   .width = dims[2], .channels = dims[3]};
    o.pool.ctx = o.ctx;
    dnn_status status = run(out, &o, module);
    dnni_predict_close(&o.predict);
    dnn_tensor_release(o.batch);
    dnni_pool_free(&o.pool);
    return status;
}
