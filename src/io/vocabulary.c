#include <stdio.h>
#include <string.h>

#include "io/sort.h"
#include "io/text.h"

typedef struct dnni_unit dnni_unit;

/* ---- UTF-8: RFC 3629 ---- */

int64_t dnni_utf8_read(const unsigned char *b, int64_t n, uint32_t *code) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (n < 1) return 0;
    *code = b[0];
    if (b[0] < 0x80) return 1;
    int64_t length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    if (b[0] < 0xc2 || b[0] > 0xf4 || n < length) return 0;
    *code = b[0] & (0x7fu >> length);
    for (int64_t i = 1; i < length; i++) {
        if ((b[i] & 0xc0) != 0x80) return 0;
        *code = *code << 6 | (b[i] & 0x3fu);
    }
    bool surrogate = *code >= 0xd800 && *code < 0xe000;
    return *code < least[length] || surrogate || *code >= DNNI_CODES ? 0 : length;
}

static int utf8_write(char *to, uint32_t code) {
    int length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (int i = length - 1; i > 0; i--, code >>= 6) to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(first[length] | code);
    return length;
}

/* ---- numbers ---- */

void dnni_vocabulary_release(dnni_vocabulary *v) {
    dnni_io_free(v->units);
    dnni_io_free(v->codes);
    *v = (dnni_vocabulary){.n = 0};
}

static dnn_status allocate(dnni_vocabulary *v, dnn_context *ctx, int64_t n) {
    v->n = n;
    v->units = dnni_io_alloc(ctx, n * (int64_t)sizeof *v->units);
    v->codes = dnni_io_alloc(ctx, n * (int64_t)sizeof *v->codes);
    memset(v->ascii, 0xff, sizeof v->ascii);
    return v->units && v->codes ? DNN_OK : DNN_ERROR_MEMORY;
}

static int by_code(const void *context, const void *a, const void *b) {
    uint32_t x = ((const dnni_unit *)a)->code, y = ((const dnni_unit *)b)->code;
    (void)context;
    return (x > y) - (x < y);
}

/* From codes[0..n). */
static dnn_status finish(dnni_vocabulary *v) {
    for (int64_t k = 0; k < v->n; k++) v->units[k] = (dnni_unit){v->codes[k], (int32_t)k};
    dnni_io_sort(v->units, v->n, sizeof *v->units, by_code, NULL);
    for (int64_t i = 0; i < v->n; i++) {
        const dnni_unit *u = &v->units[i];
        if (i > 0 && u->code == u[-1].code)
            return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.vocabulary has U+%04X twice", (unsigned)u->code);
        if (u->code < 128) v->ascii[u->code] = u->number;
    }
    return DNN_OK;
}

dnn_status dnni_vocabulary_of_codes(dnni_vocabulary *v, dnn_context *ctx, const dnni_codes *codes, const char *path) {
    int64_t n = 0, k = 0;
    for (int64_t i = 0; i < DNNI_CODES / 64; i++) n += __builtin_popcountll(codes->word[i]);
    if (n > DNNI_MOST_UNITS)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "has %lld different characters, %d are the most", (long long)n,
                            DNNI_MOST_UNITS);
    IO_TRY(allocate(v, ctx, n));
    for (uint32_t code = 0; code < DNNI_CODES; code++)
        if (codes->word[code / 64] >> code % 64 & 1) v->codes[k++] = code;
    return finish(v);
}

/* The units of a text, to codes (NULL: they are only counted). */
static dnn_status units_of(int64_t *n, uint32_t *codes, const char *text, dnn_text_unit unit) {
    int64_t left = (int64_t)strlen(text), length = 1;
    *n = 0;
    for (const unsigned char *at = (const unsigned char *)text; left > 0; at += length, left -= length) {
        uint32_t code = *at;
        if (unit == DNN_TEXT_CHARACTERS) length = dnni_utf8_read(at, left, &code);
        if (length == 0) return dnn_fail(DNN_ERROR_ARGUMENT, "desc.vocabulary is not UTF-8");
        if (codes) codes[*n] = code;
        ++*n;
    }
    return DNN_OK;
}

dnn_status dnni_vocabulary_of_text(dnni_vocabulary *v, dnn_context *ctx, const char *text, dnn_text_unit unit) {
    int64_t n;
    IO_TRY(units_of(&n, NULL, text, unit));
    if (n < 1 || n > DNNI_MOST_UNITS)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.vocabulary has %lld units, 1 to %d are possible",
                            (long long)n, DNNI_MOST_UNITS);
    IO_TRY(allocate(v, ctx, n));
    IO_TRY(units_of(&n, v->codes, text, unit));
    return finish(v);
}

int64_t dnni_vocabulary_number(const dnni_vocabulary *v, uint32_t code) {
    if (code < 128) return v->ascii[code];
    for (int64_t low = 0, high = v->n; low < high;) {
        int64_t middle = low + (high - low) / 2;
        if (v->units[middle].code == code) return v->units[middle].number;
        if (v->units[middle].code < code) low = middle + 1;
        else high = middle;
    }
    return -1;
}

void dnni_vocabulary_name(const dnni_vocabulary *v, int64_t k, dnn_text_unit unit, char name[DNNI_UNIT_NAME]) {
    uint32_t code = v->codes[k];
    if (unit == DNN_TEXT_BYTES && code > 127) snprintf(name, DNNI_UNIT_NAME, "\\x%02X", (unsigned)code & 0xff);
    else name[utf8_write(name, code)] = '\0';
}
