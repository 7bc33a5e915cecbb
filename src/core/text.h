/* Text that the library writes: numbers that are the same in every locale, UTF-8, and a writer for tables and JSON. */
#ifndef DNNI_TEXT_H
#define DNNI_TEXT_H

#include <stdbool.h>

#include "core/error.h"
#include "core/memory.h"

/* A number with so many significant digits, with a point in every locale. Written dnni_real(…).text as an argument of
 * a printf. */
typedef struct dnni_real_text {
    char text[40];
} dnni_real_text;
dnni_real_text dnni_real(double value, int digits);

/* The next character of UTF-8 text: steps over it and gives its number; false if it is not well formed. */
bool dnni_utf8_next(const char **at, const char *end, uint32_t *character);

/* Characters of UTF-8 text, for columns that stand below each other. */
int dnni_characters(const char *text);

/* Text that can be shown anywhere: what is not well-formed UTF-8, and characters that control a terminal or the
 * direction of writing, become U+FFFD; a tab or an end of line becomes a space, but '\n' stays where `lines` are
 * allowed. A copy in the pool, NULL if there is no memory; or into text[room], room ≥ 1, cut between characters. */
char *dnni_pool_clean(dnni_pool *pool, const char *text, bool lines);
void dnni_clean(char *text, size_t room, const char *source);

/* Writes text twice: once to measure, once into memory. */
typedef struct dnni_writer {
    char *text; /* NULL: measure */
    int64_t used, room;
    bool more; /* JSON: a member stands before the next one */
} dnni_writer;
void dnni_write(dnni_writer *w, const char *format, ...) DNNI_PRINTF(2, 3);

/* What `write` writes, as a string in the pool. NULL if there is no memory. */
char *dnni_written(dnni_pool *pool, void (*write)(dnni_writer *w, const void *what), const void *what);

/* JSON (RFC 8259), with the commas that it needs. Members of an object have a name; items of a list, and the outermost
 * value, have NULL. Text is UTF-8 (dnni_pool_clean); numbers that JSON has not, NaN and infinities, are null. */
void dnni_put_open(dnni_writer *w, const char *name, char bracket);
void dnni_put_close(dnni_writer *w, char bracket);
void dnni_put_text(dnni_writer *w, const char *name, const char *text);
void dnni_put_real(dnni_writer *w, const char *name, double value);
void dnni_put_whole(dnni_writer *w, const char *name, int64_t value);
void dnni_put_bool(dnni_writer *w, const char *name, bool value);
void dnni_put_json(dnni_writer *w, const char *name, const char *json); /* as it stands: "null", another's JSON */

#endif
