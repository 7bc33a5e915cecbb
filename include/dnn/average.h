/* libdnn: moving averages of weights: a second set of weights, which follows those that are trained, and often predicts
 * better (Polyak and Juditsky 1992; Izmailov et al. 2018).
 *
 *     dnn_average_create(&average, net, &(dnn_average_desc){DNN_SIZED(dnn_average_desc), .decay = 0.999});
 *     … dnn_optimizer_step(opt); dnn_average_update(average); …
 *     dnn_average_swap(average);        the module has the averages now: evaluate
 *     dnn_average_swap(average);        and its own weights again: train on
 *
 * In update t = 1, 2, …, with w a weight and a its average:
 *     EXPONENTIAL   a ← a + (1 - d) (w - a), d = min(decay, (1 + t) / (10 + t)): young averages forget faster
 *     EQUAL         a ← a + (w - a) / t: the mean of all that were seen
 * The first update sets a to w. Buffers (running statistics) are averaged as well; those of batch norm under EQUAL are
 * better measured anew over some batches, in training mode without steps.
 *
 * An average keeps its module alive. It is used by the thread that uses the module. Checkpoints hold it
 * (dnn_checkpoint_parts.average). */
#ifndef DNN_AVERAGE_H
#define DNN_AVERAGE_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_average dnn_average;

typedef enum dnn_average_kind { DNN_AVERAGE_EXPONENTIAL = 0, DNN_AVERAGE_EQUAL = 10 } dnn_average_kind;

typedef struct dnn_average_desc {
    size_t size;
    dnn_average_kind kind;
    double decay; /* EXPONENTIAL: in [0, 1); default 0.999; DNN_ZERO: 0 */
} dnn_average_desc;

/* `desc` may be NULL. Memory for a second set of weights is taken here; an update allocates nothing.
 * Errors: ARGUMENT, also for a module without parameters; HANDLE; MEMORY; an error that the module has kept. */
DNN_API dnn_status dnn_average_create(dnn_average **out, dnn_module *module, const dnn_average_desc *desc);
DNN_API dnn_status dnn_average_release(dnn_average *average); /* leaves in the module what it has now */

/* Follows the weights as they are now. Errors: STATE while they are swapped, or if the module has changed since. */
DNN_API dnn_status dnn_average_update(dnn_average *average);

/* Exchanges weights and averages, number by number; the tensors stay the same. Errors: STATE before the first update,
 * and if the module has changed. */
DNN_API dnn_status dnn_average_swap(dnn_average *average);

/* Whether the module has the averages now: 1 or 0; and how many updates there were. -1 on a bad handle. */
DNN_API int32_t dnn_average_is_swapped(const dnn_average *average);
DNN_API int64_t dnn_average_updates(const dnn_average *average);

#ifdef __cplusplus
}
#endif

#endif
