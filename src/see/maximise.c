/* Activation maximisation: Adam on the waves of a picture, which is shaken and shown to the network. */
#include <math.h>
#include <string.h>

#include "data/progress.h"
#include "optim/optim.h"
#include "rng/rng.h"
#include "see/shake.h"
#include "see/trial.h"
#include "see/waves.h"

enum { DEFAULT_UNITS = 16, DEFAULT_STEPS = 512, MOST_SIDE = 4096, MOST_UNITS = 4096 };
#define STREAM (UINT64_C(17) << 56) /* beside those of src/data/dataset.h; the next one is the shaking's */
#define GREY 0.5

typedef struct {
    const dnn_maximise_desc *d;
    dnni_pool pool;
    dnni_trial trial;
    dnni_waves waves;
    dnni_shake_limits limits;
    int64_t n, size;           /* pictures; numbers of one */
    const int64_t *units;
    int64_t n_channels;        /* of the output that is looked at */
    double *z, *dz, *m, *v;    /* [n, size]: coefficients, gradient, Adam's state */
    double *p, *shown, *dp;    /* [n, size] pictures; [size] one of them shaken, and a gradient of it */
    dnn_tensor *x;             /* (n, H, W, C) of the module's type */
    double *value;             /* [n]: the unit's, in the last forward */
} maximise;

/* ---- the objective ---- */

/* The unit's mean over places; a sample has at least one. */
static dnn_status read_values(dnni_trial *t, const dnn_array *y) {
    maximise *m = t->user;
    DNNI_TRY(dnni_check_scores(y, m->x->array.dims[0]));
    m->n_channels = dnni_last(y);
    for (int64_t i = 0; m->units && i < m->n; i++) {
        if (m->units[i] < 0 || m->units[i] >= m->n_channels)
            return dnni_error(DNN_ERROR_VALUE, "unit %lld is none of %lld", (long long)m->units[i],
                              (long long)m->n_channels);
        m->value[i] = dnni_class_score(y, i, m->units[i]) / (double)dnni_places(y);
        if (!isfinite(m->value[i]))
            return dnni_error(DNN_ERROR_VALUE, "unit %lld is %g: its value is no finite number any more",
                              (long long)m->units[i], m->value[i]);
    }
    return DNN_OK;
}

/* Its gradient: 1 / places at the unit. */
static dnn_status write_gradient(dnni_trial *t, const dnn_array *dy) {
    const maximise *m = t->user;
    int64_t places = dnni_places(dy), last = dnni_last(dy);
    memset(dy->data, 0, (size_t)dnni_bytes(dy));
    for (int64_t i = 0; i < m->n * places; i++)
        dnni_store(dy->dtype, dy->data, i * last + m->units[i / places], 1 / (double)places);
    return DNN_OK;
}

/* At the module's output nobody has to be waited for. */
static dnn_status forward(maximise *m) {
    DNNI_TRY(dnni_trial_forward(&m->trial, m->x));
    return m->d->layer ? DNN_OK : read_values(&m->trial, &m->trial.outputs[0]->array);
}

static dnn_status backward(maximise *m, const dnn_tensor **dx) {
    if (!m->d->layer) DNNI_TRY(write_gradient(&m->trial, &m->trial.dy->array));
    return dnni_trial_backward(&m->trial, dx);
}

/* ---- a step ---- */

static double mean_of(const maximise *m, int64_t i) { return m->d->mean ? m->d->mean[i % m->d->channels] : 0; }
static double std_of(const maximise *m, int64_t i) { return m->d->std ? m->d->std[i % m->d->channels] : 1; }

static void show(const maximise *m, int64_t image, const double *picture) {
    dnn_array *x = &m->x->array;
    for (int64_t i = 0; i < m->size; i++) {
        double value = m->d->low + (m->d->high - m->d->low) * picture[i];
        dnni_store(x->dtype, x->data, image * m->size + i, (value - mean_of(m, i)) / std_of(m, i));
    }
}

static void draw_pictures(const maximise *m) {
    for (int64_t i = 0; i < m->n; i++) dnni_waves_picture(&m->waves, m->z + i * m->size, m->p + i * m->size);
}

static dnni_shake shake_of(const maximise *m, int64_t step, int64_t image) {
    return dnni_shake_draw(&m->limits, m->d->seed, STREAM + 1, (uint64_t)(step * m->n + image));
}

static void show_shaken(const maximise *m, int64_t step) {
    const dnn_maximise_desc *d = m->d;
    for (int64_t i = 0; i < m->n; i++) {
        dnni_shake shake = shake_of(m, step, i);
        dnni_shake_picture(&shake, d->height, d->width, d->channels, GREY, m->p + i * m->size, m->shown);
        show(m, i, m->shown);
    }
}

/* From dL/dx back to the waves. */
static void collect(const maximise *m, const dnn_array *dx, int64_t step) {
    const dnn_maximise_desc *d = m->d;
    for (int64_t i = 0; i < m->n; i++) {
        for (int64_t k = 0; k < m->size; k++)
            m->shown[k] = dnni_load(dx->dtype, dx->data, i * m->size + k) * (d->high - d->low) / std_of(m, k);
        memset(m->dp, 0, (size_t)m->size * sizeof *m->dp);
        dnni_shake shake = shake_of(m, step, i);
        dnni_shake_gradient(&shake, d->height, d->width, d->channels, m->shown, m->dp);
        dnni_waves_gradient(&m->waves, m->p + i * m->size, m->dp, m->dz + i * m->size);
    }
}

/* Uphill: the gradient is taken times -1. */
static void climb(const maximise *m, int64_t step) {
    dnnk_adam rule = {.rate = m->d->rate, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .grad_scale = -1};
    dnnk_segment all = {.param = m->z, .grad = m->dz, .state = {m->m, m->v}, .count = m->n * m->size, .step = step + 1};
    dnnk_optim_update(m->waves.env, DNNK_F64, DNNK_ADAM, &rule, &all, 1);
}

static dnn_status take_step(maximise *m, int64_t step) {
    const dnn_tensor *dx;
    draw_pictures(m);
    show_shaken(m, step);
    DNNI_TRY(forward(m));
    DNNI_TRY(backward(m, &dx));
    collect(m, &dx->array, step);
    climb(m, step);
    return dnni_progress(&m->d->progress, "maximising", step + 1, m->d->steps);
}

/* What the units give for the pictures as they are. */
static dnn_status score(maximise *m, double *scores) {
    draw_pictures(m);
    for (int64_t i = 0; i < m->n; i++) show(m, i, m->p + i * m->size);
    DNNI_TRY(forward(m));
    for (int64_t i = 0; scores && i < m->n; i++) scores[i] = m->value[i];
    return DNN_OK;
}

/* ---- beginning ---- */

static dnn_status settle(dnn_maximise_desc *d) {
    if (d->steps == 0) d->steps = DEFAULT_STEPS;
    if (d->low == 0 && d->high == 0) d->high = 1;
    d->rate = dnni_or_default(d->rate, 0.05);
    d->jitter = dnni_or_default(d->jitter, 12);
    d->scaling = dnni_or_default(d->scaling, 0.1);
    d->rotation = dnni_or_default(d->rotation, 10);
    d->detail = dnni_or_default(d->detail, 1);
    DNNI_REQUIRE(d->height >= 1 && d->width >= 1 && d->channels >= 1 && d->height <= MOST_SIDE &&
                     d->width <= MOST_SIDE && d->channels <= MOST_SIDE,
                 "desc: images of %lld × %lld × %lld; sizes are 1 to %d", (long long)d->height, (long long)d->width,
                 (long long)d->channels, MOST_SIDE);
    DNNI_REQUIRE(d->steps >= 1 && d->rate > 0 && isfinite(d->rate) && isfinite(d->low) && isfinite(d->high) &&
                     d->low < d->high,
                 "desc: steps is %lld, rate %g, low %g, high %g", (long long)d->steps, d->rate, d->low, d->high);
    DNNI_REQUIRE(d->jitter >= 0 && d->jitter <= 128 && d->scaling >= 0 && d->scaling < 1 && d->rotation >= 0 &&
                     d->rotation <= 180 && d->detail >= 0 && d->detail <= 4,
                 "desc: jitter is %g, scaling %g, rotation %g, detail %g", d->jitter, d->scaling, d->rotation,
                 d->detail);
    for (int64_t c = 0; d->std && c < d->channels; c++)
        DNNI_REQUIRE(d->std[c] > 0 && isfinite(d->std[c]), "desc.std[%lld] is %g", (long long)c, d->std[c]);
    return DNN_OK;
}

static dnn_status new_images(maximise *m, int64_t n) {
    dnn_tensor_release(m->x);
    m->x = NULL;
    return dnn_tensor_create(&m->x, m->trial.ctx, dnni_module_dtype(m->trial.module), 4,
                             (const int64_t[]){n, m->d->height, m->d->width, m->d->channels});
}

/* A forward of one grey image says how many units there are. */
static dnn_status choose_units(maximise *m) {
    const dnn_maximise_desc *d = m->d;
    DNNI_REQUIRE(d->n_units >= (d->units ? 1 : 0) && d->n_units <= MOST_UNITS,
                 "desc.n_units is %lld, it may be 1 to %d", (long long)d->n_units, MOST_UNITS);
    DNNI_TRY(new_images(m, 1));
    for (int64_t i = 0; i < m->size; i++) m->shown[i] = GREY;
    show(m, 0, m->shown);
    DNNI_TRY(forward(m));
    m->n = d->units ? d->n_units : dnnk_min(d->n_units ? d->n_units : DEFAULT_UNITS, m->n_channels);
    int64_t *units = dnni_pool_alloc(&m->pool, m->n, sizeof *units);
    if (!units) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < m->n; i++) units[i] = d->units ? d->units[i] : i;
    m->units = units;
    /* dy has the shape of one sample's output: it is made anew. */
    dnn_tensor_release(m->trial.dy);
    m->trial.dy = NULL;
    return new_images(m, m->n);
}

static dnn_status make_room(maximise *m) {
    int64_t count = m->n * m->size;
    double **all[] = {&m->z, &m->dz, &m->m, &m->v, &m->p};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i] = dnni_pool_alloc(&m->pool, count, sizeof(double));
        if (!*all[i]) return DNN_ERROR_MEMORY;
    }
    m->value = dnni_pool_alloc(&m->pool, m->n, sizeof *m->value);
    return m->value ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status begin(maximise *m) {
    const dnn_maximise_desc *d = m->d;
    m->size = d->height * d->width * d->channels;
    m->limits = (dnni_shake_limits){d->jitter * (double)dnnk_min(d->height, d->width) / 128, d->scaling, d->rotation};
    m->shown = dnni_pool_alloc(&m->pool, m->size, sizeof(double));
    m->dp = dnni_pool_alloc(&m->pool, m->size, sizeof(double));
    if (!m->shown || !m->dp) return DNN_ERROR_MEMORY;
    if (d->layer) DNNI_TRY(dnni_trial_look_at(&m->trial, d->layer));
    m->trial.seen = read_values;
    m->trial.turn = write_gradient;
    m->trial.user = m;
    DNNI_TRY(choose_units(m));
    DNNI_TRY(make_room(m));
    DNNI_TRY(dnni_waves_make(&m->waves, &m->pool, d->height, d->width, d->channels, d->detail));
    dnnk_fill_normal(m->waves.env, DNNK_F64, d->seed, STREAM, 0, 0.01, m->n * m->size, m->z);
    return DNN_OK;
}

static dnn_status hand_out(dnn_tensor **out, const maximise *m) {
    const dnn_maximise_desc *d = m->d;
    const int64_t dims[] = {m->n, d->height, d->width, d->channels};
    DNNI_TRY(dnn_tensor_create(out, m->trial.ctx, DNN_F32, 4, dims));
    float *to = (*out)->array.data;
    for (int64_t i = 0; i < m->n * m->size; i++) to[i] = (float)(d->low + (d->high - d->low) * m->p[i]);
    return DNN_OK;
}

static dnn_status run(dnn_tensor **out, maximise *m) {
    double *scores = m->d->scores;
    DNNI_TRY(begin(m));
    DNNI_TRY(score(m, scores));
    for (int64_t step = 0; step < m->d->steps; step++) DNNI_TRY(take_step(m, step));
    DNNI_TRY(score(m, scores ? scores + m->n : NULL));
    return hand_out(out, m);
}

dnn_status dnn_maximise(dnn_tensor **out, dnn_module *module, const dnn_maximise_desc *desc) {
    dnn_maximise_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    DNNI_TRY(settle(&d));
    maximise m = {.d = &d, .pool = {.ctx = dnni_context_of(module)}};
    dnn_status status = dnni_trial_open(&m.trial, module);
    if (status == DNN_OK) status = run(out, &m);
    dnni_trial_close(&m.trial);
    dnn_tensor_release(m.x);
    dnni_pool_free(&m.pool);
    return status;
}
