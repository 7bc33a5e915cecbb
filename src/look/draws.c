/* What augmentation does: the original beside its draws. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <dnn/transform.h>

#include "core/text.h"
#include "look/thumbs.h"
#include "rng/rng.h"

enum { DEFAULT_ROWS = 6, MOST_ROWS = 256, DEFAULT_DRAWS = 7, MOST_DRAWS = 64, MOST_SIDE = 192, LEAST_SIDE = 96 };
enum { CAPTION = 256, MOST_VIEWS = 64 };

typedef struct draws_sheet {
    dnn_context *ctx;
    dnn_dataset *dataset;
    const dnn_draws_desc *desc;
    dnni_pool pool;
    int64_t *indices;
    int64_t rows, columns;  /* with that of the original, if there is one */
    bool has_original;
    int64_t height, width;  /* of every thumb */
    unsigned char *pixels;
    const char **captions;
} draws_sheet;

/* ---- the views between ---- */

static dnn_dataset *step_down(const dnn_dataset *d, int64_t *index) {
    return d->class->origin ? d->class->origin(d, *index, index) : NULL;
}

/* What holds the sample; the dataset itself, if that is no view. */
static dnn_dataset *source_of(dnn_dataset *d, int64_t *index) {
    for (dnn_dataset *below = step_down(d, index); below; below = step_down(d, index)) d = below;
    return d;
}

/* A line for each thing that was drawn, by whichever of the views: the last one's first. */
static void write_draws(const dnn_dataset *d, int64_t index, int64_t epoch, char *text, size_t room) {
    dnni_saved_error before;
    size_t used = 0;
    dnni_error_save(&before);
    text[0] = '\0';
    for (int i = 0; d && i < MOST_VIEWS && used + 2 < room; i++, d = step_down(d, &index)) {
        size_t from = used > 0 ? used + 1 : 0;
        int64_t n = dnn_dataset_draws(d, index, epoch, text + from, room - from);
        if (n <= 0) text[used] = '\0';
        if (n <= 0) continue;
        if (from > used) text[used] = '\n';
        used = from + strlen(text + from);
    }
    dnni_error_restore(&before);
    for (char *c = text; (c = strstr(c, ", ")) != NULL;) {
        *c = '\n';
        memmove(c + 1, c + 2, strlen(c + 2) + 1);
    }
}

/* ---- reading ---- */

/* A sample as an epoch has it, in new tensors. */
static dnn_status read_at(dnn_dataset *d, int64_t index, int64_t epoch, dnn_tensor **x) {
    dnn_context *ctx = dnni_context_of(d);
    dnn_tensor *y = NULL;
    dnn_array inputs, targets;
    int64_t failed;
    dnni_reader reader = {.epoch = epoch, .scratch = dnni_alloc(ctx, d->scratch_bytes, 1)};
    if (!reader.scratch) return DNN_ERROR_MEMORY;
    *x = NULL;
    dnn_status status = dnni_batch_array(&inputs, &d->input, 1);
    if (status == DNN_OK) status = dnni_batch_array(&targets, &d->target, 1);
    if (status == DNN_OK) status = dnni_tensor_like(x, ctx, &inputs);
    if (status == DNN_OK && dnni_has_targets(d)) status = dnni_tensor_like(&y, ctx, &targets);
    if (status == DNN_OK)
        status = dnni_dataset_read(d, &reader, &index, 1, &(*x)->array, y ? &y->array : &d->target, 0, &failed);
    dnni_free(ctx, reader.scratch, d->scratch_bytes, 1);
    dnn_tensor_release(y);
    if (status == DNN_OK) return DNN_OK;
    dnn_tensor_release(*x);
    *x = NULL;
    return status;
}

/* ---- drawing ---- */

static void put_thumb(draws_sheet *s, int64_t cell, const dnn_dataset *d, const dnn_tensor *x, dnni_shades shades) {
    dnn_array image = d->input;
    image.data = x->array.data;
    dnni_draw_thumb(&image, shades, dnni_thumb_factor(&image, MOST_SIDE), s->pixels + cell * s->height * s->width * 3,
                    s->height, s->width);
}

static dnn_status put_caption(draws_sheet *s, int64_t cell, const char *text) {
    s->captions[cell] = dnni_pool_string(&s->pool, text);
    return s->captions[cell] ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status draw_original(draws_sheet *s, int64_t row) {
    int64_t index = s->indices[row];
    char text[CAPTION];
    dnn_dataset *source = source_of(s->dataset, &index);
    dnn_tensor *x;
    if (!s->has_original) return DNN_OK;
    DNNI_TRY(read_at(source, index, 0, &x));
    dnni_shades shades = dnni_known_shades(source->input.dtype, source->metadata.low, source->metadata.high);
    if (!(shades.high > shades.low)) dnni_widen_shades(&shades, &x->array);
    put_thumb(s, row * s->columns, source, x, shades);
    dnn_tensor_release(x);
    snprintf(text, sizeof text, "sample %lld", (long long)s->indices[row]);
    return put_caption(s, row * s->columns, text);
}

/* All draws of a sample are read before the first is drawn: they share a range. */
static dnn_status draw_epochs(draws_sheet *s, int64_t row, dnn_tensor **x) {
    const dnn_dataset *d = s->dataset;
    char text[CAPTION];
    int64_t first = s->has_original ? 1 : 0;
    dnni_shades shades = dnni_known_shades(d->input.dtype, d->metadata.low, d->metadata.high);
    bool known = shades.high > shades.low;
    if (!known) shades = (dnni_shades){(double)INFINITY, -(double)INFINITY};
    for (int64_t i = first; i < s->columns; i++) {
        DNNI_TRY(read_at(s->dataset, s->indices[row], i - first, &x[i]));
        if (!known) dnni_widen_shades(&shades, &x[i]->array);
    }
    for (int64_t i = first; i < s->columns; i++) {
        put_thumb(s, row * s->columns + i, d, x[i], shades);
        write_draws(d, s->indices[row], i - first, text, sizeof text);
        DNNI_TRY(put_caption(s, row * s->columns + i, text));
    }
    return DNN_OK;
}

static dnn_status draw_row(draws_sheet *s, int64_t row) {
    dnn_tensor *x[MOST_DRAWS + 1] = {NULL};
    DNNI_TRY(draw_original(s, row));
    dnn_status status = draw_epochs(s, row, x);
    for (int64_t i = 0; i < s->columns; i++) dnn_tensor_release(x[i]);
    return status;
}

/* ---- layout ---- */

/* One from each of so many stretches of the data. */
static int64_t draw_index(const draws_sheet *s, int64_t row, int64_t stretch) {
    uint64_t stream = DNNI_STREAM_LOOK + 2;
    return stretch * row + (int64_t)dnnk_random_below(s->desc->seed, stream, (uint64_t)row, (uint64_t)stretch);
}

static dnn_status choose_rows(draws_sheet *s) {
    int64_t count = s->dataset->count, asked = s->desc->rows ? s->desc->rows : DEFAULT_ROWS;
    s->rows = s->desc->n_indices > 0 ? s->desc->n_indices : dnnk_min(asked, count);
    if (s->rows == 0) return dnni_error(DNN_ERROR_VALUE, "the dataset has no samples");
    s->indices = dnni_pool_alloc(&s->pool, s->rows, sizeof *s->indices);
    if (!s->indices) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < s->rows; i++)
        s->indices[i] = s->desc->n_indices > 0 ? s->desc->indices[i] : draw_index(s, i, count / s->rows);
    return dnni_check_indices(s->dataset, s->indices, s->rows);
}

static void include_size(draws_sheet *s, const dnn_array *item) {
    int64_t factor = dnni_thumb_factor(item, MOST_SIDE);
    s->height = dnnk_max(s->height, dnni_thumb_height(item, factor));
    s->width = dnnk_max(s->width, dnni_thumb_width(item, factor));
}

static dnn_status choose_layout(draws_sheet *s) {
    int64_t index = s->indices[0];
    const dnn_dataset *source = source_of(s->dataset, &index);
    s->has_original = source != s->dataset && (source->input.rank == 2 || source->input.rank == 3) &&
                      dnni_count(&source->input) > 0;
    s->columns = (s->desc->draws ? s->desc->draws : DEFAULT_DRAWS) + s->has_original;
    include_size(s, &s->dataset->input);
    if (s->has_original) include_size(s, &source->input);
    return DNN_OK;
}

static dnn_status make_sheet(dnn_tensor **out, draws_sheet *s, dnn_tensor **thumbs) {
    DNNI_TRY(choose_rows(s));
    DNNI_TRY(choose_layout(s));
    int64_t cells = s->rows * s->columns, dims[] = {cells, s->height, s->width, 3};
    DNNI_TRY(dnn_tensor_create(thumbs, s->ctx, DNN_U8, 4, dims));
    s->pixels = (*thumbs)->array.data;
    s->captions = dnni_pool_alloc(&s->pool, cells, sizeof *s->captions);
    if (!s->captions) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < s->rows; i++) DNNI_TRY(draw_row(s, i));
    int64_t zoom = s->desc->zoom ? s->desc->zoom : dnnk_ceil_div(LEAST_SIDE, dnnk_max(s->height, s->width));
    dnn_sheet_desc d = {DNN_SIZED(dnn_sheet_desc), .title = s->desc->title, .captions = s->captions,
                        .columns = s->columns, .zoom = zoom};
    return dnn_sheet_create(out, s->ctx, *thumbs, &d);
}

static dnn_status check_draws(const dnn_draws_desc *d) {
    DNNI_REQUIRE(d->draws >= 0 && d->draws <= MOST_DRAWS, "desc.draws is %lld, it may be 0 (default) to %d",
                 (long long)d->draws, MOST_DRAWS);
    DNNI_REQUIRE(d->rows >= 0 && d->rows <= MOST_ROWS && d->n_indices >= 0 && d->n_indices <= MOST_ROWS && d->zoom >= 0,
                 "desc: rows is %lld, n_indices %lld (up to %d), zoom %lld", (long long)d->rows,
                 (long long)d->n_indices, MOST_ROWS, (long long)d->zoom);
    DNNI_REQUIRE(d->n_indices == 0 || d->indices, "desc.indices is NULL");
    return DNN_OK;
}

dnn_status dnn_sheet_draws(dnn_tensor **out, dnn_dataset *dataset, const dnn_draws_desc *desc) {
    dnn_draws_desc d;
    dnn_tensor *thumbs = NULL;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(check_draws(&d));
    DNNI_TRY(dnni_check_image(&dataset->input, "inputs"));
    draws_sheet s = {.ctx = dnni_context_of(dataset), .dataset = dataset, .desc = &d};
    s.pool.ctx = s.ctx;
    dnn_status status = make_sheet(out, &s, &thumbs);
    dnn_tensor_release(thumbs);
    dnni_pool_free(&s.pool);
    return status;
}
