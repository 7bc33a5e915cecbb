/* IDX: two zero bytes, a type, the number of axes, their sizes (32 bits, big endian), the elements (big endian).
 * A compressed file is unfolded twice: once to see that it holds what its header says, and once more into memory that
 * is then known to be needed. */
#include <string.h>
#include <zlib.h>

#include "io/support.h"

enum { MOST_HEADER = 4 + 4 * DNN_MAX_RANK };

typedef struct {
    dnn_dtype dtype;    /* in memory */
    int32_t width;      /* bytes of an element in the file */
    int32_t rank;
    int64_t dims[DNN_MAX_RANK];
    int64_t count, payload; /* elements, and their bytes in the file */
} idx_header;

/* ---- a stream over a file, plain or compressed ---- */

typedef struct {
    const dnni_io_file *file;
    int64_t at; /* how far the file has been taken in */
    bool compressed, ended;
    z_stream z;
    unsigned char input[16384];
} stream;

static voidpf allocate(voidpf user, uInt items, uInt size) { return dnni_io_alloc(user, (int64_t)items * size); }
static void release(voidpf user, voidpf memory) {
    (void)user;
    dnni_io_free(memory);
}

static dnn_status fault(const stream *s, const char *what) {
    return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "%s", what);
}

static dnn_status stream_begin(stream *s, const dnni_io_file *file) {
    unsigned char magic[2] = {0, 0};
    if (file->n >= 2) IO_TRY(dnni_io_read(file, 0, magic, 2));
    s->file = file;
    s->at = 0;
    s->ended = false;
    s->compressed = magic[0] == 0x1f && magic[1] == 0x8b;
    if (!s->compressed) return DNN_OK;
    s->z = (z_stream){.zalloc = allocate, .zfree = release, .opaque = file->ctx};
    int result = inflateInit2(&s->z, 15 + 16); /* the largest window, in a gzip wrapper */
    if (result == Z_OK) return DNN_OK;
    return result == Z_MEM_ERROR ? DNN_ERROR_MEMORY : fault(s, "zlib cannot be used");
}

static void stream_end(stream *s) {
    if (s->compressed) inflateEnd(&s->z);
}

/* Behind one gzip member there may be another one. */
static dnn_status next_member(stream *s) {
    s->ended = s->at == s->file->n && s->z.avail_in == 0;
    if (s->ended) return DNN_OK;
    return inflateReset(&s->z) == Z_OK ? DNN_OK : fault(s, "zlib cannot be used");
}

static dnn_status feed(stream *s) {
    int64_t left = s->file->n - s->at, n = left < (int64_t)sizeof s->input ? left : (int64_t)sizeof s->input;
    IO_TRY(dnni_io_read(s->file, s->at, s->input, n));
    s->at += n;
    s->z.next_in = s->input;
    s->z.avail_in = (uInt)n;
    return DNN_OK;
}

static dnn_status inflate_some(stream *s) {
    if (s->z.avail_in == 0) IO_TRY(feed(s));
    int result = inflate(&s->z, Z_NO_FLUSH);
    if (result == Z_OK) return DNN_OK;
    if (result == Z_STREAM_END) return next_member(s);
    if (result == Z_MEM_ERROR) return DNN_ERROR_MEMORY;
    if (result == Z_BUF_ERROR) return fault(s, "the compressed data is cut short");
    return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "the compressed data is damaged (%s)",
                        s->z.msg ? s->z.msg : "a preset dictionary is needed");
}

/* Up to `bytes` bytes; fewer only at the end. */
static dnn_status stream_read(stream *s, void *target, int64_t bytes, int64_t *got) {
    const int64_t most = 1 << 30;
    *got = 0;
    if (!s->compressed) {
        *got = bytes < s->file->n - s->at ? bytes : s->file->n - s->at;
        s->at += *got;
        return dnni_io_read(s->file, s->at - *got, target, *got);
    }
    while (*got < bytes && !s->ended) {
        int64_t room = bytes - *got < most ? bytes - *got : most;
        s->z.next_out = (unsigned char *)target + *got;
        s->z.avail_out = (uInt)room;
        IO_TRY(inflate_some(s));
        *got += room - s->z.avail_out;
    }
    return DNN_OK;
}

/* How many bytes follow; it gives up above `most`. */
static dnn_status stream_measure(stream *s, int64_t most, int64_t *bytes) {
    unsigned char scratch[16384];
    int64_t got;
    *bytes = 0;
    do {
        IO_TRY(stream_read(s, scratch, sizeof scratch, &got));
        *bytes += got;
    } while (got == (int64_t)sizeof scratch && *bytes <= most);
    return DNN_OK;
}

/* ---- the header ---- */

static dnn_status read_type(idx_header *h, const unsigned char *magic, const char *path) {
    static const struct {
        unsigned char code;
        int32_t width;
        dnn_dtype dtype;
    } types[] = {{0x08, 1, DNN_U8},  {0x09, 1, DNN_I32}, {0x0b, 2, DNN_I32},
                 {0x0c, 4, DNN_I32}, {0x0d, 4, DNN_F32}, {0x0e, 8, DNN_F64}};
    if (magic[0] || magic[1])
        return dnni_io_fail(DNN_ERROR_FORMAT, path, "is no IDX file (it does not begin with 0 0)");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].code != magic[2]) continue;
        h->dtype = types[i].dtype;
        h->width = types[i].width;
        return DNN_OK;
    }
    return dnni_io_fail(DNN_ERROR_FORMAT, path, "element type 0x%02x is none of IDX", magic[2]);
}

/* Sizes of 0 count as 1, so that what is around them cannot wrap either. */
static dnn_status read_sizes(idx_header *h, const unsigned char *sizes, const char *path) {
    int64_t bytes = h->width < dnn_dtype_size(h->dtype) ? dnn_dtype_size(h->dtype) : h->width;
    h->count = 1;
    for (int32_t i = 0; i < h->rank; i++, sizes += 4) {
        h->dims[i] = (int64_t)sizes[0] << 24 | sizes[1] << 16 | sizes[2] << 8 | sizes[3];
        if (__builtin_mul_overflow(bytes, h->dims[i] ? h->dims[i] : 1, &bytes) || bytes > INT64_MAX / 8)
            return dnni_io_fail(DNN_ERROR_FORMAT, path,
                                "the sizes of its %d axes multiply to more than can be addressed", h->rank);
        h->count *= h->dims[i];
    }
    h->payload = h->count * h->width;
    return DNN_OK;
}

static dnn_status read_header(idx_header *h, stream *s) {
    unsigned char bytes[MOST_HEADER];
    const char *path = s->file->path;
    int64_t got;
    IO_TRY(stream_read(s, bytes, 4, &got));
    if (got < 4) return dnni_io_fail(DNN_ERROR_FORMAT, path, "%lld bytes are too few for an IDX file", (long long)got);
    IO_TRY(read_type(h, bytes, path));
    h->rank = bytes[3];
    if (h->rank == 0) return dnni_io_fail(DNN_ERROR_FORMAT, path, "it has no axes");
    if (h->rank > DNN_MAX_RANK)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "it has %d axes, a tensor has at most %d", h->rank,
                            DNN_MAX_RANK);
    IO_TRY(stream_read(s, bytes, 4 * (int64_t)h->rank, &got));
    if (got < 4 * h->rank) return dnni_io_fail(DNN_ERROR_FORMAT, path, "it ends within the sizes of its axes");
    return read_sizes(h, bytes, path);
}

static dnn_status check_payload(const idx_header *h, stream *s, int64_t max_bytes) {
    int64_t bytes = s->file->n - s->at;
    if (s->compressed && h->count * dnn_dtype_size(h->dtype) > max_bytes)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, s->file->path, "unfolds to %lld bytes, desc.max_bytes allows %lld",
                            (long long)(h->count * dnn_dtype_size(h->dtype)), (long long)max_bytes);
    if (s->compressed) IO_TRY(stream_measure(s, h->payload, &bytes));
    if (bytes == h->payload) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path,
                        "its header announces %lld bytes of elements, there are %s%lld", (long long)h->payload,
                        s->compressed && bytes > h->payload ? "at least " : "", (long long)bytes);
}

static dnn_status examine(idx_header *h, const dnni_io_file *file, int64_t max_bytes) {
    stream s;
    IO_TRY(stream_begin(&s, file));
    dnn_status status = read_header(h, &s);
    if (status == DNN_OK) status = check_payload(h, &s, max_bytes);
    stream_end(&s);
    return status;
}

/* ---- the elements ---- */

static dnn_status fill(const idx_header *h, const dnni_io_file *file, unsigned char *target) {
    stream s;
    unsigned char header[MOST_HEADER];
    int64_t got = 0;
    IO_TRY(stream_begin(&s, file));
    dnn_status status = stream_read(&s, header, 4 + 4 * (int64_t)h->rank, &got);
    if (status == DNN_OK) status = stream_read(&s, target, h->payload, &got);
    stream_end(&s);
    return status;
}

/* From the file's elements at the start of `data` to the machine's, from the last to the first: none is overwritten
 * before it is read. */
static void decode(const idx_header *h, unsigned char *data) {
    int64_t size = dnn_dtype_size(h->dtype);
    for (int64_t i = h->count - 1; h->dtype != DNN_U8 && i >= 0; i--) {
        const unsigned char *from = data + i * h->width;
        uint64_t bits = 0;
        for (int32_t b = 0; b < h->width; b++) bits = bits << 8 | from[b];
        if (h->width < size) { /* a narrow signed integer: its sign bit, to the top */
            uint64_t sign = UINT64_C(1) << (8 * h->width - 1);
            bits = (bits ^ sign) - sign;
        }
        uint32_t word = (uint32_t)bits;
        memcpy(data + i * size, size == 8 ? (const void *)&bits : (const void *)&word, (size_t)size);
    }
}

static dnn_status read_file(dnn_tensor **out, const dnni_io_file *file, int64_t max_bytes) {
    idx_header h = {.rank = 0};
    dnn_tensor *tensor;
    IO_TRY(examine(&h, file, max_bytes));
    IO_TRY(dnn_tensor_create(&tensor, file->ctx, h.dtype, h.rank, h.dims));
    dnn_status status = fill(&h, file, dnn_tensor_data(tensor));
    if (status != DNN_OK) {
        dnn_tensor_release(tensor);
        return status;
    }
    decode(&h, dnn_tensor_data(tensor));
    *out = tensor;
    return DNN_OK;
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
