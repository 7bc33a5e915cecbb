/* Samples sorted by class, and batches of one class: harmless where the loader shuffles, and ruinous where it does not.
 */
#include "audit/audit.h"

/* Equal labels side by side: the share of pairs (i, i + 1), what chance gives, Σ p², and by how many standard errors
 * there are more. Sets of which nine in ten pairs agree are sorted; a run at the beginning that chance gives once in a
 * million times fills the first batches (c). */
typedef struct {
    double pairs, chance, errors;
    int64_t run; /* the first samples of one class */
} neighbours;

static double chance_of_equal(const dnni_audit *a, const dnni_set *s) {
    double sum = 0;
    for (int64_t k = 0; k < a->classes; k++) {
        double p = (double)a->counts[s - a->set][k] / (double)s->n;
        sum += p * p;
    }
    return sum;
}

static neighbours look_at_order(const dnni_audit *a, const dnni_set *s) {
    neighbours r = {.chance = chance_of_equal(a, s), .run = 1};
    int64_t equal = 0;
    for (int64_t i = 1; i < s->n; i++) equal += s->samples[i].label == s->samples[i - 1].label;
    while (r.run < s->n && s->samples[r.run].label == s->samples[0].label) r.run++;
    r.pairs = (double)equal / (double)(s->n - 1);
    double error = sqrt(r.chance * (1 - r.chance) / (double)(s->n - 1));
    r.errors = error > 0 ? (r.pairs - r.chance) / error : 0;
    return r;
}

dnn_status dnni_audit_order(dnni_audit *a, dnni_set *s) {
    if (a->kind != DNNI_TARGET_CLASS || a->classes < 2 || s->n < 20) return DNN_OK;
    neighbours r = look_at_order(a, s);
    double share = (double)a->counts[s - a->set][s->samples[0].label >= 0 ? s->samples[0].label : 0] / (double)s->n;
    bool long_run = r.run >= 8 && (double)(r.run - 1) * log(share) < log(1e-6);
    bool sorted = r.errors > 6 && r.pairs > fmax(0.5, 3 * r.chance);
    if (!long_run && !sorted) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "sorted-classes", s, NULL,
                            "the first %lld samples are all of class %s%s", (long long)r.run,
                            dnni_audit_class(a, s->samples[0].label).text,
                            sorted ? ", and so it goes on: samples are sorted by class" : ""));
    DNNI_TRY(dnni_report_how(a->report, "%s %% of the samples have the class of the one before; chance gives %s %%",
                             dnni_real(100 * r.pairs, 3).text, dnni_real(100 * r.chance, 3).text));
    return dnni_report_action(a->report, "shuffle in the loader (dnn_loader_desc.shuffle), and split at random");
}
