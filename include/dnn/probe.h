/* libdnn: the shape probe: does a module treat the axes of its inputs as what they are?
 *
 *     dnn_array input = {.dtype = DNN_F32, .rank = 4, .dims = {32, 28, 28, 1}};
 *     dnn_probe(&report, net, &input, 1, NULL);
 *
 * Sizes that are primes, and all different, cannot be taken for each other, and no reshape of them comes out even by
 * chance. So the module is planned for batches of 7, then for pictures of 13 × 17 (or larger primes) and sequences of
 * 11, where it allows other sizes than those given, and run: axes that changed places, batches that only work with one
 * size, outputs whose first axis is no batch are seen in the shapes. That samples of a batch do not mix is seen in
 * numbers: the gradient of output i by input j ≠ i must be 0, and another sample j must leave output i as it is, bit
 * for bit. This is done in evaluation mode, where batch norm does not mix samples either, with parameters moved a
 * little, so that a starting value of 0 hides nothing.
 *
 *     error    "does-not-run"  "fixed-batch"  "samples-mix"
 *     warning  "height-width-swapped"  "batch-lost"  "ignores-input"
 *     note     "fixed-size"  "fixed-length"  "no-backward"
 *
 * The module is left exactly as it was, whatever happens: values, gradients, running statistics, modes, counters of
 * random numbers, plans, and the forward that ran last. Threads: it is used by this call alone while it runs. */
#ifndef DNN_PROBE_H
#define DNN_PROBE_H

#include "module.h"
#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_probe_desc {
    size_t size;
    uint64_t seed; /* of inputs and of how parameters are moved; default 0, a seed like any other */
    int64_t batch; /* at least 2; default 7 */
} dnn_probe_desc;

/* `inputs`: n_inputs shapes that the module is meant for, the batch in front, as dnn_module_describe takes them. Their
 * data, where it is not NULL, are values that may be used (of inputs that are class or word numbers); other inputs are
 * random, whole numbers 0 or 1. `options` may be NULL. DNN_OK means that the probe was done: what it found is in the
 * report. Errors: ARGUMENT, HANDLE, MEMORY. */
DNN_API dnn_status dnn_probe(dnn_report **out, dnn_module *module, const dnn_array *inputs, int32_t n_inputs,
                             const dnn_probe_desc *options);

#ifdef __cplusplus
}
#endif

#endif
