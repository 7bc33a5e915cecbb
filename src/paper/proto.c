#include "paper/proto.h"

#include <string.h>

typedef enum { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 } wire_type;

void dnni_proto_free(dnni_proto *p) {
    dnni_free(p->ctx, p->data, p->capacity, 1);
    *p = (dnni_proto){.ctx = p->ctx};
}

/* Room for so many more bytes. */
static bool has_room(dnni_proto *p, int64_t more) {
    int64_t needed;
    if (p->status != DNN_OK) return false;
    if (!dnni_add(p->used, more, &needed)) p->status = dnni_out_of_memory();
    else p->status = dnni_grow(p->ctx, (void **)&p->data, &p->capacity, needed, 1);
    return p->status == DNN_OK;
}

void dnni_proto_raw(dnni_proto *p, const void *data, int64_t bytes) {
    if (bytes == 0 || !has_room(p, bytes)) return;
    memcpy(p->data + p->used, data, (size_t)bytes);
    p->used += bytes;
}

void dnni_proto_fixed(dnni_proto *p, uint64_t value, int bytes) {
    unsigned char little[8];
    for (int i = 0; i < bytes; i++) little[i] = (unsigned char)(value >> 8 * i);
    dnni_proto_raw(p, little, bytes);
}

/* Seven bits a byte, the lowest first; the eighth says that more follow. */
static int varint(unsigned char out[10], uint64_t value) {
    int n = 0;
    for (; value >= 0x80; value >>= 7) out[n++] = (unsigned char)(value | 0x80);
    out[n++] = (unsigned char)value;
    return n;
}

static void put_varint(dnni_proto *p, uint64_t value) {
    unsigned char bytes[10];
    dnni_proto_raw(p, bytes, varint(bytes, value));
}

static void put_key(dnni_proto *p, int field, wire_type type) { put_varint(p, (uint64_t)field << 3 | type); }

void dnni_proto_whole(dnni_proto *p, int field, int64_t value) {
    put_key(p, field, VARINT);
    put_varint(p, (uint64_t)value);
}

void dnni_proto_float(dnni_proto *p, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(p, field, FIXED32);
    dnni_proto_fixed(p, bits, 4);
}

static void put_double(dnni_proto *p, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    dnni_proto_fixed(p, bits, 8);
}

void dnni_proto_double(dnni_proto *p, int field, double value) {
    put_key(p, field, FIXED64);
    put_double(p, value);
}

void dnni_proto_bytes(dnni_proto *p, int field, const void *data, int64_t bytes) {
    put_key(p, field, DELIMITED);
    put_varint(p, (uint64_t)bytes);
    dnni_proto_raw(p, data, bytes);
}

void dnni_proto_text(dnni_proto *p, int field, const char *text) {
    dnni_proto_bytes(p, field, text, (int64_t)strlen(text));
}

void dnni_proto_doubles(dnni_proto *p, int field, const double *values, int64_t n) {
    int64_t at = dnni_proto_open(p);
    for (int64_t i = 0; i < n; i++) put_double(p, values[i]);
    dnni_proto_close(p, field, at);
}

int64_t dnni_proto_open(dnni_proto *p) { return p->used; }

/* How long a message is, is known only now: it moves back to make room for key and length. */
void dnni_proto_close(dnni_proto *p, int field, int64_t at) {
    unsigned char front[20];
    int64_t bytes = p->used - at;
    int n = varint(front, (uint64_t)field << 3 | DELIMITED);
    n += varint(front + n, (uint64_t)bytes);
    if (!has_room(p, n)) return;
    memmove(p->data + at + n, p->data + at, (size_t)bytes);
    memcpy(p->data + at, front, (size_t)n);
    p->used += n;
}
