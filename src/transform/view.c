/* A dataset whose samples are those of another one, transformed. */
#include <string.h>

#include "data/dataset.h"
#include "transform/program.h"
#include "transform/view.h"

typedef struct {
    dnn_dataset base;
    dnn_dataset *source;      /* held */
    dnn_transform *transform; /* held */
    dnni_program program;
    dnni_targets targets;
    uint64_t seed;
} transform_view;

/* Beyond those of src/data/dataset.h. */
#define STREAM_TRANSFORM (UINT64_C(64) << 56) /* + epoch */

/* What keys all that is drawn for a sample. */
static uint64_t key_of(const transform_view *view, int64_t epoch, int64_t index) {
    dnnk_philox_block b = dnnk_random_block(view->seed, STREAM_TRANSFORM + (uint64_t)epoch, (uint64_t)index);
    return (uint64_t)b.word[0] << 32 | b.word[1];
}

static int64_t source_scratch(const dnn_dataset *source) {
    return (source->scratch_bytes + DNNI_ALIGNMENT - 1) / DNNI_ALIGNMENT * DNNI_ALIGNMENT;
}

static dnn_status read(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                       const dnn_array *target) {
    const transform_view *view = (const transform_view *)self;
    dnn_dataset *source = view->source;
    void *scratch = (char *)reader->scratch + source_scratch(source);
    dnn_array x = source->input, t = source->target;
    dnni_program_places(&view->program, scratch, &x.data, &t.data);
    if (t.dtype == DNN_DTYPE_NONE) t.data = NULL;
    DNNI_TRY(source->class->read(source, reader, index, &x, &t));
    dnni_program_run(&view->program, &view->targets, key_of(view, reader->epoch, index), scratch, input, target);
    return DNN_OK;
}

static void destroy(dnn_dataset *self) {
    transform_view *view = (transform_view *)self;
    dnni_program_free(self->base.ctx, &view->program);
    dnn_transform_release(view->transform);
    dnn_dataset_release(view->source);
}

static dnn_dataset *origin(const dnn_dataset *self, int64_t index, int64_t *source_index) {
    *source_index = index;
    return ((const transform_view *)self)->source;
}

static const dnni_dataset_class view_class = {.read = read, .destroy = destroy, .origin = origin};

/* ---- making ---- */

static dnn_status check_targets(const dnn_dataset *source, const dnn_transform_desc *d) {
    const dnn_array *t = &source->target, *x = &source->input;
    DNNI_REQUIRE(d->target == DNN_TARGET_PLAIN || d->target == DNN_TARGET_MASK || d->target == DNN_TARGET_BOXES,
                 "desc.target is %d, which is no kind of targets", (int)d->target);
    DNNI_TRY(dnni_check_fraction(d->min_visible, "desc.min_visible"));
    if (d->target == DNN_TARGET_PLAIN) return DNN_OK;
    if (x->rank != 3)
        return dnni_error(DNN_ERROR_SHAPE, "targets move with images (height, width, channels), the input is %s",
                          dnni_array_shape(x).text);
    bool mask = t->dtype != DNN_DTYPE_NONE && t->rank >= 2 && t->dims[0] == x->dims[0] && t->dims[1] == x->dims[1];
    if (d->target == DNN_TARGET_MASK && !mask)
        return dnni_error(DNN_ERROR_SHAPE, "a mask has the height and width of its image: the image is %s, the mask %s",
                          dnni_array_shape(x).text, t->dtype ? dnni_array_shape(t).text : "missing");
    if (d->target == DNN_TARGET_BOXES && !(t->dtype == DNN_F32 && t->rank == 2 && t->dims[1] >= 4))
        return dnni_error(DNN_ERROR_SHAPE, "boxes are float32 (n, 4) or more columns, the targets are %s %s",
                          dnn_dtype_name(t->dtype), dnni_array_shape(t).text);
    return DNN_OK;
}

static dnn_status check_mask_fill(const dnn_dataset *source, const dnn_transform_desc *d) {
    char element[8];
    if (d->target != DNN_TARGET_MASK) return DNN_OK;
    dnni_store(source->target.dtype, element, 0, d->mask_fill);
    DNNI_REQUIRE(dnni_load(source->target.dtype, element, 0) == d->mask_fill, "desc.mask_fill is %g, no value of %s",
                 d->mask_fill, dnn_dtype_name(source->target.dtype));
    return DNN_OK;
}

/* The program, and with it the shape of the samples. */
static dnn_status compile(dnni_program *program, dnni_dataset_shape *shape, dnn_transform *transform,
                          dnn_dataset *source, dnn_target target) {
    dnni_spec spec = {source->input, source->target, source->metadata.low, source->metadata.high, target, 0};
    if (spec.input.dtype == DNN_U8 && spec.low == 0 && spec.high == 0) spec.high = 255;
    DNNI_TRY(dnni_program_make(transform->base.ctx, program, transform, &spec));
    *shape = dnni_view_shape(source, source->count);
    DNNI_TRY(dnni_item_array(&shape->input, &spec.input, "transform"));
    if (spec.target.dtype != DNN_DTYPE_NONE) DNNI_TRY(dnni_item_array(&shape->target, &spec.target, "transform"));
    shape->metadata.low = spec.low;
    shape->metadata.high = spec.high;
    shape->scratch_bytes = source_scratch(source) + dnni_program_scratch(program);
    return DNN_OK;
}

static dnn_status make_view(dnn_dataset **out, dnn_dataset *source, dnn_transform *transform,
                            const dnn_transform_desc *d) {
    dnn_context *ctx = dnni_context_of(source);
    dnni_program program = {0};
    dnni_dataset_shape shape;
    dnn_status status = compile(&program, &shape, transform, source, d->target);
    transform_view *view = status == DNN_OK ? dnni_dataset_new(ctx, &view_class, sizeof *view, &shape) : NULL;
    if (!view) {
        dnni_program_free(ctx, &program);
        return status == DNN_OK ? DNN_ERROR_MEMORY : status;
    }
    view->program = program;
    view->targets = (dnni_targets){d->target, d->mask_fill + 0.0, d->min_visible};
    view->seed = d->seed ? d->seed : ctx->seed;
    dnn_dataset_retain(view->source = source);
    dnn_transform_retain(view->transform = transform);
    *out = &view->base;
    return DNN_OK;
}

dnn_status dnn_dataset_transform(dnn_dataset **out, dnn_dataset *source, dnn_transform *transform,
                                 const dnn_transform_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    DNNI_TRY(dnni_check_transform(transform, "transform"));
    DNNI_TRY(dnni_check_same_context(source, transform, "source and transform"));
    dnn_transform_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(dnn_transform_error(transform));
    DNNI_TRY(check_targets(source, &d));
    DNNI_TRY(check_mask_fill(source, &d));
    return make_view(out, source, transform, &d);
}

/* ---- questions ---- */

static const transform_view *as_view(const dnn_dataset *dataset) {
    return dataset->class == &view_class ? (const transform_view *)dataset : NULL;
}

dnn_dataset *dnni_transform_source(const dnn_dataset *dataset) {
    const transform_view *view = as_view(dataset);
    return view ? view->source : NULL;
}

static dnn_status check_draws(const dnn_dataset *dataset, int64_t index, int64_t epoch, const char *text,
                              size_t bytes) {
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_REQUIRE(text || bytes == 0, "text is NULL, bytes is not 0");
    DNNI_REQUIRE(epoch >= 0, "epoch is %lld", (long long)epoch);
    DNNI_TRY(dnni_check_indices(dataset, &index, 1));
    if (!as_view(dataset))
        return dnni_error(DNN_ERROR_NOT_FOUND, "the dataset is no view by a transform (dnn_dataset_transform)");
    return DNN_OK;
}

int64_t dnn_dataset_draws(const dnn_dataset *dataset, int64_t index, int64_t epoch, char *text, size_t bytes) {
    if (check_draws(dataset, index, epoch, text, bytes) != DNN_OK) return -1;
    const transform_view *view = as_view(dataset);
    dnni_text out = {text, bytes, 0};
    if (bytes > 0) *text = 0;
    dnni_program_say(&view->program, key_of(view, epoch, index), &out);
    return (int64_t)out.length;
}
