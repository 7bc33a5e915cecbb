#include "paper/curves.h"

#include <math.h>
#include <string.h>

#include "paper/number.h"
#include "paper/run.h"
#include "record/file.h"

/* More is no run's: a million points have 40 MB. */
#define MOST_BYTES (INT64_C(1) << 30)

enum { MOST_CURVES = 512 };

void dnni_curves_free(dnni_curves *c) {
    for (int64_t i = 0; i < c->n; i++) {
        dnni_curve *curve = &c->list[i];
        dnni_free_string(c->ctx, curve->tag);
        dnni_free(c->ctx, curve->steps, curve->steps_capacity, sizeof *curve->steps);
        dnni_free(c->ctx, curve->values, curve->values_capacity, sizeof *curve->values);
    }
    dnni_free(c->ctx, c->list, c->capacity, sizeof *c->list);
    *c = (dnni_curves){.ctx = c->ctx};
}

const dnni_curve *dnni_curves_find(const dnni_curves *c, const char *tag) {
    for (int64_t i = 0; i < c->n; i++)
        if (strcmp(c->list[i].tag, tag) == 0) return &c->list[i];
    return NULL;
}

dnni_extremes dnni_curve_extremes(const dnni_curve *c) {
    dnni_extremes e = {c->n - 1, -1, -1};
    for (int64_t i = 0; i < c->n; i++) {
        if (!isfinite(c->values[i])) continue;
        if (e.least < 0 || c->values[i] < c->values[e.least]) e.least = i;
        if (e.greatest < 0 || c->values[i] > c->values[e.greatest]) e.greatest = i;
    }
    return e;
}

/* ---- points ---- */

/* Where a tag's curve is; lines mostly go through the tags in turn, so the search begins behind the last one found. */
static dnn_status find_or_add(dnni_curves *c, const char *tag, int64_t *at) {
    for (int64_t i = 0; i < c->n; i++) {
        *at = *at + 1 < c->n ? *at + 1 : 0;
        if (strcmp(c->list[*at].tag, tag) == 0) return DNN_OK;
    }
    if (c->n == MOST_CURVES)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "scalars.csv has more than %d tags", MOST_CURVES);
    DNNI_TRY(dnni_grow(c->ctx, (void **)&c->list, &c->capacity, c->n + 1, sizeof *c->list));
    char *copy = dnni_copy_string(c->ctx, tag);
    if (!copy) return DNN_ERROR_MEMORY;
    *at = c->n++;
    c->list[*at].tag = copy;
    return DNN_OK;
}

/* A step that comes again takes the place of all from there on. */
static dnn_status add_point(dnni_curves *c, dnni_curve *curve, double step, double value) {
    while (curve->n > 0 && curve->steps[curve->n - 1] >= step) curve->n--;
    DNNI_TRY(dnni_grow(c->ctx, (void **)&curve->steps, &curve->steps_capacity, curve->n + 1, sizeof step));
    DNNI_TRY(dnni_grow(c->ctx, (void **)&curve->values, &curve->values_capacity, curve->n + 1, sizeof value));
    curve->steps[curve->n] = step;
    curve->values[curve->n++] = value;
    return DNN_OK;
}

/* ---- lines ---- */

/* A number, up to the comma. */
static bool take_number(const char **at, const char *end, double *value) {
    const char *comma = memchr(*at, ',', (size_t)(end - *at));
    if (!comma || !dnni_number_read(*at, comma - *at, value)) return false;
    *at = comma + 1;
    return true;
}

/* A tag between quotation marks, those in it doubled, up to the comma. */
static bool take_tag(const char **at, const char *end, char *tag, int64_t room) {
    int64_t n = 0;
    const char *c = *at;
    if (c == end || *c++ != '"') return false;
    for (; c < end && n < room - 1; c++) {
        if (*c == '"' && (c + 1 == end || *++c != '"')) break;
        if (*c == '\0') return false;
        tag[n++] = *c;
    }
    tag[n] = '\0';
    if (n == 0 || c == end || *c != ',') return false;
    *at = c + 1;
    return true;
}

static bool is_step(double step) { return step >= 0 && step == floor(step); }

static dnn_status take_line(dnni_curves *c, const char *at, const char *end, int64_t line, int64_t *curve) {
    dnni_tag tag;
    double time, step, value;
    if (!take_number(&at, end, &time) || !take_number(&at, end, &step) || !is_step(step) ||
        !take_tag(&at, end, tag.text, sizeof tag.text) || !dnni_number_read(at, end - at, &value))
        return dnni_error(DNN_ERROR_FORMAT, "line %lld is not time, step, \"tag\", value", (long long)line);
    DNNI_TRY(find_or_add(c, tag.text, curve));
    return add_point(c, &c->list[*curve], step, value);
}

dnn_status dnni_curves_parse(dnni_curves *c, const char *text, int64_t bytes) {
    static const char head[] = "time,step,tag,value";
    int64_t line = 1, curve = -1;
    for (const char *at = text, *end = text + bytes, *stop; at < end; at = stop + 1, line++) {
        stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) break;
        if (line > 1) DNNI_TRY(take_line(c, at, stop, line, &curve));
        else if (stop - at != sizeof head - 1 || memcmp(at, head, sizeof head - 1) != 0)
            return dnni_error(DNN_ERROR_FORMAT, "line 1 is not \"%s\"", head);
    }
    return DNN_OK;
}

/* ---- files ---- */

static dnn_status read_whole(dnni_curves *c, dnni_file *file) {
    if (file->bytes > MOST_BYTES)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "has %lld bytes, more than %lld", (long long)file->bytes,
                          (long long)MOST_BYTES);
    char *text = dnni_alloc_raw(c->ctx, file->bytes + 1, 1);
    if (!text) return DNN_ERROR_MEMORY;
    dnn_status status = dnni_file_read(file, text, file->bytes);
    if (status == DNN_OK) status = dnni_curves_parse(c, text, file->bytes);
    dnni_free(c->ctx, text, file->bytes + 1, 1);
    return status;
}

dnn_status dnni_curves_read_file(dnni_curves *c, dnn_context *ctx, const char *path) {
    dnni_file file;
    *c = (dnni_curves){.ctx = ctx};
    if (dnni_run_is_missing(path)) return DNN_OK;
    dnn_status status = dnni_file_open(&file, path);
    if (status == DNN_OK) {
        status = read_whole(c, &file);
        dnni_file_close(&file);
    }
    if (status != DNN_OK) dnni_error_prefix(path);
    return status;
}

dnn_status dnni_curves_read(dnni_curves *c, dnn_context *ctx, const char *folder) {
    *c = (dnni_curves){.ctx = ctx};
    char *path = dnni_run_path(ctx, folder, "scalars.csv");
    if (!path) return dnn_last_status();
    dnn_status status = dnni_curves_read_file(c, ctx, path);
    dnni_free_string(ctx, path);
    return status;
}

/* Reads on to where the last bytes are: files are read forwards, and logs are short. */
static dnn_status read_tail(dnni_file *file, char *text, int64_t most) {
    for (int64_t left = file->bytes; left > 0;) {
        int64_t bytes = left > most ? left - most : left;
        if (bytes > most) bytes = most;
        DNNI_TRY(dnni_file_read(file, text, bytes));
        left -= bytes;
        text[bytes] = '\0';
    }
    return DNN_OK;
}

char *dnni_run_tail(dnn_context *ctx, const char *folder, const char *name, int64_t most) {
    dnni_file file;
    char *path = dnni_run_path(ctx, folder, name), *tail = NULL;
    char *text = path ? dnni_alloc(ctx, most + 1, 1) : NULL;
    dnn_status status = text ? DNN_OK : dnn_last_status();
    if (text && !dnni_run_is_missing(path)) {
        status = dnni_file_open(&file, path);
        if (status == DNN_OK) {
            status = read_tail(&file, text, most);
            dnni_file_close(&file);
        }
        if (status != DNN_OK) dnni_error_prefix(path);
    }
    const char *from = text;
    if (text && status == DNN_OK && strlen(text) == (size_t)most && strchr(text, '\n')) from = strchr(text, '\n') + 1;
    if (text && status == DNN_OK) tail = dnni_copy_string(ctx, from);
    dnni_free(ctx, text, most + 1, 1);
    dnni_free_string(ctx, path);
    return tail;
}
