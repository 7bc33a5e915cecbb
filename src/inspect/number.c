/* Numbers as text, the same in every locale. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inspect/canvas.h"

/* `digits` is a whole number without trailing zeros; its point goes `places` digits from the right (0 or more). */
static void put_point(char *text, const char *digits, int places) {
    int n = (int)strlen(digits), whole = n > places ? n - places : 0;
    if (places == 0) snprintf(text, DNNI_NUMBER, "%s", digits);
    else snprintf(text, DNNI_NUMBER, "%.*s%s.%.*s%s", whole, digits, whole ? "" : "0", whole ? 0 : places - n,
                  "00000000", digits + whole);
}

void dnni_decimal(char text[DNNI_NUMBER], int64_t n, int k) {
    char digits[24], *sign = text;
    uint64_t magnitude = n < 0 ? (uint64_t)-(n + 1) + 1 : (uint64_t)n;
    for (; magnitude > 0 && magnitude % 10 == 0; k++) magnitude /= 10;
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)magnitude);
    int length = (int)strlen(digits), exponent = k + length - 1; /* of the first digit */
    if (n < 0) *sign++ = '-';
    if (magnitude == 0) snprintf(sign, DNNI_NUMBER - 1, "0");
    else if (exponent > 5 || exponent < -4) {
        put_point(sign, digits, length - 1);
        snprintf(sign + strlen(sign), 16, "e%d", exponent);
    } else if (k >= 0) {
        snprintf(sign, DNNI_NUMBER - 1, "%s%.*s", digits, k, "000000");
    } else {
        put_point(sign, digits, -k);
    }
}

void dnni_number(char text[DNNI_NUMBER], double value, int digits) {
    if (!isfinite(value)) {
        snprintf(text, DNNI_NUMBER, "%s", isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    int k = value == 0 ? 0 : (int)floor(log10(fabs(value))) - digits + 1;
    /* In two steps: 10^-k alone may be out of range. */
    double scaled = k < -300 ? value * 1e300 * pow(10, -k - 300) : value * pow(10, -k);
    if (k > 300) scaled = value / 1e300 / pow(10, k - 300);
    dnni_decimal(text, (int64_t)llround(scaled), k);
}
