/* Index files: sets of samples, with the hash of the data that they are chosen from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnn/index.h>

#include "data/subset.h"
#include "record/archive.h"

#define FORMAT "dnn-index"
#define HASH_KEY "dnn.data.xxh64"
#define COUNT_KEY "dnn.data.count"

/* ---- writing ---- */

typedef struct {
    dnn_context *ctx;
    dnn_dataset *source;
    int64_t n;
    dnni_item *items;  /* [n] */
    int64_t *numbers;  /* of all sets, one after another */
    int64_t n_numbers;
} job;

/* The sample's number in `source`; -1: it is not chosen from there. */
static int64_t number_in(const dnn_dataset *source, const dnn_dataset *set, int64_t index) {
    while (set != source) {
        if (!set->class->picks) return -1;
        set = set->class->origin(set, index, &index);
    }
    return index;
}

static dnn_status fill_set(const dnn_dataset *source, const dnn_dataset *set, int64_t k, int64_t *numbers) {
    for (int64_t i = 0; i < set->count; i++) {
        numbers[i] = number_in(source, set, i);
        DNNI_REQUIRE(numbers[i] >= 0, "sets[%lld] is not a view that only chooses samples of source", (long long)k);
    }
    return DNN_OK;
}

static dnn_status fill_items(job *j, const char *const *names, dnn_dataset *const *sets) {
    int64_t *next = j->numbers;
    for (int64_t k = 0; k < j->n; k++) {
        DNNI_TRY(fill_set(j->source, sets[k], k, next));
        dnn_array array = dnni_array(DNN_I64, 1, &sets[k]->count);
        array.data = next;
        j->items[k] = (dnni_item){.name = names[k], .stored = array, .memory = array};
        next += sets[k]->count;
    }
    return DNN_OK;
}

static dnn_status write(const job *j, const char *path, const dnn_progress *progress) {
    uint64_t hash;
    char hash_text[24], count_text[24];
    DNNI_TRY(dnn_dataset_hash(&hash, j->source, progress));
    snprintf(hash_text, sizeof hash_text, "%016llx", (unsigned long long)hash);
    snprintf(count_text, sizeof count_text, "%lld", (long long)j->source->count);
    const dnn_metadata metadata[] = {{"format", FORMAT}, {COUNT_KEY, count_text}, {HASH_KEY, hash_text},
                                     {DNNI_SUM_KEY, DNNI_SUM_NONE}};
    return dnni_archive_write(j->ctx, path, j->items, j->n, metadata, 4, true);
}

static dnn_status check_sets(job *j, const char *const *names, dnn_dataset *const *sets) {
    DNNI_REQUIRE(names && sets && j->n >= 1, "%s", !names ? "names is NULL" : !sets ? "sets is NULL" : "n is below 1");
    for (int64_t k = 0; k < j->n; k++) {
        DNNI_TRY(dnni_check_dataset(sets[k], "a set"));
        DNNI_REQUIRE(names[k], "names[%lld] is NULL", (long long)k);
        if (!dnni_add(j->n_numbers, sets[k]->count, &j->n_numbers)) return dnni_out_of_memory();
    }
    return DNN_OK;
}

dnn_status dnn_index_save(const char *path, dnn_dataset *source, const char *const *names, dnn_dataset *const *sets,
                          int64_t n, const dnn_index_desc *desc) {
    DNNI_REQUIRE(path, "path is NULL");
    DNNI_TRY(dnni_check_dataset(source, "source"));
    dnn_index_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    job j = {.ctx = dnni_context_of(source), .source = source, .n = n};
    DNNI_TRY(check_sets(&j, names, sets));
    j.items = dnni_alloc(j.ctx, n, sizeof *j.items);
    j.numbers = j.items ? dnni_alloc_raw(j.ctx, j.n_numbers, sizeof *j.numbers) : NULL;
    dnn_status status = j.numbers ? fill_items(&j, names, sets) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = write(&j, path, &d.progress);
    dnni_free(j.ctx, j.numbers, j.n_numbers, sizeof *j.numbers);
    dnni_free(j.ctx, j.items, n, sizeof *j.items);
    return status;
}

/* ---- reading ---- */

/* Digits and nothing else, in that base. */
static bool read_number(const char *text, int base, uint64_t *number) {
    const char *allowed = base == 16 ? "0123456789abcdef" : "0123456789";
    size_t length = text ? strlen(text) : 0;
    if (length == 0 || length > (base == 16 ? 16 : 18) || strspn(text, allowed) != length) return false;
    *number = strtoull(text, NULL, base);
    return true;
}

static dnn_status check_data(const dnn_archive *archive, dnn_dataset *source, const dnn_index_desc *d) {
    const char *format = dnn_archive_metadata(archive, "format");
    uint64_t count, hash, found;
    if (!format || strcmp(format, FORMAT) != 0 || !read_number(dnn_archive_metadata(archive, COUNT_KEY), 10, &count) ||
        !read_number(dnn_archive_metadata(archive, HASH_KEY), 16, &hash))
        return dnni_error(DNN_ERROR_FORMAT, "this is no index file: format, %s and %s are to be there", COUNT_KEY,
                          HASH_KEY);
    if (count != (uint64_t)source->count)
        return dnni_error(DNN_ERROR_VALUE, "the file is for data of %llu samples, this dataset has %lld",
                          (unsigned long long)count, (long long)source->count);
    if (d->no_hash) return DNN_OK;
    DNNI_TRY(dnn_dataset_hash(&found, source, &d->progress));
    if (found == hash) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "the file is for data with the hash %016llx, this dataset has %016llx: its "
                                       "samples have changed, or their order", (unsigned long long)hash,
                      (unsigned long long)found);
}

static dnn_status make_set(dnn_dataset **out, const dnn_archive *archive, dnn_dataset *source, const char *name) {
    int64_t index = dnni_archive_find(archive, name);
    if (index < 0) return dnni_error(DNN_ERROR_NOT_FOUND, "there is no set \"%s\"", name);
    dnn_array array = dnni_archive_array(archive, index);
    if (array.dtype != DNN_I64 || array.rank != 1)
        return dnni_error(DNN_ERROR_FORMAT, "%s is %s %s, a set is a list of int64", name, dnn_dtype_name(array.dtype),
                          dnni_array_shape(&array).text);
    const int64_t *numbers = array.data;
    for (int64_t i = 0; i < array.dims[0]; i++)
        if (numbers[i] < 0 || numbers[i] >= source->count)
            return dnni_error(DNN_ERROR_FORMAT, "%s[%lld] is %lld, of %lld samples", name, (long long)i,
                              (long long)numbers[i], (long long)source->count);
    return dnni_subset(out, source, numbers, array.dims[0]);
}

dnn_status dnn_index_load(dnn_dataset **out, const char *path, dnn_dataset *source, const char *name,
                          const dnn_index_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_REQUIRE(path && name, "%s is NULL", path ? "name" : "path");
    DNNI_TRY(dnni_check_dataset(source, "source"));
    dnn_index_desc d;
    dnn_archive *archive;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(dnni_archive_read(&archive, dnni_context_of(source), path, true));
    dnn_status status = check_data(archive, source, &d);
    if (status == DNN_OK) status = make_set(out, archive, source, name);
    if (status != DNN_OK) dnni_error_prefix(path);
    dnn_archive_release(archive);
    return status;
}
