#include "preflight/lesson.h"

enum { EXAMS = 5, LOST_AFTER = 200 };

#define LOST 0.97    /* of the first loss, after LOST_AFTER steps: it will not be learnt; own choice */
#define DIVERGED 1e3 /* times the first loss; own choice */

/* ---- sets ---- */

dnn_status dnni_set_slice(preflight_set *out, const preflight_set *from, int64_t first, int64_t n) {
    *out = (preflight_set){.n = n};
    DNNI_TRY(dnn_tensor_slice(&out->x, from->x, first, n));
    dnn_status status = dnn_tensor_slice(&out->target, from->target, first, n);
    if (status != DNN_OK) dnni_set_free(out);
    return status;
}

void dnni_set_free(preflight_set *set) {
    dnn_tensor_release(set->x);
    dnn_tensor_release(set->target);
    *set = (preflight_set){.n = 0};
}

static int64_t batch_of(const preflight_lesson *l, const preflight_set *set) { return dnnk_min(l->batch, set->n); }

/* ---- exams ---- */

dnn_status dnni_lesson_examine(const preflight_lesson *l, const preflight_set *set, double *value) {
    int64_t batch = batch_of(l, set), batches = set->n / batch;
    double sum = 0;
    for (int64_t i = 0; i < batches; i++) {
        preflight_set part;
        double loss;
        DNNI_TRY(dnni_set_slice(&part, set, i * batch, batch));
        dnn_status status = dnni_clone_evaluate(l->clone, part.x, part.target, &loss, NULL);
        dnni_set_free(&part);
        DNNI_TRY(status);
        sum += loss;
    }
    *value = sum / (double)batches;
    return DNN_OK;
}

static dnn_status examine(preflight_lesson *l) {
    double value;
    if (!l->exam || l->taken == 0 || l->taken % dnnk_max(l->steps / EXAMS, 1) != 0) return DNN_OK;
    DNNI_TRY(dnni_lesson_examine(l, l->exam, &value));
    if (value < l->best) l->best = value;
    return DNN_OK;
}

/* ---- steps ---- */

static void begin(preflight_lesson *l) {
    dnn_optimizer *o = l->flight->optimizer;
    dnni_clone_restart(l->clone, l->flight->d.seed);
    if (l->without_decay) dnni_clone_set_decay(l->clone, 0);
    dnn_optimizer_set_lr(o, dnn_optimizer_get_lr(o) * l->rate);
    l->first = l->last = (double)NAN;
    l->best = INFINITY;
    l->taken = 0;
    l->learnt = false;
}

/* One round over the set; *value is its mean loss, each batch before its step. */
static dnn_status go_round(preflight_lesson *l, double *value) {
    int64_t batch = batch_of(l, l->set), batches = l->set->n / batch;
    double sum = 0;
    for (int64_t i = 0; i < batches; i++) {
        preflight_set part;
        double loss;
        DNNI_TRY(dnni_set_slice(&part, l->set, i * batch, batch));
        dnn_status status = dnni_clone_train(l->clone, part.x, part.target, &loss);
        dnni_set_free(&part);
        DNNI_TRY(status);
        l->taken++;
        DNNI_TRY(examine(l));
        sum += loss;
        if (!isfinite(loss)) break;
    }
    *value = sum / (double)batches;
    return DNN_OK;
}

static bool is_lost(const preflight_lesson *l) {
    if (!isfinite(l->last) || l->last > DIVERGED * (fabs(l->first) + 1e-12)) return true;
    return l->enough > 0 && l->taken >= LOST_AFTER && l->last > LOST * l->first;
}

dnn_status dnni_lesson_take(preflight_lesson *l) {
    begin(l);
    while (l->taken < l->steps && !l->learnt) {
        double value;
        DNNI_TRY(go_round(l, &value));
        l->last = value;
        if (isnan(l->first)) l->first = value;
        l->learnt = value < l->enough;
        if (is_lost(l)) break;
    }
    return DNN_OK;
}
