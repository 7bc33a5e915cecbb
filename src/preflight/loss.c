/* The first loss, and what goes with it: what the loss is given, and what comes back. */
#include "preflight/first.h"

#define HIGH_LOGITS 0.5 /* above ln K (practice) */
#define HIGH_TIMES 4.0  /* the loss of the best constant, of other losses; own choice */
#define LOW_TIMES 0.5   /* likewise */

#define REAL(value) dnni_real(value, 4).text

/* ---- measuring ---- */

/* Mean variance of the rows of y: s² of the logits. */
static double spread_of(const dnn_array *y) {
    int64_t classes = y->rank > 1 ? y->dims[y->rank - 1] : 1, rows = dnni_count(y) / dnnk_max(classes, 1);
    double sum = 0;
    for (int64_t i = 0; i < rows; i++) {
        double mean = 0, squares = 0;
        for (int64_t k = 0; k < classes; k++) mean += dnni_load(y->dtype, y->data, i * classes + k);
        mean /= (double)classes;
        for (int64_t k = 0; k < classes; k++) {
            double d = dnni_load(y->dtype, y->data, i * classes + k) - mean;
            squares += d * d;
        }
        sum += squares / (double)classes;
    }
    return rows > 0 ? sum / (double)rows : 0;
}

static dnn_status measure_batch(first_loss *l, const dnn_tensor *x, const dnn_tensor *target, int64_t i) {
    const dnn_tensor *y;
    double value, untrained;
    DNNI_TRY(dnn_module_forward(l->flight->module, x, &y));
    if (i == 0 && !l->only_tried) DNNI_TRY(dnni_first_look_at_outputs(l, &y->array));
    dnn_status status = dnn_loss_evaluate(l->flight->loss, y, target, &value, NULL);
    if (status != DNN_OK) return dnni_first_loss_refused(l, status, &y->array);
    if (i == 0) DNNI_TRY(dnni_preflight_shares(l->flight, &y->array, l->flight->target, &l->shares));
    DNNI_TRY(dnni_preflight_constant_loss(l->flight, &l->shares, &y->array, target, false, &untrained));
    if (!isfinite(value) && isfinite(l->value)) l->spoilt = i;
    l->value += value;
    l->untrained += untrained;
    l->spread += spread_of(&y->array);
    l->classes = y->array.rank > 1 ? y->array.dims[y->array.rank - 1] : 1;
    return DNN_OK;
}

/* The means over all batches. */
static dnn_status measure(first_loss *l) {
    int64_t batches = preflight_batches(l->flight);
    for (int64_t i = 0; i < batches && l->fits; i++) {
        dnn_tensor *x, *target;
        DNNI_TRY(dnni_preflight_batch(l->flight, i, &x, &target));
        dnn_status status = measure_batch(l, x, target, i);
        dnn_tensor_release(target);
        dnn_tensor_release(x);
        DNNI_TRY(status);
    }
    l->value /= (double)batches;
    l->untrained /= (double)batches;
    l->spread /= (double)batches;
    return DNN_OK;
}

/* ---- what it says ---- */

static bool takes_logits(const first_loss *l) {
    return preflight_loss_is(l->flight, "cross_entropy") || preflight_loss_is(l->flight, "bce_with_logits");
}

/* "ln 10 = 2.303", for a mean; otherwise in words. */
static void write_expected(const first_loss *l, char *text, size_t room) {
    bool mean = l->flight->loss->reduction == DNN_REDUCTION_MEAN;
    int64_t classes = preflight_loss_is(l->flight, "cross_entropy") ? l->classes : 2;
    if (takes_logits(l) && mean) snprintf(text, room, "ln %lld = %s", (long long)classes, REAL(l->untrained));
    else if (takes_logits(l)) snprintf(text, room, "logits of 0 have %s", REAL(l->untrained));
    else if (preflight_loss_is(l->flight, "mse") && mean)
        snprintf(text, room, "the targets' variance is %s", REAL(l->untrained));
    else snprintf(text, room, "the targets' mean as output has %s", REAL(l->untrained));
}

static dnn_status say_not_finite(first_loss *l, const dnn_tensor *x) {
    preflight *f = l->flight;
    dnn_report *autopsy;
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, "first-loss-high", "The first loss is %s.",
                             isnan(l->value) ? "not a number" : "infinite"));
    DNNI_TRY(dnni_report_action(f->report, "find the first layer whose output is not finite: dnn_autopsy names it"));
    DNNI_TRY(dnn_autopsy(&autopsy, f->module, &x, 1, NULL));
    dnn_status status = dnn_report_append(f->report, autopsy);
    dnn_report_release(autopsy);
    return status;
}

static dnn_status look_for_cause(first_loss *l) {
    dnn_tensor *x, *target;
    DNNI_TRY(dnni_preflight_batch(l->flight, l->spoilt, &x, &target));
    dnn_status status = say_not_finite(l, x);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return status;
}

static dnn_status say_high(first_loss *l, const char *expected) {
    dnn_report *r = l->flight->report;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_WARNING, "first-loss-high", "The first loss is %s; %s.", REAL(l->value),
                             expected));
    if (!takes_logits(l)) {
        DNNI_TRY(dnni_report_how(r, "%s times the loss of the best constant output", REAL(l->value / l->untrained)));
        return dnni_report_action(r, "standardise the targets: their mean and scale are far from what an untrained "
                                     "network gives");
    }
    DNNI_TRY(dnni_report_how(r, "outputs have a standard deviation of %s across classes; logits N(0, s²) add s²/2 = %s",
                             REAL(sqrt(l->spread)), REAL(l->spread / 2)));
    return dnni_report_action(r, "start the last layer with smaller weights, or scale what it gets: the first steps "
                                 "are spent on taking back opinions that nobody has");
}

static dnn_status say_low(first_loss *l, const char *expected) {
    dnn_report *r = l->flight->report;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_NOTE, "first-loss-off", "The first loss is %s already; %s.",
                             REAL(l->value), expected));
    return dnni_report_action(r, "fine if the network was trained before; otherwise its inputs tell the target");
}

static dnn_status say_sum(first_loss *l) {
    dnn_report *r = l->flight->report;
    if (l->flight->loss->reduction != DNN_REDUCTION_SUM) return DNN_OK;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_WARNING, "loss-sum-for-mean",
                             "The loss is the sum over the batch, not the mean: %s, %lld samples at a time.",
                             REAL(l->value), (long long)l->flight->batch));
    DNNI_TRY(dnni_report_how(r, "gradients, and what a rate means, grow with the batch's size"));
    return dnni_report_action(r, "take DNN_REDUCTION_MEAN, or divide the rate by the batch's size");
}

static dnn_status say_loss(first_loss *l) {
    char expected[96];
    double scale = l->untrained / (preflight_loss_is(l->flight, "cross_entropy") ? log((double)l->classes) : log(2));
    double high = takes_logits(l) ? l->untrained + HIGH_LOGITS * scale : HIGH_TIMES * l->untrained;
    write_expected(l, expected, sizeof expected);
    DNNI_TRY(dnn_report_add_figure(l->flight->report, "first loss", l->value, expected));
    DNNI_TRY(say_sum(l));
    if (!isfinite(l->value)) return look_for_cause(l);
    if (!(l->untrained > 0)) return DNN_OK;
    if (l->value > high) return say_high(l, expected);
    return l->value < LOW_TIMES * l->untrained ? say_low(l, expected) : DNN_OK;
}

static dnn_status look(first_loss *l) {
    preflight *f = l->flight;
    DNNI_TRY(dnni_clone_open(&l->clone, &(dnni_clone_desc){.module = f->module, .loss = f->loss}));
    f->module->gradient_flags = DNN_GRADIENTS_DEFAULT;
    DNNI_TRY(measure(l));
    if (!l->fits || l->only_tried) return DNN_OK;
    if (l->between) DNNI_TRY(dnni_first_look_for_sigmoid(l));
    DNNI_TRY(say_loss(l));
    DNNI_TRY(dnni_first_look_at_classes(l));
    DNNI_TRY(dnni_first_look_at_frozen(l));
    if (!isfinite(l->value)) return DNN_OK;
    DNNI_TRY(dnni_first_look_at_units(l));
    return dnni_first_look_at_gradients(l);
}

static dnn_status look_at_loss(preflight *f, bool only_try) {
    first_loss l = {.flight = f, .fits = true, .only_tried = only_try};
    dnn_status status = look(&l);
    dnni_clone_close(&l.clone);
    f->loss_was_tried = true;
    f->fits = l.fits && isfinite(l.value);
    return status;
}

dnn_status dnni_preflight_loss(preflight *f) { return look_at_loss(f, false); }

dnn_status dnni_preflight_try_loss(preflight *f) {
    return f->loss_was_tried || !f->runs ? DNN_OK : look_at_loss(f, true);
}
