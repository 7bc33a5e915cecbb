/* How findings name samples. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"

enum { LINE = 1024, SHOWN = 3 };
static const double most_flagged = 0.1; /* (c) */

/* ---- lists ---- */

dnn_status dnni_list_new(dnni_audit *a, dnni_list *list, int64_t room) {
    *list = (dnni_list){.index = dnni_pool_alloc(&a->pool, room, sizeof(int64_t)), .room = room};
    return list->index ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnni_pairs_new(dnni_audit *a, dnni_pairs *pairs, const dnni_set *set, const dnni_set *other, int64_t room) {
    *pairs = (dnni_pairs){.room = room, .set = set, .other = other};
    pairs->pair = dnni_pool_alloc(&a->pool, room, sizeof *pairs->pair);
    return pairs->pair ? DNN_OK : DNN_ERROR_MEMORY;
}

bool dnni_labels_differ(const dnni_set *set, int64_t index, const dnni_set *other, int64_t other_index) {
    return set->samples[index].target != other->samples[other_index].target;
}

/* ---- findings ---- */

dnn_status dnni_audit_add(dnni_audit *a, dnn_severity severity, const char *name, const dnni_set *set,
                          const dnni_list *list, const char *what, ...) {
    char line[LINE];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(line, sizeof line, what, arguments);
    va_end(arguments);
    DNNI_TRY(dnni_report_add(a->report, severity, name, "%s", line));
    DNNI_TRY(dnni_report_set(a->report, set ? set->name : ""));
    return list ? dnni_report_samples(a->report, list->index, list->n) : DNN_OK;
}

bool dnni_audit_hides(dnni_audit *a, const char *name, const dnni_set *set, const dnni_list *list, dnn_status *status) {
    if ((double)list->n <= most_flagged * (double)set->n) return false;
    *status = dnni_audit_add(a, DNN_SEVERITY_NOTE, name, set, NULL,
                             "%lld of %lld samples: so many are no exceptions, the test hides itself",
                             (long long)list->n, (long long)set->n);
    if (*status == DNN_OK)
        *status =
            dnni_report_how(a->report, "a test of single samples that flags more than %s %% of them does not list them",
                            dnni_real(100 * most_flagged, 2).text);
    return true;
}

/* ---- samples in words ---- */

static void append(dnni_places *p, const char *format, ...) DNNI_PRINTF(2, 3);
static void append(dnni_places *p, const char *format, ...) {
    size_t used = strlen(p->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(p->text + used, sizeof p->text - used, format, arguments);
    va_end(arguments);
}

/* The last two parts of a path: they tell a file from others, and leave room in a sentence. */
static const char *short_name(const char *name) {
    const char *last = strrchr(name, '/');
    while (last && last > name && *--last != '/') continue;
    return last && *last == '/' ? last + 1 : name;
}

/* The library's reason for a name that cannot be had is of no interest here: the number will do. */
static void append_name(dnni_places *p, const dnni_set *set, int64_t index) {
    char name[512];
    append(p, "%s[%lld]", set->name, (long long)index);
    if (dnni_sample_name(set->dataset, index, name, sizeof name) != DNN_OK) return;
    if (strncmp(name, "sample ", 7) != 0) append(p, " (%.80s)", short_name(name));
}

dnni_places dnni_audit_class(const dnni_audit *a, int64_t label) {
    dnni_places p = {""};
    const char *name = dnn_dataset_class_name(a->set[0].dataset, label);
    append(&p, "%lld", (long long)label);
    if (name) append(&p, " (%.60s)", name);
    return p;
}

/* The class that all of the list are of, if no other sample is of it; else -1. */
static int64_t whole_class(const dnni_audit *a, const dnni_set *set, const dnni_list *list) {
    int64_t label = list->n > 0 ? set->samples[list->index[0]].label : -1;
    for (int64_t i = 0; i < list->n; i++)
        if (set->samples[list->index[i]].label != label) return -1;
    return label >= 0 && a->counts[set - a->set][label] == list->n ? label : -1;
}

dnni_places dnni_audit_places(const dnni_audit *a, const dnni_set *set, const dnni_list *list) {
    dnni_places p = {""};
    int64_t label = a->counts[set - a->set] ? whole_class(a, set, list) : -1, last = list->n - 1;
    if (list->n == set->n && set->n > 0) append(&p, "all samples");
    else if (label >= 0) append(&p, "all of class %s", dnni_audit_class(a, label).text);
    else if (list->n > SHOWN && list->index[last] - list->index[0] == last)
        append(&p, "samples %lld … %lld", (long long)list->index[0], (long long)list->index[last]);
    else
        for (int64_t i = 0; i < list->n && i < SHOWN; i++) {
            if (i > 0) append(&p, ", ");
            append_name(&p, set, list->index[i]);
        }
    if (label < 0 && list->n < set->n && list->n > SHOWN && list->index[last] - list->index[0] != last)
        append(&p, ", …");
    return p;
}

dnni_places dnni_audit_pairs(const dnni_audit *a, const dnni_pairs *pairs) {
    dnni_places p = {""};
    for (int64_t i = 0; i < pairs->n && i < SHOWN; i++) {
        const dnni_pair *pair = &pairs->pair[i];
        if (i > 0) append(&p, "; ");
        append_name(&p, pairs->set, pair->index);
        append(&p, " = ");
        append_name(&p, pairs->other, pair->other);
        if (a->kind != DNNI_TARGET_NONE && dnni_labels_differ(pairs->set, pair->index, pairs->other, pair->other))
            append(&p, ", targets differ");
    }
    if (pairs->n > SHOWN) append(&p, "; …");
    return p;
}
