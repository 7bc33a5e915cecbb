/* Which parameter matters: how much of the ranks' variance lies between groups of trials that are formed by it, and
 * whether chance would give as much. Ranks, because losses of bad trials can be anything; groups, because the best
 * rate is in the middle of its range, where a correlation sees nothing. */
#include <math.h>
#include <string.h>

#include "core/sort.h"
#include "report/report.h"
#include "rng/rng.h"
#include "search/search.h"

enum { GROUPS = 4, PERMUTATIONS = 2000, MOST = 4000 };

/* Of one parameter. */
typedef struct {
    double share, p;  /* of the variance, at least 0; NaN: all ranks are the same */
    double low, high; /* of its values in the best quarter */
} importance;

typedef struct {
    const dnni_ranking *ranking;
    int64_t n;        /* trials that are looked at: all, or MOST, evenly spread over the ranks */
    double *ranks;    /* the middle one for equal values */
    double *shuffled, *values, *sums, *counts; /* [n] each */
    uint32_t *index;  /* [n] */
    int32_t *groups;  /* [n]; below n_groups */
    int64_t n_groups;
    importance of[DNNI_MOST_RANGES];
} job;

/* ---- ranks and groups ---- */

static const dnni_trial *trial_of(const job *j, int64_t i) {
    return dnni_ranked(j->ranking, i * j->ranking->told / j->n);
}

static bool same_result(const job *j, int64_t i, int64_t k) {
    double a = trial_of(j, i)->value, b = trial_of(j, k)->value;
    return a == b || (isnan(a) && isnan(b));
}

static void fill_ranks(job *j) {
    for (int64_t from = 0, to; from < j->n; from = to) {
        for (to = from + 1; to < j->n && same_result(j, from, to);) to++;
        for (int64_t i = from; i < to; i++) j->ranks[i] = (double)(from + to - 1) / 2;
    }
}

static int compare_doubles(const void *context, uint32_t a, uint32_t b) {
    const double *values = context;
    return values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : a < b ? -1 : a > b;
}

/* Each choice is a group; numbers are cut into four groups of about one size, equal ones together. */
static void form_groups(job *j, int64_t k) {
    const dnni_range *r = &j->ranking->search->ranges[k];
    bool cut = r->n == 0 || (r->n > GROUPS && r->kind != DNNI_CHOICE);
    j->n_groups = cut ? GROUPS : r->n;
    if (j->n_groups > j->n) j->n_groups = j->n; /* of so many choices those with large numbers are one group */
    for (int64_t i = 0; i < j->n; i++) j->index[i] = (uint32_t)i;
    dnni_sort(j->index, j->n, compare_doubles, j->values);
    for (int64_t from = 0, to; from < j->n; from = to) {
        double value = j->values[j->index[from]];
        for (to = from + 1; to < j->n && j->values[j->index[to]] == value;) to++;
        int64_t group = cut ? (from + to - 1) / 2 * GROUPS / j->n : (int64_t)(value - r->low);
        if (group >= j->n_groups) group = j->n_groups - 1;
        for (int64_t i = from; i < to; i++) j->groups[j->index[i]] = (int32_t)group;
    }
}

/* The sum of squares between groups. */
static double between(const job *j, const double *ranks) {
    double mean = (double)(j->n - 1) / 2, sum = 0;
    memset(j->sums, 0, (size_t)j->n_groups * sizeof *j->sums);
    memset(j->counts, 0, (size_t)j->n_groups * sizeof *j->counts);
    for (int64_t i = 0; i < j->n; i++) {
        j->sums[j->groups[i]] += ranks[i] - mean;
        j->counts[j->groups[i]]++;
    }
    for (int64_t g = 0; g < j->n_groups; g++)
        if (j->counts[g] > 0) sum += j->sums[g] * j->sums[g] / j->counts[g];
    return sum;
}

/* ---- chance ---- */

static void shuffle(double *ranks, int64_t n, uint64_t stream, int64_t round) {
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t other = (int64_t)dnnk_random_below(0, stream, (uint64_t)(round * n + i), (uint64_t)i + 1);
        double kept = ranks[i];
        ranks[i] = ranks[other];
        ranks[other] = kept;
    }
}

/* The share of permutations that do as well, the ranks as they are among them (Phipson and Smyth 2010). */
static double chance_of(const job *j, double observed, uint64_t stream) {
    int64_t as_large = 1;
    memcpy(j->shuffled, j->ranks, (size_t)j->n * sizeof *j->ranks);
    for (int64_t round = 0; round < PERMUTATIONS; round++) {
        shuffle(j->shuffled, j->n, stream, round);
        as_large += between(j, j->shuffled) >= observed * (1 - 1e-12);
    }
    return (double)as_large / (PERMUTATIONS + 1);
}

/* epsilon² (Kelley 1935): eta² without what groups explain by being many. */
static double share_of(const job *j, double observed) {
    double mean = (double)(j->n - 1) / 2, total = 0, groups = 0;
    for (int64_t i = 0; i < j->n; i++) total += (j->ranks[i] - mean) * (j->ranks[i] - mean);
    for (int64_t g = 0; g < j->n_groups; g++) groups += j->counts[g] > 0;
    if (!(total > 0) || groups >= (double)j->n) return NAN;
    return fmax(0, 1 - (1 - observed / total) * (double)(j->n - 1) / ((double)j->n - groups));
}

static void measure(job *j, int64_t k) {
    const dnn_search *s = j->ranking->search;
    importance *m = &j->of[k];
    int64_t quarter = (j->n + 3) / 4;
    for (int64_t i = 0; i < j->n; i++) j->values[i] = dnni_draw(s, trial_of(j, i)->number, k);
    m->low = m->high = j->values[0];
    for (int64_t i = 1; i < quarter; i++) {
        m->low = fmin(m->low, j->values[i]);
        m->high = fmax(m->high, j->values[i]);
    }
    form_groups(j, k);
    double observed = between(j, j->ranks);
    m->share = share_of(j, observed);
    m->p = isnan(m->share) ? 1 : chance_of(j, observed, s->ranges[k].stream);
}

static bool matters(const job *j, int64_t k) {
    return j->of[k].p * (double)j->ranking->search->n_ranges <= 0.05;
}

/* ---- what is said ---- */

static const char *percent(const importance *m, dnni_real_text *text) {
    if (isnan(m->share)) return "-";
    *text = dnni_real(round(100 * m->share), 3);
    return text->text;
}

static void write_table(dnni_writer *w, const void *what) {
    const job *j = what;
    const dnn_search *s = j->ranking->search;
    dnni_write(w, "%9s  %8s  parameter, and its values in the best quarter\n", "share", "p");
    for (int64_t k = 0; k < s->n_ranges; k++) {
        const importance *m = &j->of[k];
        const dnni_range *r = &s->ranges[k];
        dnni_real_text share, low, high;
        dnni_write(w, "%7s %%  %8s  %s", percent(m, &share), dnni_real(m->p, 2).text, r->name);
        if (r->kind != DNNI_CHOICE)
            dnni_write(w, ": %s to %s", dnni_range_text(r, m->low, &low), dnni_range_text(r, m->high, &high));
        dnni_write(w, "%s\n", matters(j, k) ? "" : "; it may be chance");
    }
}

static void write_json(dnni_writer *w, const void *what) {
    const job *j = what;
    const dnn_search *s = j->ranking->search;
    dnni_put_open(w, NULL, '[');
    for (int64_t k = 0; k < s->n_ranges; k++) {
        dnni_put_open(w, NULL, '{');
        dnni_put_text(w, "parameter", s->ranges[k].name);
        dnni_put_real(w, "share", j->of[k].share);
        dnni_put_real(w, "p", j->of[k].p);
        dnni_put_bool(w, "matters", matters(j, k));
        dnni_put_real(w, "best_low", j->of[k].low);
        dnni_put_real(w, "best_high", j->of[k].high);
        dnni_put_close(w, '}');
    }
    dnni_put_close(w, ']');
}

static dnn_status add_finding(dnn_report *report, const job *j, int64_t k) {
    const dnn_search *s = j->ranking->search;
    dnni_real_text share;
    if (!matters(j, k)) return DNN_OK;
    DNNI_TRY(dnni_report_add(report, DNN_SEVERITY_NOTE, "parameter-matters",
                             "%s matters: %s %% of the variance of the trials' ranks lies between groups of it",
                             s->ranges[k].name, percent(&j->of[k], &share)));
    DNNI_TRY(dnni_report_set(report, s->ranges[k].name));
    return dnni_report_how(report, "%lld trials; p = %s in %d permutations, %lld parameters looked at",
                           (long long)j->n, dnni_real(j->of[k].p, 2).text, PERMUTATIONS, (long long)s->n_ranges);
}

static dnn_status tell(dnn_report *report, job *j, dnni_pool *pool) {
    const dnn_search *s = j->ranking->search;
    for (int64_t k = 0; k < s->n_ranges; k++) {
        measure(j, k);
        DNNI_TRY(add_finding(report, j, k));
    }
    const char *text = dnni_written(pool, write_table, j), *json = dnni_written(pool, write_json, j);
    return text && json ? dnn_report_add_section(report, "which parameter matters", text, json) : DNN_ERROR_MEMORY;
}

static dnn_status say_too_few(dnn_report *report, int64_t n) {
    DNNI_TRY(dnni_report_add(report, DNN_SEVERITY_NOTE, "too-few-trials",
                             "%lld trials with a value are too few to say which parameter matters", (long long)n));
    DNNI_TRY(dnni_report_how(report, "with less than %d, any order of them is likely to look like something",
                             DNNI_FEWEST));
    return dnni_report_action(report, "run more trials; the same search goes on where it was");
}

static job *make_job(dnni_pool *pool, const dnni_ranking *r) {
    job *j = dnni_pool_alloc(pool, 1, sizeof *j);
    if (!j) return NULL;
    j->ranking = r;
    j->n = r->told < MOST ? r->told : MOST;
    double **rooms[] = {&j->ranks, &j->shuffled, &j->values, &j->sums, &j->counts};
    for (int i = 0; i < 5; i++)
        if (!(*rooms[i] = dnni_pool_alloc(pool, j->n, sizeof **rooms[i]))) return NULL;
    j->index = dnni_pool_alloc(pool, j->n, sizeof *j->index);
    j->groups = dnni_pool_alloc(pool, j->n, sizeof *j->groups);
    if (!j->index || !j->groups) return NULL;
    fill_ranks(j);
    return j;
}

dnn_status dnni_search_importance(dnn_report *report, const dnni_ranking *r) {
    if (r->told < DNNI_FEWEST) return r->told > 0 ? say_too_few(report, r->told) : DNN_OK;
    dnni_pool pool = {.ctx = r->search->base.ctx};
    job *j = make_job(&pool, r);
    dnn_status status = j ? tell(report, j, &pool) : DNN_ERROR_MEMORY;
    dnni_pool_free(&pool);
    return status;
}
