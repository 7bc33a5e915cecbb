#include "paper/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 64 };

/* strtod reads hexadecimal numbers, spaces and more besides. */
static bool is_plain(const char *text) {
    text += *text == '-' || *text == '+';
    if (strcmp(text, "nan") == 0 || strcmp(text, "inf") == 0) return true;
    size_t whole = strspn(text, "0123456789"), fraction = 0;
    text += whole;
    if (*text == '.') fraction = strspn(++text, "0123456789");
    text += fraction;
    if (whole + fraction == 0) return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        size_t digits = strspn(text, "0123456789");
        if (digits == 0) return false;
        text += digits;
    }
    return *text == '\0';
}

/* As the locale writes it: a half begins with a zero and that. */
static void put_point(char *text, size_t room) {
    char half[16], copy[LONGEST + 1];
    char *point = strchr(text, '.');
    if (!point) return;
    snprintf(half, sizeof half, "%.1f", 0.5);
    half[strlen(half) - 1] = '\0';
    snprintf(copy, sizeof copy, "%s", point + 1);
    snprintf(point, room - (size_t)(point - text), "%s%s", half + 1, copy);
}

bool dnni_number_read(const char *text, int64_t length, double *value) {
    char copy[LONGEST + 16];
    if (length < 1 || length > LONGEST) return false;
    memcpy(copy, text, (size_t)length);
    copy[length] = '\0';
    if (strlen(copy) != (size_t)length || !is_plain(copy)) return false;
    put_point(copy, sizeof copy);
    *value = strtod(copy, NULL);
    return true;
}
