#include "core/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

dnni_real_text dnni_real(double value, int digits) {
    dnni_real_text n;
    snprintf(n.text, sizeof n.text, "%.*g", digits, value);
    for (char *c = n.text; *c; c++)
        if (!strchr("0123456789+-einfa", *c)) *c = '.';
    return n;
}

/* ---- UTF-8 ---- */

/* Behind the first byte of a character; -1: no character begins so. */
static int bytes_that_follow(unsigned char first) {
    if (first < 0x80) return 0;
    if (first < 0xc2) return -1;
    if (first < 0xe0) return 1;
    if (first < 0xf0) return 2;
    return first < 0xf5 ? 3 : -1;
}

/* By the table of well-formed byte sequences of the Unicode Standard (3.9, D92): the shortest form, no surrogates, at
 * most U+10FFFF. */
bool dnni_utf8_next(const char **at, const char *end, uint32_t *character) {
    const unsigned char *p = (const unsigned char *)*at;
    int64_t left = end - *at;
    int more = bytes_that_follow(p[0]);
    if (more < 0 || left <= more) return false;
    uint32_t c = more == 0 ? p[0] : p[0] & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) return false;
        c = c << 6 | (p[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return false;
    *at += more + 1;
    *character = c;
    return true;
}

/* Characters that change how others are shown: C0, DEL, C1, and those that turn the direction of writing. */
static bool is_control(uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Steps over a character, or a byte that begins none, and gives what is shown for it. */
static int next_clean(const char **at, const char *end, bool lines, const char **shown) {
    const char *from = *at;
    uint32_t c;
    *shown = REPLACEMENT;
    if (!dnni_utf8_next(at, end, &c)) {
        ++*at;
        return 3;
    }
    if (c == '\t' || c == '\n' || c == '\r') {
        *shown = c == '\n' && lines ? "\n" : " ";
        return 1;
    }
    if (is_control(c)) return 3;
    *shown = from;
    return (int)(*at - from);
}

void dnni_clean(char *text, size_t room, const char *source) {
    size_t used = 0;
    for (const char *at = source, *end = source + strlen(source); at < end;) {
        const char *shown;
        size_t bytes = (size_t)next_clean(&at, end, false, &shown);
        if (used + bytes >= room) break;
        memcpy(text + used, shown, bytes);
        used += bytes;
    }
    text[used] = '\0';
}

static void write_clean(dnni_writer *w, const char *text, bool lines) {
    for (const char *at = text, *end = text + strlen(text); at < end;) {
        const char *shown;
        int bytes = next_clean(&at, end, lines, &shown);
        dnni_write(w, "%.*s", bytes, shown);
    }
}

char *dnni_pool_clean(dnni_pool *pool, const char *text, bool lines) {
    dnni_writer w = {.text = NULL};
    write_clean(&w, text, lines);
    w = (dnni_writer){.text = dnni_pool_alloc(pool, w.used + 1, 1), .room = w.used + 1};
    if (w.text) write_clean(&w, text, lines);
    return w.text;
}

int dnni_characters(const char *text) {
    int n = 0;
    for (; *text; text++) n += (*text & 0xc0) != 0x80;
    return n;
}

/* ---- the writer ---- */

void dnni_write(dnni_writer *w, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = w->text && w->room > w->used ? (size_t)(w->room - w->used) : 0;
    int n = vsnprintf(room ? w->text + w->used : NULL, room, format, arguments);
    va_end(arguments);
    if (n > 0) w->used += n;
}

char *dnni_written(dnni_pool *pool, void (*write)(dnni_writer *, const void *), const void *what) {
    dnni_writer w = {.text = NULL};
    write(&w, what);
    w = (dnni_writer){.text = dnni_pool_alloc(pool, w.used + 1, 1), .room = w.used + 1};
    if (w.text) write(&w, what);
    return w.text;
}

/* ---- JSON ---- */

static void write_string(dnni_writer *w, const char *text) {
    dnni_write(w, "\"");
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') dnni_write(w, "\\%c", *c);
        else if ((unsigned char)*c < 0x20) dnni_write(w, "\\u%04x", (unsigned)*c);
        else dnni_write(w, "%c", *c);
    }
    dnni_write(w, "\"");
}

static void begin_member(dnni_writer *w, const char *name) {
    if (w->more) dnni_write(w, ",");
    if (name) write_string(w, name);
    if (name) dnni_write(w, ":");
    w->more = true;
}

void dnni_put_open(dnni_writer *w, const char *name, char bracket) {
    begin_member(w, name);
    dnni_write(w, "%c", bracket);
    w->more = false;
}

void dnni_put_close(dnni_writer *w, char bracket) {
    dnni_write(w, "%c", bracket);
    w->more = true;
}

void dnni_put_text(dnni_writer *w, const char *name, const char *text) {
    begin_member(w, name);
    write_string(w, text);
}

void dnni_put_json(dnni_writer *w, const char *name, const char *json) {
    begin_member(w, name);
    dnni_write(w, "%s", json);
}

void dnni_put_real(dnni_writer *w, const char *name, double value) {
    dnni_put_json(w, name, isfinite(value) ? dnni_real(value, 17).text : "null");
}

void dnni_put_whole(dnni_writer *w, const char *name, int64_t value) {
    begin_member(w, name);
    dnni_write(w, "%lld", (long long)value);
}

void dnni_put_bool(dnni_writer *w, const char *name, bool value) { dnni_put_json(w, name, value ? "true" : "false"); }
