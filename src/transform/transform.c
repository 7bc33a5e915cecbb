#include "transform/transform.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static dnn_status check(const dnn_transform *transform) { return dnni_check_transform(transform, "transform"); }

/* ---- making and holding ---- */

static void destroy(void *object) {
    dnn_transform *t = object;
    dnn_context *ctx = t->base.ctx;
    for (int64_t i = 0; i < t->n_children; i++) {
        t->children[i]->containers--;
        dnn_transform_release(t->children[i]);
    }
    dnni_free(ctx, t->children, t->capacity, sizeof *t->children);
    dnni_free(ctx, t->state, t->state_bytes, 1);
}

dnn_transform *dnni_transform_new(dnn_context *ctx, const dnni_transform_class *class, const void *state,
                                  int64_t bytes) {
    if (dnni_context_check(ctx, "ctx") != DNN_OK) return NULL;
    dnn_transform *t = dnni_object_new(ctx, DNNI_TRANSFORM, sizeof *t, destroy);
    if (!t) return NULL;
    t->class = class;
    t->state = dnni_alloc(ctx, bytes, 1);
    if (!t->state) {
        dnn_transform_release(t);
        return NULL;
    }
    t->state_bytes = bytes;
    if (state) memcpy(t->state, state, (size_t)bytes);
    return t;
}

dnn_status dnn_transform_retain(dnn_transform *transform) {
    return dnni_object_retain(transform, DNNI_TRANSFORM, "transform");
}

/* What was handed over and is released all the same would leave its container with nothing. */
dnn_status dnn_transform_release(dnn_transform *transform) {
    if (dnni_is(transform, DNNI_TRANSFORM) && atomic_load(&transform->base.holders) <= transform->containers)
        return dnni_error(DNN_ERROR_HANDLE, "the %s was handed over: its container releases it",
                          transform->class->type);
    return dnni_object_release(transform, DNNI_TRANSFORM, "transform");
}

/* ---- containers ---- */

static dnn_status check_open(const dnn_transform *container) {
    DNNI_REQUIRE(container->class->is_container, "a %s takes no children", container->class->type);
    if (container->containers > 0)
        return dnni_error(DNN_ERROR_STATE, "the %s was handed over to another container: it takes no more children",
                          container->class->type);
    return DNN_OK;
}

static dnn_status check_child(const dnn_transform *container, const dnn_transform *child) {
    DNNI_TRY(dnni_check_transform(child, "transform"));
    DNNI_TRY(dnni_check_same_context(container, child, "container and child"));
    DNNI_REQUIRE(container != child, "a container cannot be its own child");
    DNNI_REQUIRE(child->height < DNNI_TRANSFORM_DEPTH, "containers nest up to %d deep", (int)DNNI_TRANSFORM_DEPTH);
    return DNN_OK;
}

/* Takes over the caller's hold on the child only when it succeeds. */
static dnn_status append(dnn_transform *container, dnn_transform *child) {
    if (!child) return dnn_last_status() == DNN_OK ? dnni_error(DNN_ERROR_ARGUMENT, "transform is NULL")
                                                   : dnn_last_status();
    DNNI_TRY(check_child(container, child));
    DNNI_TRY(dnni_grow(container->base.ctx, (void **)&container->children, &container->capacity,
                       container->n_children + 1, sizeof *container->children));
    container->children[container->n_children++] = child;
    if (container->height <= child->height) container->height = child->height + 1;
    child->containers++;
    return DNN_OK;
}

/* Releases a child that could not be handed over; the last error stays. */
static void drop(dnn_transform *child) {
    dnni_saved_error saved;
    dnni_error_save(&saved);
    dnn_transform_release(child);
    dnni_error_restore(&saved);
}

dnn_status dnn_transform_add(dnn_transform *container, dnn_transform *transform) {
    dnn_status status = dnni_check_transform(container, "container");
    if (status == DNN_OK) status = check_open(container);
    bool keep = status == DNN_OK;
    if (status == DNN_OK) status = append(container, transform);
    if (status == DNN_OK) return DNN_OK;
    if (keep && container->error.status == DNN_OK) dnni_error_save(&container->error);
    if (container != transform) drop(transform);
    return status;
}

dnn_status dnn_transform_error(dnn_transform *transform) {
    DNNI_TRY(check(transform));
    if (transform->error.status != DNN_OK) return dnni_error_restore(&transform->error);
    for (int64_t i = 0; i < transform->n_children; i++) DNNI_TRY(dnn_transform_error(transform->children[i]));
    return DNN_OK;
}

dnn_transform *dnni_transform_over(dnn_context *ctx, const dnni_transform_class *class, const void *state,
                                   int64_t bytes, dnn_transform *const *children, int64_t n) {
    dnn_transform *t = class ? dnni_transform_new(ctx, class, state, bytes) : NULL;
    dnn_status status = t ? DNN_OK : dnn_last_status();
    for (int64_t i = 0; i < n; i++) {
        if (status == DNN_OK && (status = append(t, children[i])) == DNN_OK) continue;
        drop(children[i]);
    }
    if (status == DNN_OK) return t;
    drop(t);
    return NULL;
}

/* ---- text ---- */

void dnni_text_add(dnni_text *text, const char *format, ...) {
    size_t room = text->length < text->bytes ? text->bytes - text->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(room ? text->text + text->length : NULL, room, format, arguments);
    va_end(arguments);
    if (written > 0) text->length += (size_t)written;
}

/* The same in every locale. */
void dnni_text_number(dnni_text *text, double value) {
    char number[32];
    snprintf(number, sizeof number, "%.4g", value + 0.0);
    for (char *c = number; *c; c++)
        if (!strchr("0123456789+-einfa", *c)) *c = '.';
    dnni_text_add(text, "%s", number);
}

void dnni_text_range(dnni_text *text, double low, double high) {
    dnni_text_add(text, " ");
    dnni_text_number(text, low);
    dnni_text_add(text, " to ");
    dnni_text_number(text, high);
}

void dnni_text_border(dnni_text *text, dnn_border border, double fill) {
    if (border == DNN_BORDER_EDGE) dnni_text_add(text, ", edge");
    else if (border == DNN_BORDER_REFLECT) dnni_text_add(text, ", reflect");
    else if (fill != 0) {
        dnni_text_add(text, ", fill ");
        dnni_text_number(text, fill);
    }
}

void dnni_text_filter(dnni_text *text, dnn_filter filter, bool no_antialias) {
    if (filter == DNN_FILTER_NEAREST) dnni_text_add(text, ", nearest");
    else if (filter == DNN_FILTER_AREA) dnni_text_add(text, ", area");
    else if (no_antialias) dnni_text_add(text, ", not antialiased");
}

static void write_text(const dnn_transform *t, int depth, dnni_text *text) {
    dnni_text_add(text, "%*s%s", 2 * depth, "", t->class->type);
    if (t->class->settings) t->class->settings(t->state, text);
    dnni_text_add(text, "\n");
    for (int64_t i = 0; i < t->n_children; i++) write_text(t->children[i], depth + 1, text);
}

int64_t dnn_transform_text(const dnn_transform *transform, char *text, size_t bytes) {
    if (check(transform) != DNN_OK) return -1;
    if (!text && bytes > 0) return dnni_error(DNN_ERROR_ARGUMENT, "text is NULL, bytes is not 0"), -1;
    dnni_text out = {text, bytes, 0};
    if (bytes > 0) *text = 0;
    write_text(transform, 0, &out);
    return (int64_t)out.length;
}

/* ---- what shape rules ask ---- */

dnn_status dnni_want_image(const dnni_spec *spec) {
    const dnn_array *a = &spec->input;
    if (a->rank != 3 || dnni_count(a) == 0)
        return dnni_error(DNN_ERROR_SHAPE, "the input has shape %s, an image is wanted: (height, width, channels)",
                          dnni_array_shape(a).text);
    if (a->dtype != DNN_U8 && a->dtype != DNN_F32)
        return dnni_error(DNN_ERROR_DTYPE, "the input is %s, an image is uint8 or float32 (dnn_to_float makes it so)",
                          dnn_dtype_name(a->dtype));
    return DNN_OK;
}

dnn_status dnni_want_float(const dnni_spec *spec) {
    if (spec->input.dtype == DNN_F32) return DNN_OK;
    return dnni_error(DNN_ERROR_DTYPE, "the input is %s, float32 is wanted (dnn_to_float makes it so)",
                      dnn_dtype_name(spec->input.dtype));
}

dnn_status dnni_want_range(const dnni_spec *spec, const char *what) {
    if (spec->high > spec->low) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "%s not defined where the range of the values is unknown: place it before "
                      "standardising, or declare the range (dnn_dataset_with_metadata)", what);
}

dnn_status dnni_want_fill(const dnni_spec *spec, double fill) {
    bool fits = isfinite(fill) && (spec->input.dtype != DNN_U8 || (fill >= 0 && fill <= 255 && fill == floor(fill)));
    if (fits) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "fill is %g, which is no value of a %s image", fill,
                      dnn_dtype_name(spec->input.dtype));
}

void dnni_resize_spec(dnni_spec *spec, int64_t height, int64_t width) {
    spec->input.dims[0] = height;
    spec->input.dims[1] = width;
    if (spec->kind != DNN_TARGET_MASK) return;
    spec->target.dims[0] = height;
    spec->target.dims[1] = width;
}

dnn_status dnni_check_fraction(double value, const char *name) {
    DNNI_REQUIRE(value >= 0 && value <= 1, "%s is %g, it must be in [0, 1]", name, value);
    return DNN_OK;
}

dnn_status dnni_check_border(dnn_border border) {
    DNNI_REQUIRE(border == DNN_BORDER_FILL || border == DNN_BORDER_EDGE || border == DNN_BORDER_REFLECT,
                 "desc.border is %d, which is none", (int)border);
    return DNN_OK;
}

dnn_status dnni_check_filter(dnn_filter filter, bool area) {
    DNNI_REQUIRE(filter == DNN_FILTER_BILINEAR || filter == DNN_FILTER_NEAREST || (filter == DNN_FILTER_AREA && area),
                 "desc.filter is %d, which is none%s", (int)filter, area ? "" : " for this");
    return DNN_OK;
}

dnn_status dnni_check_size(int64_t height, int64_t width, const char *name) {
    const int64_t most = INT64_C(1) << 30;
    DNNI_REQUIRE(height >= 1 && width >= 1 && height <= most && width <= most, "%s is %lld x %lld", name,
                 (long long)height, (long long)width);
    return DNN_OK;
}
