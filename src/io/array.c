#include "io/array.h"

#include <string.h>

enum { CHUNK = 2048 };

/* More than any file, and less than what a tensor or a sample may have: no later check is the first to refuse. */
static const int64_t most_bytes = INT64_C(1) << 47;

/* Sizes of 0 count as 1, so that what is around them cannot wrap either. */
dnn_status dnni_io_array_measure(dnni_io_array *a, const char *path) {
    int64_t bytes = dnn_dtype_size(a->dtype);
    a->count = 1;
    for (int32_t i = 0; i < a->rank; i++) {
        if (__builtin_mul_overflow(bytes, a->dims[i] ? a->dims[i] : 1, &bytes) || bytes > most_bytes)
            return dnni_io_fail(DNN_ERROR_FORMAT, path,
                                "the sizes of its %d axes multiply to more than can be addressed", a->rank);
        a->count *= a->dims[i];
    }
    a->payload = a->count * a->width;
    return DNN_OK;
}

/* ---- elements ---- */

static uint64_t bits_of(const dnni_io_array *a, const unsigned char *from) {
    uint64_t bits = 0;
    for (int32_t b = 0; b < a->width; b++) bits = bits << 8 | from[a->big ? b : a->width - 1 - b];
    if (a->kind == DNNI_IO_SIGNED && a->width < 8) { /* its sign bit, to the top */
        uint64_t sign = UINT64_C(1) << (8 * a->width - 1);
        bits = (bits ^ sign) - sign;
    }
    return bits;
}

static void put_bits(unsigned char *to, int64_t size, uint64_t bits) {
    uint32_t word = (uint32_t)bits;
    uint16_t half = (uint16_t)bits;
    uint8_t byte = (uint8_t)bits;
    if (size == 8) memcpy(to, &bits, 8);
    else if (size == 4) memcpy(to, &word, 4);
    else if (size == 2) memcpy(to, &half, 2);
    else *to = byte;
}

static bool is_little_endian(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

static dnn_status check_bools(const unsigned char *data, int64_t count, const char *path) {
    for (int64_t i = 0; i < count; i++)
        if (data[i] > 1)
            return dnni_io_fail(DNN_ERROR_FORMAT, path, "element %lld is a bool of value %d", (long long)i, data[i]);
    return DNN_OK;
}

/* From the last to the first: none is overwritten before it is read. */
dnn_status dnni_io_array_decode(const dnni_io_array *a, void *data, int64_t count, const char *path) {
    int64_t size = dnn_dtype_size(a->dtype);
    unsigned char *bytes = data;
    if (a->kind == DNNI_IO_BOOL) IO_TRY(check_bools(bytes, count, path));
    if (a->width == size && (size == 1 || a->big != is_little_endian())) return DNN_OK;
    for (int64_t i = count - 1; i >= 0; i--) put_bits(bytes + i * size, size, bits_of(a, bytes + i * a->width));
    return DNN_OK;
}

/* ---- a whole array ---- */

static dnn_status take(dnni_io_stream *s, void *target, int64_t bytes) {
    int64_t got;
    IO_TRY(dnni_io_stream_read(s, target, bytes, &got));
    return got == bytes ? DNN_OK : dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "ends within its elements");
}

/* One step of an index whose first axis runs fastest, and its place in row-major order. */
static void step(const dnni_io_array *a, int64_t *index, int64_t *place) {
    int64_t stride[DNN_MAX_RANK], s = 1;
    for (int32_t k = a->rank - 1; k >= 0; k--) {
        stride[k] = s;
        s *= a->dims[k];
    }
    for (int32_t k = 0; k < a->rank; k++) {
        *place += stride[k];
        if (++index[k] < a->dims[k]) return;
        *place -= index[k] * stride[k];
        index[k] = 0;
    }
}

static dnn_status read_fortran(const dnni_io_array *a, dnni_io_stream *s, unsigned char *data) {
    unsigned char chunk[CHUNK * 8];
    int64_t size = dnn_dtype_size(a->dtype), index[DNN_MAX_RANK] = {0}, place = 0;
    for (int64_t done = 0; done < a->count;) {
        int64_t n = a->count - done < CHUNK ? a->count - done : CHUNK;
        IO_TRY(take(s, chunk, n * a->width));
        IO_TRY(dnni_io_array_decode(a, chunk, n, s->file->path));
        for (int64_t i = 0; i < n; i++, step(a, index, &place))
            memcpy(data + place * size, chunk + i * size, (size_t)size);
        done += n;
    }
    return DNN_OK;
}

static dnn_status fill(const dnni_io_array *a, dnni_io_stream *s, void *data) {
    if (a->count == 0) return DNN_OK;
    if (a->fortran && a->rank > 1) return read_fortran(a, s, data);
    IO_TRY(take(s, data, a->payload));
    return dnni_io_array_decode(a, data, a->count, s->file->path);
}

dnn_status dnni_io_array_read(dnn_tensor **out, const dnni_io_array *a, dnni_io_stream *s) {
    dnn_tensor *tensor;
    IO_TRY(dnn_tensor_create(&tensor, s->file->ctx, a->dtype, a->rank, a->dims));
    dnn_status status = fill(a, s, dnn_tensor_data(tensor));
    if (status == DNN_OK) *out = tensor;
    else dnn_tensor_release(tensor);
    return status;
}
