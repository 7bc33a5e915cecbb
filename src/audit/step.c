/* Inputs and targets out of step: pairs permuted, or shifted by a few places. What is alike has like targets, if
 * targets have to do with inputs at all; so the nearest neighbour's target is held against the sample's own.
 *
 *     skill = (agreement - chance) / (1 - chance)
 *
 * For classes agreement is the share of equal labels, chance Σ p²; for numbers, 1 - Σ (t - t')² / (2 n Var t) is the
 * same thing. Skill 0: the neighbour says nothing. */
#include "audit/audit.h"

/* SHIFTS: up to so many places either way. BLOCKS: consecutive samples are judged by themselves, too. FEW: pairs below
 * which nothing is said. */
enum { SHIFTS = 3, BLOCKS = 40, FEW = 50 };
static const double errors_needed = 5, block_errors = 5, block_share = 0.6;

typedef struct {
    double agreement, expected, n; /* sums, over pairs */
} tally;

static double target_variance(const dnni_set *s) {
    double mean = 0, squares = 0, n = 0;
    for (int64_t i = 0; i < s->n; i++) {
        double t = s->samples[i].target, before = t - mean;
        if (!isfinite(t)) continue;
        mean += before / ++n;
        squares += before * (t - mean);
    }
    return n > 0 ? squares / n : 0;
}

static double chance_of(const dnni_audit *a, const dnni_set *s) {
    double sum = 0;
    for (int64_t k = 0; a->kind == DNNI_TARGET_CLASS && k < a->classes; k++) {
        double p = (double)a->counts[s - a->set][k] / (double)s->n;
        sum += p * p;
    }
    return sum;
}

/* How much the targets of two samples agree; NaN: nothing can be said. */
static double agreement(const dnni_audit *a, double variance, const dnni_sample *x, const dnni_sample *y) {
    if (a->kind == DNNI_TARGET_CLASS) return x->label < 0 || y->label < 0 ? (double)NAN : x->label == y->label;
    double d = x->target - y->target;
    return 1 - d * d / (2 * variance);
}

/* Over points, when targets are read `shift` places on. */
static double skill_at(const dnni_audit *a, const dnni_set *s, int64_t shift, double *n) {
    double sum = 0, chance = chance_of(a, s), variance = target_variance(s);
    *n = 0;
    for (int64_t i = 0; i < s->kept; i++) {
        int64_t other = s->near.index[i * s->near.k];
        if (other < 0) continue;
        int64_t one = s->ids[i] + shift, two = s->ids[other] + shift;
        if (one < 0 || two < 0 || one >= s->n || two >= s->n) continue;
        double agrees = agreement(a, variance, &s->samples[one], &s->samples[two]);
        if (!isfinite(agrees)) continue;
        sum += agrees;
        ++*n;
    }
    return *n > 0 ? (sum / *n - chance) / (1 - chance) : 0;
}

static double standard_error(const dnni_audit *a, const dnni_set *s, double n) {
    double chance = chance_of(a, s);
    return a->kind == DNNI_TARGET_CLASS ? sqrt(chance / ((1 - chance) * n)) : sqrt(2 / n);
}

/* ---- the whole set ---- */

static dnn_status tell_shifted(dnni_audit *a, dnni_set *s, int64_t shift, double skill, double here) {
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_ERROR, "targets-shifted", s, NULL,
                            "targets are %lld place%s %s their inputs", (long long)(shift > 0 ? shift : -shift),
                            shift == 1 || shift == -1 ? "" : "s", shift > 0 ? "behind" : "before"));
    DNNI_TRY(dnni_report_how(a->report,
                             "the nearest neighbour's target agrees with the sample's own by %s above chance "
                             "(1 is always) as they are, and by %s when targets are read %lld places on",
                             dnni_real(here, 2).text, dnni_real(skill, 2).text, (long long)shift));
    return dnni_report_action(a->report,
                              "shift them back, and look for a header line or a sample that is in one list only");
}

/* Where neighbours say nothing, targets are permuted, or the inputs as they are do not show what is alike. */
static dnn_status tell_nothing(dnni_audit *a, dnni_set *s, double here, double error, double n) {
    bool sure = a->kind == DNNI_TARGET_CLASS && n >= 1000;
    DNNI_TRY(dnni_audit_add(a, sure ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING, "targets-out-of-step", s, NULL,
                            "targets have nothing to do with the inputs: are the pairs permuted?"));
    DNNI_TRY(dnni_report_how(a->report,
                             "the nearest neighbour's target agrees with the sample's own by %s above chance "
                             "(1 is always), of %s pairs; the standard error is %s",
                             dnni_real(here, 2).text, dnni_real(n, 6).text, dnni_real(error, 2).text));
    return dnni_report_action(a->report, "look at pairs of input and target; shuffle both by one permutation. If they "
                                         "are right, audit with features of a module instead of plain values");
}

static dnn_status judge_set(dnni_audit *a, dnni_set *s, double *here) {
    double n, best = -1;
    int64_t shift = 0;
    *here = skill_at(a, s, 0, &n);
    if (n < FEW) return DNN_OK;
    double error = standard_error(a, s, n);
    for (int64_t at = -SHIFTS; at <= SHIFTS; at++) {
        double pairs, skill = skill_at(a, s, at, &pairs);
        if (at == 0 || skill <= best) continue;
        best = skill;
        shift = at;
    }
    if (best > errors_needed * error && best > 1.5 * *here + errors_needed * error)
        return tell_shifted(a, s, shift, best, *here);
    return *here < 3 * error ? tell_nothing(a, s, *here, error, n) : DNN_OK;
}

/* ---- blocks ---- */

/* What the samples of each class agree with their neighbours on average, so that blocks of other classes, as sorted
 * sets have them, are judged fairly. */
static dnn_status class_rates(dnni_audit *a, const dnni_set *s, double **rates) {
    double *sum = dnni_pool_alloc(&a->pool, a->classes, sizeof *sum);
    double *count = dnni_pool_alloc(&a->pool, a->classes, sizeof *count);
    if (!sum || !count) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < s->kept; i++) {
        int64_t other = s->near.index[i * s->near.k], label = dnni_label(s, i);
        if (other < 0 || label < 0) continue;
        count[label]++;
        sum[label] += dnni_label(s, other) == label;
    }
    for (int64_t k = 0; k < a->classes; k++) sum[k] = count[k] > 0 ? sum[k] / count[k] : 0;
    *rates = sum;
    return DNN_OK;
}

static void tally_blocks(const dnni_set *s, const double *rates, tally *blocks) {
    for (int64_t i = 0; i < s->kept; i++) {
        int64_t other = s->near.index[i * s->near.k], label = dnni_label(s, i);
        if (other < 0 || label < 0) continue;
        tally *b = &blocks[s->ids[i] * BLOCKS / s->n];
        b->n++;
        b->agreement += dnni_label(s, other) == label;
        b->expected += rates[label];
    }
}

static bool out_of_step(const tally *b) {
    double error = sqrt(b->expected * (1 - b->expected / fmax(b->n, 1)));
    return b->n >= FEW && b->agreement < block_share * b->expected && b->expected - b->agreement > block_errors * error;
}

static dnn_status judge_blocks(dnni_audit *a, dnni_set *s) {
    tally blocks[BLOCKS] = {{0}};
    double *rates;
    dnni_list list;
    int64_t found = 0;
    DNNI_TRY(class_rates(a, s, &rates));
    DNNI_TRY(dnni_list_new(a, &list, s->n));
    tally_blocks(s, rates, blocks);
    for (int64_t b = 0; b < BLOCKS; b++) found += out_of_step(&blocks[b]);
    if (found == 0) return DNN_OK;
    for (int64_t i = 0; i < s->n; i++)
        if (out_of_step(&blocks[i * BLOCKS / s->n])) dnni_list_add(&list, i);
    DNNI_TRY(
        dnni_audit_add(a, DNN_SEVERITY_ERROR, "targets-out-of-step", s, &list,
                       "in %lld of %d blocks of samples targets have less to do with the inputs than elsewhere: %s",
                       (long long)found, BLOCKS, dnni_audit_places(a, s, &list).text));
    DNNI_TRY(dnni_report_how(a->report,
                             "the nearest neighbour's label agrees less than %s times as often as it does for the "
                             "same classes elsewhere, by more than %s standard errors",
                             dnni_real(block_share, 2).text, dnni_real(block_errors, 2).text));
    return dnni_report_action(a->report,
                              "look how this part was read: its inputs and targets come in different orders");
}

dnn_status dnni_audit_step(dnni_audit *a, dnni_set *s) {
    bool judged = a->kind == DNNI_TARGET_CLASS ? a->classes > 1 : a->kind == DNNI_TARGET_NUMBER;
    double here;
    if (s->near.k == 0 || !judged || (a->kind == DNNI_TARGET_NUMBER && !(target_variance(s) > 0))) return DNN_OK;
    if (a->kind == DNNI_TARGET_CLASS && chance_of(a, s) > 0.95) return DNN_OK;
    DNNI_TRY(judge_set(a, s, &here));
    return a->kind == DNNI_TARGET_CLASS && here > 0 ? judge_blocks(a, s) : DNN_OK;
}

/* ---- one set against the other ---- */

/* A class that the nearest training samples of the test samples call otherwise: classes numbered in another order. */
typedef struct {
    int64_t *called; /* [classes, classes]: test class, label of the nearest training sample */
    double *rates;   /* how often the nearest neighbour agrees within the training set */
} confusion;

static dnn_status look_across(dnni_audit *a, confusion *c) {
    dnni_set *train = &a->set[0], *test = &a->set[1];
    dnni_neighbours found;
    c->called = dnni_pool_alloc(&a->pool, a->classes * a->classes, sizeof *c->called);
    if (!c->called) return DNN_ERROR_MEMORY;
    DNNI_TRY(class_rates(a, train, &c->rates));
    DNNI_TRY(dnni_audit_search(a, &found, dnni_points_of(a, test), dnni_points_of(a, train), 1, false));
    for (int64_t i = 0; i < test->kept; i++) {
        int64_t own = dnni_label(test, i), near = found.index[i] < 0 ? -1 : dnni_label(train, found.index[i]);
        if (own >= 0 && near >= 0) c->called[own * a->classes + near]++;
    }
    dnni_neighbours_free(&found);
    return DNN_OK;
}

/* The class that k is called, if hardly ever k: less than a third as often as training samples of k are, by
 * block_errors standard errors; else k. */
static int64_t called_otherwise(const dnni_audit *a, const confusion *c, int64_t k) {
    const int64_t *row = c->called + k * a->classes;
    int64_t most = k;
    double n = 0, p = c->rates[k];
    for (int64_t j = 0; j < a->classes; j++) {
        n += (double)row[j];
        if (row[j] > row[most]) most = j;
    }
    bool rare = (double)row[k] < n * p / 3 && n * p - (double)row[k] > block_errors * sqrt(n * p * (1 - p));
    return rare && n >= 10 ? most : k;
}

dnn_status dnni_audit_step_across(dnni_audit *a) {
    confusion c;
    int64_t found = 0, first = -1;
    if (a->kind != DNNI_TARGET_CLASS || a->classes < 2 || a->classes > 1000 || a->set[0].near.k == 0) return DNN_OK;
    DNNI_TRY(look_across(a, &c));
    for (int64_t k = a->classes - 1; k >= 0; k--) {
        if (called_otherwise(a, &c, k) == k) continue;
        found++;
        first = k;
    }
    if (found == 0) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_ERROR, "classes-differ", &a->set[1], NULL,
                            "%lld of %lld classes look otherwise than in %s: class %s looks like class %s",
                            (long long)found, (long long)a->classes, a->set[0].name, dnni_audit_class(a, first).text,
                            dnni_audit_class(a, called_otherwise(a, &c, first)).text));
    DNNI_TRY(dnni_report_how(a->report,
                             "labels of the nearest training samples agree less than a third as often as they "
                             "do within %s",
                             a->set[0].name));
    return dnni_report_action(a->report, "number the classes of both sets by one list; look whether pairs are in step");
}
