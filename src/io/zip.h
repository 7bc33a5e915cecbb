/* The table of contents of a zip archive (PKWARE's APPNOTE 6.3.10), zip64 too: what npz needs of it. */
#ifndef DNNI_ZIP_H
#define DNNI_ZIP_H

#include "io/stream.h"

typedef struct dnni_zip_member {
    const char *name;
    int64_t local; /* where its own header begins */
    int64_t data;  /* and its bytes */
    int64_t packed, bytes;
    uint32_t crc;
    bool deflated;
} dnni_zip_member;

typedef struct dnni_zip {
    dnni_zip_member *members; /* sorted by name, no two alike */
    int64_t n;
    char *directory; /* names live here */
} dnni_zip;

/* Reads and checks it: members lie within the file and do not overlap. After a failure nothing is to be released. */
dnn_status dnni_zip_read(dnni_zip *zip, const dnni_io_file *file);
void dnni_zip_release(dnni_zip *zip);

/* NULL: there is none of that name. */
const dnni_zip_member *dnni_zip_find(const dnni_zip *zip, const char *name);

/* A member's bytes as a stream. */
dnn_status dnni_zip_stream(dnni_io_stream *s, const dnni_io_file *file, const dnni_zip_member *member);

/* Unfolds a member into nothing, and checks its length and checksum. */
dnn_status dnni_zip_verify(const dnni_io_file *file, const dnni_zip_member *member);

#endif
