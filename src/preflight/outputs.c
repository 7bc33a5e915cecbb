/* What the loss is given: outputs that are probabilities already, labels that are no classes. */
#include "preflight/first.h"

#define SUMS_TO_ONE 1e-4
#define LARGER 30.0 /* times as large weights make logits that leave [0, 1] */

enum { ENOUGH_NUMBERS = 32, ENOUGH_LABELS = 20, SOME_LABELS = 100 };

/* ---- probabilities ---- */

typedef struct {
    bool rows_sum, logs_sum; /* each row is a distribution, or the logarithms of one */
    bool between;            /* all numbers lie in (0, 1), and are not all the same */
} kinds;

static void look_at_row(kinds *k, const dnn_array *y, int64_t row, int64_t classes) {
    double sum = 0, exponentials = 0;
    for (int64_t c = 0; c < classes; c++) {
        double v = dnni_load(y->dtype, y->data, row * classes + c);
        k->rows_sum = k->rows_sum && v >= 0 && v <= 1;
        sum += v;
        exponentials += exp(v);
    }
    k->rows_sum = k->rows_sum && fabs(sum - 1) < SUMS_TO_ONE;
    k->logs_sum = k->logs_sum && fabs(exponentials - 1) < SUMS_TO_ONE;
}

static kinds kinds_of(const dnn_array *y) {
    int64_t n = dnni_count(y), classes = y->rank > 1 ? y->dims[y->rank - 1] : 1;
    kinds k = {.rows_sum = classes > 1 && n > 0, .logs_sum = classes > 1 && n > 0, .between = n >= ENOUGH_NUMBERS};
    double low = INFINITY, high = -INFINITY;
    for (int64_t row = 0; classes > 1 && row < n / classes; row++) look_at_row(&k, y, row, classes);
    for (int64_t i = 0; i < n; i++) {
        double v = dnni_load(y->dtype, y->data, i);
        low = fmin(low, v);
        high = fmax(high, v);
    }
    k.between = k.between && low >= 0 && high <= 1 && low < high;
    return k;
}

static dnn_status say_softmax(first_loss *l) {
    dnn_report *r = l->flight->report;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "softmax-before-loss",
                             "The module's outputs are probabilities, and cross-entropy takes logits: softmax is done "
                             "twice."));
    DNNI_TRY(dnni_report_how(r, "each row of the outputs lies in [0, 1] and sums to 1; the loss can then not fall "
                                "below ln(1 + (K - 1)/e), and gradients are small"));
    return dnni_report_action(r, "leave the softmax out of the module; put it behind a trained one to read "
                                 "probabilities");
}

static dnn_status say_log_softmax(first_loss *l) {
    dnn_report *r = l->flight->report;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_NOTE, "softmax-before-loss",
                             "The module ends with a log-softmax, which cross-entropy does again."));
    DNNI_TRY(dnni_report_how(r, "the exponentials of each row sum to 1; a second log-softmax changes nothing"));
    return dnni_report_action(r, "leave it out: one pass over the outputs less");
}

static dnn_status say_sigmoid(first_loss *l) {
    dnn_report *r = l->flight->report;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "sigmoid-before-loss",
                             "The module's outputs all lie between 0 and 1, and the loss takes logits: a sigmoid is "
                             "done twice."));
    DNNI_TRY(dnni_report_how(r, "they stay there when all weights are %g times as large", LARGER));
    return dnni_report_action(r, "leave the sigmoid out of the module: dnn_bce_with_logits does it, exactly for large "
                                 "numbers too");
}

dnn_status dnni_first_look_at_outputs(first_loss *l, const dnn_array *y) {
    kinds k = kinds_of(y);
    l->between = k.between && preflight_loss_is(l->flight, "bce_with_logits");
    if (!preflight_loss_is(l->flight, "cross_entropy")) return DNN_OK;
    if (k.rows_sum) return say_softmax(l);
    return k.logs_sum ? say_log_softmax(l) : DNN_OK;
}

static void enlarge_weights(const first_loss *l) {
    for (int64_t i = 0; i < l->clone.index->n_parameters; i++) {
        const dnni_index_parameter *p = &l->clone.index->parameters[i];
        const dnn_array *a = &p->parameter->value->array;
        for (int64_t k = 0; !p->is_buffer && dnni_is_real(a->dtype) && k < dnni_count(a); k++)
            dnni_store(a->dtype, a->data, k, LARGER * dnni_load(a->dtype, a->data, k));
        dnni_tensor_written(p->parameter->value);
    }
}

dnn_status dnni_first_look_for_sigmoid(first_loss *l) {
    dnn_tensor *x, *target;
    const dnn_tensor *y;
    DNNI_TRY(dnni_preflight_batch(l->flight, 0, &x, &target));
    enlarge_weights(l);
    dnn_status status = dnn_module_forward(l->flight->module, x, &y);
    bool stays = status == DNN_OK && kinds_of(&y->array).between;
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    dnni_clone_restart(&l->clone, l->flight->d.seed);
    DNNI_TRY(status);
    return stays ? say_sigmoid(l) : DNN_OK;
}

/* ---- labels ---- */

typedef struct {
    double low, high;
    int64_t count, gaps; /* of the numbers from 0 to `high`, how many are no label; 0 where that is large */
} labels;

enum { MOST_CLASSES = 65536 };

static dnn_status look_at_labels(const preflight *f, labels *found) {
    const dnn_array *t = &f->target->array;
    *found = (labels){.low = INFINITY, .high = -INFINITY, .count = dnni_count(t)};
    for (int64_t i = 0; i < found->count; i++) {
        double v = dnni_load(t->dtype, t->data, i);
        found->low = fmin(found->low, v);
        found->high = fmax(found->high, v);
    }
    if (found->low < 0 || found->high >= MOST_CLASSES) return DNN_OK;
    int64_t n = (int64_t)found->high + 1;
    bool *seen = dnni_alloc(f->ctx, n, sizeof *seen);
    if (!seen) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < found->count; i++) seen[(int64_t)dnni_load(t->dtype, t->data, i)] = true;
    for (int64_t k = 0; k < n; k++) found->gaps += !seen[k];
    dnni_free(f->ctx, seen, n, sizeof *seen);
    return DNN_OK;
}

static dnn_status say_wrong_count(first_loss *l, dnn_severity severity, int64_t outputs, int64_t classes,
                                  const char *how) {
    dnn_report *r = l->flight->report;
    DNNI_TRY(dnni_report_add(r, severity, "wrong-class-count", "The module has %lld outputs, the data %lld classes.",
                             (long long)outputs, (long long)classes));
    DNNI_TRY(dnni_report_how(r, "%s", how));
    return dnni_report_action(r, "give the last layer one output for each class");
}

static dnn_status say_out_of_range(first_loss *l, const labels *found, int64_t classes) {
    dnn_report *r = l->flight->report;
    if (dnn_report_find(r, "labels-negative", NULL) == DNN_OK || dnn_report_find(r, "labels-out-of-range", NULL) ==
        DNN_OK) return DNN_OK;
    double wrong = found->low < 0 ? found->low : found->high;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "labels-out-of-range",
                             "A label is %s; classes are numbered from 0 to %lld.", dnni_real(wrong, 15).text,
                             (long long)classes - 1));
    DNNI_TRY(dnni_report_how(r, "%s", dnn_last_error()));
    return dnni_report_action(r, l->flight->target->array.dtype == DNN_U8 && wrong == 255
                                     ? "a label of -1 becomes 255 as uint8: keep labels as int64"
                                     : "number classes from 0; rows to be left out need the loss's ignore_index");
}

static bool takes_labels(const first_loss *l) {
    return preflight_loss_is(l->flight, "cross_entropy") && dnni_is_label(l->flight->target->array.dtype);
}

static dnn_status explain_labels(first_loss *l, int64_t outputs) {
    labels found;
    int64_t declared = l->flight->dataset->metadata.classes, most = declared ? declared : outputs;
    dnni_saved_error why;
    dnni_error_save(&why);
    DNNI_TRY(look_at_labels(l->flight, &found));
    dnni_error_restore(&why);
    bool in_order = found.low >= 0 && found.gaps == 0 && found.high < 2 * (double)outputs + 2;
    if (declared ? found.low >= 0 && found.high < (double)declared : in_order)
        return say_wrong_count(l, DNN_SEVERITY_ERROR, outputs, declared ? declared : (int64_t)found.high + 1, why.line);
    return say_out_of_range(l, &found, most);
}

dnn_status dnni_first_loss_refused(first_loss *l, dnn_status status, const dnn_array *y) {
    l->fits = false;
    if (status == DNN_ERROR_VALUE && takes_labels(l)) return explain_labels(l, y->dims[y->rank - 1]);
    return dnni_preflight_refused(l->flight, status, "loss-does-not-fit",
                                  "The loss does not take the module's outputs with the dataset's targets.",
                                  "make their shapes agree, on purpose: nothing broadcasts");
}

/* The loss takes the labels, but there are fewer classes, or more, than outputs. */
dnn_status dnni_first_look_at_classes(first_loss *l) {
    labels found;
    int64_t declared = l->flight->dataset->metadata.classes;
    if (!takes_labels(l)) return DNN_OK;
    if (declared > 0 && declared != l->classes)
        return say_wrong_count(l, declared > l->classes ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING, l->classes,
                               declared, "the dataset declares its classes");
    DNNI_TRY(look_at_labels(l->flight, &found));
    int64_t used = (int64_t)found.high + 1;
    bool enough = found.count >= ENOUGH_LABELS * l->classes ||
                  (2 * used <= l->classes && found.count >= SOME_LABELS); /* half of the classes were not met */
    if (declared > 0 || found.low < 0 || used >= l->classes || !enough) return DNN_OK;
    return say_wrong_count(l, DNN_SEVERITY_WARNING, l->classes, used, "larger labels were not seen");
}
