#include "optim/schedule.h"

#include <math.h>
#include <string.h>

/* ---- making ---- */

static void destroy_schedule(void *object) {
    dnn_schedule *s = object;
    dnni_free(s->base.ctx, (void *)(uintptr_t)s->desc.milestones, s->desc.n_milestones, sizeof(double));
    dnni_tensor_take_back(s->state);
}

static dnn_status copy_milestones(dnn_schedule *s, const dnn_schedule_desc *desc) {
    if (desc->kind != DNN_SCHEDULE_MULTISTEP) return DNN_OK;
    double *copy = dnni_alloc(s->base.ctx, desc->n_milestones, sizeof *copy);
    if (!copy) return DNN_ERROR_MEMORY;
    memcpy(copy, desc->milestones, (size_t)desc->n_milestones * sizeof *copy);
    s->desc.milestones = copy;
    s->desc.n_milestones = desc->n_milestones;
    return DNN_OK;
}

static dnn_status make_state(dnn_schedule *s) {
    if (s->desc.kind != DNN_SCHEDULE_PLATEAU) return DNN_OK;
    dnn_array numbers = dnni_array(DNN_F64, 1, &(const int64_t){PLATEAU_NUMBERS});
    DNNI_TRY(dnni_tensor_like(&s->state, s->base.ctx, &numbers));
    dnni_tensor_lend(s->state);
    ((double *)s->state->array.data)[PLATEAU_BEST] = NAN;
    return DNN_OK;
}

static dnn_status fill(dnn_schedule *s, const dnn_schedule_desc *desc) {
    s->desc = *desc;
    s->desc.milestones = NULL;
    s->desc.n_milestones = 0;
    DNNI_TRY(copy_milestones(s, desc));
    return make_state(s);
}

dnn_status dnn_schedule_create(dnn_schedule **out, dnn_context *ctx, const dnn_schedule_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_schedule_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    DNNI_TRY(dnni_schedule_settle(&d));
    dnn_schedule *s = dnni_object_new(ctx, DNNI_SCHEDULE, sizeof *s, destroy_schedule);
    if (!s) return DNN_ERROR_MEMORY;
    dnn_status status = fill(s, &d);
    if (status == DNN_OK) *out = s;
    else dnn_schedule_release(s);
    return status;
}

dnn_status dnn_schedule_release(dnn_schedule *schedule) {
    return dnni_object_release(schedule, DNNI_SCHEDULE, "schedule");
}

/* ---- the rate ---- */

double dnn_schedule_rate(const dnn_schedule *schedule, double epoch) {
    if (dnni_check(schedule, DNNI_SCHEDULE, "schedule") != DNN_OK) return NAN;
    if (!isfinite(epoch) || epoch < 0) {
        dnni_error(DNN_ERROR_ARGUMENT, "epoch is %g: it is finite and at least 0", epoch);
        return NAN;
    }
    return schedule->desc.lr * dnni_schedule_factor(schedule, epoch);
}

dnn_status dnn_schedule_apply(const dnn_schedule *schedule, dnn_optimizer *optimizer, double epoch) {
    double rate = dnn_schedule_rate(schedule, epoch);
    if (isnan(rate)) return dnn_last_status();
    DNNI_TRY(dnni_check(optimizer, DNNI_OPTIMIZER, "optimizer"));
    DNNI_TRY(dnni_check_same_context(schedule, optimizer, "the schedule and the optimizer"));
    return dnn_optimizer_set_lr(optimizer, rate);
}

/* ---- plateaus ---- */

static dnn_status check_plateau(const dnn_schedule *schedule) {
    DNNI_TRY(dnni_check(schedule, DNNI_SCHEDULE, "schedule"));
    if (schedule->state) return DNN_OK;
    return dnni_error(DNN_ERROR_STATE, "only a schedule of kind DNN_SCHEDULE_PLATEAU observes values and has a state");
}

static bool improves(const dnn_schedule_desc *d, double value, double best) {
    if (!isfinite(value)) return false;
    if (isnan(best)) return true;
    double margin = d->threshold * fabs(best);
    return d->maximise ? value > best + margin : value < best - margin;
}

dnn_status dnn_schedule_observe(dnn_schedule *schedule, double value) {
    DNNI_TRY(check_plateau(schedule));
    const dnn_schedule_desc *d = &schedule->desc;
    double *now = schedule->state->array.data;
    bool better = improves(d, value, now[PLATEAU_BEST]);
    if (better) now[PLATEAU_BEST] = value;
    now[PLATEAU_WAITED] = better ? 0 : now[PLATEAU_WAITED] + 1;
    if (now[PLATEAU_COOLDOWN] > 0) {
        now[PLATEAU_COOLDOWN]--;
        now[PLATEAU_WAITED] = 0;
    }
    if (now[PLATEAU_WAITED] <= (double)d->patience) return DNN_OK;
    now[PLATEAU_DROPS]++;
    now[PLATEAU_WAITED] = 0;
    now[PLATEAU_COOLDOWN] = (double)d->cooldown;
    return DNN_OK;
}

dnn_tensor *dnn_schedule_state(dnn_schedule *schedule) {
    return check_plateau(schedule) == DNN_OK ? schedule->state : NULL;
}
