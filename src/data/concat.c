/* View: several datasets, one after another. */
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"

typedef struct {
    dnn_dataset base;
    dnn_dataset **source; /* [sources], held */
    int64_t *first;       /* [sources + 1] the number of each one's first sample */
    int64_t sources;
} concat_dataset;

/* At the head of the scratch: whose contents the rest is, as a number from 1. */
enum { HEAD = DNNI_ALIGNMENT };

/* ---- reading ---- */

/* The last k with first[k] ≤ index. */
static int64_t find(const concat_dataset *c, int64_t index) {
    int64_t low = 0, high = c->sources;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (c->first[middle] <= index) low = middle;
        else high = middle;
    }
    return low;
}

static dnn_dataset *origin(const dnn_dataset *self, int64_t index, int64_t *source_index) {
    const concat_dataset *c = (const concat_dataset *)self;
    int64_t k = find(c, index);
    *source_index = index - c->first[k];
    return c->source[k];
}

/* The scratch behind the head, cleared where another source has left something. */
static dnni_reader reader_for(const dnni_reader *reader, int64_t k, int64_t bytes) {
    dnni_reader inner = *reader;
    int64_t *head = reader->scratch;
    inner.scratch = (char *)reader->scratch + HEAD;
    if (*head != k + 1) memset(inner.scratch, 0, (size_t)bytes);
    *head = k + 1;
    return inner;
}

static dnn_status read_part(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                            const dnn_array *target) {
    const concat_dataset *c = (const concat_dataset *)self;
    int64_t k = find(c, index);
    dnni_reader inner = reader_for(reader, k, self->scratch_bytes - HEAD);
    return dnni_read_source(c->source[k], &inner, index - c->first[k], input, target);
}

static dnn_status read_part_target(dnn_dataset *self, const dnni_reader *reader, int64_t index,
                                   const dnn_array *target) {
    const concat_dataset *c = (const concat_dataset *)self;
    int64_t k = find(c, index);
    dnni_reader inner = reader_for(reader, k, self->target_scratch_bytes - HEAD);
    return dnni_read_source_target(c->source[k], &inner, index - c->first[k], target);
}

static void destroy_concat(dnn_dataset *self) {
    concat_dataset *c = (concat_dataset *)self;
    for (int64_t k = 0; c->source && k < c->sources; k++) dnn_dataset_release(c->source[k]);
    dnni_free(self->base.ctx, c->source, c->sources, sizeof *c->source);
    dnni_free(self->base.ctx, c->first, c->sources + 1, sizeof *c->first);
}

static const dnni_dataset_class concat_class = {.read = read_part, .destroy = destroy_concat,
                                                .read_target = read_part_target, .origin = origin, .picks = true};

/* ---- what the sources agree on ---- */

static dnn_status expect_same_item(const dnn_array *a, const dnn_array *b, const char *what, int64_t k) {
    if (a->dtype == b->dtype && (a->dtype == DNN_DTYPE_NONE || dnni_same_shape(a, b))) return DNN_OK;
    return dnni_error(a->dtype != b->dtype ? DNN_ERROR_DTYPE : DNN_ERROR_SHAPE,
                      "sources[%lld] has %s %s %s, sources[0] %s %s", (long long)k, what, dnn_dtype_name(b->dtype),
                      dnni_array_shape(b).text, dnn_dtype_name(a->dtype), dnni_array_shape(a).text);
}

static dnn_status expect_same_classes(const dnni_metadata *a, const dnni_metadata *b, int64_t k) {
    if (a->classes == 0 || b->classes == 0) return DNN_OK;
    if (a->classes != b->classes)
        return dnni_error(DNN_ERROR_VALUE, "sources[%lld] has %lld classes, those before it %lld", (long long)k,
                          (long long)b->classes, (long long)a->classes);
    for (int64_t i = 0; a->class_names && b->class_names && i < a->classes; i++)
        if (strcmp(a->class_names[i], b->class_names[i]) != 0)
            return dnni_error(DNN_ERROR_VALUE, "class %lld is \"%s\" in sources[%lld], \"%s\" in those before it",
                              (long long)i, b->class_names[i], (long long)k, a->class_names[i]);
    return DNN_OK;
}

/* What both know. */
static void meet(dnni_metadata *a, const dnni_metadata *b) {
    if (b->classes == 0) a->classes = 0;
    if (a->classes == 0 || !b->class_names) a->class_names = NULL;
    bool known = a->low < a->high && b->low < b->high;
    a->low = known ? (b->low < a->low ? b->low : a->low) : 0;
    a->high = known ? (b->high > a->high ? b->high : a->high) : 0;
}

static dnn_status add_source(dnni_dataset_shape *shape, dnn_dataset *const *sources, int64_t k) {
    const dnn_dataset *s = sources[k];
    DNNI_TRY(dnni_check_same_context(sources[0], s, "sources"));
    DNNI_TRY(expect_same_item(&shape->input, &s->input, "inputs", k));
    DNNI_TRY(expect_same_item(&shape->target, &s->target, "targets", k));
    DNNI_TRY(expect_same_classes(&shape->metadata, &s->metadata, k));
    meet(&shape->metadata, &s->metadata);
    shape->scratch_bytes = dnnk_max(shape->scratch_bytes, s->scratch_bytes);
    shape->target_scratch_bytes = dnnk_max(shape->target_scratch_bytes, s->target_scratch_bytes);
    if (dnni_add(shape->count, s->count, &shape->count)) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "the sources have more samples than can be counted");
}

static dnn_status check_sources(dnn_dataset *const *sources, int64_t n) {
    DNNI_REQUIRE(sources && n >= 1, "%s", sources ? "n is not at least 1: there is no source" : "sources is NULL");
    for (int64_t k = 0; k < n; k++) {
        dnn_status status = dnni_check_dataset(sources[k], "source");
        if (status == DNN_OK) continue;
        char name[48];
        snprintf(name, sizeof name, "sources[%lld]", (long long)k);
        dnni_error_prefix(name);
        return status;
    }
    return DNN_OK;
}

/* ---- making ---- */

static dnn_status hold_sources(concat_dataset *c, dnn_dataset *const *sources, int64_t n) {
    dnn_context *ctx = c->base.base.ctx;
    c->sources = n;
    c->first = dnni_alloc(ctx, n + 1, sizeof *c->first);
    c->source = c->first ? dnni_alloc(ctx, n, sizeof(dnn_dataset *)) : NULL;
    if (!c->source) return DNN_ERROR_MEMORY;
    for (int64_t k = 0; k < n; k++) {
        dnn_dataset_retain(c->source[k] = sources[k]);
        c->first[k + 1] = c->first[k] + sources[k]->count;
    }
    return DNN_OK;
}

dnn_status dnn_dataset_concat(dnn_dataset **out, dnn_dataset *const *sources, int64_t n) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(check_sources(sources, n));
    dnni_dataset_shape shape = dnni_view_shape(sources[0], 0);
    for (int64_t k = 0; k < n; k++) DNNI_TRY(add_source(&shape, sources, k));
    shape.scratch_bytes += HEAD;
    shape.target_scratch_bytes += HEAD;
    concat_dataset *c = dnni_dataset_new(dnni_context_of(sources[0]), &concat_class, sizeof *c, &shape);
    if (!c) return DNN_ERROR_MEMORY;
    dnn_status status = hold_sources(c, sources, n);
    if (status == DNN_OK) *out = &c->base;
    else dnn_dataset_release(&c->base);
    return status;
}
