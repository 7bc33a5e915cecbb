/* Pictures that stand out: dark, light, blank, blurred, noisy, grey among colour. */
#include "audit/audit.h"
#include "audit/median.h"

/* What is usual in a set: medians and spreads. Sharpness is compared in logarithms. */
typedef struct {
    double scale; /* of the audit */
    double entropy, edges, edges_spread, colour, light, dark, mean, mean_spread;
} usual;

/* By how much the mean is off, beyond what is usual: where all pictures have a dark ground, one with a light ground has
 * no pixel that is too light. */
static double brightness(const dnni_sample *s, const usual *u) {
    double difference = (s->mean - u->mean) / u->scale, most = fmax(6 * u->mean_spread / u->scale, 0.3);
    return difference > most ? 1 : difference < -most ? -1 : 0;
}

/* All thresholds are ours (c); docs/data.md says why. */
static bool is_blank(const dnni_sample *s, const usual *u) { return (void)u, !(s->high > s->low); }
static bool is_dark(const dnni_sample *s, const usual *u) {
    return (s->dark < 0.15 && u->dark > 0.3) || brightness(s, u) < 0;
}
static bool is_light(const dnni_sample *s, const usual *u) {
    return (s->light > 0.85 && u->light < 0.7) || brightness(s, u) > 0;
}
static bool is_poor(const dnni_sample *s, const usual *u) { return s->entropy < 0.35 * u->entropy; }
static bool is_blurred(const dnni_sample *s, const usual *u) {
    return s->edges > 0 && log(s->edges) < u->edges - fmax(3.5 * u->edges_spread, log(3));
}
static bool is_noisy(const dnni_sample *s, const usual *u) {
    return s->edges > 8 && log(s->edges) > u->edges + fmax(3.5 * u->edges_spread, log(3));
}
static bool is_grey(const dnni_sample *s, const usual *u) { return s->colour < 0.005 && u->colour > 0.03; }

typedef struct {
    const char *name;
    bool (*is)(const dnni_sample *, const usual *);
    dnn_severity severity;
    const char *what, *how, *action;
} picture_test;

static const picture_test picture_tests[] = {
    {"blank", is_blank, DNN_SEVERITY_WARNING, "are of one value everywhere",
     "greatest and least value of the sample are equal",
     "leave them out: their files are damaged, or were never filled"},
    {"dark", is_dark, DNN_SEVERITY_WARNING, "are dark",
     "99 % of the pixels lie in the lowest 15 % of the scale, which is rare here, or the mean is far below the usual",
     "look at them: wrong exposure, or scaled twice?"},
    {"light", is_light, DNN_SEVERITY_WARNING, "are light",
     "95 % of the pixels lie in the highest 15 % of the scale, which is rare here, or the mean is far above the usual",
     "look at them: overexposed, or inverted?"},
    {"little-information", is_poor, DNN_SEVERITY_NOTE, "hold little information",
     "the entropy of the histogram of brightness, in 64 steps, is less than 0.35 of the set's median",
     "look whether a person could tell their class"},
    {"blurred", is_blurred, DNN_SEVERITY_NOTE, "are blurred",
     "the variance of the Laplacian over that of the picture is less than a third of the set's median, by 3.5 "
     "deviations "
     "of its logarithm",
     "look at them; leave them out, or blur others too (augmentation)"},
    {"noisy", is_noisy, DNN_SEVERITY_WARNING, "are noise for the most part",
     "the variance of the Laplacian over that of the picture is above 8 (white noise has 20) and 3.5 deviations of its "
     "logarithm above the set's median",
     "look at them: damaged files, or wrong shapes in reading?"},
    {"grey-among-colour", is_grey, DNN_SEVERITY_WARNING, "are grey among coloured ones",
     "the mean spread between red, green and blue is below 0.5 % of the scale, in the median of the set above 3 %",
     "look whether they are of one class, which the model would then know by its colour; turn others grey too "
     "(augmentation)"},
};

/* ---- what is usual ---- */

typedef double figure(const dnni_sample *s);
static double entropy(const dnni_sample *s) { return s->entropy; }
static double edges(const dnni_sample *s) { return s->edges > 0 ? log(s->edges) : (double)NAN; }
static double colour(const dnni_sample *s) { return s->colour; }
static double light(const dnni_sample *s) { return s->light; }
static double dark(const dnni_sample *s) { return s->dark; }
static double mean(const dnni_sample *s) { return s->mean; }

static dnn_status usual_figure(dnni_audit *a, const dnni_set *s, figure *of, double *median, double *spread) {
    dnni_sorted sorted;
    DNNI_TRY(dnni_sorted_new(a, &sorted, s->n));
    for (int64_t i = 0; i < s->n; i++) {
        double x = of(&s->samples[i]);
        if (isfinite(x)) sorted.value[sorted.n++] = x;
    }
    dnni_sort_reals(sorted.value, sorted.n);
    *median = dnni_median(&sorted);
    return spread ? dnni_spread(a, &sorted, spread) : DNN_OK;
}

static dnn_status usual_figures(dnni_audit *a, const dnni_set *s, usual *u) {
    *u = (usual){.scale = a->high - a->low};
    DNNI_TRY(usual_figure(a, s, mean, &u->mean, &u->mean_spread));
    DNNI_TRY(usual_figure(a, s, entropy, &u->entropy, NULL));
    DNNI_TRY(usual_figure(a, s, edges, &u->edges, &u->edges_spread));
    DNNI_TRY(usual_figure(a, s, colour, &u->colour, NULL));
    DNNI_TRY(usual_figure(a, s, light, &u->light, NULL));
    return usual_figure(a, s, dark, &u->dark, NULL);
}

/* ---- the tests ---- */

static dnn_status run_test(dnni_audit *a, dnni_set *s, const picture_test *t, const usual *u) {
    dnni_list list;
    dnn_status status;
    DNNI_TRY(dnni_list_new(a, &list, s->n));
    for (int64_t i = 0; i < s->n; i++) {
        bool blank = is_blank(&s->samples[i], u); /* which is said once */
        if (t->is(&s->samples[i], u) && (t->is == is_blank || !blank)) dnni_list_add(&list, i);
    }
    if (list.n == 0) return DNN_OK;
    if (t->is != is_blank && dnni_audit_hides(a, t->name, s, &list, &status)) return status;
    DNNI_TRY(dnni_audit_add(a, t->severity, t->name, s, &list, "%lld pictures %s: %s", (long long)list.n, t->what,
                            dnni_audit_places(a, s, &list).text));
    DNNI_TRY(dnni_report_how(a->report, "%s", t->how));
    DNNI_TRY(dnni_report_action(a->report, "%s", t->action));
    return dnni_audit_sheet(a, s, &list, t->name);
}

dnn_status dnni_audit_pictures(dnni_audit *a, dnni_set *s) {
    usual u;
    if (!dnni_is_picture(a) || s->n < 2) return DNN_OK;
    DNNI_TRY(usual_figures(a, s, &u));
    for (size_t i = 0; i < sizeof picture_tests / sizeof *picture_tests; i++)
        DNNI_TRY(run_test(a, s, &picture_tests[i], &u));
    return DNN_OK;
}
