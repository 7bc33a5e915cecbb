/* A stretch of a file from its beginning to its end, plain or unfolded by zlib. */
#ifndef DNNI_IO_STREAM_H
#define DNNI_IO_STREAM_H

#include <zlib.h>

#include "io/support.h"

typedef enum dnni_io_packing {
    DNNI_IO_PLAIN,
    DNNI_IO_GZIP,   /* members with header and checksum, one after another */
    DNNI_IO_DEFLATE /* the bare compressed data, once */
} dnni_io_packing;

typedef struct dnni_io_stream {
    const dnni_io_file *file;
    int64_t at, end; /* how far the file has been taken in, and how far it may be */
    dnni_io_packing packing;
    bool ended;
    z_stream z;
    unsigned char input[16384];
} dnni_io_stream;

/* Bytes [from, from + bytes) of the file, which are there. After a failure nothing is to be ended. */
dnn_status dnni_io_stream_begin(dnni_io_stream *s, const dnni_io_file *file, int64_t from, int64_t bytes,
                                dnni_io_packing packing);
void dnni_io_stream_end(dnni_io_stream *s);

/* The same over a whole file: GZIP if it begins as gzip does. */
dnn_status dnni_io_stream_file(dnni_io_stream *s, const dnni_io_file *file);

/* Up to `bytes` bytes; fewer only at the end. */
dnn_status dnni_io_stream_read(dnni_io_stream *s, void *target, int64_t bytes, int64_t *got);

/* How many bytes follow; it gives up above `most`. */
dnn_status dnni_io_stream_measure(dnni_io_stream *s, int64_t most, int64_t *bytes);

#endif
