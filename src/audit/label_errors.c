/* Labels that are likely wrong: by what a model says that was not trained on the sample (confident learning; Northcutt,
 * Jiang, Chuang 2021), or by the vote of neighbours. */
#include "audit/audit.h"

/* ---- confident learning ----
 *
 *     t[k]        the mean of p(k | x) over samples of label k
 *     candidate   of a sample: among the k with p(k | x) ≥ t[k] the one of the largest p; or none
 *     suspect     a sample whose candidate is not its label; the less p(label), the more so
 */

typedef struct {
    const dnni_set *set;
    const dnn_array *p; /* [n, classes] */
    int64_t classes;
    double *threshold; /* [classes] */
    int64_t *confused; /* [classes, classes] label, candidate */
} joint;

static double probability(const joint *j, int64_t sample, int64_t k) {
    return dnni_load(j->p->dtype, j->p->data, sample * j->classes + k);
}

static void find_thresholds(joint *j, const int64_t *counts) {
    for (int64_t i = 0; i < j->set->n; i++) {
        int64_t k = j->set->samples[i].label;
        if (k >= 0) j->threshold[k] += probability(j, i, k) / (double)counts[k];
    }
}

static int64_t candidate_of(const joint *j, int64_t sample, const int64_t *counts) {
    int64_t best = -1;
    for (int64_t k = 0; k < j->classes; k++) {
        double p = probability(j, sample, k);
        if (counts[k] == 0 || p < j->threshold[k]) continue;
        if (best < 0 || p > probability(j, sample, best)) best = k;
    }
    return best;
}

static void find_suspects(joint *j, const int64_t *counts, dnni_list *list) {
    for (int64_t i = 0; i < j->set->n; i++) {
        int64_t label = j->set->samples[i].label, candidate = candidate_of(j, i, counts);
        if (label < 0 || candidate < 0) continue;
        j->confused[label * j->classes + candidate]++;
        if (candidate != label) dnni_list_add(list, i);
    }
}

/* The surest first: Shell's sort. */
static void rank(const joint *j, dnni_list *list) {
    for (int64_t gap = list->n / 2; gap > 0; gap /= 2)
        for (int64_t i = gap; i < list->n; i++) {
            int64_t moved = list->index[i], at = i;
            double p = probability(j, moved, j->set->samples[moved].label);
            for (; at >= gap; at -= gap) {
                int64_t before = list->index[at - gap];
                double q = probability(j, before, j->set->samples[before].label);
                if (q < p || (q == p && before < moved)) break;
                list->index[at] = before;
            }
            list->index[at] = moved;
        }
}

static void most_confused(const joint *j, int64_t *label, int64_t *candidate) {
    int64_t most = 0;
    *label = *candidate = 0;
    for (int64_t i = 0; i < j->classes; i++)
        for (int64_t k = 0; k < j->classes; k++)
            if (i != k && j->confused[i * j->classes + k] > most) {
                most = j->confused[i * j->classes + k];
                *label = i;
                *candidate = k;
            }
}

static dnn_status tell_errors(dnni_audit *a, const joint *j, dnni_list *list) {
    int64_t label, candidate;
    if (list->n == 0) return DNN_OK;
    rank(j, list);
    most_confused(j, &label, &candidate);
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "label-errors", j->set, list,
                            "%lld labels are likely wrong, the surest first: %s", (long long)list->n,
                            dnni_audit_places(a, j->set, list).text));
    DNNI_TRY(
        dnni_report_how(a->report,
                        "confident learning on out-of-sample probabilities: another class reaches its mean "
                        "probability over its own samples, and the label's is smaller; most often %s should be %s, "
                        "%lld times",
                        dnni_audit_class(a, label).text, dnni_audit_class(a, candidate).text,
                        (long long)j->confused[label * j->classes + candidate]));
    DNNI_TRY(
        dnni_report_action(a->report, "look at the first ones; mend labels, or leave samples out, and train again"));
    return dnni_audit_sheet(a, j->set, list, "labels that are likely wrong");
}

static dnn_status learn_confidently(dnni_audit *a, dnni_set *s) {
    joint j = {.set = s, .p = &a->options.probabilities->array, .classes = a->classes};
    const int64_t *counts = a->counts[s - a->set];
    dnni_list list;
    j.threshold = dnni_pool_alloc(&a->pool, a->classes, sizeof *j.threshold);
    j.confused = dnni_pool_alloc(&a->pool, a->classes, a->classes * (int64_t)sizeof *j.confused);
    if (!j.threshold || !j.confused) return DNN_ERROR_MEMORY;
    DNNI_TRY(dnni_list_new(a, &list, s->n));
    find_thresholds(&j, counts);
    find_suspects(&j, counts, &list);
    return tell_errors(a, &j, &list);
}

/* ---- a vote ---- */

/* Suspected: at most a tenth of the neighbours are of the sample's class, and six in ten of one other (c). */
static const double own_share = 0.1, other_share = 0.6;

/* The class that the neighbours of a point are sure of, against its label; -1: there is none. */
static int64_t outvoted(const dnni_set *s, int64_t point) {
    const int64_t *near = s->near.index + point * s->near.k;
    int64_t label = dnni_label(s, point), n = 0, own = 0;
    while (n < s->near.k && near[n] >= 0) own += dnni_label(s, near[n++]) == label;
    if (label < 0 || n < 5 || (double)own > own_share * (double)n) return -1;
    for (int64_t i = 0; i < n; i++) {
        int64_t other = dnni_label(s, near[i]), votes = 0;
        for (int64_t k = 0; k < n; k++) votes += dnni_label(s, near[k]) == other;
        if (other >= 0 && (double)votes >= other_share * (double)n) return other;
    }
    return -1;
}

static dnn_status let_vote(dnni_audit *a, dnni_set *s) {
    dnni_list list;
    dnn_status status;
    DNNI_TRY(dnni_list_new(a, &list, s->kept));
    for (int64_t i = 0; i < s->kept; i++)
        if (outvoted(s, i) >= 0) dnni_list_add(&list, s->ids[i]);
    if (list.n == 0) return DNN_OK;
    if (dnni_audit_hides(a, "label-votes", s, &list, &status)) return status;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_NOTE, "label-votes", s, &list,
                            "%lld labels are not those of their neighbours: %s", (long long)list.n,
                            dnni_audit_places(a, s, &list).text));
    DNNI_TRY(dnni_report_how(a->report,
                             "of the %lld nearest samples at most %s %% have the label, and at least %s %% one "
                             "other",
                             (long long)s->near.k, dnni_real(100 * own_share, 3).text,
                             dnni_real(100 * other_share, 3).text));
    DNNI_TRY(
        dnni_report_action(a->report, "look at them; out-of-sample probabilities tell more surely (label-errors)"));
    return dnni_audit_sheet(a, s, &list, "labels against those of neighbours");
}

dnn_status dnni_audit_label_errors(dnni_audit *a, dnni_set *s) {
    if (a->kind != DNNI_TARGET_CLASS || a->classes < 2) return DNN_OK;
    if (s == &a->set[0] && a->options.probabilities) return learn_confidently(a, s);
    return s->near.k > 0 ? let_vote(a, s) : DNN_OK;
}
