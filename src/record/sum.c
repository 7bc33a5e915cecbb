#include "record/archive.h"

#include <string.h>

static const char pattern[] = "\"" DNNI_SUM_KEY "\":\"";

/* A quotation mark inside of a string is escaped, so nothing but the key looks like this. */
char *dnni_sum_digits(char *header, int64_t bytes) {
    const int64_t key = sizeof pattern - 1, digits = sizeof DNNI_SUM_NONE - 1;
    for (int64_t i = 0; i + key + digits <= bytes; i++)
        if (header[i] == pattern[0] && memcmp(header + i, pattern, (size_t)key) == 0) return header + i + key;
    return NULL;
}
