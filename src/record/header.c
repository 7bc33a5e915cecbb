/* The header of a safetensors file, walked twice: once to check it and to count what it holds, once more to keep it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/sort.h"
#include "record/archive.h"
#include "record/json.h"

/* Names longer than this are cut in messages. */
enum { LABEL = 128 };

typedef struct {
    dnni_json json;
    dnn_archive *keep; /* NULL while counting */
    int64_t text, dims, entries, pairs;
    bool has_metadata;
} walk;

/* ---- element types ---- */

static const struct {
    const char *name;
    dnn_dtype dtype;
} types[] = {
    {"BOOL", DNN_BOOL}, {"U8", DNN_U8},   {"F16", DNN_F16}, {"BF16", DNN_BF16},
    {"I32", DNN_I32},   {"F32", DNN_F32}, {"F64", DNN_F64}, {"I64", DNN_I64},
};
enum { TYPES = sizeof types / sizeof types[0] };

static const char *const foreign_types[] = {"I8",  "U16", "I16",     "U32",     "U64",     "C64",    "F4",
                                            "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0"};

int32_t dnni_dtype_order(dnn_dtype dtype) {
    int32_t i = 0;
    while (i < TYPES && types[i].dtype != dtype) i++;
    return i;
}

const char *dnni_name_of_dtype(dnn_dtype dtype) {
    int32_t i = dnni_dtype_order(dtype);
    return i < TYPES ? types[i].name : "";
}

dnn_dtype dnni_dtype_of_name(const char *name, bool *known) {
    *known = true;
    for (int32_t i = 0; i < TYPES; i++)
        if (strcmp(types[i].name, name) == 0) return types[i].dtype;
    *known = false;
    for (size_t i = 0; i < sizeof foreign_types / sizeof foreign_types[0]; i++)
        if (strcmp(foreign_types[i], name) == 0) *known = true;
    return DNN_DTYPE_NONE;
}

/* ---- strings ---- */

/* A string into label[0..LABEL), cut if need be, and into the archive's text if it is kept; *place is where. */
static dnn_status read_string(walk *w, char *label, uint32_t *place, bool kept) {
    int64_t length;
    const char *first = w->json.at;
    DNNI_TRY(dnni_json_string(&w->json, label, LABEL - 1, &length));
    label[length < LABEL - 1 ? length : LABEL - 1] = '\0';
    if (!kept) return DNN_OK;
    *place = (uint32_t)w->text;
    if (w->keep) {
        w->json.at = first;
        DNNI_TRY(dnni_json_string(&w->json, w->keep->text + w->text, length, &length));
    }
    w->text += length + 1;
    return DNN_OK;
}

/* A key and its colon: which of the words[0..n) it is; -1: none, and the label has it. */
static dnn_status read_key(walk *w, const char *const *words, int n, char *label, int *which) {
    DNNI_TRY(read_string(w, label, NULL, false));
    DNNI_TRY(dnni_json_expect(&w->json, ':'));
    *which = -1;
    for (int i = 0; i < n; i++)
        if (strcmp(words[i], label) == 0) *which = i;
    return DNN_OK;
}

/* Messages are one line, whatever a name holds. */
static dnn_status blame(dnn_status status, char *name) {
    char prefix[LABEL + 16];
    for (char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    snprintf(prefix, sizeof prefix, "tensor \"%s\"", name);
    dnni_error_prefix(prefix);
    return status;
}

/* ---- one tensor ---- */

typedef struct {
    dnn_dtype dtype;
    int32_t rank;
    int64_t dims[DNN_MAX_RANK];
    int64_t begin, end;
} record;

static dnn_status read_dtype(walk *w, record *r) {
    char name[LABEL];
    bool known;
    DNNI_TRY(read_string(w, name, NULL, false));
    r->dtype = dnni_dtype_of_name(name, &known);
    if (r->dtype != DNN_DTYPE_NONE) return DNN_OK;
    if (known) return dnni_error(DNN_ERROR_UNSUPPORTED, "dtype %s has no counterpart here", name);
    return dnni_error(DNN_ERROR_FORMAT, "dtype is no element type of the format");
}

static dnn_status read_shape(walk *w, record *r) {
    dnn_status status = DNN_OK;
    DNNI_TRY(dnni_json_expect(&w->json, '['));
    for (int64_t axes = 0; dnni_json_next(&w->json, ']', &axes, &status); r->rank = (int32_t)axes) {
        if (axes > DNN_MAX_RANK)
            return dnni_error(DNN_ERROR_UNSUPPORTED, "shape has more than %d axes", DNN_MAX_RANK);
        DNNI_TRY(dnni_json_integer(&w->json, &r->dims[axes - 1]));
    }
    return status;
}

static dnn_status read_offsets(walk *w, record *r) {
    DNNI_TRY(dnni_json_expect(&w->json, '['));
    DNNI_TRY(dnni_json_integer(&w->json, &r->begin));
    DNNI_TRY(dnni_json_expect(&w->json, ','));
    DNNI_TRY(dnni_json_integer(&w->json, &r->end));
    return dnni_json_expect(&w->json, ']');
}

static dnn_status check_record(const record *r) {
    dnn_array array;
    if (r->begin > r->end)
        return dnni_error(DNN_ERROR_FORMAT, "data_offsets [%" PRId64 ",%" PRId64 "] end before they begin", r->begin,
                          r->end);
    if (dnni_make_array(&array, r->dtype, r->rank, r->dims) != DNN_OK)
        return dnni_error(DNN_ERROR_FORMAT, "shape %s of %s has more bytes than can be addressed",
                          dnni_shape(r->rank, r->dims).text, dnn_dtype_name(r->dtype));
    if (dnni_bytes(&array) != r->end - r->begin)
        return dnni_error(DNN_ERROR_FORMAT, "shape %s of %s takes %" PRId64 " bytes, data_offsets span %" PRId64,
                          dnni_shape(r->rank, r->dims).text, dnn_dtype_name(r->dtype), dnni_bytes(&array),
                          r->end - r->begin);
    return DNN_OK;
}

static dnn_status read_record(walk *w, record *r) {
    static const char *const words[] = {"dtype", "shape", "data_offsets"};
    static dnn_status (*const readers[])(walk *, record *) = {read_dtype, read_shape, read_offsets};
    char label[LABEL];
    int which;
    bool seen[3] = {false, false, false};
    dnn_status status = DNN_OK;
    DNNI_TRY(dnni_json_expect(&w->json, '{'));
    for (int64_t items = 0; dnni_json_next(&w->json, '}', &items, &status);) {
        DNNI_TRY(read_key(w, words, 3, label, &which));
        if (which < 0) return dnni_error(DNN_ERROR_FORMAT, "a field that is not dtype, shape or data_offsets");
        if (seen[which]) return dnni_error(DNN_ERROR_FORMAT, "%s is there twice", words[which]);
        seen[which] = true;
        DNNI_TRY(readers[which](w, r));
    }
    DNNI_TRY(status);
    for (int i = 0; i < 3; i++)
        if (!seen[i]) return dnni_error(DNN_ERROR_FORMAT, "%s is missing", words[i]);
    return check_record(r);
}

static void keep_record(walk *w, const record *r, uint32_t name) {
    if (w->keep) {
        w->keep->entries[w->entries] = (dnni_entry){.name = name,
                                                    .dims = (uint32_t)w->dims,
                                                    .rank = (uint16_t)r->rank,
                                                    .dtype = (uint16_t)r->dtype,
                                                    .bytes = r->end - r->begin,
                                                    .place = r->begin};
        for (int32_t i = 0; i < r->rank; i++) w->keep->dims[w->dims + i] = r->dims[i];
    }
    w->dims += r->rank;
    w->entries++;
}

/* ---- the whole ---- */

static dnn_status read_metadata(walk *w) {
    char label[LABEL];
    dnn_status status = DNN_OK;
    if (w->has_metadata) return dnni_error(DNN_ERROR_FORMAT, "__metadata__ is there twice");
    w->has_metadata = true;
    DNNI_TRY(dnni_json_expect(&w->json, '{'));
    for (int64_t items = 0; dnni_json_next(&w->json, '}', &items, &status); w->pairs++) {
        dnni_pair pair;
        DNNI_TRY(read_string(w, label, &pair.key, true));
        DNNI_TRY(dnni_json_expect(&w->json, ':'));
        DNNI_TRY(read_string(w, label, &pair.value, true));
        if (w->keep) w->keep->pairs[w->pairs] = pair;
    }
    return status;
}

static dnn_status read_tensor(walk *w) {
    record r = {.rank = 0};
    char name[LABEL];
    uint32_t place;
    DNNI_TRY(read_string(w, name, &place, true));
    DNNI_TRY(dnni_json_expect(&w->json, ':'));
    dnn_status status = read_record(w, &r);
    if (status != DNN_OK) return blame(status, name);
    keep_record(w, &r, place);
    return DNN_OK;
}

static dnn_status read_item(walk *w) {
    static const char *const words[] = {"__metadata__"};
    char label[LABEL];
    int which;
    const char *first = w->json.at;
    DNNI_TRY(read_key(w, words, 1, label, &which));
    if (which == 0) return read_metadata(w);
    w->json.at = first;
    return read_tensor(w);
}

/* The header begins with its brace, and behind its end there may be spaces, for alignment. */
static dnn_status read_all(walk *w, const char *header, int64_t bytes, dnn_archive *keep) {
    dnn_status status = DNN_OK;
    *w = (walk){.json = {header, header, header + bytes, "header"}, .keep = keep};
    if (bytes == 0 || *header != '{') return dnni_error(DNN_ERROR_FORMAT, "header: it does not begin with '{'");
    w->json.at++;
    for (int64_t items = 0; dnni_json_next(&w->json, '}', &items, &status);) DNNI_TRY(read_item(w));
    DNNI_TRY(status);
    while (w->json.at < w->json.end && *w->json.at == ' ') w->json.at++;
    if (w->json.at == w->json.end) return DNN_OK;
    return dnni_error(DNN_ERROR_FORMAT, "header, byte %" PRId64 ": something follows its end",
                      (int64_t)(w->json.at - w->json.start));
}

/* ---- what only the whole can tell ---- */

static int compare_places(const void *context, uint32_t a, uint32_t b) {
    const dnni_entry *x = &((const dnn_archive *)context)->entries[a], *y = &((const dnn_archive *)context)->entries[b];
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static int compare_names(const void *context, uint32_t a, uint32_t b) {
    const dnn_archive *archive = context;
    return strcmp(dnni_archive_name(archive, a), dnni_archive_name(archive, b));
}

static int compare_keys(const void *context, uint32_t a, uint32_t b) {
    const dnn_archive *archive = context;
    return strcmp(archive->text + archive->pairs[a].key, archive->text + archive->pairs[b].key);
}

static void sort_all(uint32_t *index, int64_t n, int (*compare)(const void *, uint32_t, uint32_t),
                     dnn_archive *archive) {
    for (int64_t i = 0; i < n; i++) index[i] = (uint32_t)i;
    dnni_sort(index, n, compare, archive);
}

void dnni_header_index(dnn_archive *archive) {
    sort_all(archive->by_name, archive->n_entries, compare_names, archive);
}

static dnn_status check_twins(dnn_archive *archive) {
    char name[LABEL];
    dnni_header_index(archive);
    for (int64_t i = 1; i < archive->n_entries; i++) {
        if (compare_names(archive, archive->by_name[i - 1], archive->by_name[i]) != 0) continue;
        snprintf(name, sizeof name, "%s", dnni_archive_name(archive, archive->by_name[i]));
        return blame(dnni_error(DNN_ERROR_FORMAT, "the name is there twice"), name);
    }
    sort_all(archive->by_key, archive->n_pairs, compare_keys, archive);
    for (int64_t i = 1; i < archive->n_pairs; i++)
        if (compare_keys(archive, archive->by_key[i - 1], archive->by_key[i]) == 0)
            return dnni_error(DNN_ERROR_FORMAT, "__metadata__ has a key twice");
    return DNN_OK;
}

/* Tensors lie one behind the other: no hole, no overlap, nothing behind the last. */
static dnn_status check_places(dnn_archive *archive, int64_t data_bytes) {
    int64_t next = 0;
    char name[LABEL];
    sort_all(archive->by_name, archive->n_entries, compare_places, archive);
    for (int64_t i = 0; i < archive->n_entries; i++) {
        const dnni_entry *e = &archive->entries[archive->by_name[i]];
        if (e->place == next && e->bytes <= data_bytes - next) {
            next += e->bytes;
            continue;
        }
        snprintf(name, sizeof name, "%s", archive->text + e->name);
        if (e->place == next)
            return blame(dnni_error(DNN_ERROR_FORMAT,
                                    "data ends at %" PRId64 ", the file has %" PRId64 " bytes of data",
                                    e->place + e->bytes, data_bytes),
                         name);
        return blame(dnni_error(DNN_ERROR_FORMAT, "data begins at %" PRId64 ", the tensor before it ends at %" PRId64,
                                e->place, next), name);
    }
    if (next == data_bytes) return DNN_OK;
    return dnni_error(DNN_ERROR_FORMAT, "%" PRId64 " bytes follow the last tensor", data_bytes - next);
}

static dnn_status allocate(dnn_archive *archive, const walk *count) {
    dnn_context *ctx = dnni_context_of(archive);
    archive->n_text = count->text;
    archive->n_dims = count->dims;
    archive->n_entries = count->entries;
    archive->n_pairs = count->pairs;
    archive->text = dnni_alloc(ctx, count->text, 1);
    archive->dims = dnni_alloc(ctx, count->dims, sizeof *archive->dims);
    archive->entries = dnni_alloc(ctx, count->entries, sizeof *archive->entries);
    archive->by_name = dnni_alloc(ctx, count->entries, sizeof *archive->by_name);
    archive->pairs = dnni_alloc(ctx, count->pairs, sizeof *archive->pairs);
    archive->by_key = dnni_alloc(ctx, count->pairs, sizeof *archive->by_key);
    bool all =
        archive->text && archive->dims && archive->entries && archive->by_name && archive->pairs && archive->by_key;
    return all ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnni_header_read(dnn_archive *archive, const char *header, int64_t header_bytes, int64_t data_bytes) {
    walk w;
    DNNI_TRY(read_all(&w, header, header_bytes, NULL));
    DNNI_TRY(allocate(archive, &w));
    DNNI_TRY(read_all(&w, header, header_bytes, archive));
    DNNI_TRY(check_twins(archive));
    return check_places(archive, data_bytes);
}
