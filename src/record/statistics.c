/* Statistics as a safetensors file. */
#include <math.h>
#include <string.h>

#include "data/statistics.h"
#include "record/archive.h"

enum { ARRAYS = 5 };

static const char *const names[ARRAYS] = {"count", "mean", "std", "min", "max"}; /* as they lie in memory */

dnn_status dnn_statistics_save(const dnn_statistics *statistics, const char *path) {
    DNNI_TRY(dnni_check_statistics(statistics, "statistics"));
    DNNI_REQUIRE(path, "path is NULL");
    dnni_item items[ARRAYS] = {{.name = NULL}};
    for (int k = 0; k < ARRAYS; k++) {
        dnn_array array = statistics->shape;
        array.data = statistics->count + k * statistics->features;
        items[k] = (dnni_item){.name = names[k], .stored = array, .memory = array};
    }
    const dnn_metadata format = {"format", "dnn-statistics"};
    return dnni_archive_write(statistics->base.ctx, path, items, ARRAYS, &format, 1, false);
}

/* Array k of the file; its shape must be that of array 0. */
static dnn_status find_array(dnn_array *array, const dnn_archive *archive, int k, const dnn_array *first) {
    int64_t index = dnni_archive_find(archive, names[k]);
    if (index < 0) return dnni_error(DNN_ERROR_FORMAT, "there is no tensor \"%s\": these are no statistics", names[k]);
    *array = dnni_archive_array(archive, index);
    if (array->dtype == DNN_F64 && (k == 0 || dnni_same_shape(array, first))) return DNN_OK;
    return dnni_error(DNN_ERROR_FORMAT, "%s is %s %s, it is to be float64 %s", names[k], dnn_dtype_name(array->dtype),
                      dnni_array_shape(array).text, dnni_array_shape(k == 0 ? array : first).text);
}

static dnn_status check_values(const dnn_statistics *s) {
    for (int64_t i = 0; i < s->features; i++) {
        bool good = isfinite(s->mean[i]) && s->std[i] >= 0 && isfinite(s->std[i]) && s->count[i] >= 0 &&
                    !isnan(s->min[i]) && !isnan(s->max[i]);
        if (!good)
            return dnni_error(DNN_ERROR_FORMAT, "feature %lld has mean %g, std %g, min %g, max %g of %g numbers",
                              (long long)i, s->mean[i], s->std[i], s->min[i], s->max[i], s->count[i]);
    }
    return DNN_OK;
}

static dnn_status from_archive(dnn_statistics **out, const dnn_archive *archive) {
    dnn_array arrays[ARRAYS];
    dnn_statistics *s;
    for (int k = 0; k < ARRAYS; k++) DNNI_TRY(find_array(&arrays[k], archive, k, &arrays[0]));
    dnn_array shape = dnni_array(DNN_F64, arrays[0].rank, arrays[0].dims);
    DNNI_TRY(dnni_statistics_new(&s, archive->base.ctx, &shape));
    size_t bytes = (size_t)s->features * sizeof *s->count;
    for (int k = 0; k < ARRAYS && bytes > 0; k++) memcpy(s->count + k * s->features, arrays[k].data, bytes);
    dnn_status status = check_values(s);
    if (status == DNN_OK) *out = s;
    else dnn_statistics_release(s);
    return status;
}

dnn_status dnn_statistics_load(dnn_statistics **out, dnn_context *ctx, const char *path) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_archive *archive;
    DNNI_TRY(dnn_safetensors_read(&archive, ctx, path));
    dnn_status status = from_archive(out, archive);
    if (status != DNN_OK) dnni_error_prefix(path);
    dnn_archive_release(archive);
    return status;
}
