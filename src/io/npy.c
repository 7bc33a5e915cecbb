/* npy: "\x93NUMPY", the version in two bytes, the length of the header (2 bytes, from version 2 on 4; little endian),
 * the header, the elements. numpy.lib.format has the specification. */
#include "io/npy.h"

#include <stdio.h>
#include <string.h>

/* NumPy itself writes less than 10,000, and pads to a multiple of 64. */
enum { MOST_HEADER = 65536, PREAMBLE = 12, ALIGNED = 64 };

/* ---- reading ---- */

static dnn_status read_preamble(int64_t *header, int64_t *from, dnni_io_stream *s) {
    unsigned char b[PREAMBLE] = {0};
    const char *path = s->file->path;
    int64_t got, more = 0;
    IO_TRY(dnni_io_stream_read(s, b, 10, &got));
    if (got < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return dnni_io_fail(DNN_ERROR_FORMAT, path, "is no npy file (it does not begin as one)");
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "is of version %d.%d, 1.0 to 3.0 are read", b[6], b[7]);
    if (b[6] > 1) IO_TRY(dnni_io_stream_read(s, b + 10, 2, &more));
    if (b[6] > 1 && more < 2) return dnni_io_fail(DNN_ERROR_FORMAT, path, "ends within its header");
    *from = got + more;
    *header = (int64_t)b[8] | b[9] << 8 | (int64_t)b[10] << 16 | (int64_t)b[11] << 24;
    if (*header <= MOST_HEADER) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, path, "announces a header of %lld bytes, %d are the most",
                        (long long)*header, MOST_HEADER);
}

static dnn_status read_text(dnni_io_array *a, dnni_io_stream *s, int64_t header) {
    char *text = dnni_io_alloc(s->file->ctx, header);
    int64_t got = 0;
    if (!text) return DNN_ERROR_MEMORY;
    dnn_status status = dnni_io_stream_read(s, text, header, &got);
    if (status == DNN_OK && got < header)
        status = dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "ends within its header of %lld bytes",
                              (long long)header);
    if (status == DNN_OK) status = dnni_npy_parse(a, text, header, s->file->path);
    dnni_io_free(text);
    return status;
}

dnn_status dnni_npy_header(dnni_io_array *a, dnni_io_stream *s, int64_t bytes) {
    int64_t header = 0, from = 0;
    *a = (dnni_io_array){.rank = 0};
    IO_TRY(read_preamble(&header, &from, s));
    if (header > bytes - from)
        return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "announces a header of %lld bytes, %lld follow",
                            (long long)header, (long long)(bytes - from));
    IO_TRY(read_text(a, s, header));
    a->from = from + header;
    if (a->payload == bytes - a->from) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path,
                        "its header announces %lld bytes of elements, there are %lld", (long long)a->payload,
                        (long long)(bytes - a->from));
}

static dnn_status read_stream(dnn_tensor **out, dnni_io_stream *s) {
    dnni_io_array a;
    IO_TRY(dnni_npy_header(&a, s, s->end));
    return dnni_io_array_read(out, &a, s);
}

static dnn_status read_file(dnn_tensor **out, const dnni_io_file *file) {
    dnni_io_stream s;
    IO_TRY(dnni_io_stream_begin(&s, file, 0, file->n, DNNI_IO_PLAIN));
    dnn_status status = read_stream(out, &s);
    dnni_io_stream_end(&s);
    return status;
}

dnn_status dnn_npy_read(dnn_tensor **out, dnn_context *ctx, const char *path) {
    dnni_io_file file;
    IO_TRY(dnni_io_begin_call(out, ctx, path));
    IO_TRY(dnni_io_open(&file, ctx, path));
    dnn_status status = read_file(out, &file);
    dnni_io_close(&file);
    return status;
}

/* ---- the dataset ---- */

static dnn_status load(dnni_io_part *part) {
    dnni_io_stream s;
    IO_TRY(dnni_io_stream_begin(&s, &part->file, 0, part->file.n, DNNI_IO_PLAIN));
    dnn_status status = dnni_npy_header(&part->array, &s, part->file.n);
    if (status == DNN_OK && part->array.fortran && part->array.rank > 1)
        status = dnni_io_array_read(&part->tensor, &part->array, &s);
    dnni_io_stream_end(&s);
    return status;
}

static dnn_status open_part(dnni_io_part *part, dnn_context *ctx, const char *path) {
    IO_TRY(dnni_io_part_open(part, ctx, path));
    dnn_status status = load(part);
    if (status != DNN_OK) dnni_io_part_release(part);
    return status;
}

dnn_status dnn_npy_dataset(dnn_dataset **out, dnn_context *ctx, const char *inputs_path, const char *targets_path) {
    dnni_io_part inputs = {.tensor = NULL}, targets = {.tensor = NULL};
    IO_TRY(dnni_io_begin_call(out, ctx, inputs_path));
    IO_TRY(open_part(&inputs, ctx, inputs_path));
    dnn_status status = targets_path ? open_part(&targets, ctx, targets_path) : DNN_OK;
    if (status == DNN_OK && targets_path) status = dnni_io_part_labels(&targets);
    if (status == DNN_OK) return dnni_io_pair(out, ctx, &inputs, targets_path ? &targets : NULL, 0, 0);
    dnni_io_part_release(&inputs);
    dnni_io_part_release(&targets);
    return status;
}

/* ---- writing ---- */

static const char *code_of(dnn_dtype dtype) {
    switch (dtype) {
    case DNN_F16: return "<f2";
    case DNN_F32: return "<f4";
    case DNN_F64: return "<f8";
    case DNN_U8: return "|u1";
    case DNN_BOOL: return "|b1";
    case DNN_I32: return "<i4";
    case DNN_I64: return "<i8";
    default: return NULL;
    }
}

/* The preamble and the header, padded so that the elements are aligned; its length. */
static int64_t make_header(char *text, int64_t room, const dnn_tensor *tensor) {
    int64_t n = 10;
    int32_t rank = dnn_tensor_rank(tensor);
    n += snprintf(text + n, (size_t)(room - n), "{'descr': '%s', 'fortran_order': False, 'shape': (",
                  code_of(dnn_tensor_dtype(tensor)));
    for (int32_t i = 0; i < rank; i++)
        n += snprintf(text + n, (size_t)(room - n), "%lld%s", (long long)dnn_tensor_dim(tensor, i),
                      i + 1 < rank ? ", " : rank == 1 ? "," : "");
    n += snprintf(text + n, (size_t)(room - n), "), }");
    while ((n + 1) % ALIGNED) text[n++] = ' ';
    text[n++] = '\n';
    memcpy(text, "\x93NUMPY\x01\x00", 8);
    text[8] = (char)((n - 10) & 0xff);
    text[9] = (char)((n - 10) >> 8);
    return n;
}

/* Elements as they are, on a machine whose lowest byte is not the first turned around. */
static dnn_status put_elements(dnni_io_output *output, const dnn_tensor *tensor) {
    const unsigned char *data = dnn_tensor_const_data(tensor);
    int64_t size = dnn_dtype_size(dnn_tensor_dtype(tensor)), bytes = dnn_tensor_bytes(tensor);
    const uint16_t one = 1;
    if (size == 1 || *(const unsigned char *)&one == 1) return dnni_io_put(output, data, bytes);
    for (int64_t i = 0; i < bytes; i += size) {
        unsigned char element[8];
        for (int64_t b = 0; b < size; b++) element[b] = data[i + size - 1 - b];
        IO_TRY(dnni_io_put(output, element, size));
    }
    return DNN_OK;
}

dnn_status dnn_npy_write(dnn_context *ctx, const char *path, const dnn_tensor *tensor) {
    char header[512];
    dnni_io_output output;
    int64_t unused;
    IO_TRY(dnni_io_check(ctx, path, NULL, &unused));
    dnn_dtype dtype = dnn_tensor_dtype(tensor);
    if (dtype == DNN_DTYPE_NONE) return dnn_last_status();
    if (!code_of(dtype))
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "NumPy's format has no %s", dnn_dtype_name(dtype));
    int64_t n = make_header(header, sizeof header, tensor);
    IO_TRY(dnni_io_begin(&output, ctx, path));
    dnn_status status = dnni_io_put(&output, header, n);
    if (status == DNN_OK) status = put_elements(&output, tensor);
    return dnni_io_end(&output, status);
}
