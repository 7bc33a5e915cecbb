/* A text in windows. It stays in the file; what is kept in memory is the vocabulary and, of characters of several
 * bytes, where each 1024th begins. */
#include <stdio.h>
#include <string.h>

#include "io/text.h"

enum { CHUNK = 16384, SPACING = 1024 };

typedef struct {
    dnn_context *ctx;
    char *path;
    dnni_io_file file;
    bool open;
    dnn_text_desc desc;
    int64_t units;
    int64_t *marks; /* where unit k · SPACING begins; NULL: units are single bytes */
    dnni_codes *codes; /* that occur, while they are looked for */
    dnni_vocabulary vocabulary;
} source;

static void release(void *user) {
    source *s = user;
    if (s->open) dnni_io_close(&s->file);
    dnni_io_free(s->path);
    dnni_io_free(s->marks);
    dnni_io_free(s->codes);
    dnni_vocabulary_release(&s->vocabulary);
    dnni_io_free(s);
}

/* ---- going through the file ---- */

typedef dnn_status visitor(source *s, int64_t unit, int64_t place, uint32_t code);

static dnn_status bad_character(const source *s, int64_t place) {
    return dnni_io_fail(DNN_ERROR_FORMAT, s->path, "byte %lld begins no character of UTF-8", (long long)place);
}

/* Visits the units in bytes[0..n), which lie at `place`, and says how many bytes they were: at the end all, before it
 * less by at most the beginning of a character. */
static dnn_status visit_chunk(source *s, const unsigned char *bytes, int64_t n, int64_t place, visitor *visit,
                              int64_t *used) {
    for (*used = 0; *used < n;) {
        uint32_t code = bytes[*used];
        int64_t length = s->desc.unit == DNN_TEXT_BYTES ? 1 : dnni_utf8_read(bytes + *used, n - *used, &code);
        if (length == 0 && n - *used < 4 && place + n < s->file.n) return DNN_OK; /* cut by the chunk's end */
        if (length == 0) return bad_character(s, place + *used);
        IO_TRY(visit(s, s->units, place + *used, code));
        *used += length;
        s->units++;
    }
    return DNN_OK;
}

static dnn_status walk(source *s, const char *what, visitor *visit) {
    unsigned char chunk[CHUNK];
    int64_t used;
    s->units = 0;
    for (int64_t at = 0; at < s->file.n; at += used) {
        int64_t n = s->file.n - at < CHUNK ? s->file.n - at : CHUNK;
        IO_TRY(dnni_io_progress(&s->desc.progress, what, at, s->file.n));
        IO_TRY(dnni_io_read(&s->file, at, chunk, n));
        IO_TRY(visit_chunk(s, chunk, n, at, visit, &used));
    }
    return dnni_io_progress(&s->desc.progress, what, s->file.n, s->file.n);
}

static dnn_status note_code(source *s, int64_t unit, int64_t place, uint32_t code) {
    (void)unit;
    if (s->codes) s->codes->word[code / 64] |= UINT64_C(1) << code % 64;
    else if (dnni_vocabulary_number(&s->vocabulary, code) < 0)
        return dnni_io_fail(DNN_ERROR_VALUE, s->path, "byte %lld: U+%04X is not in desc.vocabulary", (long long)place,
                            (unsigned)code);
    return DNN_OK;
}

static dnn_status note_mark(source *s, int64_t unit, int64_t place, uint32_t code) {
    (void)code;
    if (unit % SPACING == 0) s->marks[unit / SPACING] = place;
    return DNN_OK;
}

/* ---- samples ---- */

/* Hands out the units from `first` on, a chunk at a time. */
typedef struct {
    const source *s;
    unsigned char chunk[CHUNK];
    int64_t at, n, used; /* the chunk's place in the file, its bytes, those gone through */
} cursor;

static dnn_status next_unit(cursor *c, uint32_t *code) {
    const source *s = c->s;
    if (c->n - c->used < 4 && c->at + c->n < s->file.n) {
        c->at += c->used;
        c->used = 0;
        c->n = s->file.n - c->at < CHUNK ? s->file.n - c->at : CHUNK;
        IO_TRY(dnni_io_read(&s->file, c->at, c->chunk, c->n));
    }
    *code = c->used < c->n ? c->chunk[c->used] : 0;
    int64_t length = s->marks ? dnni_utf8_read(c->chunk + c->used, c->n - c->used, code) : c->n > c->used;
    c->used += length;
    return length > 0 ? DNN_OK : bad_character(s, c->at + c->used);
}

static dnn_status seek(cursor *c, const source *s, int64_t first) {
    uint32_t code;
    c->s = s;
    c->at = s->marks ? s->marks[first / SPACING] : first;
    c->n = c->used = 0;
    for (int64_t i = 0; s->marks && i < first % SPACING; i++) IO_TRY(next_unit(c, &code));
    return DNN_OK;
}

static dnn_status get(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    const source *s = user;
    int64_t *x = input->data, *y = target->data, window = s->desc.window;
    cursor c;
    (void)epoch;
    IO_TRY(seek(&c, s, index * s->desc.stride));
    for (int64_t i = 0; i <= window; i++) {
        uint32_t code;
        IO_TRY(next_unit(&c, &code));
        int64_t number = dnni_vocabulary_number(&s->vocabulary, code);
        if (number < 0) return dnni_io_fail(DNN_ERROR_FORMAT, s->path, "has changed since it was opened");
        if (i < window) x[i] = number;
        if (i > 0) y[i - 1] = number;
    }
    return DNN_OK;
}

static dnn_status name(void *user, int64_t index, char *text, size_t bytes) {
    const source *s = user;
    snprintf(text, bytes, "%s, %s %lld", s->path, s->desc.unit == DNN_TEXT_BYTES ? "byte" : "character",
             (long long)(index * s->desc.stride));
    return DNN_OK;
}

/* ---- making ---- */

static dnn_status make_marks(source *s) {
    if (s->units == s->file.n) return DNN_OK; /* a byte each */
    s->marks = dnni_io_alloc(s->ctx, (s->units / SPACING + 1) * (int64_t)sizeof *s->marks);
    return s->marks ? walk(s, "indexing the text", note_mark) : DNN_ERROR_MEMORY;
}

static dnn_status read_vocabulary(source *s) {
    const char *declared = s->desc.vocabulary;
    if (declared) {
        IO_TRY(dnni_vocabulary_of_text(&s->vocabulary, s->ctx, declared, s->desc.unit));
        return walk(s, "reading the text", note_code);
    }
    s->codes = dnni_io_alloc(s->ctx, sizeof *s->codes);
    if (!s->codes) return DNN_ERROR_MEMORY;
    IO_TRY(walk(s, "reading the text", note_code));
    dnn_status status = dnni_vocabulary_of_codes(&s->vocabulary, s->ctx, s->codes, s->path);
    dnni_io_free(s->codes);
    s->codes = NULL;
    return status;
}

static dnn_status open_source(source *s, const char *path) {
    s->path = dnni_io_copy(s->ctx, path);
    if (!s->path) return DNN_ERROR_MEMORY;
    IO_TRY(dnni_io_open(&s->file, s->ctx, s->path));
    s->open = true;
    IO_TRY(read_vocabulary(s));
    return make_marks(s);
}

static dnn_status make_dataset(dnn_dataset **out, source *s, char (*names)[DNNI_UNIT_NAME], const char **pointers) {
    int64_t window = s->desc.window, stride = s->desc.stride;
    dnn_callback_dataset_desc desc = {
        DNN_SIZED(dnn_callback_dataset_desc), .get = get, .name = name, .thread_safe = 1, .release = release, .user = s,
        .input = {.dtype = DNN_I64, .rank = 1, .dims = {window}}, .class_names = s->vocabulary.n ? pointers : NULL,
        .classes = s->vocabulary.n, .target = {.dtype = DNN_I64, .rank = 1, .dims = {window}}};
    desc.count = s->units > window ? (s->units - window - 1) / stride + 1 : 0;
    for (int64_t k = 0; k < desc.classes; k++) {
        dnni_vocabulary_name(&s->vocabulary, k, s->desc.unit, names[k]);
        pointers[k] = names[k];
    }
    return dnn_dataset_from_callbacks(out, s->ctx, &desc);
}

static dnn_status build(dnn_dataset **out, source *s, const char *path) {
    IO_TRY(open_source(s, path));
    int64_t n = s->vocabulary.n;
    char(*names)[DNNI_UNIT_NAME] = dnni_io_alloc(s->ctx, n * DNNI_UNIT_NAME);
    const char **pointers = dnni_io_alloc(s->ctx, n * (int64_t)sizeof *pointers);
    dnn_status status = names && pointers ? make_dataset(out, s, names, pointers) : DNN_ERROR_MEMORY;
    dnni_io_free(pointers);
    dnni_io_free(names);
    return status;
}

static dnn_status check(dnn_text_desc *d) {
    if (d->stride == 0) d->stride = d->window;
    if (d->window < 1 || d->window > INT64_MAX / 64 || d->stride < 1)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.window is %lld, desc.stride %lld", (long long)d->window,
                            (long long)d->stride);
    if (d->unit != DNN_TEXT_BYTES && d->unit != DNN_TEXT_CHARACTERS)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.unit is %d", (int)d->unit);
    return DNN_OK;
}

dnn_status dnn_text_dataset(dnn_dataset **out, dnn_context *ctx, const char *path, const dnn_text_desc *desc) {
    dnn_text_desc d;
    IO_TRY(dnni_io_begin_call(out, ctx, path));
    IO_TRY(IO_DESC(d, desc));
    IO_TRY(check(&d));
    source *s = dnni_io_alloc(ctx, sizeof *s);
    if (!s) return DNN_ERROR_MEMORY;
    s->ctx = ctx;
    s->desc = d;
    dnn_status status = build(out, s, path);
    if (status != DNN_OK) release(s);
    return status;
}
