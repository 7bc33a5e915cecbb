/* The ranges that values come from. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hash/hash.h"
#include "search/search.h"

/* Whole numbers that doubles hold exactly. */
#define LARGEST_WHOLE (INT64_C(1) << 53)

static dnn_status check_name(const dnn_search *s, const char *name) {
    DNNI_TRY(dnni_check_search(s));
    DNNI_REQUIRE(name, "name is NULL");
    size_t length = strlen(name);
    DNNI_REQUIRE(length >= 1 && length < DNNI_NAME_ROOM, "name has %zu bytes: 1 to %d", length, DNNI_NAME_ROOM - 1);
    char clean[3 * DNNI_NAME_ROOM];
    dnni_clean(clean, sizeof clean, name);
    DNNI_REQUIRE(strcmp(clean, name) == 0, "name \"%s\" is not plain UTF-8 text", clean);
    if (s->opened)
        return dnni_error(DNN_ERROR_STATE, "%s: trials have begun, their parameters are what they are", name);
    for (int64_t k = 0; k < s->n_ranges; k++)
        DNNI_REQUIRE(strcmp(s->ranges[k].name, name) != 0, "%s is a parameter already", name);
    DNNI_REQUIRE(s->n_ranges < DNNI_MOST_RANGES, "%s: a search has at most %d parameters", name, DNNI_MOST_RANGES);
    return DNN_OK;
}

static void add(dnn_search *s, const char *name, dnni_range range) {
    memcpy(range.name, name, strlen(name) + 1);
    range.stream = dnnk_hash(0, name, (int64_t)strlen(name));
    s->ranges[s->n_ranges++] = range;
}

static dnn_status add_real(dnn_search *s, const char *name, dnni_range_kind kind, double low, double high) {
    DNNI_TRY(check_name(s, name));
    DNNI_REQUIRE(isfinite(low) && isfinite(high) && low < high && isfinite(high - low),
                 "%s: from %g to %g is no range", name, low, high);
    DNNI_REQUIRE(kind != DNNI_LOG_UNIFORM || low > 0, "%s: a logarithmic range begins above 0, not at %g", name, low);
    add(s, name, (dnni_range){.kind = kind, .low = low, .high = high});
    return DNN_OK;
}

dnn_status dnn_search_uniform(dnn_search *search, const char *name, double low, double high) {
    return add_real(search, name, DNNI_UNIFORM, low, high);
}

dnn_status dnn_search_log_uniform(dnn_search *search, const char *name, double low, double high) {
    return add_real(search, name, DNNI_LOG_UNIFORM, low, high);
}

static dnn_status add_whole(dnn_search *s, const char *name, dnni_range_kind kind, int64_t low, int64_t high) {
    DNNI_TRY(check_name(s, name));
    DNNI_REQUIRE(low < high && low >= -LARGEST_WHOLE && high <= LARGEST_WHOLE, "%s: from %lld to %lld is no range",
                 name, (long long)low, (long long)high);
    DNNI_REQUIRE(kind != DNNI_LOG_INTEGER || low >= 1, "%s: a logarithmic range begins at 1 or above, not at %lld",
                 name, (long long)low);
    add(s, name, (dnni_range){.kind = kind, .low = (double)low, .high = (double)high, .n = high - low + 1});
    return DNN_OK;
}

dnn_status dnn_search_integer(dnn_search *search, const char *name, int64_t low, int64_t high) {
    return add_whole(search, name, DNNI_INTEGER, low, high);
}

dnn_status dnn_search_log_integer(dnn_search *search, const char *name, int64_t low, int64_t high) {
    return add_whole(search, name, DNNI_LOG_INTEGER, low, high);
}

static void free_choices(dnn_context *ctx, char **choices, int64_t n) {
    for (int64_t i = 0; choices && i < n; i++) dnni_free_string(ctx, choices[i]);
    dnni_free(ctx, choices, n, sizeof *choices);
}

void dnni_space_free(dnn_search *s) {
    for (int64_t k = 0; k < s->n_ranges; k++) free_choices(s->base.ctx, s->ranges[k].choices, s->ranges[k].n);
}

/* Clean text, so that it can be shown anywhere. */
static char **copy_choices(dnn_context *ctx, const char *const *choices, int64_t n) {
    dnni_pool pool = {.ctx = ctx};
    char **copies = dnni_alloc(ctx, n, sizeof *copies);
    bool good = copies != NULL;
    for (int64_t i = 0; good && i < n; i++) {
        const char *clean = dnni_pool_clean(&pool, choices[i], false);
        good = clean && (copies[i] = dnni_copy_string(ctx, clean));
    }
    dnni_pool_free(&pool);
    if (good) return copies;
    free_choices(ctx, copies, n);
    return NULL;
}

dnn_status dnn_search_choice(dnn_search *search, const char *name, const char *const *choices, int64_t n) {
    DNNI_TRY(check_name(search, name));
    DNNI_REQUIRE(choices && n >= 2 && n <= 1000, "%s: %lld choices%s, it needs 2 to 1000", name, (long long)n,
                 choices ? "" : ", NULL");
    for (int64_t i = 0; i < n; i++) DNNI_REQUIRE(choices[i], "%s: choices[%lld] is NULL", name, (long long)i);
    char **copies = copy_choices(search->base.ctx, choices, n);
    if (!copies) return DNN_ERROR_MEMORY;
    add(search, name, (dnni_range){.kind = DNNI_CHOICE, .high = (double)(n - 1), .n = n, .choices = copies});
    return DNN_OK;
}

/* ---- what can be asked of one ---- */

double dnni_range_place(const dnni_range *r, double value) {
    if (!dnni_range_is_log(r)) return (value - r->low) / (r->high - r->low);
    return log(value / r->low) / log(r->high / r->low);
}

const char *dnni_range_text(const dnni_range *r, double value, dnni_real_text *number) {
    if (r->kind == DNNI_CHOICE) return r->choices[(int64_t)value];
    *number = dnni_real(value, r->n > 0 ? 17 : 6);
    return number->text;
}

int64_t dnni_space_trials(const dnn_search *s) {
    int64_t product = 1, most = s->desc.trials ? s->desc.trials : DNNI_MOST_TRIALS;
    if (s->desc.method == DNN_SEARCH_RANDOM) return most;
    for (int64_t k = 0; k < s->n_ranges; k++)
        if (!dnni_mul(product, dnni_draw_points(s, k), &product)) return most;
    return product < most ? product : most;
}

/* ---- as JSON ---- */

static void write_range(dnni_writer *w, const dnni_range *r) {
    static const char *const kinds[] = {"uniform", "log-uniform", "integer", "log-integer", "choice"};
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "name", r->name);
    dnni_put_text(w, "kind", kinds[r->kind]);
    if (r->kind == DNNI_CHOICE) {
        dnni_put_open(w, "choices", '[');
        for (int64_t i = 0; i < r->n; i++) dnni_put_text(w, NULL, r->choices[i]);
        dnni_put_close(w, ']');
    } else {
        dnni_put_real(w, "low", r->low);
        dnni_put_real(w, "high", r->high);
    }
    dnni_put_close(w, '}');
}

/* As it is: a double would not hold it. */
static void put_seed(dnni_writer *w, uint64_t seed) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    dnni_put_json(w, "seed", text);
}

void dnni_space_write(dnni_writer *w, const void *search) {
    const dnn_search *s = search;
    bool grid = s->desc.method == DNN_SEARCH_GRID;
    w->more = false;
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "format", "dnn-search-1");
    dnni_put_text(w, "method", grid ? "grid" : "random");
    if (grid) dnni_put_whole(w, "points", s->desc.points);
    else put_seed(w, s->desc.seed);
    dnni_put_bool(w, "maximise", s->desc.maximise != 0);
    dnni_put_whole(w, "max_steps", s->desc.max_steps);
    dnni_put_whole(w, "min_steps", s->desc.min_steps);
    if (s->desc.min_steps) dnni_put_whole(w, "eta", s->desc.eta);
    if (s->desc.min_steps) dnni_put_bool(w, "promote", s->desc.promote != 0);
    dnni_put_open(w, "parameters", '[');
    for (int64_t k = 0; k < s->n_ranges; k++) write_range(w, &s->ranges[k]);
    dnni_put_close(w, ']');
    dnni_put_close(w, '}');
    dnni_write(w, "\n");
}
