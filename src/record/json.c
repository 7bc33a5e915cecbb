#include "record/json.h"

#include <string.h>

static dnn_status fault(const dnni_json *json, const char *what) {
    return dnni_error(DNN_ERROR_FORMAT, "%s, byte %lld: %s", json->what, (long long)(json->at - json->start),
                      what);
}

static void skip_space(dnni_json *json) {
    while (json->at < json->end && (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
        json->at++;
}

bool dnni_json_take(dnni_json *json, char token) {
    skip_space(json);
    if (json->at == json->end || *json->at != token) return false;
    json->at++;
    return true;
}

dnn_status dnni_json_expect(dnni_json *json, char token) {
    if (dnni_json_take(json, token)) return DNN_OK;
    char what[] = "'?' is missing";
    what[1] = token;
    return fault(json, what);
}

bool dnni_json_next(dnni_json *json, char close, int64_t *items, dnn_status *status) {
    if (*status != DNN_OK || dnni_json_take(json, close)) return false;
    if ((*items)++ > 0) *status = dnni_json_expect(json, ',');
    return *status == DNN_OK;
}

dnn_status dnni_json_integer(dnni_json *json, int64_t *value) {
    skip_space(json);
    const char *first = json->at;
    *value = 0;
    for (; json->at < json->end && *json->at >= '0' && *json->at <= '9'; json->at++) {
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *json->at - '0', value))
            return fault(json, "a number does not fit 63 bits");
    }
    int64_t digits = json->at - first;
    bool plain = digits > 0 && (digits == 1 || *first != '0');
    char next = json->at < json->end ? *json->at : ' ';
    if (!plain || next == '.' || next == 'e' || next == 'E')
        return fault(json, "a whole number is needed, in digits alone");
    return DNN_OK;
}

static int64_t take_digits(dnni_json *json) {
    const char *first = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9') json->at++;
    return json->at - first;
}

static bool take_one_of(dnni_json *json, const char *characters) {
    if (json->at == json->end || *json->at == '\0' || !strchr(characters, *json->at)) return false;
    json->at++;
    return true;
}

dnn_status dnni_json_number(dnni_json *json, const char **text, int64_t *length) {
    skip_space(json);
    const char *first = *text = json->at;
    take_one_of(json, "-");
    bool zero = json->at < json->end && *json->at == '0';
    int64_t whole = take_digits(json);
    bool good = whole > 0 && !(zero && whole > 1);
    if (take_one_of(json, ".")) good = take_digits(json) > 0 && good;
    if (take_one_of(json, "eE")) {
        take_one_of(json, "+-");
        good = take_digits(json) > 0 && good;
    }
    *length = json->at - first;
    return good ? DNN_OK : fault(json, "a number is needed");
}

bool dnni_json_word(dnni_json *json, const char *word) {
    skip_space(json);
    size_t n = strlen(word);
    if ((size_t)(json->end - json->at) < n || memcmp(json->at, word, n) != 0) return false;
    json->at += n;
    return true;
}

/* ---- strings ---- */

typedef struct {
    char *text;
    int64_t room, length;
} sink;

static void put_byte(sink *s, uint32_t byte) {
    if (s->length < s->room) s->text[s->length] = (char)(unsigned char)byte;
    s->length++;
}

static void put_character(sink *s, uint32_t c) {
    if (c < 0x80) {
        put_byte(s, c);
        return;
    }
    static const uint32_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    put_byte(s, lead[more] | c >> (6 * more));
    for (int i = more - 1; i >= 0; i--) put_byte(s, 0x80u | (c >> (6 * i) & 0x3fu));
}

static dnn_status four_digits(dnni_json *json, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++, json->at++) {
        char c = json->at < json->end ? *json->at : '"';
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16) return fault(json, "\\u needs four hexadecimal digits");
        *unit = *unit << 4 | digit;
    }
    return DNN_OK;
}

/* Behind "\u": one UTF-16 unit, or a pair of surrogates. */
static dnn_status unicode_escape(dnni_json *json, uint32_t *character) {
    uint32_t low;
    DNNI_TRY(four_digits(json, character));
    if (*character < 0xd800 || *character >= 0xe000) return DNN_OK;
    if (*character >= 0xdc00 || json->end - json->at < 2 || json->at[0] != '\\' || json->at[1] != 'u')
        return fault(json, "a surrogate stands alone");
    json->at += 2;
    DNNI_TRY(four_digits(json, &low));
    if (low < 0xdc00 || low >= 0xe000) return fault(json, "a surrogate stands alone");
    *character = 0x10000 + ((*character - 0xd800) << 10) + (low - 0xdc00);
    return DNN_OK;
}

/* Behind a backslash. */
static dnn_status escape(dnni_json *json, uint32_t *character) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = json->at < json->end ? *json->at : '\0';
    if (c == 'u') {
        json->at++;
        return unicode_escape(json, character);
    }
    for (int i = 0; from[i]; i++) {
        if (from[i] != c) continue;
        json->at++;
        *character = (uint32_t)to[i];
        return DNN_OK;
    }
    return fault(json, "an escape that JSON has not");
}

static dnn_status next_character(dnni_json *json, uint32_t *character) {
    unsigned char c = (unsigned char)*json->at;
    if (c == '\\') {
        json->at++;
        return escape(json, character);
    }
    if (c < 0x20) return fault(json, "a control character in a string");
    if (!dnni_utf8_next(&json->at, json->end, character)) return fault(json, "a string that is not UTF-8");
    return DNN_OK;
}

dnn_status dnni_json_string(dnni_json *json, char *text, int64_t room, int64_t *length) {
    sink s = {text, room, 0};
    if (!dnni_json_take(json, '"')) return fault(json, "a string is missing");
    for (;;) {
        uint32_t c;
        if (json->at == json->end) return fault(json, "a string does not end");
        if (*json->at == '"') break;
        DNNI_TRY(next_character(json, &c));
        if (c == 0) return dnni_error(DNN_ERROR_UNSUPPORTED, "%s: a string holds a NUL", json->what);
        put_character(&s, c);
    }
    json->at++;
    *length = s.length;
    return DNN_OK;
}
