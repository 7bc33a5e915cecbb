/* Grad-CAM (Selvaraju et al. 2017), and place by place (Draelos and Carin 2020). */
#include <string.h>

#include "image/image.h"
#include "see/trial.h"

typedef struct {
    const dnn_gradcam_desc *desc;
    dnn_tensor *maps;  /* A: (N, h, w, K), a copy */
    float *small;      /* (N, h, w): the heat in the layer's own size */
    dnni_pool pool;
} gradcam;

static dnn_status keep_maps(dnni_trial *t, const dnn_array *a) {
    gradcam *g = t->user;
    if (a->rank != 4 || !dnni_is_real(a->dtype))
        return dnni_error(DNN_ERROR_SHAPE, "its output is %s %s; a map (N, h, w, K) is needed",
                          dnn_dtype_name(a->dtype), dnni_array_shape(a).text);
    if (a->dims[1] * a->dims[2] == 1)
        return dnni_error(DNN_ERROR_UNSUPPORTED,
                          "its output %s has one place: it cannot say where; take an earlier layer",
                          dnni_array_shape(a).text);
    dnn_tensor_release(g->maps);
    g->maps = NULL;
    DNNI_TRY(dnni_tensor_like(&g->maps, t->ctx, a));
    memcpy(g->maps->array.data, a->data, (size_t)dnni_bytes(a));
    return DNN_OK;
}

/* What A_k is weighed with: dscore/dA_k, at the place, or its mean over places. */
static void add_channel(gradcam *g, const dnn_array *gradient, int64_t sample, int64_t k) {
    const dnn_array *a = &g->maps->array;
    int64_t places = dnni_places(a), channels = dnni_last(a);
    double weight = dnni_class_score(gradient, sample, k) / (double)places;
    for (int64_t p = sample * places; p < (sample + 1) * places; p++) {
        if (g->desc->by_place) weight = dnni_load(gradient->dtype, gradient->data, p * channels + k);
        g->small[p] += (float)(weight * dnni_load(a->dtype, a->data, p * channels + k));
    }
}

static dnn_status weigh(dnni_trial *t, const dnn_array *gradient) {
    gradcam *g = t->user;
    int64_t n = gradient->dims[0], places = dnni_places(gradient);
    g->small = dnni_pool_alloc(&g->pool, n * places, sizeof *g->small);
    if (!g->small) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < dnni_last(gradient); k++) add_channel(g, gradient, i, k);
    for (int64_t i = 0; i < n * places; i++)
        if (g->small[i] < 0) g->small[i] = 0; /* NaN stays, and is seen */
    return DNN_OK;
}

/* dscore/dy is 1 at the class. */
static dnn_status seed(dnni_trial *t, const gradcam *g, int64_t n) {
    const dnn_array *y = &t->outputs[0]->array;
    int64_t *classes = dnni_pool_alloc(&t->pool, n, sizeof *classes);
    if (!classes) return DNN_ERROR_MEMORY;
    DNNI_TRY(dnni_choose_classes(classes, y, n, g->desc->classes, g->desc->n_classes));
    int64_t places = dnni_places(y), last = dnni_last(y);
    for (int64_t i = 0; i < n * places; i++)
        dnni_store(y->dtype, t->dy->array.data, i * last + classes[i / places], 1);
    return DNN_OK;
}

static dnn_status scale_up(dnn_tensor **out, gradcam *g, const dnn_array *images) {
    const dnn_array *a = &g->maps->array;
    int64_t n = a->dims[0], h = a->dims[1], w = a->dims[2], height = images->dims[1], width = images->dims[2];
    int64_t bytes = dnnk_resize_workspace(h, w, height, width, 1);
    void *work = bytes < 0 ? NULL : dnni_pool_alloc(&g->pool, bytes, 1);
    if (!work) return DNN_ERROR_MEMORY;
    DNNI_TRY(dnn_tensor_create(out, g->pool.ctx, DNN_F32, 3, (const int64_t[]){n, height, width}));
    dnnk_resize window = {.height = h, .width = w, .scaling = DNNK_LINEAR, .antialias = true};
    for (int64_t i = 0; i < n; i++) {
        dnnk_image from = {g->small + i * h * w, h, w, 1, true};
        dnnk_image to = {(float *)(*out)->array.data + i * height * width, height, width, 1, true};
        dnnk_resize_image(&from, &to, &window, work);
    }
    return DNN_OK;
}

static dnn_status run(dnn_tensor **out, dnni_trial *t, gradcam *g, const dnn_tensor *images) {
    const char *layer = g->desc->layer;
    if (!layer) DNNI_TRY(dnni_trial_last_map(t, images, &layer));
    if (!*layer)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "no layer gives a map (N, h, w, K) of more than one place: there is "
                                                 "nothing that could say where");
    DNNI_TRY(dnni_trial_look_at(t, layer));
    t->seen = keep_maps;
    t->turn = weigh;
    t->user = g;
    DNNI_TRY(dnni_trial_forward(t, images));
    DNNI_TRY(seed(t, g, images->array.dims[0]));
    DNNI_TRY(dnni_trial_backward(t, NULL));
    return scale_up(out, g, &images->array);
}

dnn_status dnn_gradcam(dnn_tensor **out, dnn_module *module, const dnn_tensor *images, const dnn_gradcam_desc *desc) {
    dnn_gradcam_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_images(module, images, "images"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    gradcam g = {.desc = &d, .pool = {.ctx = dnni_context_of(module)}};
    dnni_trial t;
    dnn_status status = dnni_trial_open(&t, module);
    if (status == DNN_OK) status = run(out, &t, &g, images);
    dnni_trial_close(&t);
    dnn_tensor_release(g.maps);
    dnni_pool_free(&g.pool);
    return status;
}
