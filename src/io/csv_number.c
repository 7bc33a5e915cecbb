/* Numbers in text, in no locale: strtod reads what the host's locale calls a decimal point. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/csv.h"

enum { MOST_TEXT = 64 };

static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* A number's parts: digits without the point, as a whole number where they fit, and the power of ten. */
typedef struct {
    bool negative, fits; /* fits: no digit was lost */
    bool real;           /* it has a point or an exponent */
    uint64_t digits;
    int64_t exponent;
    int64_t n; /* digits seen */
} parts;

/* `step`: -1 behind the point. A digit that does not fit only moves the exponent. */
static const char *read_digits(const char *at, parts *p, int64_t step) {
    for (; is_digit(*at); at++, p->n++) {
        uint64_t more = 0;
        p->fits = p->fits && !__builtin_mul_overflow(p->digits, 10, &more) &&
                  !__builtin_add_overflow(more, (uint64_t)(*at - '0'), &more);
        if (p->fits) p->digits = more;
        p->exponent += p->fits ? step : step + 1;
    }
    return at;
}

static const char *read_exponent(const char *at, parts *p) {
    int64_t exponent = 0;
    bool negative = at[1] == '-';
    const char *from = at + (at[1] == '-' || at[1] == '+') + 1;
    for (at = from; is_digit(*at); at++)
        if (exponent < 100000) exponent = 10 * exponent + (*at - '0');
    p->exponent += negative ? -exponent : exponent;
    p->real = true;
    return at == from ? NULL : at; /* an e must have digits */
}

/* Behind the last character of the number; NULL: it is none. */
static const char *read_parts(const char *at, parts *p) {
    *p = (parts){.negative = *at == '-', .fits = true};
    at = read_digits(at + (*at == '-' || *at == '+'), p, 0);
    if (*at == '.') {
        p->real = true;
        at = read_digits(at + 1, p, -1);
    }
    if (p->n == 0) return NULL;
    return *at == 'e' || *at == 'E' ? read_exponent(at, p) : at;
}

/* Up to 2^53 and 10^22 both are exact in double, so one operation rounds once (Clinger 1990). */
static bool is_short(const parts *p) {
    return p->fits && p->digits <= UINT64_C(1) << 53 && p->exponent >= -22 && p->exponent <= 22;
}

static double short_value(const parts *p) {
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value = (double)p->digits;
    value = p->exponent < 0 ? value / tens[-p->exponent] : value * tens[p->exponent];
    return p->negative ? -value : value;
}

/* A text that is too long for strtod's copy is taken by its first 19 digits. */
static double long_value(const char *from, const char *end, const parts *p) {
    char text[MOST_TEXT];
    const char *point = localeconv()->decimal_point;
    size_t n = 0, places = strlen(point);
    if (end - from >= MOST_TEXT - 8) return (double)p->digits * pow(10, (double)p->exponent) * (p->negative ? -1 : 1);
    for (; from < end && n + places + 1 < sizeof text; from++) {
        if (*from == '.') {
            memcpy(text + n, point, places);
            n += places;
        } else text[n++] = *from;
    }
    text[n] = '\0';
    return strtod(text, NULL);
}

static bool is_word(const char *at, const char *end, const char *word) {
    for (; at < end && *word; at++, word++)
        if ((*at | 0x20) != *word) return false;
    return at == end && !*word;
}

dnni_number dnni_csv_number(const char *text, double *value, int64_t *whole) {
    parts p;
    while (is_blank(*text)) text++;
    const char *end = text + strlen(text), *unsigned_at = text + (*text == '-' || *text == '+');
    while (end > text && is_blank(end[-1])) end--;
    if (is_word(unsigned_at, end, "inf") || is_word(unsigned_at, end, "infinity")) {
        *value = *text == '-' ? -INFINITY : INFINITY;
        return DNNI_REAL;
    }
    if (read_parts(text, &p) != end) return DNNI_NO_NUMBER;
    *value = is_short(&p) ? short_value(&p) : long_value(text, end, &p);
    bool small = p.fits && p.digits <= (uint64_t)INT64_MAX + p.negative;
    if (p.real || !small) return DNNI_REAL;
    *whole = p.negative ? (int64_t)(0 - p.digits) : (int64_t)p.digits;
    return DNNI_WHOLE;
}
