/* IDX: two zero bytes, a type, the number of axes, their sizes (32 bits, big endian), the elements (big endian).
 * A compressed file is unfolded twice: once to see that it holds what its header says, and once more into memory that
 * is then known to be needed. */
#include "io/idx.h"

enum { MOST_HEADER = 4 + 4 * DNN_MAX_RANK };

/* ---- the header ---- */

static dnn_status read_type(dnni_io_array *h, const unsigned char *magic, const char *path) {
    static const struct {
        unsigned char code;
        int32_t width;
        dnn_dtype dtype;
        dnni_io_kind kind;
    } types[] = {{0x08, 1, DNN_U8, DNNI_IO_UNSIGNED}, {0x09, 1, DNN_I32, DNNI_IO_SIGNED},
                 {0x0b, 2, DNN_I32, DNNI_IO_SIGNED},  {0x0c, 4, DNN_I32, DNNI_IO_SIGNED},
                 {0x0d, 4, DNN_F32, DNNI_IO_FLOAT},   {0x0e, 8, DNN_F64, DNNI_IO_FLOAT}};
    if (magic[0] || magic[1])
        return dnni_io_fail(DNN_ERROR_FORMAT, path, "is no IDX file (it does not begin with 0 0)");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].code != magic[2]) continue;
        h->dtype = types[i].dtype;
        h->kind = types[i].kind;
        h->width = types[i].width;
        h->big = true;
        return DNN_OK;
    }
    return dnni_io_fail(DNN_ERROR_FORMAT, path, "element type 0x%02x is none of IDX", magic[2]);
}

static dnn_status read_header(dnni_io_array *h, dnni_io_stream *s) {
    unsigned char bytes[MOST_HEADER];
    const char *path = s->file->path;
    int64_t got;
    IO_TRY(dnni_io_stream_read(s, bytes, 4, &got));
    if (got < 4) return dnni_io_fail(DNN_ERROR_FORMAT, path, "%lld bytes are too few for an IDX file", (long long)got);
    IO_TRY(read_type(h, bytes, path));
    h->rank = bytes[3];
    if (h->rank == 0) return dnni_io_fail(DNN_ERROR_FORMAT, path, "it has no axes");
    if (h->rank > DNN_MAX_RANK)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "it has %d axes, a tensor has at most %d", h->rank,
                            DNN_MAX_RANK);
    h->from = 4 + 4 * (int64_t)h->rank;
    IO_TRY(dnni_io_stream_read(s, bytes, 4 * (int64_t)h->rank, &got));
    if (got < 4 * h->rank) return dnni_io_fail(DNN_ERROR_FORMAT, path, "it ends within the sizes of its axes");
    for (int32_t i = 0; i < h->rank; i++) {
        const unsigned char *size = bytes + 4 * i;
        h->dims[i] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
    }
    return dnni_io_array_measure(h, path);
}

static dnn_status check_payload(const dnni_io_array *h, dnni_io_stream *s, int64_t max_bytes) {
    int64_t bytes = s->end - s->at, unfolded = h->count * dnn_dtype_size(h->dtype);
    bool compressed = s->packing != DNNI_IO_PLAIN;
    if (compressed && unfolded > max_bytes)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, s->file->path, "unfolds to %lld bytes, desc.max_bytes allows %lld",
                            (long long)unfolded, (long long)max_bytes);
    if (compressed) IO_TRY(dnni_io_stream_measure(s, h->payload, &bytes));
    if (bytes == h->payload) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path,
                        "its header announces %lld bytes of elements, there are %s%lld", (long long)h->payload,
                        compressed && bytes > h->payload ? "at least " : "", (long long)bytes);
}

dnn_status dnni_idx_examine(dnni_io_array *h, bool *compressed, const dnni_io_file *file, int64_t max_bytes) {
    dnni_io_stream s;
    *h = (dnni_io_array){.rank = 0};
    IO_TRY(dnni_io_stream_file(&s, file));
    *compressed = s.packing != DNNI_IO_PLAIN;
    dnn_status status = read_header(h, &s);
    if (status == DNN_OK) status = check_payload(h, &s, max_bytes);
    dnni_io_stream_end(&s);
    return status;
}

/* ---- the elements ---- */

dnn_status dnni_idx_elements(dnn_tensor **out, const dnni_io_array *h, const dnni_io_file *file) {
    dnni_io_stream s;
    unsigned char header[MOST_HEADER];
    int64_t got;
    IO_TRY(dnni_io_stream_file(&s, file));
    dnn_status status = dnni_io_stream_read(&s, header, h->from, &got);
    if (status == DNN_OK) status = dnni_io_array_read(out, h, &s);
    dnni_io_stream_end(&s);
    return status;
}

static dnn_status read_file(dnn_tensor **out, const dnni_io_file *file, int64_t max_bytes) {
    dnni_io_array h;
    bool compressed;
    IO_TRY(dnni_idx_examine(&h, &compressed, file, max_bytes));
    return dnni_idx_elements(out, &h, file);
}

dnn_status dnn_idx_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc) {
    dnni_io_file file;
    int64_t max_bytes = 0;
    if (!out) return dnn_fail(DNN_ERROR_ARGUMENT, "out is NULL");
    *out = NULL;
    IO_TRY(dnni_io_check(ctx, path, desc, &max_bytes));
    IO_TRY(dnni_io_open(&file, ctx, path));
    dnn_status status = read_file(out, &file, max_bytes);
    dnni_io_close(&file);
    return status;
}
