#include "look/look.h"

#include <math.h>
#include <stdio.h>

#include "data/loader.h"
#include "look/thumbs.h"

enum { DEFAULT_PICTURES = 32, TITLE = 160, MOST_SIDE = 256 };

/* A batch that was taken out of a loader, and a dataset of its samples. */
typedef struct taken {
    dnn_tensor *x, *y;
    int64_t *indices; /* in the loader's dataset */
    int64_t n;
    dnn_dataset *plain, *samples; /* without and with metadata */
    dnn_summary *summary;
} taken;

/* ---- taking it ---- */

/* The loader's next batch, that of the next epoch if this one is over. */
static dnn_status next_batch(dnn_loader *loader, const dnn_tensor **x, const dnn_tensor **y) {
    dnn_status status = dnn_loader_next(loader, x, y);
    if (status == DNN_END) status = dnn_loader_next(loader, x, y);
    if (status != DNN_END) return status;
    return dnni_error(DNN_ERROR_VALUE, "the loader's epochs have no batches");
}

static dnn_status copy_batch(taken *t, dnn_loader *loader) {
    const dnn_tensor *x, *y;
    DNNI_TRY(next_batch(loader, &x, &y));
    DNNI_TRY(dnn_tensor_clone(&t->x, x));
    if (y) DNNI_TRY(dnn_tensor_clone(&t->y, y));
    t->n = x->array.dims[0];
    t->indices = dnni_alloc(loader->base.ctx, t->n, sizeof *t->indices);
    if (!t->indices) return DNN_ERROR_MEMORY;
    const dnni_batch *batch = dnni_loader_slot(loader, loader->taken - 1);
    for (int64_t i = 0; i < t->n; i++) t->indices[i] = batch->indices[i];
    return DNN_OK;
}

/* The loader's place, and its being at the end of an epoch, are put back. */
static dnn_status take_batch(taken *t, dnn_loader *loader) {
    dnn_loader_place place = {DNN_SIZED(dnn_loader_place), .epoch = 0};
    dnni_saved_error error;
    DNNI_TRY(dnn_loader_position(loader, &place));
    dnn_status status = copy_batch(t, loader);
    dnni_error_save(&error);
    dnn_status back = dnn_loader_seek(loader, &place);
    return status == DNN_OK ? back : dnni_error_restore(&error);
}

static dnn_status wrap_batch(taken *t, const dnn_loader *loader) {
    const dnni_metadata *m = &loader->dataset->metadata;
    dnn_metadata_desc d = {DNN_SIZED(dnn_metadata_desc), .class_names = m->class_names, .classes = m->classes,
                           .low = m->low, .high = m->high};
    DNNI_TRY(dnn_dataset_from_tensors(&t->plain, t->x, t->y));
    DNNI_TRY(dnn_dataset_with_metadata(&t->samples, t->plain, &d));
    dnn_summary_desc summary = {DNN_SIZED(dnn_summary_desc), .name = "the batch"};
    return dnn_summarise(&t->summary, t->samples, &summary);
}

static void release(taken *t, dnn_context *ctx) {
    dnn_summary_release(t->summary);
    dnn_dataset_release(t->samples);
    dnn_dataset_release(t->plain);
    dnni_free(ctx, t->indices, t->n, sizeof *t->indices);
    dnn_tensor_release(t->x);
    dnn_tensor_release(t->y);
}

/* ---- figures ---- */

static dnn_status add_figures(dnn_report *r, const taken *t, const dnni_view_of_batch *v) {
    char note[64];
    DNNI_TRY(dnn_report_add_figure(r, "input min", v->inputs.min, NULL));
    DNNI_TRY(dnn_report_add_figure(r, "input max", v->inputs.max, NULL));
    DNNI_TRY(dnn_report_add_figure(r, "input mean", v->inputs.mean, NULL));
    DNNI_TRY(dnn_report_add_figure(r, "input std", v->inputs.std, NULL));
    if (!t->y) return DNN_OK;
    int64_t classes = t->summary->labels.declared;
    snprintf(note, sizeof note, "cross-entropy before training: ln %lld", (long long)classes);
    if (classes > 1) return dnn_report_add_figure(r, "first loss to expect", log((double)classes), note);
    if (!dnni_is_real(t->y->array.dtype)) return DNN_OK;
    return dnn_report_add_figure(r, "first loss to expect", v->targets.std * v->targets.std,
                                 "squared error before training: the targets' variance");
}

/* ---- pictures ---- */

static dnn_status make_captions(const taken *t, dnni_pool *pool, int64_t n, const char **captions) {
    char words[80], text[112];
    for (int64_t i = 0; i < n; i++) {
        dnn_array target = {.dtype = DNN_DTYPE_NONE};
        if (t->y) target = t->samples->target;
        if (t->y) target.data = (char *)t->y->array.data + i * dnni_bytes(&target);
        dnni_target_text(t->samples, &target, words, sizeof words);
        snprintf(text, sizeof text, "%s%s%lld", words, *words ? "\n" : "", (long long)t->indices[i]);
        captions[i] = dnni_pool_string(pool, text);
        if (!captions[i]) return DNN_ERROR_MEMORY;
    }
    return DNN_OK;
}

/* The first n of a batch of inputs, or of targets that are pictures (masks), with the numbers that the samples have in
 * the loader's dataset below. */
typedef struct batch_sheet {
    const dnn_tensor *batch;
    const dnn_array *item;
    const dnni_tally *tally;
    int64_t n;
} batch_sheet;

static dnn_status draw_thumbs(dnn_tensor **thumbs, dnn_context *ctx, const batch_sheet *s) {
    int64_t factor = dnni_thumb_factor(s->item, MOST_SIDE), height = dnni_thumb_height(s->item, factor);
    int64_t width = dnni_thumb_width(s->item, factor), dims[] = {s->n, height, width, 3};
    dnn_values values = dnni_tally_values(s->tally, -1);
    dnni_shades shades = {values.min, values.max};
    DNNI_TRY(dnn_tensor_create(thumbs, ctx, DNN_U8, 4, dims));
    unsigned char *pixels = (*thumbs)->array.data;
    for (int64_t i = 0; i < s->n; i++) {
        dnn_array image = *s->item;
        image.data = (char *)s->batch->array.data + i * dnni_bytes(s->item);
        dnni_draw_thumb(&image, shades, factor, pixels + 3 * i * height * width, height, width);
    }
    return DNN_OK;
}

static dnn_status draw_sheet(dnn_tensor **sheet, const taken *t, dnni_pool *pool, const batch_sheet *s,
                             const char *title) {
    dnn_tensor *thumbs;
    const char **captions = dnni_pool_alloc(pool, s->n, sizeof *captions);
    if (!captions) return DNN_ERROR_MEMORY;
    DNNI_TRY(make_captions(t, pool, s->n, captions));
    DNNI_TRY(draw_thumbs(&thumbs, pool->ctx, s));
    dnn_sheet_desc d = {DNN_SIZED(dnn_sheet_desc), .title = title, .captions = captions};
    dnn_status status = dnn_sheet_create(sheet, pool->ctx, thumbs, &d);
    dnn_tensor_release(thumbs);
    return status;
}

static bool is_picture(const dnn_array *item) { return (item->rank == 2 || item->rank == 3) && dnni_count(item) > 0; }

static dnn_status add_sheet(dnn_report *r, const taken *t, const dnn_look_desc *d, batch_sheet s, const char *what) {
    char title[TITLE];
    dnn_tensor *sheet = NULL;
    dnni_pool pool = {.ctx = r->base.ctx};
    if (!is_picture(s.item)) return DNN_OK;
    s.n = dnnk_min(t->n, d->most ? d->most : DEFAULT_PICTURES);
    snprintf(title, sizeof title, "%.100s: %lld of the batch's %lld", d->name, (long long)s.n, (long long)t->n);
    dnn_status status = draw_sheet(&sheet, t, &pool, &s, title);
    dnni_pool_free(&pool);
    return status == DNN_OK ? dnni_report_give_picture(r, what, sheet) : status;
}

static dnn_status add_sheets(dnn_report *r, const taken *t, const dnn_look_desc *d) {
    batch_sheet inputs = {t->x, &t->samples->input, &t->summary->input, 0};
    batch_sheet targets = {t->y, &t->samples->target, &t->summary->target, 0};
    DNNI_TRY(add_sheet(r, t, d, inputs, "what the model gets, from the least to the greatest value"));
    return t->y ? add_sheet(r, t, d, targets, "its targets, from the least to the greatest value") : DNN_OK;
}


/* ---- the whole ---- */

static dnn_status fill_report(dnn_report *r, const taken *t, const dnn_look_desc *d) {
    const dnni_metadata *m = &t->samples->metadata;
    dnni_view_of_batch v = {.report = r, .x = t->x, .y = t->y, .indices = t->indices, .summary = t->summary,
                            .low = m->low, .high = m->high};
    if (d->low < d->high) {
        v.low = d->low;
        v.high = d->high;
    }
    v.inputs = dnni_tally_values(&t->summary->input, -1);
    if (t->y) v.targets = dnni_tally_values(&t->summary->target, -1);
    DNNI_TRY(dnni_look_at_inputs(&v));
    if (t->y) DNNI_TRY(dnni_look_at_targets(&v));
    DNNI_TRY(add_figures(r, t, &v));
    DNNI_TRY(add_sheets(r, t, d));
    return dnn_report_add_summary(r, t->summary);
}

static dnn_status look(dnn_report **out, dnn_loader *loader, const dnn_look_desc *d) {
    taken t = {.n = 0};
    dnn_context *ctx = loader->base.ctx;
    dnn_report *report = NULL;
    dnn_status status = take_batch(&t, loader);
    if (status == DNN_OK) status = wrap_batch(&t, loader);
    if (status == DNN_OK)
        status = dnni_report_new(&report, ctx, "%.100s, as the model gets it", d->name);
    if (status == DNN_OK) status = fill_report(report, &t, d);
    if (status == DNN_OK) *out = report;
    else dnn_report_release(report);
    release(&t, ctx);
    return status;
}

dnn_status dnn_look(dnn_report **out, dnn_loader *loader, const dnn_look_desc *desc) {
    dnn_look_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(loader, DNNI_LOADER, "loader"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_REQUIRE(isfinite(d.low) && isfinite(d.high) && d.low <= d.high, "desc.low is %g, desc.high %g", d.low, d.high);
    DNNI_REQUIRE(d.most >= 0 && d.most <= 4096, "desc.most is %lld, it may be 0 (default) to 4096", (long long)d.most);
    if (!d.name) d.name = "data";
    return look(out, loader, &d);
}
