/* Sheets of a dataset's samples. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "look/thumbs.h"
#include "rng/rng.h"

enum { DEFAULT_COUNT = 32, DEFAULT_PER_CLASS = 8, MOST_ROWS = 40, MOST_PICTURES = 4096, MOST_SIDE = 256 };
enum { TARGETS_AT_ONCE = 1024, CAPTION = 160 };

typedef struct samples_sheet {
    dnn_context *ctx;
    dnn_dataset *dataset;
    const dnn_samples_desc *desc;
    dnni_pool pool;
    int64_t *indices; /* -1: an empty place */
    int64_t n, columns;
    dnni_shades shades;
    dnn_tensor *thumbs; /* (n, height, width, 3) */
    const char **captions;
    unsigned char *blank;
} samples_sheet;

/* ---- which samples ---- */

static dnn_status make_room(samples_sheet *s, int64_t n) {
    s->n = n;
    s->indices = dnni_pool_alloc(&s->pool, n, sizeof *s->indices);
    return s->indices ? DNN_OK : DNN_ERROR_MEMORY;
}

/* A random order of all samples; free it with dnni_free. */
static dnn_status shuffled(samples_sheet *s, int64_t **out) {
    int64_t n = s->dataset->count, bytes = dnnk_permutation_workspace(n);
    void *work = dnni_alloc_raw(s->ctx, bytes, 1);
    int64_t *order = dnni_alloc_raw(s->ctx, n, sizeof *order);
    if (work && order) dnnk_permutation(dnni_env(s->ctx), s->desc->seed, DNNI_STREAM_LOOK + 1, n, order, work);
    dnni_free(s->ctx, work, bytes, 1);
    *out = work ? order : NULL;
    if (!work) dnni_free(s->ctx, order, n, sizeof *order);
    return *out ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status choose_random(samples_sheet *s) {
    int64_t *order, wanted = s->desc->count ? s->desc->count : DEFAULT_COUNT;
    DNNI_TRY(make_room(s, dnnk_min(wanted, s->dataset->count)));
    DNNI_TRY(shuffled(s, &order));
    memcpy(s->indices, order, (size_t)s->n * sizeof *order);
    dnni_free(s->ctx, order, s->dataset->count, sizeof *order);
    return DNN_OK;
}

static dnn_status choose_given(samples_sheet *s) {
    DNNI_REQUIRE(s->desc->indices && s->desc->n_indices > 0, "desc.indices is %s, desc.n_indices %lld",
                 s->desc->indices ? "given" : "NULL", (long long)s->desc->n_indices);
    DNNI_TRY(dnni_check_indices(s->dataset, s->desc->indices, s->desc->n_indices));
    DNNI_TRY(make_room(s, s->desc->n_indices));
    memcpy(s->indices, s->desc->indices, (size_t)s->n * sizeof *s->indices);
    return DNN_OK;
}

/* A sample and its score, in the order of the sheet: NaN at the end, equal scores by index. */
typedef struct scored {
    double score;
    int64_t index;
} scored;

static int compare_scored(const void *a, const void *b) {
    const scored *p = a, *q = b;
    if (isnan(p->score) != isnan(q->score)) return isnan(p->score) ? 1 : -1;
    if (p->score != q->score && !isnan(p->score)) return p->score > q->score ? -1 : 1;
    return p->index < q->index ? -1 : p->index > q->index;
}

static dnn_status choose_by_score(samples_sheet *s) {
    int64_t n = s->dataset->count, wanted = s->desc->count ? s->desc->count : DEFAULT_COUNT;
    double sign = s->desc->smallest_first ? -1 : 1;
    DNNI_REQUIRE(s->desc->scores, "desc.scores is NULL");
    DNNI_TRY(make_room(s, dnnk_min(wanted, n)));
    scored *all = dnni_alloc_raw(s->ctx, n, sizeof *all);
    if (!all) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) all[i] = (scored){sign * s->desc->scores[i], i};
    qsort(all, (size_t)n, sizeof *all, compare_scored);
    for (int64_t i = 0; i < s->n; i++) s->indices[i] = all[i].index;
    dnni_free(s->ctx, all, n, sizeof *all);
    return DNN_OK;
}

/* ---- by class ---- */

/* Places a sample in the row of its class, if there is a place. Returns how many places were filled. */
static int64_t place(samples_sheet *s, int64_t rows, int64_t label, int64_t index) {
    if (label < 0 || label >= rows) return 0;
    int64_t *row = s->indices + label * s->columns;
    for (int64_t i = 0; i < s->columns; i++)
        if (row[i] < 0) {
            row[i] = index;
            return 1;
        }
    return 0;
}

static dnn_status count_rows(samples_sheet *s, int64_t *rows) {
    const dnn_array *target = &s->dataset->target;
    if (!dnni_is_label(target->dtype) || dnni_count(target) != 1)
        return dnni_error(DNN_ERROR_DTYPE, "targets of %s %s are no classes", dnn_dtype_name(target->dtype),
                          dnni_array_shape(target).text);
    *rows = s->dataset->metadata.classes;
    if (*rows > 0) return DNN_OK;
    int64_t step;
    for (int64_t first = 0; first < s->dataset->count; first += step) {
        dnn_tensor *targets;
        step = dnnk_min(TARGETS_AT_ONCE, s->dataset->count - first);
        DNNI_TRY(dnn_dataset_get_targets(&targets, s->dataset, first, step));
        for (int64_t i = 0; i < step; i++)
            *rows = dnnk_max(*rows, (int64_t)dnni_load(target->dtype, targets->array.data, i) + 1);
        dnn_tensor_release(targets);
    }
    return DNN_OK;
}

/* In random order, until every row is full. */
static dnn_status fill_rows(samples_sheet *s, int64_t rows, const int64_t *order) {
    int64_t left = s->n;
    for (int64_t i = 0; i < s->dataset->count && left > 0; i++) {
        dnn_tensor *target;
        DNNI_TRY(dnn_dataset_get_targets(&target, s->dataset, order[i], 1));
        left -= place(s, rows, (int64_t)dnni_load(target->array.dtype, target->array.data, 0), order[i]);
        dnn_tensor_release(target);
    }
    return DNN_OK;
}

static dnn_status choose_by_class(samples_sheet *s) {
    int64_t rows = 0, *order;
    DNNI_TRY(count_rows(s, &rows));
    rows = dnnk_min(dnnk_max(rows, 1), MOST_ROWS);
    s->columns = s->desc->count ? s->desc->count : DEFAULT_PER_CLASS;
    DNNI_TRY(make_room(s, rows * s->columns));
    for (int64_t i = 0; i < s->n; i++) s->indices[i] = -1;
    DNNI_TRY(shuffled(s, &order));
    dnn_status status = fill_rows(s, rows, order);
    dnni_free(s->ctx, order, s->dataset->count, sizeof *order);
    return status;
}

static dnn_status choose(samples_sheet *s) {
    s->columns = s->desc->columns;
    switch (s->desc->order) {
    case DNN_SHEET_RANDOM: return choose_random(s);
    case DNN_SHEET_BY_CLASS: return choose_by_class(s);
    case DNN_SHEET_BY_SCORE: return choose_by_score(s);
    case DNN_SHEET_AS_GIVEN: return choose_given(s);
    }
    return dnni_error(DNN_ERROR_ARGUMENT, "desc.order is %d, which is no order", (int)s->desc->order);
}

/* ---- pictures and captions ---- */

/* Without a declared range: from the least to the greatest value on the sheet. */
static dnn_status find_shades(samples_sheet *s) {
    const dnn_dataset *d = s->dataset;
    s->shades = dnni_known_shades(d->input.dtype, d->metadata.low, d->metadata.high);
    if (s->shades.high > s->shades.low) return DNN_OK;
    s->shades = (dnni_shades){(double)INFINITY, -(double)INFINITY};
    for (int64_t i = 0; i < s->n; i++) {
        dnn_tensor *x;
        if (s->indices[i] < 0) continue;
        DNNI_TRY(dnn_dataset_get(&x, NULL, s->dataset, &s->indices[i], 1));
        dnni_widen_shades(&s->shades, &x->array);
        dnn_tensor_release(x);
    }
    return DNN_OK;
}

static dnn_status write_caption(samples_sheet *s, int64_t i, const dnn_array *target) {
    char text[CAPTION], words[CAPTION / 2];
    dnni_target_text(s->dataset, target, words, sizeof words);
    if (s->desc->order == DNN_SHEET_BY_SCORE)
        snprintf(text, sizeof text, "%s%s%s", words, *words ? "\n" : "",
                 dnni_real(s->desc->scores[s->indices[i]], 3).text);
    else if (s->desc->order == DNN_SHEET_BY_CLASS) snprintf(text, sizeof text, "%s", words);
    else snprintf(text, sizeof text, "%s%s%lld", words, *words ? "\n" : "", (long long)s->indices[i]);
    s->captions[i] = dnni_pool_string(&s->pool, text);
    return s->captions[i] ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status draw_sample(samples_sheet *s, int64_t i, int64_t factor) {
    dnn_tensor *x, *y;
    const dnn_array none = {.dtype = DNN_DTYPE_NONE};
    int64_t height = s->thumbs->array.dims[1], width = s->thumbs->array.dims[2];
    s->blank[i] = s->indices[i] < 0;
    if (s->blank[i]) return DNN_OK;
    DNNI_TRY(dnn_dataset_get(&x, &y, s->dataset, &s->indices[i], 1));
    dnn_array image = s->dataset->input, target = y ? s->dataset->target : none;
    image.data = x->array.data;
    if (y) target.data = y->array.data;
    dnni_draw_thumb(&image, s->shades, factor, (unsigned char *)s->thumbs->array.data + i * height * width * 3, height,
                    width);
    dnn_status status = write_caption(s, i, &target);
    dnn_tensor_release(x);
    dnn_tensor_release(y);
    return status;
}

static dnn_status draw_samples(samples_sheet *s) {
    const dnn_array *item = &s->dataset->input;
    int64_t factor = dnni_thumb_factor(item, MOST_SIDE);
    int64_t dims[] = {s->n, dnni_thumb_height(item, factor), dnni_thumb_width(item, factor), 3};
    s->captions = dnni_pool_alloc(&s->pool, s->n, sizeof *s->captions);
    s->blank = dnni_pool_alloc(&s->pool, s->n, 1);
    if (!s->captions || !s->blank) return DNN_ERROR_MEMORY;
    DNNI_TRY(dnn_tensor_create(&s->thumbs, s->ctx, DNN_U8, 4, dims));
    DNNI_TRY(find_shades(s));
    for (int64_t i = 0; i < s->n; i++) DNNI_TRY(draw_sample(s, i, factor));
    return DNN_OK;
}

/* ---- entry ---- */

static dnn_status make_sheet(dnn_tensor **out, samples_sheet *s) {
    if (s->dataset->count == 0) return dnni_error(DNN_ERROR_VALUE, "the dataset has no samples");
    DNNI_TRY(choose(s));
    if (s->n > MOST_PICTURES)
        return dnni_error(DNN_ERROR_ARGUMENT, "%lld pictures are too many for a sheet: %d at most", (long long)s->n,
                          MOST_PICTURES);
    DNNI_TRY(draw_samples(s));
    dnn_sheet_desc d = {DNN_SIZED(dnn_sheet_desc), .title = s->desc->title, .captions = s->captions,
                        .columns = s->columns, .zoom = s->desc->zoom, .blank = s->blank};
    return dnn_sheet_create(out, s->ctx, s->thumbs, &d);
}

dnn_status dnn_sheet_samples(dnn_tensor **out, dnn_dataset *dataset, const dnn_samples_desc *desc) {
    dnn_samples_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_REQUIRE(d.count >= 0 && d.columns >= 0 && d.zoom >= 0 && d.count <= MOST_PICTURES,
                 "desc: count is %lld (up to %d), columns %lld, zoom %lld", (long long)d.count, MOST_PICTURES,
                 (long long)d.columns, (long long)d.zoom);
    DNNI_TRY(dnni_check_image(&dataset->input, "inputs"));
    samples_sheet s = {.ctx = dnni_context_of(dataset), .dataset = dataset, .desc = &d};
    s.pool.ctx = s.ctx;
    dnn_status status = make_sheet(out, &s);
    dnn_tensor_release(s.thumbs);
    dnni_pool_free(&s.pool);
    return status;
}
