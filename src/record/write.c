/* Writing safetensors: the header is measured, then written; the data follows tensor by tensor. */
#include <stdio.h>
#include <string.h>

#include "core/sort.h"
#include "hash/crc32c.h"
#include "record/archive.h"
#include "record/json.h"
#include "record/layout.h"

typedef struct {
    const dnni_item *items;
    const dnn_metadata *metadata;
    int64_t n, n_metadata;
    uint32_t *order; /* in which tensors are stored */
    bool sum;
} job;

/* ---- the header ---- */

/* Text that is counted, and written where there is memory for it. */
typedef struct {
    char *text;
    int64_t length;
} writer;

static void put(writer *w, const char *bytes, int64_t n) {
    if (w->text) memcpy(w->text + w->length, bytes, (size_t)n);
    w->length += n;
}

static void put_text(writer *w, const char *text) { put(w, text, (int64_t)strlen(text)); }

static void put_number(writer *w, int64_t number) {
    char digits[20];
    int first = sizeof digits;
    do digits[--first] = (char)('0' + number % 10);
    while (number /= 10);
    put(w, digits + first, (int64_t)sizeof digits - first);
}

static void put_escaped(writer *w, unsigned char c) {
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt", hex[] = "0123456789abcdef";
    const char *found = strchr(plain, c);
    if (c >= 0x20 && !(found && *found)) {
        put(w, (const char *)&c, 1);
    } else if (found) {
        put_text(w, "\\");
        put(w, &letter[found - plain], 1);
    } else {
        put_text(w, "\\u00");
        put(w, &hex[c >> 4], 1);
        put(w, &hex[c & 15], 1);
    }
}

static void put_string(writer *w, const char *text) {
    put_text(w, "\"");
    for (; *text; text++) put_escaped(w, (unsigned char)*text);
    put_text(w, "\"");
}

static void put_metadata(writer *w, const job *j) {
    put_text(w, "\"__metadata__\":{");
    for (int64_t i = 0; i < j->n_metadata; i++) {
        if (i > 0) put_text(w, ",");
        put_string(w, j->metadata[i].key);
        put_text(w, ":");
        put_string(w, j->metadata[i].value);
    }
    put_text(w, "}");
}

static void put_item(writer *w, const dnni_item *item, int64_t begin) {
    put_string(w, item->name);
    put_text(w, ":{\"dtype\":\"");
    put_text(w, dnni_name_of_dtype(item->stored.dtype));
    put_text(w, "\",\"shape\":[");
    for (int32_t i = 0; i < item->stored.rank; i++) {
        if (i > 0) put_text(w, ",");
        put_number(w, item->stored.dims[i]);
    }
    put_text(w, "],\"data_offsets\":[");
    put_number(w, begin);
    put_text(w, ",");
    put_number(w, begin + dnni_bytes(&item->stored));
    put_text(w, "]}");
}

/* Length, JSON, and spaces so that the data begins at a multiple of 8 bytes. */
static void put_header(writer *w, const job *j, int64_t length) {
    int64_t begin = 0;
    for (int i = 0; i < 8; i++) put(w, &(const char){(char)(length >> (8 * i) & 255)}, 1);
    put_text(w, "{");
    if (j->n_metadata > 0) put_metadata(w, j);
    for (int64_t i = 0; i < j->n; i++) {
        const dnni_item *item = &j->items[j->order[i]];
        if (i > 0 || j->n_metadata > 0) put_text(w, ",");
        put_item(w, item, begin);
        begin += dnni_bytes(&item->stored);
    }
    put_text(w, "}");
    while (w->length % 8) put_text(w, " ");
}

/* The sum of all, into its place in the header. */
static void fill_in_sum(const dnn_context *ctx, const job *j, char *header, int64_t bytes) {
    char *digits = j->sum ? dnni_sum_digits(header, bytes) : NULL, text[sizeof DNNI_SUM_NONE];
    if (!digits) return;
    uint32_t sum = dnnk_crc32c(dnni_env(ctx)->isa, 0, header, bytes);
    for (int64_t i = 0; i < j->n; i++) {
        const dnn_array *a = &j->items[j->order[i]].memory;
        sum = dnnk_crc32c(dnni_env(ctx)->isa, sum, a->data, dnni_bytes(a));
    }
    snprintf(text, sizeof text, "%08lx", (unsigned long)sum);
    memcpy(digits, text, sizeof text - 1);
}

static dnn_status write_header(dnni_replacement *file, const job *j) {
    writer w = {.text = NULL};
    put_header(&w, j, 0);
    int64_t bytes = w.length;
    if (bytes - 8 > DNNI_SAFETENSORS_HEADER_MOST)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "the header would be %lld bytes long, the format allows %d",
                          (long long)(bytes - 8), DNNI_SAFETENSORS_HEADER_MOST);
    w = (writer){.text = dnni_alloc_raw(file->ctx, bytes, 1)};
    if (!w.text) return DNN_ERROR_MEMORY;
    put_header(&w, j, bytes - 8);
    fill_in_sum(file->ctx, j, w.text, bytes);
    dnn_status status = dnni_replacement_write(file, w.text, bytes);
    dnni_free(file->ctx, w.text, bytes, 1);
    return status;
}

/* ---- the data ---- */

/* The elements in the dtype of the file, in memory of their own. */
static dnn_status convert_item(const dnni_item *item, const dnn_array *converted) {
    int64_t first, lost = dnni_convert(&item->memory, converted, &first);
    if (lost == 0) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "%s: %lld of %lld values do not fit %s, the first is element %lld", item->name,
                      (long long)lost, (long long)dnni_count(converted), dnn_dtype_name(converted->dtype),
                      (long long)first);
}

static dnn_status write_converted(dnni_replacement *file, const dnni_item *item) {
    dnn_array converted = item->memory;
    converted.dtype = item->stored.dtype;
    int64_t bytes = dnni_bytes(&converted);
    int64_t copies = item->channels_first ? 2 : 1;
    converted.data = dnni_alloc_raw(file->ctx, bytes, copies);
    if (!converted.data) return DNN_ERROR_MEMORY;
    char *exchanged = (char *)converted.data + bytes;
    dnn_status status = convert_item(item, &converted);
    if (status == DNN_OK && item->channels_first)
        dnni_to_channels_first(exchanged, converted.data, converted.dims, dnn_dtype_size(converted.dtype));
    if (status == DNN_OK)
        status = dnni_replacement_write(file, item->channels_first ? exchanged : converted.data, bytes);
    dnni_free(file->ctx, converted.data, bytes, copies);
    return status;
}

static dnn_status write_item(dnni_replacement *file, const dnni_item *item) {
    if (item->channels_first || item->stored.dtype != item->memory.dtype) return write_converted(file, item);
    return dnni_replacement_write(file, item->memory.data, dnni_bytes(&item->memory));
}

static dnn_status write_all(dnni_replacement *file, const job *j) {
    DNNI_TRY(write_header(file, j));
    for (int64_t i = 0; i < j->n; i++) DNNI_TRY(write_item(file, &j->items[j->order[i]]));
    return DNN_OK;
}

/* ---- checks ---- */

static dnn_status check_text(const char *text, const char *what, int64_t index) {
    uint32_t c;
    DNNI_REQUIRE(text, "%s %lld is NULL", what, (long long)index);
    for (const char *at = text, *end = text + strlen(text); at < end;)
        DNNI_REQUIRE(dnni_utf8_next(&at, end, &c), "%s %lld is not UTF-8", what, (long long)index);
    return DNN_OK;
}

static int compare_names(const void *context, uint32_t a, uint32_t b) {
    const job *j = context;
    return strcmp(j->items[a].name, j->items[b].name);
}

static int compare_items(const void *context, uint32_t a, uint32_t b) {
    const job *j = context;
    int32_t x = dnni_dtype_order(j->items[a].stored.dtype), y = dnni_dtype_order(j->items[b].stored.dtype);
    return x != y ? y - x : compare_names(context, a, b);
}

static int compare_keys(const void *context, uint32_t a, uint32_t b) {
    const job *j = context;
    return strcmp(j->metadata[a].key, j->metadata[b].key);
}

/* The index of an item that equals its neighbour in order; -1: all differ. */
static int64_t twin(const job *j, int64_t n, int (*compare)(const void *, uint32_t, uint32_t)) {
    for (int64_t i = 0; i < n; i++) j->order[i] = (uint32_t)i;
    dnni_sort(j->order, n, compare, j);
    for (int64_t i = 1; i < n; i++)
        if (compare(j, j->order[i - 1], j->order[i]) == 0) return j->order[i];
    return -1;
}

static dnn_status check_job(const job *j) {
    for (int64_t i = 0; i < j->n; i++) {
        DNNI_TRY(check_text(j->items[i].name, "name", i));
        DNNI_REQUIRE(strcmp(j->items[i].name, "__metadata__") != 0, "no tensor can be named __metadata__");
    }
    for (int64_t i = 0; i < j->n_metadata; i++) {
        DNNI_TRY(check_text(j->metadata[i].key, "metadata key", i));
        DNNI_TRY(check_text(j->metadata[i].value, "metadata value", i));
    }
    int64_t same = twin(j, j->n_metadata, compare_keys);
    DNNI_REQUIRE(same < 0, "metadata has the key \"%s\" twice", j->metadata[same].key);
    same = twin(j, j->n, compare_names);
    DNNI_REQUIRE(same < 0, "two tensors are named \"%s\"", j->items[same].name);
    dnni_sort(j->order, j->n, compare_items, j);
    return DNN_OK;
}

/* ---- the whole ---- */

static dnn_status write_file(dnn_context *ctx, const char *path, const job *j) {
    dnni_replacement file;
    DNNI_TRY(dnni_replacement_begin(&file, ctx, path));
    dnn_status status = write_all(&file, j);
    if (status == DNN_OK) return dnni_replacement_commit(&file);
    dnni_replacement_abandon(&file);
    return status;
}

dnn_status dnni_archive_write(dnn_context *ctx, const char *path, const dnni_item *items, int64_t n,
                              const dnn_metadata *metadata, int64_t n_metadata, bool sum) {
    DNNI_TRY(dnni_machine_check());
    int64_t most = n > n_metadata ? n : n_metadata;
    if (most > UINT32_MAX) return dnni_error(DNN_ERROR_UNSUPPORTED, "%lld tensors are too many", (long long)most);
    job j = {.items = items, .metadata = metadata, .n = n, .n_metadata = n_metadata, .sum = sum};
    j.order = dnni_alloc(ctx, most, sizeof *j.order);
    if (!j.order) return DNN_ERROR_MEMORY;
    dnn_status status = check_job(&j);
    if (status == DNN_OK) {
        status = write_file(ctx, path, &j);
        if (status != DNN_OK) dnni_error_prefix(path);
    }
    dnni_free(ctx, j.order, most, sizeof *j.order);
    return status;
}

static dnn_status fill_items(dnni_item *items, dnn_context *ctx, const char *const *names,
                             const dnn_tensor *const *tensors, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        DNNI_TRY(dnni_check_tensor(tensors[i], "a tensor"));
        if (dnni_context_of(tensors[i]) != ctx)
            return dnni_error(DNN_ERROR_HANDLE, "tensor %lld is of another context", (long long)i);
        items[i] = (dnni_item){.name = names[i], .stored = tensors[i]->array, .memory = tensors[i]->array};
    }
    return DNN_OK;
}

dnn_status dnn_safetensors_write(dnn_context *ctx, const char *path, const char *const *names,
                                 const dnn_tensor *const *tensors, int64_t n, const dnn_metadata *metadata,
                                 int64_t n_metadata) {
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_REQUIRE(path, "path is NULL");
    DNNI_REQUIRE(n >= 0 && n_metadata >= 0, "n is %lld, n_metadata %lld", (long long)n, (long long)n_metadata);
    DNNI_REQUIRE((names && tensors) || n == 0, "names or tensors is NULL");
    DNNI_REQUIRE(metadata || n_metadata == 0, "metadata is NULL");
    dnni_item *items = dnni_alloc(ctx, n, sizeof *items);
    if (!items) return DNN_ERROR_MEMORY;
    dnn_status status = fill_items(items, ctx, names, tensors, n);
    if (status == DNN_OK) status = dnni_archive_write(ctx, path, items, n, metadata, n_metadata, false);
    dnni_free(ctx, items, n, sizeof *items);
    return status;
}
