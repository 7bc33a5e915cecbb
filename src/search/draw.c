/* What a trial is: its values as a function of the seed, its number and the names of the parameters. Element `trial` of
 * the stream that a name's hash is: no process has to ask another. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hash/hash.h"
#include "rng/rng.h"
#include "search/search.h"

/* Rounded to six significant digits, within the range: what is printed is what is run, and the last bits of a machine's
 * exp and log do not come through. */
static double shortened(const dnni_range *r, double value) {
    char text[40];
    snprintf(text, sizeof text, "%.5e", value);
    return fmax(r->low, fmin(strtod(text, NULL), r->high)); /* the locale's point, in and out */
}

/* At a share of the way from low to high, on the range's scale. Whole numbers have a half on either side. */
static double at(const dnni_range *r, double share) {
    double half = r->kind == DNNI_LOG_INTEGER ? 0.5 : 0, low = r->low - half, high = r->high + half;
    double value = dnni_range_is_log(r) ? exp(log(low) + share * (log(high) - log(low))) : low + share * (high - low);
    return r->n > 0 ? fmax(r->low, fmin(round(value), r->high)) : shortened(r, value);
}

static double random_value(const dnni_range *r, uint64_t seed, uint64_t trial) {
    if (r->kind == DNNI_INTEGER || r->kind == DNNI_CHOICE)
        return r->low + (double)dnnk_random_below(seed, r->stream, trial, (uint64_t)r->n);
    return at(r, dnnk_random_uniform(seed, r->stream, trial));
}

/* ---- grids ---- */

int64_t dnni_draw_points(const dnn_search *s, int64_t k) {
    const dnni_range *r = &s->ranges[k];
    return r->kind == DNNI_CHOICE || (r->n > 0 && r->n <= s->desc.points) ? r->n : s->desc.points;
}

/* Evenly spaced, both ends among them. */
static double grid_value(const dnni_range *r, int64_t point, int64_t points) {
    if (points == r->n) return r->low + (double)point;
    double share = (double)point / (double)(points - 1);
    if (r->kind != DNNI_LOG_INTEGER) return at(r, share);
    return round(exp(log(r->low) + share * (log(r->high) - log(r->low))));
}

/* The last parameter turns fastest. */
static double grid_draw(const dnn_search *s, int64_t trial, int64_t k) {
    for (int64_t after = s->n_ranges - 1; after > k; after--) trial /= dnni_draw_points(s, after);
    int64_t points = dnni_draw_points(s, k);
    return grid_value(&s->ranges[k], trial % points, points);
}

double dnni_draw(const dnn_search *s, int64_t trial, int64_t k) {
    if (s->desc.method == DNN_SEARCH_GRID) return grid_draw(s, trial, k);
    return random_value(&s->ranges[k], s->desc.seed, (uint64_t)trial);
}

/* ---- repeats ---- */

/* Real numbers do not come twice. */
static bool can_repeat(const dnn_search *s) {
    for (int64_t k = 0; k < s->n_ranges; k++)
        if (s->ranges[k].n == 0 && s->desc.method == DNN_SEARCH_RANDOM) return false;
    return true;
}

static uint64_t hash_of(const dnn_search *s, int64_t trial) {
    uint64_t hash = 0;
    for (int64_t k = 0; k < s->n_ranges; k++) {
        double value = dnni_draw(s, trial, k) + 0.0; /* no negative zero */
        hash = dnnk_hash(hash, &value, sizeof value);
    }
    return hash;
}

static bool same_values(const dnn_search *s, int64_t a, int64_t b) {
    for (int64_t k = 0; k < s->n_ranges; k++)
        if (dnni_draw(s, a, k) != dnni_draw(s, b, k)) return false;
    return true;
}

static dnn_status remember(dnn_search *s, uint64_t hash, int64_t trial) {
    dnn_context *ctx = s->base.ctx;
    int64_t n = s->n_hashes + 1;
    DNNI_TRY(dnni_grow(ctx, (void **)&s->hashes, &s->hashes_capacity, n, sizeof *s->hashes));
    DNNI_TRY(dnni_grow(ctx, (void **)&s->numbers, &s->numbers_capacity, n, sizeof *s->numbers));
    s->hashes[s->n_hashes] = hash;
    s->numbers[s->n_hashes++] = trial;
    return DNN_OK;
}

dnn_status dnni_draw_repeats(dnn_search *s, int64_t trial, bool *repeats) {
    *repeats = false;
    if (!can_repeat(s)) return DNN_OK;
    uint64_t hash = hash_of(s, trial);
    for (int64_t i = 0; i < s->n_hashes; i++) {
        if (s->hashes[i] != hash || !same_values(s, s->numbers[i], trial)) continue;
        *repeats = s->numbers[i] != trial;
        return DNN_OK;
    }
    return remember(s, hash, trial);
}
