/* Numbers in files, whatever the host's locale calls a decimal point. */
#ifndef DNNI_NUMBER_H
#define DNNI_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A number with a point, or nan, inf, -inf: the whole text. */
bool dnni_number_read(const char *text, int64_t length, double *value);

#endif
