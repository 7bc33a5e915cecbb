/* A page on its way to a file: pieces of text, kept together in a buffer. After a failure nothing more is written, and
 * the status says why. */
#ifndef DNNI_IO_HTML_H
#define DNNI_IO_HTML_H

#include "io/support.h"

enum { DNNI_HTML_BUFFER = 1 << 16 };

typedef struct dnni_html {
    dnn_context *ctx;
    dnni_io_output output;
    char *buffer; /* of DNNI_HTML_BUFFER */
    int64_t used;
    dnn_status status;
} dnni_html;

/* As dnni_io_begin and dnni_io_end. */
dnn_status dnni_html_begin(dnni_html *html, dnn_context *ctx, const char *path);
dnn_status dnni_html_end(dnni_html *html);

/* Markup, as it stands; text, with the five characters that markup is made of escaped; a picture as a data URI. */
void dnni_html_put(dnni_html *html, const char *markup);
void dnni_html_text(dnni_html *html, const char *text);
void dnni_html_number(dnni_html *html, int64_t number);
void dnni_html_picture(dnni_html *html, const dnn_tensor *image);

#endif
