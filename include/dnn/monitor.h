/* libdnn: watching a run: what is going wrong in it, and where a number that is not finite comes from.
 *
 *     dnn_monitor_create(&monitor, net, opt, NULL);
 *     while (…) {
 *         dnn_optimizer_zero_grad(opt);
 *         … forward, loss, backward …
 *         dnn_monitor_step(monitor, value);
 *         dnn_optimizer_step(opt);
 *         … once in a while, in evaluation mode or by a predictor: dnn_monitor_validate(monitor, validation_loss);
 *     }
 *     dnn_monitor_report(&report, monitor);
 *
 * A monitor reads, and changes nothing: a run that is watched is the same run, bit for bit. It takes at most 2 % of a
 * step (docs/performance.md), allocates nothing once a network's layers have been seen, and looks at 1024 numbers of
 * each tensor at the most, spread evenly: norms of larger tensors are estimates, on the same places in every step. It
 * is no part of a checkpoint: a run that is resumed begins with a new one.
 */
#ifndef DNN_MONITOR_H
#define DNN_MONITOR_H

#include "optimizer.h"
#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- watching --------------------------------------------------------------------------------------------------- */

/* Watches one module while it trains. It keeps module and optimizers alive. One monitor a module: a second one does not
 * see its ReLUs. Threads: used by the thread that uses the module.
 *
 * What it finds goes to the context's log when it is found for the first time, as one line, and into its report, which
 * counts how often it was seen. Names, and when (thresholds without a source are our choice):
 *     diverged (error)      the loss, a gradient or a validation value is not finite; or, after 20 steps, the smoothed
 *                           loss is above 4 times its best and a quarter of what it was in the first 10 steps; or
 *                           above that and 10 times the first loss, with all of the last 50 to 100 above the first; or
 *                           the first 20 steps took it above 4 times the first loss, with ‖Δw‖/‖w‖ above 0.05
 *     loss-spike            a loss above that of the first 10 steps, and either 5 times the largest of the last 100 or
 *                           30 times what nine tenths of them are below
 *     loss-stuck            after `patience` steps the best smoothed loss is within 2 % of the first 10 steps'; or 50
 *                           losses in a row have the same bits, and that is no tenth below those
 *     gradient-spike        a norm above 10 times the median of the last 100, each of the first 100, and either 5 times
 *                           the largest of the last 100 or 30 times what nine tenths of them are below
 *     vanishing-gradient    ‖g‖/‖w‖ of a tensor is below 1e-5 times that of another one, also in full at the end
 *     updates-too-large     ‖Δw‖/‖w‖, the median over the tensors, is above 0.1; or above 0.01, and the loss has not
 *                           fallen by a tenth; or above 0.05 in the first 20, with a loss that rose by a tenth
 *     updates-too-small     it is below 1e-4, reckoned for the largest rate so far, in two windows, and the loss has
 *                           not fallen by a tenth
 *     dead-units            a unit of a ReLU (its last axis) was zero on the last 1000 samples: a warning where 10 % of
 *                           its units are, an error at 40 %. Seen in forwards of this module in training
 *     gradients-not-cleared (error)    an optimizer stepped on more backwards than were declared
 *     step-without-backward (error)    an optimizer stepped on none
 *     evaluating-in-train-mode         dnn_monitor_validate, after forwards of this module in training mode
 *     training-in-eval-mode            backwards, or steps, after forwards in evaluation mode alone. Both are errors if
 *                                      a layer differs between the modes (dropout, batch norm), otherwise notes
 *     parameters-without-optimizer     not frozen, and no optimizer that the monitor knows moves them
 *     same-every-epoch                 the first 16 batches, at least 4 of them different, came once more in the same
 *                                      order: one seed for all epochs, or no shuffling. Only dnn_monitor_step_n sees it
 *     decay-crushes-weights (error)    a tensor shrank by a tenth in a window, to less than half of what it was, and
 *                                      weight decay is what moves it
 * Others are warnings. Where the middle half of the last 100 losses is wider than half of what the loss was in the
 * first 10 steps (batches of one, say), it is not judged whether it has fallen. What compares tensors is judged over
 * windows of `window` steps, by geometric means; updates from the second window on, and not in one in which the rate
 * rose (warm-up). Not counted: biases and whatever else has one axis, tensors that began as zeros, embeddings (rows
 * that do not occur have no gradient), frozen parameters. */
typedef struct dnn_monitor dnn_monitor;

typedef struct dnn_monitor_desc {
    size_t size;
    int64_t window;            /* steps; default 100 */
    int64_t patience;          /* steps until a loss that has not moved is reported; default 200 */
    int64_t history;           /* how many steps' figures are kept, 2 or more; default 4096 */
    const char *const *ignore; /* names of findings that are not wanted */
    int64_t n_ignore;
    const char *replay;        /* as in dnn_autopsy_desc: see dnn_monitor_step_n */
} dnn_monitor_desc;

/* Watches `module`, which the optimizer moves as a whole or in part. `desc` may be NULL.
 * Errors: ARGUMENT; NOT_FOUND for a name to be ignored; HANDLE; MEMORY. */
DNN_API dnn_status dnn_monitor_create(dnn_monitor **out, dnn_module *module, dnn_optimizer *optimizer,
                                      const dnn_monitor_desc *desc);

/* One more optimizer that moves parameters of the module. */
DNN_API dnn_status dnn_monitor_add_optimizer(dnn_monitor *monitor, dnn_optimizer *optimizer);

/* One step of training, with its loss: after the backward, or after each of several that are accumulated. Before the
 * optimizer's step is best: a loss that is not finite is then seen while the weights are still good, and the step can
 * be left out (dnn_monitor_worst). What an optimizer does in its step is seen at the next call.
 * Findings are no errors. Errors: STATE if the module's tree or dtype has changed (make a new monitor); MEMORY, at a
 * layer's first forward: the call can be repeated. */
DNN_API dnn_status dnn_monitor_step(dnn_monitor *monitor, double loss);

/* The same with what the module was given in this step: the first time that something is not finite, dnn_autopsy looks
 * for where it comes from; its findings go into the report. And a hash of the inputs (of 8 KiB of each, spread evenly)
 * says whether batches come as they came before. Errors besides: dnn_autopsy's. */
DNN_API dnn_status dnn_monitor_step_n(dnn_monitor *monitor, double loss, const dnn_tensor *const *inputs,
                                      int32_t n_inputs);

/* A figure on data that is not trained on, a loss as a rule, after the forwards that it was computed from: those since
 * the last step are expected to have run in evaluation mode, or by predictors. */
DNN_API dnn_status dnn_monitor_validate(dnn_monitor *monitor, double value);

/* The severity of the worst finding so far: one that is still to be seen or long past. NONE on a bad handle. */
DNN_API dnn_severity dnn_monitor_worst(const dnn_monitor *monitor);

/* All findings so far, how often and when, figures, and what an autopsy found. The caller releases it. */
DNN_API dnn_status dnn_monitor_report(dnn_report **out, const dnn_monitor *monitor);

/* What the last step came to. NaN: not known yet. */
typedef struct dnn_monitor_figures {
    size_t size;
    int64_t steps;        /* that the monitor has seen */
    double loss;
    double smoothed;      /* by an exponential average, β = 0.98, that began at the first loss */
    double best;          /* the lowest smoothed loss after 20 steps */
    double gradient_norm; /* of all gradients that are not frozen; estimated, see above */
    double update_ratio;  /* ‖Δw‖/‖w‖ of the last optimizer's step, over all tensors that count */
    double lr;            /* of the first optimizer */
    double validation;    /* the last one */
} dnn_monitor_figures;
/* `figures->size` is set by the caller (DNN_SIZED). */
DNN_API dnn_status dnn_monitor_figures_get(const dnn_monitor *monitor, dnn_monitor_figures *figures);

/* The figures of all steps, for curves: a new tensor, float64 (steps, 6), released by the caller, with columns step
 * (from 1), loss, smoothed, gradient norm, update ratio, rate. When `history` steps are there, every second one goes,
 * and from then on every second is kept; and so on: a run of any length is even. */
DNN_API dnn_status dnn_monitor_history(dnn_tensor **out, const dnn_monitor *monitor);

DNN_API dnn_status dnn_monitor_release(dnn_monitor *monitor);

/* ---- where a NaN comes from ------------------------------------------------------------------------------------- */

typedef struct dnn_autopsy_desc {
    size_t size;
    const char *replay; /* where to write a checkpoint (checkpoint.h) with the module and these inputs, as tensors of
                           the host's, "input.0", "input.1", …: read into the same module, it replays what was found.
                           Default: none is written. Nor is one if nothing is found */
} dnn_autopsy_desc;

/* Looks for the first step of a forward that makes a NaN or an infinity, and says which: the layer's path, the element,
 * the samples (places along the first axis), the range of what it read and of its parameters. The module runs on these
 * inputs as dnn_module_observe runs it, in the modes that its layers are in, and stays as it was.
 * Findings, all of severity error, `set` being the path at fault:
 *     not-finite-input        an input of the module is not finite: look at the data (dnn_audit)
 *     not-finite-parameter    a parameter is not finite: an earlier step has spoilt it (dnn_optimizer_clip_norm says
 *                             which one, and stops that step)
 *     not-finite-output       the layer reads finite numbers, and makes one that is not
 * A report without findings: all is finite. `desc` may be NULL. Errors: as dnn_module_observe's, and as
 * dnn_checkpoint_write's. */
DNN_API dnn_status dnn_autopsy(dnn_report **out, dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                               const dnn_autopsy_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
