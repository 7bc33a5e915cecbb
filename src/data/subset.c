/* View: some samples of a dataset, by number. */
#include "data/subset.h"

#include <string.h>

typedef struct {
    dnn_dataset base;
    dnn_dataset *source; /* held */
    int64_t *indices;    /* NULL: sample i is the source's i */
} subset_dataset;

static dnn_dataset *origin(const dnn_dataset *self, int64_t index, int64_t *source_index) {
    const subset_dataset *subset = (const subset_dataset *)self;
    *source_index = subset->indices ? subset->indices[index] : index;
    return subset->source;
}

static dnn_status read_chosen(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                              const dnn_array *target) {
    int64_t i;
    dnn_dataset *source = origin(self, index, &i);
    return dnni_read_source(source, reader, i, input, target);
}

static dnn_status read_chosen_target(dnn_dataset *self, const dnni_reader *reader, int64_t index,
                                     const dnn_array *target) {
    int64_t i;
    dnn_dataset *source = origin(self, index, &i);
    return dnni_read_source_target(source, reader, i, target);
}

static const void *rows(const dnn_dataset *self, int64_t first, int64_t n) {
    const subset_dataset *subset = (const subset_dataset *)self;
    if (!subset->source->class->rows || (subset->indices && n > 1)) return NULL;
    int64_t i;
    dnn_dataset *source = origin(self, first, &i);
    return source->class->rows(source, i, n);
}

static void destroy_subset(dnn_dataset *self) {
    subset_dataset *subset = (subset_dataset *)self;
    dnni_free(self->base.ctx, subset->indices, self->count, sizeof *subset->indices);
    dnn_dataset_release(subset->source);
}

static const dnni_dataset_class subset_class = {.read = read_chosen, .destroy = destroy_subset,
                                                .read_target = read_chosen_target, .rows = rows,
                                                .origin = origin, .picks = true};

static dnn_status copy_indices(subset_dataset *subset, const int64_t *indices, int64_t n) {
    subset->indices = dnni_alloc_raw(subset->base.base.ctx, n, sizeof *indices);
    if (!subset->indices) return DNN_ERROR_MEMORY;
    if (n > 0) memcpy(subset->indices, indices, (size_t)n * sizeof *indices);
    return DNN_OK;
}

dnn_status dnni_subset(dnn_dataset **out, dnn_dataset *source, const int64_t *indices, int64_t n) {
    dnni_dataset_shape shape = dnni_view_shape(source, n);
    subset_dataset *subset = dnni_dataset_new(dnni_context_of(source), &subset_class, sizeof *subset, &shape);
    if (!subset) return DNN_ERROR_MEMORY;
    dnn_dataset_retain(subset->source = source);
    if (indices && copy_indices(subset, indices, n) != DNN_OK) {
        dnn_dataset_release(&subset->base);
        return DNN_ERROR_MEMORY;
    }
    *out = &subset->base;
    return DNN_OK;
}

dnn_status dnn_dataset_subset(dnn_dataset **out, dnn_dataset *source, const int64_t *indices, int64_t n) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    DNNI_REQUIRE(n >= 0, "n is %lld", (long long)n);
    DNNI_REQUIRE(indices || n == 0, "indices is NULL");
    DNNI_TRY(dnni_check_indices(source, indices, n));
    return dnni_subset(out, source, indices, n);
}

dnn_status dnn_dataset_first(dnn_dataset **out, dnn_dataset *source, int64_t n) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    DNNI_REQUIRE(n >= 0, "n is %lld", (long long)n);
    if (n > source->count)
        return dnni_error(DNN_ERROR_NOT_FOUND, "the first %lld samples are asked for, the dataset has %lld",
                          (long long)n, (long long)source->count);
    return dnni_subset(out, source, NULL, n);
}
