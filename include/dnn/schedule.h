/* libdnn: schedules: the learning rate as a function of the epoch.
 *
 *     dnn_schedule_create(&schedule, ctx, &(dnn_schedule_desc){DNN_SIZED(dnn_schedule_desc), .lr = 0.1, .epochs = 90,
 *                                                              .kind = DNN_SCHEDULE_COSINE, .warmup = 5});
 *     dnn_schedule_apply(schedule, opt, epoch + (double)batch / (double)dnn_loader_batches(loader));
 *
 * Epochs, not steps: a schedule stays what it is when the batch size changes. They are real numbers from 0: whole ones
 * give a rate an epoch, fractions one a step. A schedule knows no time of its own: the rate is a function of the epoch
 * asked for, so a resumed run has the rate of one that never stopped. (PLATEAU also depends on what it observed, which
 * is its state.)
 *
 * With e the epoch, W the warm-up, t = e - W and T = epochs - W, the rate is lr times
 *     warm-up       warmup_start + (1 - warmup_start) · e / W      for e < W, in all kinds but ONE_CYCLE
 *     CONSTANT      1
 *     STEP          gamma^⌊t / period⌋
 *     MULTISTEP     gamma^(number of milestones at or before e)
 *     EXPONENTIAL   gamma^t
 *     POLYNOMIAL    final + (1 - final) · (1 - t/T)^power          power 1: a line
 *     COSINE        final + (1 - final) · (1 + cos(π t/T)) / 2     Loshchilov and Hutter 2017, and its restarts: with a
 *                   period, cycles of period, period · growth, period · growth², … in place of T
 *     ONE_CYCLE     half a cosine from warmup_start up to 1 in W epochs, another down to `final`; Smith and Topin 2018
 *     WSD           1 until epochs - decay, then a line down to `final`: warm-up, stable, decay; Hu et al. 2024
 *     PLATEAU       max(final, gamma^(number of plateaus observed))
 * At and after `epochs`, where a kind has them, the rate stays at its last value.
 *
 * Threads: a schedule is used by one thread at a time. */
#ifndef DNN_SCHEDULE_H
#define DNN_SCHEDULE_H

#include "optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_schedule dnn_schedule;

typedef enum dnn_schedule_kind {
    DNN_SCHEDULE_CONSTANT = 0,
    DNN_SCHEDULE_STEP = 10,
    DNN_SCHEDULE_MULTISTEP = 20,
    DNN_SCHEDULE_EXPONENTIAL = 30,
    DNN_SCHEDULE_POLYNOMIAL = 40,
    DNN_SCHEDULE_COSINE = 50,
    DNN_SCHEDULE_ONE_CYCLE = 60,
    DNN_SCHEDULE_WSD = 70,
    DNN_SCHEDULE_PLATEAU = 80
} dnn_schedule_kind;

typedef struct dnn_schedule_desc {
    size_t size;
    dnn_schedule_kind kind;
    double lr;                /* the rate that all else is a factor of, above 0: there is no default */
    double warmup;            /* epochs, at least 0; default 0; for ONE_CYCLE 0.3 · epochs */
    double warmup_start;      /* the factor at epoch 0, in [0, 1]; default 0.001; for ONE_CYCLE 0.04; DNN_ZERO: 0 */
    double epochs;            /* of the whole run, the warm-up included: POLYNOMIAL, ONE_CYCLE, WSD, and COSINE without
                                 period */
    double final;             /* the factor at the end, in [0, 1]; default 0; for ONE_CYCLE 4e-6 */
    double gamma;             /* in (0, 1]; default 0.1; EXPONENTIAL needs it */
    double period;            /* epochs, above 0: STEP; COSINE: of the first cycle, none by default */
    double growth;            /* COSINE: each cycle is so many times as long as the one before; at least 1; default 1 */
    double power;             /* POLYNOMIAL: above 0; default 1 */
    double decay;             /* WSD: epochs of the decay; default 0.1 · epochs */
    const double *milestones; /* MULTISTEP: epochs, ascending; copied */
    int64_t n_milestones;
    int64_t patience;         /* PLATEAU: so many values without an improvement are borne; default 10, at least 1 */
    int64_t cooldown;         /* PLATEAU: so many values after a change do not count; default 0 */
    double threshold;         /* PLATEAU: an improvement is one by this share of the best; in [0, 1); default 1e-4 */
    int32_t maximise;         /* PLATEAU: 1: larger values are better (an accuracy); default 0: smaller ones (a loss) */
} dnn_schedule_desc;

/* Errors: ARGUMENT, which names the field; MEMORY. */
DNN_API dnn_status dnn_schedule_create(dnn_schedule **out, dnn_context *ctx, const dnn_schedule_desc *desc);
DNN_API dnn_status dnn_schedule_release(dnn_schedule *schedule);

/* The rate at an epoch, finite and at least 0; NaN, and an error, otherwise. */
DNN_API double dnn_schedule_rate(const dnn_schedule *schedule, double epoch);

/* Sets the optimizer's rate to that. */
DNN_API dnn_status dnn_schedule_apply(const dnn_schedule *schedule, dnn_optimizer *optimizer, double epoch);

/* PLATEAU: hands over what is watched, once an epoch: a validation loss, say. A value that is not finite is no
 * improvement. Errors: STATE for a schedule of another kind. */
DNN_API dnn_status dnn_schedule_observe(dnn_schedule *schedule, double value);

/* PLATEAU's state, for checkpoints: a float64 tensor (4) lent as long as the schedule lives: the best value (NaN: none
 * yet), values since then, plateaus, values of the cooldown that are left. Writing to it changes the schedule.
 * NULL, and STATE, for other kinds: they have none. */
DNN_API dnn_tensor *dnn_schedule_state(dnn_schedule *schedule);

#ifdef __cplusplus
}
#endif

#endif
