#include "core/dtype.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

const char *dnn_dtype_name(dnn_dtype dtype) {
    switch (dtype) {
    case DNN_F32: return "float32";
    case DNN_F64: return "float64";
    case DNN_BF16: return "bfloat16";
    case DNN_F16: return "float16";
    case DNN_U8: return "uint8";
    case DNN_I32: return "int32";
    case DNN_I64: return "int64";
    case DNN_BOOL: return "bool";
    case DNN_DTYPE_NONE: break;
    }
    return "none";
}

int64_t dnn_dtype_size(dnn_dtype dtype) {
    switch (dtype) {
    case DNN_F64:
    case DNN_I64: return 8;
    case DNN_F32:
    case DNN_I32: return 4;
    case DNN_BF16:
    case DNN_F16: return 2;
    case DNN_U8:
    case DNN_BOOL: return 1;
    case DNN_DTYPE_NONE: break;
    }
    return 0;
}

dnni_shape_text dnni_shape(int32_t rank, const int64_t *dims) {
    dnni_shape_text s;
    size_t used = 1;
    s.text[0] = '[';
    for (int32_t i = 0; i < rank && i < DNN_MAX_RANK && used < sizeof s.text - 24; i++)
        used += (size_t)snprintf(s.text + used, sizeof s.text - used, "%s%lld", i ? "," : "", (long long)dims[i]);
    snprintf(s.text + used, sizeof s.text - used, "]");
    return s;
}

dnni_shape_text dnni_element(const dnn_array *a, int64_t flat) {
    int64_t index[DNN_MAX_RANK];
    for (int32_t i = a->rank - 1; i >= 0; i--) {
        index[i] = flat % a->dims[i];
        flat /= a->dims[i];
    }
    return dnni_shape(a->rank, index);
}

int64_t dnni_product(const int64_t *dims, int32_t first, int32_t last) {
    int64_t product = 1;
    for (int32_t i = first; i < last; i++) product *= dims[i];
    return product;
}

bool dnni_same_shape(const dnn_array *a, const dnn_array *b) {
    if (a->rank != b->rank) return false;
    for (int32_t i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i]) return false;
    return true;
}

/* More than any processor addresses, and so little that sums and small multiples of it cannot wrap. */
static const int64_t most_bytes = INT64_C(1) << 52;

/* Bytes of the array if every size of 0 were 1, so that views of an empty tensor cannot wrap either. */
static bool addressable(const dnn_array *a) {
    int64_t bytes = dnn_dtype_size(a->dtype);
    for (int32_t i = 0; i < a->rank; i++)
        if (!dnni_mul(bytes, a->dims[i] ? a->dims[i] : 1, &bytes)) return false;
    return bytes <= most_bytes;
}

dnn_array dnni_array(dnn_dtype dtype, int32_t rank, const int64_t *dims) {
    dnn_array a = {.dtype = dtype, .rank = rank};
    if (rank > 0) memcpy(a.dims, dims, (size_t)rank * sizeof *dims);
    return a;
}

dnn_status dnni_make_array(dnn_array *out, dnn_dtype dtype, int32_t rank, const int64_t *dims) {
    if (dnn_dtype_size(dtype) == 0) return dnni_error(DNN_ERROR_DTYPE, "%d is no element type", (int)dtype);
    if (rank < 0 || rank > DNN_MAX_RANK)
        return dnni_error(DNN_ERROR_SHAPE, "a tensor has 0 to %d axes, not %d", DNN_MAX_RANK, rank);
    DNNI_REQUIRE(rank == 0 || dims, "dims is NULL");
    for (int32_t i = 0; i < rank; i++)
        if (dims[i] < 0)
            return dnni_error(DNN_ERROR_SHAPE, "size %lld of axis %d is negative (shape %s)", (long long)dims[i], i,
                              dnni_shape(rank, dims).text);
    dnn_array a = dnni_array(dtype, rank, dims);
    if (!addressable(&a))
        return dnni_error(DNN_ERROR_SHAPE, "shape %s of %s has more bytes than can be addressed",
                          dnni_shape(rank, dims).text, dnn_dtype_name(dtype));
    *out = a;
    return DNN_OK;
}

/* ---- halves ---- */

static float bits_to_float(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t float_to_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* Rounds to nearest, ties to even; a NaN stays one. */
static uint16_t float_to_bf16(float f) {
    uint32_t bits = float_to_bits(f);
    if (isnan(f)) return (uint16_t)((bits >> 16) | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

static double half_to_double(uint16_t h) {
    int exponent = (h >> 10) & 31;
    int fraction = h & 1023;
    double magnitude;
    if (exponent == 31) magnitude = fraction ? (double)NAN : (double)INFINITY;
    else if (exponent == 0) magnitude = ldexp(fraction, -24);
    else magnitude = ldexp(1024 + fraction, exponent - 25);
    return (h & 0x8000) ? -magnitude : magnitude;
}

/* From a double, so that there is one rounding only: to nearest, ties to even. */
static uint16_t double_to_half(double value) {
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    if (isnan(value)) return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 65520.0) return (uint16_t)(sign | 0x7c00);
    if (magnitude == 0) return sign;
    int exponent;
    frexp(magnitude, &exponent);
    int unit = exponent - 11 < -24 ? -24 : exponent - 11; /* the weight of the last bit, as a power of two */
    int64_t steps = (int64_t)nearbyint(ldexp(magnitude, -unit));
    /* 1024 … 2048 steps carry into the exponent by themselves. */
    return (uint16_t)(sign | (steps + ((int64_t)(unit + 24) << 10)));
}

double dnni_load(dnn_dtype dtype, const void *data, int64_t i) {
    switch (dtype) {
    case DNN_F32: return (double)((const float *)data)[i];
    case DNN_F64: return ((const double *)data)[i];
    case DNN_BF16: return (double)bits_to_float((uint32_t)((const uint16_t *)data)[i] << 16);
    case DNN_F16: return half_to_double(((const uint16_t *)data)[i]);
    case DNN_U8: return ((const uint8_t *)data)[i];
    case DNN_I32: return ((const int32_t *)data)[i];
    case DNN_I64: return (double)((const int64_t *)data)[i];
    case DNN_BOOL: return ((const uint8_t *)data)[i] != 0;
    case DNN_DTYPE_NONE: break;
    }
    return 0;
}

void dnni_store(dnn_dtype dtype, void *data, int64_t i, double value) {
    switch (dtype) {
    case DNN_F32: ((float *)data)[i] = (float)value; break;
    case DNN_F64: ((double *)data)[i] = value; break;
    case DNN_BF16: ((uint16_t *)data)[i] = float_to_bf16((float)value); break;
    case DNN_F16: ((uint16_t *)data)[i] = double_to_half(value); break;
    case DNN_U8: ((uint8_t *)data)[i] = (uint8_t)value; break;
    case DNN_I32: ((int32_t *)data)[i] = (int32_t)value; break;
    case DNN_I64: ((int64_t *)data)[i] = (int64_t)value; break;
    case DNN_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    case DNN_DTYPE_NONE: break;
    }
}
