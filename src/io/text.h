/* What texts are made of: UTF-8, and numbers for units. */
#ifndef DNNI_TEXT_H
#define DNNI_TEXT_H

#include "io/support.h"

/* The character that bytes[0..n) begin with, and its length; 0 if they begin with none that is well formed. */
int64_t dnni_utf8_read(const unsigned char *bytes, int64_t n, uint32_t *code);

/* Which codes occur: a bit for each. */
enum { DNNI_CODES = 0x110000, DNNI_MOST_UNITS = 65536 };
typedef struct dnni_codes {
    uint64_t word[DNNI_CODES / 64];
} dnni_codes;

/* Numbers for characters or bytes. */
typedef struct dnni_vocabulary {
    int64_t n;
    int32_t ascii[128]; /* the number of each, -1: it has none */
    struct dnni_unit {
        uint32_t code;
        int32_t number;
    } *units;        /* sorted by code */
    uint32_t *codes; /* by number */
} dnni_vocabulary;

/* Numbers in the order of codes; or in that of a text, in which none may come twice. */
dnn_status dnni_vocabulary_of_codes(dnni_vocabulary *v, dnn_context *ctx, const dnni_codes *codes, const char *path);
dnn_status dnni_vocabulary_of_text(dnni_vocabulary *v, dnn_context *ctx, const char *text, dnn_text_unit unit);
void dnni_vocabulary_release(dnni_vocabulary *v);

/* -1: it has none. */
int64_t dnni_vocabulary_number(const dnni_vocabulary *v, uint32_t code);

/* The name of number k: the unit itself; "\xNN" for a byte above 127. */
enum { DNNI_UNIT_NAME = 8 };
void dnni_vocabulary_name(const dnni_vocabulary *v, int64_t k, dnn_text_unit unit, char name[DNNI_UNIT_NAME]);

#endif
