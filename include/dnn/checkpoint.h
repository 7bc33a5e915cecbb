/* libdnn: checkpoints: a run on disk, from which training goes on as if it had never stopped, bit for bit.
 *
 *     dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = net, .optimizer = opt,
 *                                   .loader = loader};
 *     dnn_status found = dnn_checkpoint_resume("run", &parts, NULL);         DNN_ERROR_NOT_FOUND: begin anew
 *     …
 *     if (step % 500 == 0) dnn_checkpoint_save("run", &parts, NULL);         the last three are kept
 *
 * What is in it: parameters and buffers; the optimizer's state and rate; averages; a plateau's state; the counters of
 * random numbers (of dropout, of the context); the loader's place, within an epoch too; tensors of the host's own.
 * What is not: gradients (save between a step and the next zero_grad), modes, what is frozen, groups and settings of
 * the optimizer: the program makes those anew, and what it makes is checked against the file.
 *
 * A checkpoint is a safetensors file (weights.h), readable by others, whose metadata holds a CRC-32C over the whole
 * file: a flipped bit or a torn write is found. It appears as weights do: a temporary file beside it, fsync, rename,
 * fsync of the folder. So whenever the program or the machine stops, what is loaded is the old checkpoint or the new
 * one.
 *
 * Loading is all or nothing: everything is checked before the first number changes.
 *
 * Errors, besides those of weights.h: FORMAT where the sum differs; UNSUPPORTED for a checkpoint of a later version;
 * NOT_FOUND, SHAPE, DTYPE where it is of another model or optimizer, with the tensor at fault; STATE where its loader
 * was another one.
 *
 * Threads: the parts are used by the call alone. One process at a time writes to a folder. */
#ifndef DNN_CHECKPOINT_H
#define DNN_CHECKPOINT_H

#include "average.h"
#include "data.h"
#include "report.h"
#include "schedule.h"
#include "weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What belongs to a run. Parts that are NULL are not saved, and when loading left alone: an evaluation gives the module
 * only. All are of one context. */
typedef struct dnn_checkpoint_parts {
    size_t size;
    dnn_module *module;
    dnn_optimizer *optimizer;
    dnn_schedule *schedule; /* only a plateau has something to save; others are fine */
    dnn_loader *loader;
    const char *const *names;   /* of tensors of the host's own, say a history of losses; default: none. Loading */
    dnn_tensor *const *tensors; /* writes to them: their shapes and dtypes must be those in the file */
    int64_t n_tensors;
    const dnn_metadata *metadata; /* text to go with it, as in weights.h; only for saving. Keys that begin with "dnn."
                                     are the library's */
    int64_t n_metadata;
    dnn_average *average;         /* of the module's weights; not while they are swapped (STATE) */
} dnn_checkpoint_parts;

/* Writes one file; reads one file into parts that exist. Errors: ARGUMENT if there is no part at all. */
DNN_API dnn_status dnn_checkpoint_write(const char *path, const dnn_checkpoint_parts *parts);
DNN_API dnn_status dnn_checkpoint_read(const char *path, const dnn_checkpoint_parts *parts);

typedef struct dnn_checkpoint_save_desc {
    size_t size;
    int64_t number; /* in the file's name; default: the optimizer's steps, which needs one */
    int64_t keep;   /* so many newest checkpoints stay in the folder; default 3, at least 1 */
} dnn_checkpoint_save_desc;

/* Writes folder/checkpoint-<number>.safetensors, and only when it is safe on disk removes older ones (those with the
 * smallest numbers), and temporary files that a killed process has left. The folder is made if it is not there (one
 * level). `desc` may be NULL. A file that cannot be removed is reported through the log, and is no error. */
DNN_API dnn_status dnn_checkpoint_save(const char *folder, const dnn_checkpoint_parts *parts,
                                       const dnn_checkpoint_save_desc *desc);

/* Reads the newest checkpoint of a folder that is whole: a damaged one is reported through the log (as a warning), and
 * the one before it is tried. *number, which may be NULL, is its number (-1 if none was read). Errors: NOT_FOUND if
 * the folder, or a checkpoint in it, is not there; FORMAT, with the newest one's fault, if all are damaged. Whatever
 * else is wrong with one (another model's shapes, say) is an error at once: an older one would only hide it. */
DNN_API dnn_status dnn_checkpoint_resume(const char *folder, const dnn_checkpoint_parts *parts, int64_t *number);

/* Does a run that is resumed give the same bits as one that was not stopped? Saves the parts to `path` (a new file,
 * removed at the end), calls step(user) `steps` times, loads the file, calls step(user) as often again, and compares
 * all that a checkpoint holds, bit for bit. A step is one turn of the host's loop: a batch, forward, loss, backward,
 * step. What differs is a finding "resumed-run-differs" that names the first tensor and number: the step then depends
 * on something that is not among the parts. The parts are loaded once more at the end: they are as before. (The plans
 * and threads of the host's process are the same in both runs; what else a new process loses is not seen here.)
 * Errors: what the step returns (the parts are then loaded again, too), and as dnn_checkpoint_read's. */
DNN_API dnn_status dnn_resume_test(dnn_report **out, const char *path, const dnn_checkpoint_parts *parts,
                                   dnn_status (*step)(void *user), void *user, int64_t steps);

#ifdef __cplusplus
}
#endif

#endif
