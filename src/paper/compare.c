/* What two runs differ in. */
#include <math.h>
#include <string.h>

#include <dnn/inspect.h>
#include <dnn/run.h>

#include "paper/show.h"

enum { MOST_PLOTS = 64, MOST_LINES = 24, LIST = 400 };

static const char none[] = "–";

typedef struct {
    dnn_report *report;
    const dnni_trail *a, *b;
    const char *name_a, *name_b;
    dnni_pool pool;
    const char *(*rows)[3]; /* what differs: name, in a, in b */
    int64_t n, capacity;
    int64_t changes;        /* things that may have made a difference */
    char list[LIST];        /* of them, in words */
    dnni_writer words;
    bool seed;
    const dnni_fact *setting_a, *setting_b; /* one that differs */
    bool explained; /* the model differs as a setting does: 64 here and 128 there, in both */
} comparison;

/* ---- what differs ---- */

static dnn_status add_row(comparison *c, const char *name, const char *a, const char *b) {
    DNNI_TRY(dnni_grow(c->pool.ctx, (void **)&c->rows, &c->capacity, c->n + 1, sizeof *c->rows));
    const char *const row[3] = {name, a, b};
    memcpy(c->rows[c->n++], row, sizeof row);
    return DNN_OK;
}

static void count_change(comparison *c, const char *name, const char *a, const char *b) {
    c->changes++;
    if (c->words.used > LIST - 120) {
        if (strcmp(c->list + c->words.used - 3, "…") != 0) dnni_write(&c->words, ", …");
        return;
    }
    dnni_write(&c->words, "%s%.60s", c->changes > 1 ? ", " : "", name);
    if (a && strlen(a) + strlen(b) < 40) dnni_write(&c->words, " (%s → %s)", a, b);
}

static bool differ(const dnni_fact *a, const dnni_fact *b) {
    return !a || !b || a->kind != b->kind || strcmp(a->text, b->text) != 0;
}

static dnn_status compare_fact(comparison *c, const char *group, const char *name, bool *any) {
    const dnni_fact *a = dnni_facts_find(&c->a->facts, group, name), *b = dnni_facts_find(&c->b->facts, group, name);
    if (!differ(a, b) || (!a && !b)) return DNN_OK;
    *any = true;
    return add_row(c, name, a ? a->text : none, b ? b->text : none);
}

/* Every name of a group in a, then those that b alone has. `each` counts on its own. */
static dnn_status compare_group(comparison *c, const char *group, bool each, bool *any) {
    for (int side = 0; side < 2; side++) {
        const dnni_facts *f = side ? &c->b->facts : &c->a->facts;
        for (int64_t i = 0; i < f->n; i++) {
            const dnni_fact *fact = &f->list[i];
            bool differs = false;
            if (strcmp(fact->group, group) != 0) continue;
            if (side && dnni_facts_find(&c->a->facts, group, fact->name)) continue;
            DNNI_TRY(compare_fact(c, group, fact->name, &differs));
            *any = *any || differs;
            if (differs && each) count_change(c, fact->name, c->rows[c->n - 1][1], c->rows[c->n - 1][2]);
            if (differs && each) c->setting_a = dnni_facts_find(&c->a->facts, group, fact->name);
            if (differs && each) c->setting_b = dnni_facts_find(&c->b->facts, group, fact->name);
        }
    }
    return DNN_OK;
}

/* The next line of a list behind entry *at; NULL at its end. */
static const char *next_line(const dnni_facts *f, const char *group, int64_t *at) {
    while (++*at < f->n)
        if (strcmp(f->list[*at].group, group) == 0) return f->list[*at].text;
    return NULL;
}

/* One space where there are several: what stood below each other in a table. NULL if there is no memory. */
static const char *squeezed(comparison *c, const char *line) {
    char *text = line ? dnni_pool_string(&c->pool, line) : NULL, *to = text;
    if (!line) return none;
    for (const char *from = text; from && *from; from++)
        if (*from != ' ' || (from > text && from[-1] != ' ')) *to++ = *from;
    if (to) *to = '\0';
    return text;
}

/* Lists line by line; of those that differ the first few are shown. */
static dnn_status compare_list(comparison *c, const char *group, const char *name, bool *any) {
    int64_t at_a = -1, at_b = -1, shown = 0;
    for (;;) {
        const char *a = next_line(&c->a->facts, group, &at_a), *b = next_line(&c->b->facts, group, &at_b);
        if (!a && !b) return DNN_OK;
        if (a && b && strcmp(a, b) == 0) continue;
        *any = true;
        if (shown++ >= MOST_LINES) continue;
        a = squeezed(c, a);
        b = a ? squeezed(c, b) : NULL;
        if (!b) return DNN_ERROR_MEMORY;
        DNNI_TRY(add_row(c, name, a, b));
    }
}

/* Whether a number stands in a line, not as a part of another one. */
static bool has_number(const char *line, const char *number) {
    size_t n = strlen(number);
    for (const char *at = line; (at = strstr(at, number)); at++) {
        bool begins = at == line || !strchr("0123456789.", at[-1]), ends = !at[n] || !strchr("0123456789.", at[n]);
        if (begins && ends) return true;
    }
    return false;
}

/* A model that differs because a setting does is no second change: text or a switch may choose a model; a number must
 * stand in the lines that differ, here as there. */
static bool is_explained(const comparison *c, int64_t first) {
    const dnni_fact *a = c->setting_a, *b = c->setting_b;
    if (c->changes != 1 || !a || !b) return false;
    if (a->kind != DNNI_FACT_NUMBER || b->kind != DNNI_FACT_NUMBER) return true;
    for (int64_t i = first; i < c->n; i++)
        if (has_number(c->rows[i][1], a->text) && has_number(c->rows[i][2], b->text)) return true;
    return false;
}

static dnn_status compare_models(comparison *c) {
    bool differs = false;
    int64_t first = c->n;
    DNNI_TRY(compare_group(c, "model", false, &differs));
    DNNI_TRY(compare_list(c, "description", "layer", &differs));
    c->explained = differs && is_explained(c, first);
    if (differs && !c->explained) count_change(c, "the model", NULL, NULL);
    return DNN_OK;
}

static dnn_status compare_setup(comparison *c) {
    static const char *const quiet[] = {"processor", "threads", "host", "library"};
    bool data = false, arguments = false, version = false, kernels = false, unused = false, any = false;
    DNNI_TRY(compare_group(c, "settings", true, &any));
    DNNI_TRY(compare_models(c));
    DNNI_TRY(compare_group(c, "data", false, &data));
    if (data) count_change(c, "the data", NULL, NULL);
    DNNI_TRY(compare_fact(c, "machine", "version", &version));
    if (version) count_change(c, "the library's version", NULL, NULL);
    DNNI_TRY(compare_fact(c, "machine", "kernels", &kernels));
    if (kernels) count_change(c, "the kernels", NULL, NULL);
    DNNI_TRY(compare_list(c, "arguments", "argument", &arguments));
    bool told = dnni_facts_count(&c->a->facts, "settings") + dnni_facts_count(&c->b->facts, "settings") > 0;
    if (arguments && !told) count_change(c, "the arguments", NULL, NULL);
    DNNI_TRY(compare_fact(c, "machine", "seed", &c->seed));
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++)
        DNNI_TRY(compare_fact(c, "machine", quiet[i], &unused));
    return DNN_OK;
}

/* ---- curves ---- */

static bool same_value(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/* At the steps that both have: one may have been stopped earlier. */
static bool same_curve(const dnni_curve *a, const dnni_curve *b) {
    for (int64_t i = 0, k = 0; i < a->n && k < b->n;) {
        if (a->steps[i] == b->steps[k] && !same_value(a->values[i], b->values[k])) return false;
        bool behind = a->steps[i] <= b->steps[k];
        k += a->steps[i] >= b->steps[k];
        i += behind;
    }
    return true;
}

/* What is never the same twice. */
static bool is_of_time(const char *tag) {
    static const char *const words[] = {"time", "seconds", "/s", "per_second", "speed", "throughput"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *found = strstr(tag, words[i]);
        if (found && (strcmp(words[i], "/s") != 0 || found[2] == '\0')) return true;
    }
    return false;
}

static dnn_status add_figure(comparison *c, const dnni_curve *curve, const char *run) {
    char name[256];
    dnni_writer w = {.text = name, .room = sizeof name};
    dnni_write(&w, "%.150s (%.80s)", curve->tag, run);
    return dnn_report_add_figure(c->report, name, curve->n > 0 ? curve->values[curve->n - 1] : 0,
                                 dnni_curve_noted(curve).text);
}

static dnn_status add_plot(comparison *c, const dnni_curve *a, const dnni_curve *b) {
    dnn_tensor *picture;
    const dnn_series series[] = {{.x = a->steps, .y = a->values, .count = a->n, .label = c->name_a},
                                 {.x = b->steps, .y = b->values, .count = b->n, .label = c->name_b}};
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .title = a->tag, .x_label = "step"};
    DNNI_TRY(dnn_plot_lines(&picture, c->pool.ctx, series, 2, &d));
    return dnni_report_give_picture(c->report, a->tag, picture);
}

static dnn_status compare_curves(comparison *c, int64_t *common, const char **other) {
    for (int64_t i = 0; i < c->a->curves.n; i++) {
        const dnni_curve *a = &c->a->curves.list[i], *b = dnni_curves_find(&c->b->curves, a->tag);
        if (!b) continue;
        DNNI_TRY(add_figure(c, a, c->name_a));
        DNNI_TRY(add_figure(c, b, c->name_b));
        if ((*common)++ < MOST_PLOTS) DNNI_TRY(add_plot(c, a, b));
        if (!*other && !is_of_time(a->tag) && !same_curve(a, b)) *other = a->tag;
    }
    return DNN_OK;
}

/* ---- findings ---- */

static dnn_status tell_many(comparison *c) {
    DNNI_TRY(dnni_report_add(c->report, DNN_SEVERITY_WARNING, "more-than-one-change",
                             "%lld things differ at once%s: %s.", (long long)c->changes,
                             c->seed ? ", besides the seed" : "", c->list));
    DNNI_TRY(dnni_report_how(c->report, "which of them made the difference in the results cannot be told"));
    return dnni_report_action(c->report, "change one thing at a time: make the runs in between");
}

static dnn_status tell_one(comparison *c) {
    DNNI_TRY(dnni_report_add(c->report, DNN_SEVERITY_NOTE, "one-change", "One thing differs%s: %s%s.",
                             c->seed ? ", besides the seed" : "", c->list,
                             c->explained ? ", and the model with it" : ""));
    if (!c->seed) return DNN_OK;
    return dnni_report_how(c->report, "a part of what differs in the results is the seed's: two runs that differ in it "
                                      "alone tell how much");
}

static dnn_status tell_seed(comparison *c) {
    DNNI_TRY(dnni_report_add(c->report, DNN_SEVERITY_NOTE, "seed-differs", "Only the seed differs (%s → %s).",
                             dnni_facts_text(&c->a->facts, "machine", "seed"),
                             dnni_facts_text(&c->b->facts, "machine", "seed")));
    return dnni_report_how(c->report, "how far the curves lie apart is chance: what differs by no more than that means "
                                      "nothing");
}

static dnn_status tell_nothing(comparison *c, const char *other) {
    if (!other)
        return dnni_report_add(c->report, DNN_SEVERITY_NOTE, "nothing-differs",
                               "Nothing differs that could make a difference, and the curves are the same.");
    DNNI_TRY(dnni_report_add(c->report, DNN_SEVERITY_WARNING, "same-run-other-numbers",
                             "Settings, data, model, version and seed are the same, but the curves are not: %.200s.",
                             other));
    return dnni_report_action(c->report, "write down what else the program depends on (dnn_run_set_…), or look for "
                                         "what is random and has no seed");
}

static dnn_status tell_changes(comparison *c, const char *other) {
    if (c->changes > 1) return tell_many(c);
    if (c->changes == 1) return tell_one(c);
    return c->seed ? tell_seed(c) : tell_nothing(c, other);
}

static dnn_status tell_unfinished(comparison *c, const dnni_trail *t, const char *name) {
    const char *how = dnni_facts_text(&t->facts, "", "status");
    if (strcmp(how, "done") == 0) return DNN_OK;
    return dnni_report_add(c->report, DNN_SEVERITY_NOTE, "run-unfinished", "%.200s is not done, but %.40s.", name,
                           *how ? how : "of unknown state");
}

static dnn_status compare(comparison *c) {
    const char *other = NULL;
    int64_t common = 0;
    DNNI_TRY(compare_setup(c));
    DNNI_TRY(compare_curves(c, &common, &other));
    DNNI_TRY(tell_changes(c, other));
    DNNI_TRY(tell_unfinished(c, c->a, c->name_a));
    DNNI_TRY(tell_unfinished(c, c->b, c->name_b));
    if (common == 0)
        DNNI_TRY(dnni_report_add(c->report, DNN_SEVERITY_NOTE, "no-curve-in-common", "No curve is in both runs."));
    dnni_table t = {(const char *const (*)[3])c->rows, c->n, 3};
    return dnni_add_table(c->report, "what differs", &t);
}

static dnn_status compare_trails(dnn_report **out, dnn_context *ctx, const dnni_trail *a, const dnni_trail *b,
                                 const char *folder_a, const char *folder_b) {
    comparison c = {.a = a, .b = b, .pool = {.ctx = ctx}};
    c.words = (dnni_writer){.text = c.list, .room = sizeof c.list};
    c.name_a = dnni_facts_text(&a->facts, "", "name");
    c.name_b = dnni_facts_text(&b->facts, "", "name");
    if (!*c.name_a || !*c.name_b || strcmp(c.name_a, c.name_b) == 0) {
        c.name_a = folder_a;
        c.name_b = folder_b;
    }
    DNNI_TRY(dnni_report_new(&c.report, ctx, "%.200s against %.200s", c.name_a, c.name_b));
    dnn_status status = compare(&c);
    dnni_free(ctx, c.rows, c.capacity, sizeof *c.rows);
    dnni_pool_free(&c.pool);
    if (status == DNN_OK) *out = c.report;
    else dnn_report_release(c.report);
    return status;
}

dnn_status dnn_run_compare(dnn_report **out, dnn_context *ctx, const char *folder_a, const char *folder_b) {
    dnni_trail a, b = {.facts = {.pool = {.ctx = ctx}}, .curves = {.ctx = ctx}};
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(ctx, DNNI_CONTEXT, "ctx"));
    DNNI_REQUIRE(folder_a && folder_b, "%s is NULL", folder_a ? "folder_b" : "folder_a");
    dnn_status status = dnni_trail_read(&a, ctx, folder_a);
    if (status == DNN_OK) status = dnni_trail_read(&b, ctx, folder_b);
    if (status == DNN_OK) status = compare_trails(out, ctx, &a, &b, folder_a, folder_b);
    dnni_trail_free(&b);
    dnni_trail_free(&a);
    return status;
}
