/* A module's parameters and buffers, to a file and back. */
#include <dnn/weights.h>

#include <string.h>

#include "record/archive.h"
#include "record/layout.h"

/* ---- saving ---- */

static dnn_status check_module(dnn_module *module, const char *path, int64_t *parameters) {
    DNNI_TRY(dnni_check(module, DNNI_MODULE, "module"));
    DNNI_REQUIRE(path, "path is NULL");
    DNNI_TRY(dnn_module_error(module));
    *parameters = dnn_module_parameter_count(module);
    return *parameters < 0 ? dnn_last_status() : DNN_OK;
}

static dnn_status check_save_desc(const dnn_weights_save_desc *d) {
    DNNI_TRY(dnni_layout_check(d->layout, d->flattened, d->n_flattened));
    bool stores = d->dtype == DNN_DTYPE_NONE || dnni_is_real(d->dtype) || d->dtype == DNN_F16 || d->dtype == DNN_BF16;
    DNNI_REQUIRE(stores, "desc.dtype is %s, weights are stored as floats", dnn_dtype_name(d->dtype));
    DNNI_REQUIRE(d->n_metadata >= 0, "desc.n_metadata is %lld", (long long)d->n_metadata);
    DNNI_REQUIRE(d->metadata || d->n_metadata == 0, "desc.metadata is NULL");
    return DNN_OK;
}

static dnn_status fill_item(dnni_item *item, dnn_module *module, int64_t index, const dnn_weights_save_desc *d) {
    dnni_stored stored;
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    DNNI_TRY(dnn_module_parameter_at(module, index, &p));
    dnn_status status = dnni_layout_of(&stored, &p, d->layout, d->flattened, d->n_flattened);
    if (status != DNN_OK) {
        dnni_error_prefix(p.path);
        return status;
    }
    if (d->dtype != DNN_DTYPE_NONE && dnni_is_real(stored.array.dtype)) stored.array.dtype = d->dtype;
    *item = (dnni_item){p.path, stored.array, stored.memory, stored.channels_first};
    return DNN_OK;
}

/* A name that no parameter has would be a layer that stays unconverted in silence. */
static dnn_status check_flattened(dnn_module *module, const dnn_flattened *flattened, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        DNNI_TRY(dnn_module_parameter(module, flattened[i].path, &p));
    }
    return DNN_OK;
}

dnn_status dnn_weights_save(dnn_module *module, const char *path, const dnn_weights_save_desc *desc) {
    dnn_weights_save_desc d;
    int64_t n;
    DNNI_TRY(check_module(module, path, &n));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(check_save_desc(&d));
    DNNI_TRY(check_flattened(module, d.flattened, d.n_flattened));
    dnn_context *ctx = dnni_context_of(module);
    dnni_item *items = dnni_alloc(ctx, n, sizeof *items);
    if (!items) return DNN_ERROR_MEMORY;
    dnn_status status = DNN_OK;
    for (int64_t i = 0; i < n && status == DNN_OK; i++) status = fill_item(&items[i], module, i, &d);
    if (status == DNN_OK) status = dnni_archive_write(ctx, path, items, n, d.metadata, d.n_metadata, false);
    dnni_free(ctx, items, n, sizeof *items);
    return status;
}

/* ---- loading ---- */

/* Where one parameter comes from. */
typedef struct {
    dnn_tensor *value;
    dnn_array target; /* its elements, as (n, h, w, c) where the order changes */
    dnn_array source; /* no data: it is not in the file */
    bool channels_first;
    void *converted; /* memory of our own that the source lies in, where the dtype changed */
} arrival;

typedef struct {
    dnn_context *ctx;
    dnn_module *module;
    dnn_archive *archive;
    const dnn_weights_load_desc *desc;
    arrival *arrivals;
    unsigned char *used; /* for each tensor of the archive */
    int64_t n;
} loading;

static dnn_status check_dtype(const loading *l, dnn_dtype file, dnn_dtype module) {
    bool is_float = (dnni_is_real(file) || file == DNN_F16 || file == DNN_BF16) && dnni_is_real(module);
    if (file == module || (is_float && l->desc->flags & DNN_WEIGHTS_ALLOW_CAST)) return DNN_OK;
    return dnni_error(DNN_ERROR_DTYPE, "the file has %s, the module %s%s", dnn_dtype_name(file), dnn_dtype_name(module),
                      is_float ? "; DNN_WEIGHTS_ALLOW_CAST converts" : "");
}

/* The elements of `a->source` in the module's dtype, in memory of their own. */
static dnn_status convert_arrival(const loading *l, arrival *a) {
    dnn_array converted = a->source;
    converted.dtype = a->target.dtype;
    a->converted = converted.data = dnni_alloc_raw(l->ctx, dnni_bytes(&converted), 1);
    if (!converted.data) return DNN_ERROR_MEMORY;
    int64_t first, lost = dnni_convert(&a->source, &converted, &first);
    if (lost > 0)
        return dnni_error(DNN_ERROR_VALUE, "%lld of %lld values do not fit %s, the first is element %lld",
                          (long long)lost, (long long)dnni_count(&converted), dnn_dtype_name(converted.dtype),
                          (long long)first);
    a->source = converted;
    return DNN_OK;
}

static dnn_status find_arrival(loading *l, const dnn_parameter *p, arrival *a) {
    dnni_stored stored;
    int64_t index = dnni_archive_find(l->archive, p->path);
    DNNI_TRY(dnni_layout_of(&stored, p, l->desc->layout, l->desc->flattened, l->desc->n_flattened));
    if (index < 0) return DNN_OK;
    l->used[index] = 1;
    dnn_array source = dnni_archive_array(l->archive, index);
    if (!dnni_same_shape(&source, &stored.array))
        return dnni_error(DNN_ERROR_SHAPE, "the file has %s, the module %s%s", dnni_array_shape(&source).text,
                          dnni_array_shape(&stored.array).text,
                          l->desc->layout == DNN_LAYOUT_TORCH ? " in PyTorch's layout" : "");
    DNNI_TRY(check_dtype(l, source.dtype, stored.memory.dtype));
    *a = (arrival){
        .value = p->value, .target = stored.memory, .source = source, .channels_first = stored.channels_first};
    return source.dtype == a->target.dtype ? DNN_OK : convert_arrival(l, a);
}

static dnn_status missing(const loading *l, int64_t count, int64_t first) {
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    DNNI_TRY(dnn_module_parameter_at(l->module, first, &p));
    return dnni_error(DNN_ERROR_NOT_FOUND,
                      "%lld of the module's %lld parameters are not in the file, the first is \"%s\"", (long long)count,
                      (long long)l->n, p.path);
}

static dnn_status find_all(loading *l) {
    int64_t lost = 0, first = -1;
    for (int64_t i = 0; i < l->n; i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        DNNI_TRY(dnn_module_parameter_at(l->module, i, &p));
        dnn_status status = find_arrival(l, &p, &l->arrivals[i]);
        if (status != DNN_OK) {
            dnni_error_prefix(p.path);
            return status;
        }
        if (!l->arrivals[i].source.data && lost++ == 0) first = i;
    }
    return lost > 0 && !(l->desc->flags & DNN_WEIGHTS_ALLOW_MISSING) ? missing(l, lost, first) : DNN_OK;
}

/* What PyTorch's batch norms count and nothing here needs. */
static bool is_batch_count(const loading *l, const char *name) {
    static const char word[] = "num_batches_tracked";
    size_t length = strlen(name), tail = sizeof word - 1;
    if (l->desc->layout != DNN_LAYOUT_TORCH || length < tail || strcmp(name + length - tail, word) != 0) return false;
    return length == tail || name[length - tail - 1] == '.';
}

static dnn_status check_extra(const loading *l) {
    int64_t extra = 0, first = -1, n = l->archive->n_entries;
    for (int64_t i = 0; i < n; i++)
        if (!l->used[i] && !is_batch_count(l, dnni_archive_name(l->archive, i)) && extra++ == 0) first = i;
    if (extra == 0 || l->desc->flags & DNN_WEIGHTS_ALLOW_EXTRA) return DNN_OK;
    return dnni_error(DNN_ERROR_NOT_FOUND,
                      "%lld of the file's %lld tensors are not in the module, the first is \"%.128s\"",
                      (long long)extra, (long long)n, dnni_archive_name(l->archive, first));
}

/* Nothing can fail from here on. */
static void arrive(const arrival *a) {
    if (!a->source.data) return;
    dnni_tensor_written(a->value);
    int64_t element = dnn_dtype_size(a->target.dtype), bytes = dnni_bytes(&a->target);
    if (a->channels_first) dnni_to_channels_last(a->target.data, a->source.data, a->target.dims, element);
    else if (bytes > 0) memcpy(a->target.data, a->source.data, (size_t)bytes);
}

static void free_arrivals(loading *l) {
    for (int64_t i = 0; l->arrivals && i < l->n; i++) {
        arrival *a = &l->arrivals[i];
        if (a->converted) dnni_free(l->ctx, a->converted, dnni_count(&a->target), dnn_dtype_size(a->target.dtype));
    }
    dnni_free(l->ctx, l->arrivals, l->n, sizeof *l->arrivals);
    dnni_free(l->ctx, l->used, l->archive->n_entries, 1);
}

static dnn_status load(loading *l) {
    l->arrivals = dnni_alloc(l->ctx, l->n, sizeof *l->arrivals);
    l->used = dnni_alloc(l->ctx, l->archive->n_entries, 1);
    dnn_status status = l->arrivals && l->used ? find_all(l) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = check_extra(l);
    for (int64_t i = 0; i < l->n && status == DNN_OK; i++) arrive(&l->arrivals[i]);
    free_arrivals(l);
    return status;
}

static dnn_status check_load_desc(const dnn_weights_load_desc *d) {
    const int32_t all = DNN_WEIGHTS_ALLOW_MISSING | DNN_WEIGHTS_ALLOW_EXTRA | DNN_WEIGHTS_ALLOW_CAST;
    DNNI_REQUIRE((d->flags & ~all) == 0, "desc.flags is %d, which is no sum of dnn_weights_flags", d->flags);
    return dnni_layout_check(d->layout, d->flattened, d->n_flattened);
}

dnn_status dnn_weights_load(dnn_module *module, const char *path, const dnn_weights_load_desc *desc) {
    dnn_weights_load_desc d;
    int64_t n;
    DNNI_TRY(check_module(module, path, &n));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(check_load_desc(&d));
    DNNI_TRY(check_flattened(module, d.flattened, d.n_flattened));
    loading l = {.ctx = dnni_context_of(module), .module = module, .desc = &d, .n = n};
    DNNI_TRY(dnn_safetensors_read(&l.archive, l.ctx, path));
    dnn_status status = load(&l);
    if (status != DNN_OK) dnni_error_prefix(path);
    dnn_archive_release(l.archive);
    return status;
}
