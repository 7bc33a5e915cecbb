/* View: windows cut out of images and sequences. */
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"

/* A sequence is an image of one column. */
typedef struct {
    int64_t size[2];   /* of the sample: height, width; (length, 1) */
    int64_t window[2], stride[2];
    int64_t count[2];  /* of windows, down and across */
    int64_t axes;      /* 2, or 1 for sequences */
} grid;

typedef struct {
    dnn_dataset base;
    dnn_dataset *source; /* held */
    grid grid;
    dnn_window_target target;
} windows_dataset;

/* At the head of the scratch: which sample lies behind it, and since which run. */
typedef struct {
    int64_t run, index;
} memo;

enum { HEAD = DNNI_ALIGNMENT };

static int64_t windows_each(const grid *g) { return g->count[0] * g->count[1]; }

/* ---- reading ---- */

/* Where window w begins; the last one of a row or column may have been moved back to the border. */
static void corner(const grid *g, int64_t w, int64_t at[2]) {
    at[0] = dnnk_min(w / g->count[1] * g->stride[0], g->size[0] - g->window[0]);
    at[1] = dnnk_min(w % g->count[1] * g->stride[1], g->size[1] - g->window[1]);
}

/* Copies the window of `size` at `at`; places are `bytes` each. */
static void cut(const grid *g, const int64_t at[2], const int64_t size[2], int64_t bytes, const char *from, char *to) {
    int64_t row = g->size[1] * bytes, part = size[1] * bytes;
    from += at[0] * row + at[1] * bytes;
    for (int64_t y = 0; part > 0 && y < size[0]; y++) memcpy(to + y * part, from + y * row, (size_t)part);
}

static int64_t place_bytes(const grid *g, const dnn_array *item) {
    return dnni_product(item->dims, (int32_t)g->axes, item->rank) * dnn_dtype_size(item->dtype);
}

static void cut_target(const windows_dataset *v, const int64_t at[2], const dnn_array *from, const dnn_array *to) {
    const grid *g = &v->grid;
    if (v->target == DNN_WINDOW_TARGET_WHOLE) {
        int64_t bytes = dnni_bytes(to);
        if (bytes > 0) memcpy(to->data, from->data, (size_t)bytes);
    } else if (v->target == DNN_WINDOW_TARGET_DENSE) {
        cut(g, at, g->window, place_bytes(g, from), from->data, to->data);
    } else {
        const int64_t one[2] = {1, 1}, centre[2] = {at[0] + g->window[0] / 2, at[1] + g->window[1] / 2};
        cut(g, centre, one, place_bytes(g, from), from->data, to->data);
    }
}

/* The whole sample, read at most once in a run. */
static dnn_status read_sample(const windows_dataset *v, const dnni_reader *reader, int64_t index, dnn_array *input,
                              dnn_array *target) {
    memo *last = reader->scratch;
    char *room = (char *)reader->scratch + HEAD;
    if (last->run == reader->run && last->index == index) {
        dnni_room_arrays(v->source, room, input, target);
        return DNN_OK;
    }
    last->run = 0;
    DNNI_TRY(dnni_read_to_room(v->source, reader, index, room, input, target));
    *last = (memo){reader->run, index};
    return DNN_OK;
}

static dnn_status read_window(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                              const dnn_array *target) {
    const windows_dataset *v = (const windows_dataset *)self;
    int64_t each = windows_each(&v->grid), at[2];
    dnn_array from_input, from_target;
    DNNI_TRY(read_sample(v, reader, index / each, &from_input, &from_target));
    corner(&v->grid, index % each, at);
    cut(&v->grid, at, v->grid.window, place_bytes(&v->grid, &from_input), from_input.data, input->data);
    if (dnni_has_targets(self)) cut_target(v, at, &from_target, target);
    return DNN_OK;
}

static dnn_dataset *origin(const dnn_dataset *self, int64_t index, int64_t *source_index) {
    const windows_dataset *v = (const windows_dataset *)self;
    *source_index = index / windows_each(&v->grid);
    return v->source;
}

static dnn_status name_window(dnn_dataset *self, int64_t index, char *text, size_t bytes) {
    const windows_dataset *v = (const windows_dataset *)self;
    int64_t each = windows_each(&v->grid), at[2];
    DNNI_TRY(dnni_sample_name(v->source, index / each, text, bytes));
    corner(&v->grid, index % each, at);
    size_t length = strlen(text);
    if (v->grid.axes == 2)
        snprintf(text + length, bytes - length, " (%lld, %lld)", (long long)at[0], (long long)at[1]);
    else
        snprintf(text + length, bytes - length, " (%lld)", (long long)at[0]);
    return DNN_OK;
}

static void destroy_windows(dnn_dataset *self) { dnn_dataset_release(((windows_dataset *)self)->source); }

static const dnni_dataset_class windows_class = {.read = read_window, .destroy = destroy_windows, .origin = origin,
                                                 .name = name_window};

/* ---- making ---- */

static dnn_status lay_grid(grid *g, const dnn_array *input, const dnn_windows_desc *d) {
    if (input->rank < 1 || input->rank > 3)
        return dnni_error(DNN_ERROR_SHAPE, "windows are cut from images (H, W, C) and sequences (T) or (T, C), a "
                                           "sample's input has shape %s", dnni_array_shape(input).text);
    *g = (grid){.axes = input->rank == 3 ? 2 : 1, .size = {1, 1}, .window = {1, 1}, .stride = {1, 1}, .count = {1, 1}};
    for (int64_t a = 0; a < g->axes; a++) {
        int64_t window = d->window[a] == 0 && a == 1 ? d->window[0] : d->window[a];
        int64_t stride = d->stride[a] ? d->stride[a] : a == 1 && d->stride[0] ? d->stride[0] : window;
        DNNI_REQUIRE(window >= 1, "desc.window[%lld] is %lld", (long long)a, (long long)window);
        DNNI_REQUIRE(stride >= 1, "desc.stride[%lld] is %lld", (long long)a, (long long)stride);
        g->size[a] = input->dims[a];
        g->window[a] = window;
        g->stride[a] = stride;
        if (window > g->size[a])
            return dnni_error(DNN_ERROR_SHAPE, "a window of %lld does not fit into axis %lld of a sample (shape %s)",
                              (long long)window, (long long)a, dnni_array_shape(input).text);
        int64_t steps = g->size[a] - window;
        g->count[a] = 1 + (d->cover ? dnnk_ceil_div(steps, stride) : steps / stride);
    }
    return DNN_OK;
}

static dnn_status target_shape(dnn_array *target, const grid *g, const dnn_array *input, dnn_window_target kind) {
    int32_t axes = (int32_t)g->axes;
    if (target->dtype == DNN_DTYPE_NONE || kind == DNN_WINDOW_TARGET_WHOLE) return DNN_OK;
    bool dense = target->rank >= axes;
    for (int32_t a = 0; dense && a < axes; a++) dense = target->dims[a] == input->dims[a];
    if (!dense)
        return dnni_error(DNN_ERROR_SHAPE, "a dense target begins with the input's axes %s, this one has shape %s",
                          dnni_shape(axes, input->dims).text, dnni_array_shape(target).text);
    if (kind == DNN_WINDOW_TARGET_CENTRE) *target = dnni_array(target->dtype, target->rank - axes, target->dims + axes);
    for (int32_t a = 0; kind == DNN_WINDOW_TARGET_DENSE && a < axes; a++) target->dims[a] = g->window[a];
    return DNN_OK;
}

static dnn_status shape_of(dnni_dataset_shape *shape, grid *g, const dnn_dataset *source, const dnn_windows_desc *d) {
    DNNI_REQUIRE(d->target == DNN_WINDOW_TARGET_WHOLE || d->target == DNN_WINDOW_TARGET_DENSE ||
                     d->target == DNN_WINDOW_TARGET_CENTRE, "desc.target is %d", (int)d->target);
    *shape = dnni_view_shape(source, 0);
    DNNI_TRY(lay_grid(g, &source->input, d));
    DNNI_TRY(target_shape(&shape->target, g, &source->input, d->target));
    for (int64_t a = 0; a < g->axes; a++) shape->input.dims[a] = g->window[a];
    shape->scratch_bytes = HEAD + dnni_sample_room(source);
    if (dnni_mul(source->count, windows_each(g), &shape->count)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "there are more windows than can be counted");
}

dnn_status dnn_dataset_windows(dnn_dataset **out, dnn_dataset *source, const dnn_windows_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    dnn_windows_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    dnni_dataset_shape shape;
    grid g;
    DNNI_TRY(shape_of(&shape, &g, source, &d));
    windows_dataset *v = dnni_dataset_new(dnni_context_of(source), &windows_class, sizeof *v, &shape);
    if (!v) return DNN_ERROR_MEMORY;
    dnn_dataset_retain(v->source = source);
    v->grid = g;
    v->target = d.target;
    *out = &v->base;
    return DNN_OK;
}
