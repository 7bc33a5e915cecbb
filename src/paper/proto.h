/* Messages in the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), in memory that grows: as
 * much of it as TensorBoard's event files need. After a failure nothing more is put, and the status says why. */
#ifndef DNNI_PROTO_H
#define DNNI_PROTO_H

#include "core/context.h"

typedef struct dnni_proto {
    dnn_context *ctx;
    unsigned char *data;
    int64_t used, capacity;
    dnn_status status;
} dnni_proto;

void dnni_proto_free(dnni_proto *p);

/* Fields by their numbers. Zero is put, too: who wants proto3's default to be left out, leaves it out. */
void dnni_proto_whole(dnni_proto *p, int field, int64_t value);
void dnni_proto_float(dnni_proto *p, int field, float value);
void dnni_proto_double(dnni_proto *p, int field, double value);
void dnni_proto_bytes(dnni_proto *p, int field, const void *data, int64_t bytes);
void dnni_proto_text(dnni_proto *p, int field, const char *text);

/* Repeated doubles, packed. */
void dnni_proto_doubles(dnni_proto *p, int field, const double *values, int64_t n);

/* A message in a message: what is put between open and close; `at` is what open returned. */
int64_t dnni_proto_open(dnni_proto *p);
void dnni_proto_close(dnni_proto *p, int field, int64_t at);

/* Bytes without a field, the lowest first. */
void dnni_proto_raw(dnni_proto *p, const void *data, int64_t bytes);
void dnni_proto_fixed(dnni_proto *p, uint64_t value, int bytes);

#endif
