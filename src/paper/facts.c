#include "paper/facts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool list;
} groups[] = {{"", false},      {"arguments", true},   {"settings", false}, {"data", false},
              {"model", false}, {"description", true}, {"machine", false},  {"earlier", true}};

void dnni_facts_free(dnni_facts *f) {
    dnni_free(f->pool.ctx, f->list, f->capacity, sizeof *f->list);
    dnni_pool_free(&f->pool);
    *f = (dnni_facts){.pool = {.ctx = f->pool.ctx}};
}

/* ---- asking ---- */

const dnni_fact *dnni_facts_find(const dnni_facts *f, const char *group, const char *name) {
    for (int64_t i = 0; i < f->n; i++)
        if (strcmp(f->list[i].group, group) == 0 && strcmp(f->list[i].name, name) == 0) return &f->list[i];
    return NULL;
}

const char *dnni_facts_text(const dnni_facts *f, const char *group, const char *name) {
    const dnni_fact *found = dnni_facts_find(f, group, name);
    return found ? found->text : "";
}

int64_t dnni_facts_count(const dnni_facts *f, const char *group) {
    int64_t n = 0;
    for (int64_t i = 0; i < f->n; i++) n += strcmp(f->list[i].group, group) == 0;
    return n;
}

/* ---- setting ---- */

static int64_t bytes_of(const dnni_fact *fact) {
    return fact ? (int64_t)(strlen(fact->name) + strlen(fact->text)) : 0;
}

/* That what is written can be read again. */
static dnn_status check_room(const dnni_facts *f, int64_t n, int64_t bytes) {
    if (n > DNNI_MOST_FACTS)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "run.json holds %d entries, which is the most", DNNI_MOST_FACTS);
    if (f->bytes + bytes <= DNNI_MOST_TEXT) return DNN_OK;
    return dnni_error(DNN_ERROR_UNSUPPORTED, "run.json would hold %lld bytes of text: %d are the most",
                      (long long)(f->bytes + bytes), DNNI_MOST_TEXT);
}

dnn_status dnni_facts_set(dnni_facts *f, const dnni_fact *fact, const char **before) {
    const dnni_fact *old = *fact->name ? dnni_facts_find(f, fact->group, fact->name) : NULL;
    int64_t at = old ? old - f->list : f->n;
    bool same = f->n > 0 && strcmp(f->list[f->n - 1].group, fact->group) == 0; /* then its text is shared */
    dnni_fact kept = {.group = same ? f->list[f->n - 1].group : dnni_pool_clean(&f->pool, fact->group, false),
                      .name = dnni_pool_clean(&f->pool, fact->name, false),
                      .text = dnni_pool_clean(&f->pool, fact->text, true), .kind = fact->kind};
    if (!kept.group || !kept.name || !kept.text) return DNN_ERROR_MEMORY;
    int64_t more = bytes_of(&kept) - bytes_of(old);
    DNNI_TRY(check_room(f, at + 1, more));
    DNNI_TRY(dnni_grow(f->pool.ctx, (void **)&f->list, &f->capacity, at + 1, sizeof kept));
    if (before) *before = at < f->n ? f->list[at].text : NULL;
    f->list[at] = kept;
    if (at == f->n) f->n++;
    f->bytes += more;
    return DNN_OK;
}

dnn_status dnni_facts_set_text(dnni_facts *f, const char *group, const char *name, const char *text) {
    return dnni_facts_set(f, &(dnni_fact){group, name, text, DNNI_FACT_TEXT}, NULL);
}

dnn_status dnni_facts_set_whole(dnni_facts *f, const char *group, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return dnni_facts_set(f, &(dnni_fact){group, name, text, DNNI_FACT_NUMBER}, NULL);
}

void dnni_facts_drop(dnni_facts *f, const char *group, int64_t end) {
    int64_t kept = 0;
    for (int64_t i = 0; i < f->n; i++)
        if (i >= end || strcmp(f->list[i].group, group) != 0) f->list[kept++] = f->list[i];
        else f->bytes -= bytes_of(&f->list[i]);
    f->n = kept;
}

void dnni_facts_cut(dnni_facts *f, int64_t n) {
    while (f->n > n) f->bytes -= bytes_of(&f->list[--f->n]);
}

dnni_real_text dnni_shortest(double value) {
    char text[40];
    int digits = 15;
    for (; digits < 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break; /* written and read in one locale */
    }
    return dnni_real(value, digits);
}

/* ---- as JSON ---- */

static void put_fact(dnni_writer *w, const dnni_fact *fact, bool list) {
    const char *name = list ? NULL : fact->name;
    if (fact->kind == DNNI_FACT_TEXT) dnni_put_text(w, name, fact->text);
    else dnni_put_json(w, name, fact->text);
}

static void write_json(dnni_writer *w, const void *facts) {
    const dnni_facts *f = facts;
    dnni_put_open(w, NULL, '{');
    dnni_put_whole(w, "format", DNNI_FACTS_FORMAT);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        if (g > 0) dnni_put_open(w, groups[g].name, groups[g].list ? '[' : '{');
        for (int64_t i = 0; i < f->n; i++)
            if (strcmp(f->list[i].group, groups[g].name) == 0) put_fact(w, &f->list[i], groups[g].list);
        if (g > 0) dnni_put_close(w, groups[g].list ? ']' : '}');
    }
    dnni_put_close(w, '}');
}

/* A string, quotation marks and all: gives its last character. */
static const char *write_quoted(dnni_writer *w, const char *c) {
    const char *first = c++;
    while (*c != '"') c += *c == '\\' ? 2 : 1;
    dnni_write(w, "%.*s", (int)(c - first + 1), first);
    return c;
}

/* Each value on a line of its own, two spaces in for each bracket around it. */
static void write_indented(dnni_writer *w, const void *json) {
    int depth = 0;
    for (const char *c = json; *c; c++) {
        bool opens = *c == '{' || *c == '[', closes = *c == '}' || *c == ']';
        depth += opens - closes;
        if (closes && c[-1] != '{' && c[-1] != '[') dnni_write(w, "\n%*s", 2 * depth, "");
        if (*c == '"') c = write_quoted(w, c);
        else dnni_write(w, *c == ':' ? ": " : "%c", *c);
        if ((opens && c[1] != '}' && c[1] != ']') || *c == ',') dnni_write(w, "\n%*s", 2 * depth, "");
    }
    dnni_write(w, "\n");
}

char *dnni_facts_json(const dnni_facts *f, dnni_pool *pool) {
    char *compact = dnni_written(pool, write_json, f);
    return compact ? dnni_written(pool, write_indented, compact) : NULL;
}
