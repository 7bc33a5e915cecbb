/* Conversion between element types, with the values that are lost counted. */
#include <math.h>
#include <string.h>

#include "core/tensor.h"

typedef struct {
    double low, high; /* the values between which truncation fits, both included */
} range;

static bool is_integer(dnn_dtype dtype) { return dnni_is_label(dtype) || dtype == DNN_BOOL; }

/* 2^63 - 1 is no double: the largest one below 2^63 is. */
static range range_of(dnn_dtype dtype) {
    switch (dtype) {
    case DNN_U8: return (range){0, 255};
    case DNN_BOOL: return (range){0, 1};
    case DNN_I32: return (range){INT32_MIN, INT32_MAX};
    case DNN_I64: return (range){-9223372036854775808.0, 9223372036854774784.0};
    default: return (range){-INFINITY, INFINITY};
    }
}

/* From int64 the way over double would lose low bits in silence. */
static bool convert_i64(int64_t value, dnn_dtype to, void *data, int64_t i) {
    range r = range_of(to);
    if (to == DNN_I64) {
        ((int64_t *)data)[i] = value;
        return true;
    }
    if (is_integer(to)) {
        int64_t low = (int64_t)r.low, high = (int64_t)r.high;
        int64_t clamped = value < low ? low : value > high ? high : value;
        dnni_store(to, data, i, (double)clamped);
        return clamped == value;
    }
    dnni_store(to, data, i, (double)value);
    double back = dnni_load(to, data, i);
    return back >= -9223372036854775808.0 && back < 9223372036854775808.0 && (int64_t)back == value;
}

static bool convert_to_integer(double value, dnn_dtype to, void *data, int64_t i) {
    range r = range_of(to);
    double whole = isnan(value) ? 0 : trunc(value);
    if (whole < r.low) whole = r.low;
    if (whole > r.high) whole = r.high;
    dnni_store(to, data, i, whole);
    return whole == value;
}

/* Rounding is what a narrower float means; a finite value that becomes infinite is lost. */
static bool convert_to_float(double value, bool from_integer, dnn_dtype to, void *data, int64_t i) {
    dnni_store(to, data, i, value);
    double back = dnni_load(to, data, i);
    if (from_integer) return back == value;
    return !(isfinite(value) && !isfinite(back));
}

static bool convert_one(const dnn_array *from, const dnn_array *to, int64_t i) {
    if (from->dtype == DNN_I64) return convert_i64(((const int64_t *)from->data)[i], to->dtype, to->data, i);
    double value = dnni_load(from->dtype, from->data, i);
    if (is_integer(to->dtype)) return convert_to_integer(value, to->dtype, to->data, i);
    return convert_to_float(value, is_integer(from->dtype), to->dtype, to->data, i);
}

int64_t dnni_convert(const dnn_array *from, const dnn_array *to, int64_t *first_lost) {
    int64_t lost = 0, count = dnni_count(from);
    *first_lost = -1;
    for (int64_t i = 0; i < count; i++) {
        if (convert_one(from, to, i)) continue;
        if (lost++ == 0) *first_lost = i;
    }
    return lost;
}

static dnn_status lost_values(const dnn_array *from, dnn_dtype dtype, int64_t lost, int64_t first) {
    return dnni_error(DNN_ERROR_VALUE, "%lld of %lld %s values do not fit %s, the first, element %lld, is %.17g",
                      (long long)lost, (long long)dnni_count(from), dnn_dtype_name(from->dtype), dnn_dtype_name(dtype),
                      (long long)first, dnni_load(from->dtype, from->data, first));
}

dnn_status dnn_tensor_cast(dnn_tensor **out, const dnn_tensor *tensor, dnn_dtype dtype, dnn_cast mode, int64_t *lost) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_tensor(tensor, "tensor"));
    DNNI_REQUIRE(mode == DNN_CAST_EXACT || mode == DNN_CAST_LOSSY, "mode is %d, which is no way to cast", (int)mode);
    const dnn_array *from = &tensor->array;
    dnn_array shape;
    DNNI_TRY(dnni_make_array(&shape, dtype, from->rank, from->dims));
    dnn_tensor *cast;
    DNNI_TRY(dnni_tensor_like(&cast, dnni_context_of(tensor), &shape));
    int64_t first, count = dnni_convert(from, &cast->array, &first);
    if (lost) *lost = count;
    if (count > 0 && mode == DNN_CAST_EXACT) {
        dnn_tensor_release(cast);
        return lost_values(from, dtype, count, first);
    }
    *out = cast;
    return DNN_OK;
}

dnn_status dnn_tensor_set(dnn_tensor *tensor, int32_t rank, const int64_t *index, double value) {
    double old;
    DNNI_TRY(dnn_tensor_get(tensor, rank, index, &old));
    const dnn_array *a = &tensor->array;
    int64_t flat = 0;
    for (int32_t i = 0; i < rank; i++) flat = flat * a->dims[i] + index[i];
    dnn_array one = {.data = &value, .dtype = DNN_F64};
    int64_t element = dnn_dtype_size(a->dtype), lost;
    int64_t converted = 0; /* wide enough for any element */
    dnn_array target = {.data = &converted, .dtype = a->dtype};
    if (dnni_convert(&one, &target, &lost) > 0)
        return dnni_error(DNN_ERROR_VALUE, "%.17g does not fit %s", value, dnn_dtype_name(a->dtype));
    memcpy((char *)a->data + flat * element, &converted, (size_t)element);
    dnni_tensor_written(tensor);
    return DNN_OK;
}
