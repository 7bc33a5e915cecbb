#include "io/stream.h"

static voidpf allocate(voidpf user, uInt items, uInt size) { return dnni_io_alloc(user, (int64_t)items * size); }
static void release(voidpf user, voidpf memory) {
    (void)user;
    dnni_io_free(memory);
}

static dnn_status fault(const dnni_io_stream *s, const char *what) {
    return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "%s", what);
}

dnn_status dnni_io_stream_begin(dnni_io_stream *s, const dnni_io_file *file, int64_t from, int64_t bytes,
                                dnni_io_packing packing) {
    s->file = file;
    s->at = from;
    s->end = from + bytes;
    s->packing = packing;
    s->ended = false;
    if (packing == DNNI_IO_PLAIN) return DNN_OK;
    s->z = (z_stream){.zalloc = allocate, .zfree = release, .opaque = file->ctx};
    /* the largest window: in a gzip wrapper, or without one */
    int result = inflateInit2(&s->z, packing == DNNI_IO_GZIP ? 15 + 16 : -15);
    if (result == Z_OK) return DNN_OK;
    return result == Z_MEM_ERROR ? DNN_ERROR_MEMORY : fault(s, "zlib cannot be used");
}

dnn_status dnni_io_stream_file(dnni_io_stream *s, const dnni_io_file *file) {
    unsigned char magic[2] = {0, 0};
    if (file->n >= 2) IO_TRY(dnni_io_read(file, 0, magic, 2));
    bool compressed = magic[0] == 0x1f && magic[1] == 0x8b;
    return dnni_io_stream_begin(s, file, 0, file->n, compressed ? DNNI_IO_GZIP : DNNI_IO_PLAIN);
}

void dnni_io_stream_end(dnni_io_stream *s) {
    if (s->packing != DNNI_IO_PLAIN) inflateEnd(&s->z);
}

/* Behind one gzip member there may be another one. */
static dnn_status next_member(dnni_io_stream *s) {
    s->ended = s->at == s->end && s->z.avail_in == 0;
    if (s->ended) return DNN_OK;
    if (s->packing == DNNI_IO_DEFLATE) return fault(s, "bytes follow the compressed data");
    return inflateReset(&s->z) == Z_OK ? DNN_OK : fault(s, "zlib cannot be used");
}

static dnn_status feed(dnni_io_stream *s) {
    int64_t left = s->end - s->at, n = left < (int64_t)sizeof s->input ? left : (int64_t)sizeof s->input;
    IO_TRY(dnni_io_read(s->file, s->at, s->input, n));
    s->at += n;
    s->z.next_in = s->input;
    s->z.avail_in = (uInt)n;
    return DNN_OK;
}

static dnn_status inflate_some(dnni_io_stream *s) {
    if (s->z.avail_in == 0) IO_TRY(feed(s));
    int result = inflate(&s->z, Z_NO_FLUSH);
    if (result == Z_OK) return DNN_OK;
    if (result == Z_STREAM_END) return next_member(s);
    if (result == Z_MEM_ERROR) return DNN_ERROR_MEMORY;
    if (result == Z_BUF_ERROR) return fault(s, "the compressed data is cut short");
    return dnni_io_fail(DNN_ERROR_FORMAT, s->file->path, "the compressed data is damaged (%s)",
                        s->z.msg ? s->z.msg : "a preset dictionary is needed");
}

dnn_status dnni_io_stream_read(dnni_io_stream *s, void *target, int64_t bytes, int64_t *got) {
    const int64_t most = 1 << 30;
    *got = 0;
    if (s->packing == DNNI_IO_PLAIN) {
        *got = bytes < s->end - s->at ? bytes : s->end - s->at;
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

dnn_status dnni_io_stream_measure(dnni_io_stream *s, int64_t most, int64_t *bytes) {
    unsigned char scratch[16384];
    int64_t got;
    *bytes = 0;
    do {
        IO_TRY(dnni_io_stream_read(s, scratch, sizeof scratch, &got));
        *bytes += got;
    } while (got == (int64_t)sizeof scratch && *bytes <= most);
    return DNN_OK;
}
