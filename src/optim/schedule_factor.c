/* The formulas of schedule.h, and what a descriptor must hold for them to make sense. */
#include <math.h>

#include "optim/schedule.h"

/* ---- the descriptor ---- */

static dnn_status check_share(double value, const char *name) {
    DNNI_REQUIRE(value >= 0 && value <= 1, "desc.%s is %g: it is from 0 to 1", name, value);
    return DNN_OK;
}

static dnn_status check_positive(double value, const char *name) {
    DNNI_REQUIRE(isfinite(value) && value > 0, "desc.%s is %g: it must be above 0", name, value);
    return DNN_OK;
}

static bool needs_epochs(const dnn_schedule_desc *d) {
    return d->kind == DNN_SCHEDULE_POLYNOMIAL || d->kind == DNN_SCHEDULE_ONE_CYCLE || d->kind == DNN_SCHEDULE_WSD ||
           (d->kind == DNN_SCHEDULE_COSINE && d->period == 0);
}

static dnn_status check_epochs(const dnn_schedule_desc *d) {
    if (!needs_epochs(d)) return DNN_OK;
    DNNI_TRY(check_positive(d->epochs, "epochs"));
    DNNI_REQUIRE(d->warmup < d->epochs, "desc.warmup is %g epochs of the %g that there are", d->warmup, d->epochs);
    DNNI_REQUIRE(d->kind != DNN_SCHEDULE_WSD || (d->decay > 0 && d->warmup + d->decay <= d->epochs),
                 "desc.decay is %g epochs, desc.warmup %g: of %g epochs there are not as many", d->decay, d->warmup,
                 d->epochs);
    return DNN_OK;
}

static dnn_status check_milestones(const dnn_schedule_desc *d) {
    DNNI_REQUIRE(d->n_milestones > 0 && d->milestones, "desc.milestones: there are none");
    for (int64_t i = 0; i < d->n_milestones; i++) {
        DNNI_REQUIRE(isfinite(d->milestones[i]) && d->milestones[i] >= 0, "desc.milestones[%lld] is %g", (long long)i,
                     d->milestones[i]);
        DNNI_REQUIRE(i == 0 || d->milestones[i] > d->milestones[i - 1],
                     "desc.milestones[%lld] is %g, after %g: they ascend", (long long)i, d->milestones[i],
                     d->milestones[i - 1]);
    }
    return DNN_OK;
}

static dnn_status check_plateau(const dnn_schedule_desc *d) {
    DNNI_REQUIRE(d->patience >= 0, "desc.patience is %lld", (long long)d->patience);
    DNNI_REQUIRE(d->cooldown >= 0, "desc.cooldown is %lld", (long long)d->cooldown);
    DNNI_REQUIRE(d->threshold >= 0 && d->threshold < 1, "desc.threshold is %g: it is from 0 to below 1", d->threshold);
    return DNN_OK;
}

static dnn_status check_kind(const dnn_schedule_desc *d) {
    switch (d->kind) {
    case DNN_SCHEDULE_STEP: return check_positive(d->period, "period");
    case DNN_SCHEDULE_MULTISTEP: return check_milestones(d);
    case DNN_SCHEDULE_POLYNOMIAL: return check_positive(d->power, "power");
    case DNN_SCHEDULE_PLATEAU: return check_plateau(d);
    case DNN_SCHEDULE_COSINE:
        if (d->period != 0) DNNI_TRY(check_positive(d->period, "period"));
        DNNI_REQUIRE(isfinite(d->growth) && d->growth >= 1, "desc.growth is %g: it is at least 1", d->growth);
        return DNN_OK;
    case DNN_SCHEDULE_CONSTANT:
    case DNN_SCHEDULE_EXPONENTIAL:
    case DNN_SCHEDULE_ONE_CYCLE:
    case DNN_SCHEDULE_WSD: return DNN_OK;
    }
    return dnni_error(DNN_ERROR_ARGUMENT, "desc.kind is %d, which is no kind of schedule", (int)d->kind);
}

static void fill_in_defaults(dnn_schedule_desc *d) {
    bool one_cycle = d->kind == DNN_SCHEDULE_ONE_CYCLE;
    d->warmup = dnni_or_default(d->warmup, one_cycle ? 0.3 * d->epochs : 0);
    d->warmup_start = dnni_or_default(d->warmup_start, one_cycle ? 0.04 : 1e-3);
    d->final = dnni_or_default(d->final, one_cycle ? 4e-6 : 0);
    d->gamma = dnni_or_default(d->gamma, d->kind == DNN_SCHEDULE_EXPONENTIAL ? 0 : 0.1);
    d->power = dnni_or_default(d->power, 1);
    d->growth = dnni_or_default(d->growth, 1);
    d->decay = dnni_or_default(d->decay, 0.1 * d->epochs);
    d->threshold = dnni_or_default(d->threshold, 1e-4);
    if (d->patience == 0) d->patience = 10;
}

dnn_status dnni_schedule_settle(dnn_schedule_desc *d) {
    fill_in_defaults(d);
    DNNI_TRY(check_positive(d->lr, "lr"));
    DNNI_REQUIRE(isfinite(d->warmup) && d->warmup >= 0, "desc.warmup is %g: it is at least 0", d->warmup);
    DNNI_TRY(check_share(d->warmup_start, "warmup_start"));
    DNNI_TRY(check_share(d->final, "final"));
    DNNI_REQUIRE(d->gamma > 0 && d->gamma <= 1, "desc.gamma is %g: it is above 0 and at most 1", d->gamma);
    DNNI_TRY(check_kind(d));
    return check_epochs(d);
}

/* ---- the factor ---- */

static double half_cosine(double from, double to, double share) {
    return to + (from - to) * (1 + cos(3.14159265358979323846 * share)) / 2;
}

static double multistep(const dnn_schedule_desc *d, double epoch) {
    int64_t passed = 0;
    while (passed < d->n_milestones && d->milestones[passed] <= epoch) passed++;
    return pow(d->gamma, (double)passed);
}

/* The share of its cycle that t is at: cycle n begins at period · (growth^n - 1) / (growth - 1). */
static double share_of_cycle(const dnn_schedule_desc *d, double t) {
    if (d->growth == 1) return fmod(t, d->period) / d->period;
    double cycle = floor(log1p(t / d->period * (d->growth - 1)) / log(d->growth));
    double length = d->period * pow(d->growth, cycle), begin = (length - d->period) / (d->growth - 1);
    double share = (t - begin) / length;
    return share >= 1 ? 0 : fmax(share, 0); /* rounding has taken t into a neighbour */
}

static double cosine(const dnn_schedule_desc *d, double t) {
    if (d->period > 0) return half_cosine(1, d->final, share_of_cycle(d, t));
    return half_cosine(1, d->final, fmin(t / (d->epochs - d->warmup), 1));
}

static double polynomial(const dnn_schedule_desc *d, double t) {
    double left = fmax(1 - t / (d->epochs - d->warmup), 0);
    return d->final + (1 - d->final) * pow(left, d->power);
}

static double one_cycle(const dnn_schedule_desc *d, double epoch) {
    if (epoch < d->warmup) return half_cosine(d->warmup_start, 1, epoch / d->warmup);
    return half_cosine(1, d->final, fmin((epoch - d->warmup) / (d->epochs - d->warmup), 1));
}

static double stable_then_decay(const dnn_schedule_desc *d, double epoch) {
    double share = fmin(fmax((epoch - (d->epochs - d->decay)) / d->decay, 0), 1);
    return 1 - (1 - d->final) * share;
}

static double plateau(const dnn_schedule *schedule) {
    double drops = ((const double *)schedule->state->array.data)[PLATEAU_DROPS];
    return fmax(schedule->desc.final, pow(schedule->desc.gamma, drops));
}

double dnni_schedule_factor(const dnn_schedule *schedule, double epoch) {
    const dnn_schedule_desc *d = &schedule->desc;
    double t = epoch - d->warmup;
    if (t < 0 && d->kind != DNN_SCHEDULE_ONE_CYCLE) return d->warmup_start + (1 - d->warmup_start) * epoch / d->warmup;
    switch (d->kind) {
    case DNN_SCHEDULE_CONSTANT: return 1;
    case DNN_SCHEDULE_STEP: return pow(d->gamma, floor(t / d->period));
    case DNN_SCHEDULE_MULTISTEP: return multistep(d, epoch);
    case DNN_SCHEDULE_EXPONENTIAL: return pow(d->gamma, t);
    case DNN_SCHEDULE_POLYNOMIAL: return polynomial(d, t);
    case DNN_SCHEDULE_COSINE: return cosine(d, t);
    case DNN_SCHEDULE_ONE_CYCLE: return one_cycle(d, epoch);
    case DNN_SCHEDULE_WSD: return stable_then_decay(d, epoch);
    case DNN_SCHEDULE_PLATEAU: return plateau(schedule);
    }
    return NAN;
}
