/* What is known about a dataset besides its samples: names of classes and samples, the range of values. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"
#include "data/progress.h"
#include "data/subset.h"

/* ---- the maker's side ---- */

dnn_status dnni_check_metadata(const dnni_metadata *m) {
    DNNI_REQUIRE(m->classes >= 0, "desc.classes is %lld", (long long)m->classes);
    DNNI_REQUIRE(!m->class_names || m->classes > 0, "desc.class_names is set, desc.classes, their number, is 0");
    for (int64_t k = 0; m->class_names && k < m->classes; k++)
        DNNI_REQUIRE(m->class_names[k], "desc.class_names[%lld] is NULL", (long long)k);
    bool known = m->low != 0 || m->high != 0;
    if (known && !(m->low < m->high && isfinite(m->low) && isfinite(m->high)))
        return dnni_error(DNN_ERROR_VALUE, "desc: %g … %g is not a range of values", m->low, m->high);
    return DNN_OK;
}

static bool bytes_of_names(const char *const *names, int64_t n, int64_t *bytes) {
    if (!dnni_mul(n, sizeof *names, bytes)) return false;
    for (int64_t k = 0; k < n; k++)
        if (!dnni_add(*bytes, (int64_t)strlen(names[k]) + 1, bytes)) return false;
    return true;
}

/* Pointers first, then the texts. */
dnn_status dnni_copy_class_names(dnn_dataset *dataset, const char *const *names, int64_t n) {
    int64_t bytes;
    dataset->metadata.class_names = NULL;
    if (!names) return DNN_OK;
    if (!bytes_of_names(names, n, &bytes)) return dnni_out_of_memory();
    const char **copies = dnni_alloc_raw(dataset->base.ctx, bytes, 1);
    if (!copies) return DNN_ERROR_MEMORY;
    char *text = (char *)(copies + n);
    for (int64_t k = 0; k < n; k++) {
        size_t length = strlen(names[k]) + 1;
        copies[k] = memcpy(text, names[k], length);
        text += length;
    }
    dataset->names = copies;
    dataset->names_bytes = bytes;
    dataset->metadata.class_names = copies;
    return DNN_OK;
}

/* ---- questions ---- */

int64_t dnn_dataset_classes(const dnn_dataset *dataset) {
    return dnni_check_dataset(dataset, "dataset") == DNN_OK ? dataset->metadata.classes : 0;
}

const char *dnn_dataset_class_name(const dnn_dataset *dataset, int64_t k) {
    if (dnni_check_dataset(dataset, "dataset") != DNN_OK) return NULL;
    const dnni_metadata *m = &dataset->metadata;
    return m->class_names && k >= 0 && k < m->classes ? m->class_names[k] : NULL;
}

dnn_status dnn_dataset_range(const dnn_dataset *dataset, double *low, double *high) {
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_REQUIRE(low && high, "%s is NULL", low ? "high" : "low");
    *low = dataset->metadata.low;
    *high = dataset->metadata.high;
    return DNN_OK;
}

/* One step towards the sample's source; NULL at the end. */
static dnn_dataset *origin(const dnn_dataset *dataset, int64_t index, int64_t *source_index) {
    return dataset->class->origin ? dataset->class->origin(dataset, index, source_index) : NULL;
}

dnn_status dnni_sample_name(dnn_dataset *dataset, int64_t index, char *text, size_t bytes) {
    while (!dataset->class->name) {
        dnn_dataset *source = origin(dataset, index, &index);
        if (!source) {
            snprintf(text, bytes, "sample %lld", (long long)index);
            return DNN_OK;
        }
        dataset = source;
    }
    return dataset->class->name(dataset, index, text, bytes);
}

dnn_status dnn_dataset_sample_name(dnn_dataset *dataset, int64_t index, char *text, size_t bytes) {
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_REQUIRE(text && bytes > 0, "there is no room for a text");
    DNNI_TRY(dnni_check_indices(dataset, &index, 1));
    return dnni_sample_name(dataset, index, text, bytes);
}

int64_t dnn_dataset_source_index(const dnn_dataset *dataset, int64_t index) {
    if (dnni_check_dataset(dataset, "dataset") != DNN_OK) return -1;
    if (dnni_check_indices(dataset, &index, 1) != DNN_OK) return -1;
    while ((dataset = origin(dataset, index, &index)) != NULL) {}
    return index;
}

dnn_status dnni_progress(const dnn_progress *progress, const char *what, int64_t done, int64_t total) {
    if (!progress->step) return DNN_OK;
    uint64_t errors = dnni_error_count();
    dnn_status status = progress->step(progress->user, what, done, total);
    return status == DNN_OK ? DNN_OK : dnni_host_failed(status, errors, "step");
}

/* ---- a view that declares ---- */

dnn_status dnn_dataset_with_metadata(dnn_dataset **out, dnn_dataset *source, const dnn_metadata_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(source, "source"));
    dnn_metadata_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    dnni_metadata m = {d.classes, d.class_names, d.low, d.high};
    DNNI_TRY(dnni_check_metadata(&m));
    dnn_dataset *view;
    DNNI_TRY(dnni_subset(&view, source, NULL, source->count));
    if (m.low != 0 || m.high != 0) view->metadata.low = m.low, view->metadata.high = m.high;
    if (m.classes > 0) view->metadata.classes = m.classes;
    dnn_status status = m.classes > 0 ? dnni_copy_class_names(view, m.class_names, m.classes) : DNN_OK;
    if (status == DNN_OK) *out = view;
    else dnn_dataset_release(view);
    return status;
}
