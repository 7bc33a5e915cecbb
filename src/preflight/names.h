/* Some names in a list: "a, b and 3 more". */
#ifndef DNNI_PREFLIGHT_NAMES_H
#define DNNI_PREFLIGHT_NAMES_H

#include <stdio.h>
#include <string.h>

enum { PREFLIGHT_MOST_NAMED = 4 };

typedef struct preflight_names {
    char text[480];
    int64_t n;
} preflight_names;

static inline void dnni_names_add(preflight_names *list, const char *name) {
    size_t used = strlen(list->text), room = sizeof list->text - used;
    if (list->n++ < PREFLIGHT_MOST_NAMED) snprintf(list->text + used, room, "%s%.100s", used ? ", " : "", name);
}

static inline void dnni_names_end(preflight_names *list) {
    size_t used = strlen(list->text), room = sizeof list->text - used;
    if (list->n > PREFLIGHT_MOST_NAMED)
        snprintf(list->text + used, room, " and %lld more", (long long)list->n - PREFLIGHT_MOST_NAMED);
}

#endif
