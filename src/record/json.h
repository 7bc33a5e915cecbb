/* A strict reader of JSON text that lies in memory, token by token: it allocates nothing and does not recurse, so what
 * is nested deeper than its caller expects is an error, not a stack. Errors are FORMAT, with the place in bytes.
 *
 * The usual libraries are not for files that nobody vouches for: they build a tree many times the text's size, from
 * hooks that the whole process shares, and keep integers as doubles. */
#ifndef DNNI_JSON_H
#define DNNI_JSON_H

#include <dnn/base.h>
#include <stdbool.h>

#include "core/text.h"

typedef struct dnni_json {
    const char *start, *at, *end;
    const char *what; /* it is: "header" */
} dnni_json;

/* Steps over white space, and over `token` if that is next. */
bool dnni_json_take(dnni_json *json, char token);

/* The same, where anything else is an error. */
dnn_status dnni_json_expect(dnni_json *json, char token);

/* A string, unescaped: its length in bytes (UTF-8), and as many of them as fit into text[0..room) (room may be 0).
 * Wrong UTF-8, lone surrogates and bare control characters are errors; a NUL, which no C string can hold, is
 * UNSUPPORTED. */
dnn_status dnni_json_string(dnni_json *json, char *text, int64_t room, int64_t *length);

/* A whole number from 0 to 2^63 - 1 in its plain form: no sign, fraction, exponent or leading zero. */
dnn_status dnni_json_integer(dnni_json *json, int64_t *value);

/* A number in any of JSON's forms, as it stands; and true, false, null, if `word` is next. */
dnn_status dnni_json_number(dnni_json *json, const char **text, int64_t *length);
bool dnni_json_word(dnni_json *json, const char *word);

/* Goes through the items of a list or an object that `open` has begun: true if there is another one, false at its end
 * or after an error. `*items` counts them, and begins at 0:
 *
 *     DNNI_TRY(dnni_json_expect(json, '['));
 *     for (int64_t items = 0; dnni_json_next(json, ']', &items, &status);) …
 *     DNNI_TRY(status); */
bool dnni_json_next(dnni_json *json, char close, int64_t *items, dnn_status *status);

#endif
