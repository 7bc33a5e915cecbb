/* libdnn: watching a run: where a number that is not finite comes from. */
#ifndef DNN_MONITOR_H
#define DNN_MONITOR_H

#include "module.h"
#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

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
