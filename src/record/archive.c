#include "record/archive.h"

#include <string.h>

#include "hash/crc32c.h"

/* ---- questions ---- */

const char *dnni_archive_name(const dnn_archive *archive, int64_t index) {
    return archive->text + archive->entries[index].name;
}

dnn_array dnni_archive_array(const dnn_archive *archive, int64_t index) {
    const dnni_entry *e = &archive->entries[index];
    dnn_array array = dnni_array((dnn_dtype)e->dtype, e->rank, archive->dims + e->dims);
    array.data = (char *)archive->storage->data + e->place;
    return array;
}

int64_t dnni_archive_find(const dnn_archive *archive, const char *name) {
    int64_t low = 0, high = archive->n_entries;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int order = strcmp(name, dnni_archive_name(archive, archive->by_name[middle]));
        if (order == 0) return archive->by_name[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return -1;
}

static dnn_status check_index(int64_t index, int64_t n, const char *what) {
    if (index >= 0 && index < n) return DNN_OK;
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no %s %lld, the archive has %lld", what, (long long)index,
                      (long long)n);
}

int64_t dnn_archive_count(const dnn_archive *archive) {
    return dnni_archive_check(archive) == DNN_OK ? archive->n_entries : -1;
}

const char *dnn_archive_name(const dnn_archive *archive, int64_t index) {
    if (dnni_archive_check(archive) != DNN_OK) return NULL;
    if (check_index(index, archive->n_entries, "tensor") != DNN_OK) return NULL;
    return dnni_archive_name(archive, index);
}

dnn_status dnn_archive_tensor_at(dnn_tensor **out, const dnn_archive *archive, int64_t index) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_archive_check(archive));
    DNNI_TRY(check_index(index, archive->n_entries, "tensor"));
    dnn_array array = dnni_archive_array(archive, index);
    return dnni_tensor_over(out, dnni_context_of(archive), &array, archive->storage);
}

dnn_status dnn_archive_tensor(dnn_tensor **out, const dnn_archive *archive, const char *name) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_archive_check(archive));
    DNNI_REQUIRE(name, "name is NULL");
    int64_t index = dnni_archive_find(archive, name);
    if (index < 0) return dnni_error(DNN_ERROR_NOT_FOUND, "the archive has no tensor \"%s\"", name);
    return dnn_archive_tensor_at(out, archive, index);
}

/* Integers along one axis are class labels: int64, as everywhere. */
static dnn_status as_labels(dnn_tensor **tensor) {
    dnn_dtype dtype = (*tensor)->array.dtype;
    bool narrow = dtype == DNN_U8 || dtype == DNN_I32 || dtype == DNN_BOOL;
    dnn_tensor *wide;
    if (!narrow || (*tensor)->array.rank != 1) return DNN_OK;
    DNNI_TRY(dnn_tensor_cast(&wide, *tensor, DNN_I64, DNN_CAST_EXACT, NULL));
    dnn_tensor_release(*tensor);
    *tensor = wide;
    return DNN_OK;
}

dnn_status dnn_archive_dataset(dnn_dataset **out, const dnn_archive *archive, const char *inputs, const char *targets) {
    dnn_tensor *x = NULL, *t = NULL;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnn_archive_tensor(&x, archive, inputs));
    dnn_status status = targets ? dnn_archive_tensor(&t, archive, targets) : DNN_OK;
    if (status == DNN_OK && targets) status = as_labels(&t);
    if (status == DNN_OK) status = dnn_dataset_from_tensors(out, x, t);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return status;
}

int64_t dnn_archive_metadata_count(const dnn_archive *archive) {
    return dnni_archive_check(archive) == DNN_OK ? archive->n_pairs : -1;
}

dnn_status dnn_archive_metadata_at(const dnn_archive *archive, int64_t index, dnn_metadata *pair) {
    DNNI_TRY(dnni_archive_check(archive));
    DNNI_TRY(check_index(index, archive->n_pairs, "pair of metadata"));
    DNNI_REQUIRE(pair, "pair is NULL");
    pair->key = archive->text + archive->pairs[index].key;
    pair->value = archive->text + archive->pairs[index].value;
    return DNN_OK;
}

const char *dnn_archive_metadata(const dnn_archive *archive, const char *key) {
    if (dnni_archive_check(archive) != DNN_OK) return NULL;
    for (int64_t i = 0; key && i < archive->n_pairs; i++)
        if (strcmp(archive->text + archive->pairs[i].key, key) == 0) return archive->text + archive->pairs[i].value;
    if (key) dnni_error(DNN_ERROR_NOT_FOUND, "the archive has no metadata \"%s\"", key);
    else dnni_error(DNN_ERROR_ARGUMENT, "key is NULL");
    return NULL;
}

/* ---- making ---- */

static void destroy(void *object) {
    dnn_archive *archive = object;
    dnn_context *ctx = dnni_context_of(archive);
    dnni_free(ctx, archive->text, archive->n_text, 1);
    dnni_free(ctx, archive->dims, archive->n_dims, sizeof *archive->dims);
    dnni_free(ctx, archive->entries, archive->n_entries, sizeof *archive->entries);
    dnni_free(ctx, archive->by_name, archive->n_entries, sizeof *archive->by_name);
    dnni_free(ctx, archive->pairs, archive->n_pairs, sizeof *archive->pairs);
    dnni_free(ctx, archive->by_key, archive->n_pairs, sizeof *archive->by_key);
    dnni_storage_drop(archive->storage);
}

dnn_status dnn_archive_release(dnn_archive *archive) {
    return dnni_object_release(archive, DNNI_ARCHIVE, "archive");
}

/* Where bytes come from: a file, or memory. */
typedef struct {
    dnni_file *file;
    const char *memory;
    int64_t bytes, taken;
    bool summed;        /* the file must have a sum, and a right one */
    uint32_t sum, says; /* of what was taken; what the file says it is */
    dnnk_isa isa;
} source;

static dnn_status take(source *s, void *target, int64_t bytes) {
    if (s->file) DNNI_TRY(dnni_file_read(s->file, target, bytes));
    else if (bytes > 0) memcpy(target, s->memory + s->taken, (size_t)bytes);
    s->taken += bytes;
    return DNN_OK;
}

static void sum_up(source *s, const void *data, int64_t bytes) {
    if (s->summed) s->sum = dnnk_crc32c(s->isa, s->sum, data, bytes);
}

/* Reads the sum's digits, and sets them to zeros, as they were when it was made. */
static dnn_status take_sum(source *s, char *header, int64_t bytes) {
    char *digits = s->summed ? dnni_sum_digits(header, bytes) : NULL;
    if (!s->summed) return DNN_OK;
    if (!digits) return dnni_error(DNN_ERROR_FORMAT, "the header has no " DNNI_SUM_KEY ": this is no checkpoint");
    for (int64_t i = 0; i < (int64_t)sizeof DNNI_SUM_NONE - 1; i++) {
        static const char hex[] = "0123456789abcdef";
        const char *digit = digits[i] ? strchr(hex, digits[i]) : NULL;
        if (!digit) return dnni_error(DNN_ERROR_FORMAT, DNNI_SUM_KEY " is no number of eight hexadecimal digits");
        s->says = s->says << 4 | (uint32_t)(digit - hex);
        digits[i] = '0';
    }
    sum_up(s, header, bytes);
    return DNN_OK;
}

static dnn_status check_sum(const source *s) {
    if (!s->summed || s->sum == s->says) return DNN_OK;
    return dnni_error(DNN_ERROR_FORMAT, "the file is damaged: its CRC-32C is %08lx, it says %08lx",
                      (unsigned long)s->sum, (unsigned long)s->says);
}

/* The length of the header: 8 bytes, little endian. */
static dnn_status take_length(source *s, int64_t *length) {
    unsigned char bytes[8];
    uint64_t value = 0;
    if (s->bytes < 8)
        return dnni_error(DNN_ERROR_FORMAT, "%lld bytes are too few for a safetensors file", (long long)s->bytes);
    DNNI_TRY(take(s, bytes, 8));
    sum_up(s, bytes, 8);
    for (int i = 7; i >= 0; i--) value = value << 8 | bytes[i];
    *length = (int64_t)value;
    if (value > DNNI_SAFETENSORS_HEADER_MOST)
        return dnni_error(DNN_ERROR_FORMAT, "header length is %llu, the format allows %d", (unsigned long long)value,
                          DNNI_SAFETENSORS_HEADER_MOST);
    if (*length > s->bytes - 8)
        return dnni_error(DNN_ERROR_FORMAT, "header length is %lld, the file has %lld bytes after it",
                          (long long)*length, (long long)(s->bytes - 8));
    return DNN_OK;
}

static dnn_status take_header(source *s, dnn_archive *archive) {
    int64_t length = 0;
    DNNI_TRY(take_length(s, &length));
    dnn_context *ctx = dnni_context_of(archive);
    char *header = dnni_alloc_raw(ctx, length, 1);
    if (!header) return DNN_ERROR_MEMORY;
    dnn_status status = take(s, header, length);
    if (status == DNN_OK) status = take_sum(s, header, length);
    if (status == DNN_OK) status = dnni_header_read(archive, header, length, s->bytes - s->taken);
    dnni_free(ctx, header, length, 1);
    return status;
}

static int64_t padded(int64_t bytes) {
    return (bytes + DNNI_ARCHIVE_ALIGNMENT - 1) / DNNI_ARCHIVE_ALIGNMENT * DNNI_ARCHIVE_ALIGNMENT;
}

/* All data is read at once into the end of the storage; then tensor after tensor moves forward to its own, aligned
 * place, which is never behind where it was read to. */
static dnn_status take_data(source *s, dnn_archive *archive) {
    int64_t total = 0, data = s->bytes - s->taken;
    for (int64_t i = 0; i < archive->n_entries; i++) total += padded(archive->entries[i].bytes);
    archive->storage = dnni_storage_new(dnni_context_of(archive), total, false);
    if (!archive->storage) return DNN_ERROR_MEMORY;
    char *base = archive->storage->data, *from = base + (total - data);
    DNNI_TRY(take(s, from, data));
    sum_up(s, from, data);
    DNNI_TRY(check_sum(s));
    int64_t place = 0;
    for (int64_t i = 0; i < archive->n_entries; i++) {
        dnni_entry *e = &archive->entries[archive->by_name[i]];
        if (e->bytes > 0) memmove(base + place, from + e->place, (size_t)e->bytes);
        e->place = place;
        place += padded(e->bytes);
    }
    return DNN_OK;
}

/* A bool is 0 or 1; other bytes would be undefined behaviour in whoever reads them as such. */
static dnn_status check_bools(const dnn_archive *archive) {
    for (int64_t i = 0; i < archive->n_entries; i++) {
        dnn_array array = dnni_archive_array(archive, i);
        const unsigned char *bytes = array.data;
        for (int64_t k = 0; array.dtype == DNN_BOOL && k < archive->entries[i].bytes; k++)
            if (bytes[k] > 1)
                return dnni_error(DNN_ERROR_FORMAT, "tensor \"%.128s\": element %lld is %d, no bool",
                                  dnni_archive_name(archive, i), (long long)k, bytes[k]);
    }
    return DNN_OK;
}

dnn_status dnni_machine_check(void) {
    const uint16_t one = 1;
    if (*(const unsigned char *)&one == 1) return DNN_OK;
    return dnni_error(DNN_ERROR_UNSUPPORTED, "safetensors files are little endian, this machine is not");
}

static dnn_status read_archive(dnn_archive **out, dnn_context *ctx, source *s) {
    DNNI_TRY(dnni_machine_check());
    dnn_archive *archive = dnni_object_new(ctx, DNNI_ARCHIVE, sizeof *archive, destroy);
    if (!archive) return DNN_ERROR_MEMORY;
    dnn_status status = take_header(s, archive);
    if (status == DNN_OK) status = take_data(s, archive);
    if (status == DNN_OK) status = check_bools(archive);
    if (status != DNN_OK) {
        dnn_archive_release(archive);
        return status;
    }
    dnni_header_index(archive);
    *out = archive;
    return DNN_OK;
}

dnn_status dnn_safetensors_parse(dnn_archive **out, dnn_context *ctx, const void *bytes, int64_t n_bytes) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_REQUIRE(n_bytes >= 0, "n_bytes is %lld", (long long)n_bytes);
    DNNI_REQUIRE(bytes || n_bytes == 0, "bytes is NULL");
    source s = {.memory = bytes, .bytes = n_bytes};
    return read_archive(out, ctx, &s);
}

dnn_status dnni_archive_read(dnn_archive **out, dnn_context *ctx, const char *path, bool sum) {
    dnni_file file;
    dnn_status status = dnni_file_open(&file, path);
    if (status == DNN_OK) {
        source s = {.file = &file, .bytes = file.bytes, .summed = sum, .isa = dnni_env(ctx)->isa};
        status = read_archive(out, ctx, &s);
        dnni_file_close(&file);
    }
    if (status != DNN_OK) dnni_error_prefix(path);
    return status;
}

dnn_status dnn_safetensors_read(dnn_archive **out, dnn_context *ctx, const char *path) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_REQUIRE(path, "path is NULL");
    return dnni_archive_read(out, ctx, path, false);
}
