#include "io/html.h"

#include <stdio.h>
#include <string.h>

#include "io/png_job.h"

/* ---- to the file ---- */

dnn_status dnni_html_begin(dnni_html *h, dnn_context *ctx, const char *path) {
    *h = (dnni_html){.ctx = ctx, .status = DNN_OK};
    h->buffer = dnni_io_alloc(ctx, DNNI_HTML_BUFFER);
    if (!h->buffer) return DNN_ERROR_MEMORY;
    dnn_status status = dnni_io_begin(&h->output, ctx, path);
    if (status != DNN_OK) dnni_io_free(h->buffer);
    return status;
}

static void flush(dnni_html *h) {
    if (h->status == DNN_OK) h->status = dnni_io_put(&h->output, h->buffer, h->used);
    h->used = 0;
}

dnn_status dnni_html_end(dnni_html *h) {
    flush(h);
    dnni_io_free(h->buffer);
    return dnni_io_end(&h->output, h->status);
}

static void put_bytes(dnni_html *h, const char *data, int64_t bytes) {
    while (bytes > 0 && h->status == DNN_OK) {
        int64_t room = DNNI_HTML_BUFFER - h->used, n = bytes < room ? bytes : room;
        memcpy(h->buffer + h->used, data, (size_t)n);
        h->used += n;
        data += n;
        bytes -= n;
        if (h->used == DNNI_HTML_BUFFER) flush(h);
    }
}

/* ---- text ---- */

void dnni_html_put(dnni_html *h, const char *markup) { put_bytes(h, markup, (int64_t)strlen(markup)); }

static const char *escape_of(char c) {
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

void dnni_html_text(dnni_html *h, const char *text) {
    while (*text) {
        int64_t plain = (int64_t)strcspn(text, "&<>\"'");
        put_bytes(h, text, plain);
        text += plain;
        if (*text) dnni_html_put(h, escape_of(*text++));
    }
}

void dnni_html_number(dnni_html *h, int64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    dnni_html_put(h, text);
}

/* ---- pictures: PNG in base 64 (RFC 4648), three bytes as four characters ---- */

typedef struct encoder {
    dnni_html *html;
    unsigned char waiting[3];
    int n;
} encoder;

static void put_group(encoder *e) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = (uint32_t)e->waiting[0] << 16 | (uint32_t)e->waiting[1] << 8 | e->waiting[2];
    char group[4];
    for (int i = 0; i < 4; i++) group[i] = i <= e->n ? digits[bits >> (18 - 6 * i) & 63] : '=';
    put_bytes(e->html, group, 4);
    e->n = 0;
    memset(e->waiting, 0, sizeof e->waiting);
}

static dnn_status encode(void *where, const void *data, int64_t bytes) {
    encoder *e = where;
    const unsigned char *at = data;
    for (int64_t i = 0; i < bytes; i++) {
        e->waiting[e->n++] = at[i];
        if (e->n == 3) put_group(e);
    }
    return e->html->status;
}

void dnni_html_picture(dnni_html *h, const dnn_tensor *image) {
    encoder e = {.html = h};
    dnni_html_put(h, "data:image/png;base64,");
    if (h->status != DNN_OK) return;
    dnn_status status = dnni_png_encode(h->ctx, image, NULL, encode, &e);
    if (e.n > 0) put_group(&e);
    if (h->status == DNN_OK) h->status = status;
}
