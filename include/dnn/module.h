/* libdnn: modules: trees of layers with names and parameters, and how they run.
 *
 * A module is a layer (layers.h, or your own: layer.h) or a container of modules. Networks are written as expressions:
 * a layer's constructor returns the module, or NULL with the last error set; a container that is handed NULL keeps that
 * first error and reports it when it is first used. So a network is built line by line and checked once:
 *
 *     dnn_sequential_create(&net, ctx);
 *     dnn_sequential_add(net, "fc1", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), …}));
 *     dnn_sequential_add(net, "relu", dnn_relu(ctx));
 *     if (dnn_module_error(net) != DNN_OK) …
 *
 * Running. For each new set of input shapes (and dtype, mode, frozen parameters) a module is compiled into a plan: a
 * flat list of steps and one arena of memory. Plans are cached (the last 8 of a module), all share the arena. When a
 * plan is in the cache, a forward and a backward allocate nothing. A child may be run by itself, too: it then has plans
 * and an arena of its own.
 *
 * Ownership. Adding a child to a container hands it over, also when adding fails. The child's pointer stays good as
 * long as the container lives; dnn_module_retain() makes it your own for longer. A module in several containers, or
 * several times in one, is one set of weights: retain it once for each container after the first.
 *
 * Threads. A module, with all below it, is used by one thread at a time. Predictors, one for each thread,
 * and reading of the tensors that dnn_module_parameter_at has lent before, may happen at the same time on a module that
 * nobody changes. (The calls that walk a module are no such reading: they keep a list of paths in it.)
 */
#ifndef DNN_MODULE_H
#define DNN_MODULE_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- containers -------------------------------------------------------------------------------------------------- */

/* A container that runs its children one after another. It takes one input and gives one output. */
DNN_API dnn_status dnn_sequential_create(dnn_module **out, dnn_context *ctx);

/* Appends a child; `name` is one part of a path: 1 to 63 letters, digits, '_' and '-', unique in its container; NULL:
 * the child's number ("0", "1", …). The child is handed over in any case; a container that was handed over takes no
 * more children itself. A NULL child is the error that its constructor left. Errors are kept: see dnn_module_error.
 * Containers nest up to 64 deep. */
DNN_API dnn_status dnn_sequential_add(dnn_module *sequential, const char *name, dnn_module *child);

/* A value in a graph: what an input or a child gives. DNN_NO_VALUE is the value of a failure; it may be used further
 * and makes what depends on it fail too, quietly: the graph keeps the first error. */
typedef int32_t dnn_value;
#define DNN_NO_VALUE (-1)

/* A container of any directed acyclic graph, with any number of inputs and outputs. */
DNN_API dnn_status dnn_graph_create(dnn_module **out, dnn_context *ctx);

/* The next input of the graph. Inputs are numbered in the order of these calls. */
DNN_API dnn_value dnn_graph_input(dnn_module *graph);

/* Feeds `child` with one value, or two, or any number; gives its output, or outputs. A child that is new to the graph
 * is handed over and gets `name` as in dnn_sequential_add; a child that is in it already is applied again, with the
 * same weights (`name` is then NULL or its name). dnn_graph_call writes `n_outputs` values; how many a child gives is
 * checked when the graph is compiled. */
DNN_API dnn_value dnn_graph_apply(dnn_module *graph, const char *name, dnn_module *child, dnn_value x);
DNN_API dnn_value dnn_graph_apply2(dnn_module *graph, const char *name, dnn_module *child, dnn_value a, dnn_value b);
DNN_API dnn_status dnn_graph_call(dnn_module *graph, const char *name, dnn_module *child, const dnn_value *inputs,
                                  int32_t n_inputs, dnn_value *outputs, int32_t n_outputs);

/* Declares a value as the graph's next output. */
DNN_API dnn_status dnn_graph_output(dnn_module *graph, dnn_value value);

/* The first error that was kept while building this module or anything below it (the last error is set to its line);
 * DNN_OK if there is none. Using a module with a kept error gives that error. */
DNN_API dnn_status dnn_module_error(dnn_module *module);

/* ---- holding ----------------------------------------------------------------------------------------------------- */

/* Releasing a module that was handed over, and not retained, is refused: HANDLE. */
DNN_API dnn_status dnn_module_retain(dnn_module *module);
DNN_API dnn_status dnn_module_release(dnn_module *module);

/* ---- modes ------------------------------------------------------------------------------------------------------- */

/* Sets this module and all below it to training or evaluation. New modules are in training mode. In evaluation mode
 * dropout is the identity and batch norm uses its running statistics; a forward changes nothing in the module. */
DNN_API dnn_status dnn_module_train(dnn_module *module);
DNN_API dnn_status dnn_module_eval(dnn_module *module);

/* Which mode is on, for the module and all below it: 1 all training, 0 all evaluating, -1 mixed, or a bad handle. */
DNN_API int32_t dnn_module_is_training(const dnn_module *module);

/* Freezes, or unfreezes, every parameter whose path matches `pattern` ('*' any run of characters, '?' one; "*" all). No
 * work is done for gradients that nobody needs; a frozen parameter's gradient is left alone and optimizers skip it.
 * Running statistics of batch norm are not parameters: put that layer in evaluation mode to hold them.
 * Errors: NOT_FOUND if nothing matches. */
DNN_API dnn_status dnn_module_freeze(dnn_module *module, const char *pattern);
DNN_API dnn_status dnn_module_unfreeze(dnn_module *module, const char *pattern);

/* Which gradients a backward through this module gives. By default: those of parameters that are not frozen, when it is
 * in training mode as a whole or in part. */
typedef enum dnn_gradients {
    DNN_GRADIENTS_DEFAULT = 0,
    DNN_GRADIENTS_INPUTS = 1, /* of the inputs too (of those that are float) */
    DNN_GRADIENTS_EVAL = 2    /* in evaluation mode too: forward then keeps what backward needs */
} dnn_gradients;

/* Sets that, as a sum of the flags above, for runs that start at this module. */
DNN_API dnn_status dnn_module_set_gradients(dnn_module *module, int32_t flags);

/* Memory for time. Where memory is the limit, a part of what the forward computes need not be kept for the backward: it
 * is computed once more when it is wanted there (activation checkpointing; Chen, Xu, Zhang, Guestrin 2016). This sets
 * how many bytes the arena may have (dnn_description_totals.arena_bytes: all memory of a run but parameters, their
 * gradients and what the caller hands in), for runs that start at this module. The plan chooses what to compute again:
 * nothing if all fits, otherwise what costs least time for its bytes; dnn_module_describe shows what, and the bytes. 0,
 * as modules have it when they are new: no budget. DNN_MEMORY_LEAST: as few bytes as the plan can do with.
 *
 * Outputs, gradients and all else are the same as without, bit for bit: masks of dropout are drawn from the same
 * numbers again, running statistics move once. A layer of the host's is computed once, unless its class says that it
 * may be repeated (layer.h, `repeatable`).
 *
 * A change drops the plans and the arena of runs that started here, and with them what the last one lent (y, dx). Where
 * the budget cannot be met for the inputs that come, forward and describe fail with MEMORY; the line says how many
 * bytes would do, and a budget of so many does.
 * Errors: ARGUMENT: bytes is negative. */
#define DNN_MEMORY_LEAST (-1)
DNN_API dnn_status dnn_module_set_memory(dnn_module *module, int64_t bytes);

/* Converts every float parameter and buffer below to DNN_F32 or DNN_F64, gradients included; plans are dropped. From
 * float64 to float32 values are rounded. All or nothing. */
DNN_API dnn_status dnn_module_to(dnn_module *module, dnn_dtype dtype);

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* Runs the module forward. `x` is kept (retained) until the next forward, and must not be overwritten before the
 * backward. `*y` is lent: valid until the next forward of this module, a change of its tree or dtype, or its release.
 * Errors: SHAPE, DTYPE with the path of the layer that cannot take its input, before anything runs; MEMORY; VALUE (an
 * index out of range) or what a layer of the host's says, half-way: the forward before is then used up, and running
 * statistics of the layers that ran have moved. */
DNN_API dnn_status dnn_module_forward(dnn_module *module, const dnn_tensor *x, const dnn_tensor **y);
DNN_API dnn_status dnn_module_forward_n(dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                                        const dnn_tensor **outputs, int32_t n_outputs);

/* Runs the module backward from dL/dy, of y's shape and dtype, once after each forward (what was kept is used up, and
 * its memory used again). Parameter gradients are added to what is there. `dx` may be NULL; otherwise it receives a
 * lent tensor with dL/dx, valid as y is, and DNN_GRADIENTS_INPUTS must have been set before the forward. Among several
 * outputs, a NULL gradient counts as zeros; an input that is no float gets a NULL.
 * Errors: STATE if no forward that keeps activations came before; SHAPE, DTYPE for dy. */
DNN_API dnn_status dnn_module_backward(dnn_module *module, const dnn_tensor *dy, const dnn_tensor **dx);
DNN_API dnn_status dnn_module_backward_n(dnn_module *module, const dnn_tensor *const *output_gradients,
                                         int32_t n_outputs, const dnn_tensor **input_gradients, int32_t n_inputs);

/* Sets all parameter gradients below to zero. */
DNN_API dnn_status dnn_module_zero_grad(dnn_module *module);

/* How many backwards have been added up in the gradients since they were last cleared; -1 on a bad handle. Counted at
 * the module on which backward was called and at all below it. */
DNN_API int32_t dnn_module_pending_backwards(const dnn_module *module);

/* ---- walking ----------------------------------------------------------------------------------------------------- */

/* One parameter or buffer. All pointers are lent until the module's tree changes, or its dtype does. */
typedef struct dnn_parameter {
    size_t size;
    const char *path;      /* "layer1.0.conv1.weight" */
    dnn_tensor *value;     /* writing to it changes the module */
    dnn_tensor *gradient;  /* of the same shape; NULL for a buffer */
    int32_t is_buffer;     /* 1: part of the state that is not trained (running statistics) */
    int32_t is_frozen;
    dnn_module *owner;     /* the layer that it belongs to */
} dnn_parameter;

/* How many parameters and buffers there are below, each counted once however often its module is used; -1 on a bad
 * handle. */
DNN_API int64_t dnn_module_parameter_count(dnn_module *module);

/* The i-th of them, in the order in which the modules were added; or the one of that path. `parameter->size` is set by
 * the caller (DNN_SIZED). Errors: NOT_FOUND. */
DNN_API dnn_status dnn_module_parameter_at(dnn_module *module, int64_t index, dnn_parameter *parameter);
DNN_API dnn_status dnn_module_parameter(dnn_module *module, const char *path, dnn_parameter *parameter);

/* One module of the tree. */
typedef struct dnn_module_info {
    size_t size;
    const char *path;      /* "" for the module itself */
    const char *type;      /* "conv2d", "sequential" */
    dnn_module *module;    /* lent by its container */
    int32_t is_training;   /* as dnn_module_is_training says: 1, 0, or -1 for mixed */
} dnn_module_info;

/* The module itself (index 0) and all below, each once, parents first. */
DNN_API int64_t dnn_module_count(dnn_module *module);
DNN_API dnn_status dnn_module_at(dnn_module *module, int64_t index, dnn_module_info *info);

/* The module of that path, lent; NULL (and NOT_FOUND) if there is none. */
DNN_API dnn_module *dnn_module_find(dnn_module *module, const char *path);

/* ---- describing -------------------------------------------------------------------------------------------------- */

/* One step of the plan: a layer at work. Shapes and types as in dnn_array, without data. */
typedef struct dnn_step_info {
    size_t size;
    const char *path;      /* lent by the description, as all text here */
    const char *type;      /* "conv2d" */
    const char *detail;    /* "3→64, 3×3, stride 2" */
    dnn_array output;      /* its first output */
    int64_t parameters;    /* elements, counted at the first step that uses them */
    double flops;          /* of the forward; a multiplication and an addition are two */
    int64_t output_bytes;  /* of all its outputs */
    int64_t kept_bytes;    /* held from forward to backward, on behalf of this step */
    int32_t is_fused;      /* 1: the last step before it that is not fused does this one's work on the way, and its
                              output is never in memory; marked "+" in the table */
    int32_t is_recomputed; /* 1: runs again in the backward, see dnn_module_set_memory */
} dnn_step_info;

/* Totals. Bytes are exact: what the library will allocate to run this plan, planned before anything is allocated. */
typedef struct dnn_description_totals {
    size_t size;
    int64_t steps;
    int64_t parameters;       /* elements, each once */
    int64_t trainable;        /* of those, not frozen */
    double flops;             /* of the forward */
    int64_t parameter_bytes;  /* values and gradients */
    int64_t arena_bytes;      /* activations, their gradients, what is kept, scratch: the peak of a run */
    int64_t activation_bytes; /* the sum of all outputs, if each had memory of its own */
    int64_t arena_bytes_without; /* arena_bytes if nothing were computed again (dnn_module_set_memory) */
    int64_t recomputed_steps;
    double recomputed_flops;     /* of what is computed again in a backward; about 3 · flops is what forward and
                                    backward take without it */
} dnn_description_totals;

/* Describes how the module would run on inputs of these shapes and dtypes (data ignored), in the mode it is in. Nothing
 * runs and no arena is allocated. Errors: as forward's. */
DNN_API dnn_status dnn_module_describe(dnn_description **out, dnn_module *module, const dnn_array *inputs,
                                       int32_t n_inputs);
/* What one place of the output sees of an image: a rectangle of `field` pixels, height and width, padding included;
 * that of the next place lies `stride` pixels on; the first one's centre is at `start`, where pixel k has its centre at
 * k + ½. Windows of that size are what the network can learn from (dnn_dataset_windows). */
typedef struct dnn_receptive_field {
    size_t size;
    int32_t all; /* 1: it sees all of the image, whatever its size: a layer mixes all places, or does not say which */
    int64_t field[2];
    int64_t stride[2];
    double start[2];
} dnn_receptive_field;

/* That of the module's first output, for images (N, H, W, C) of these shapes; from the layers' windows alone: kernels
 * widened by dilation, k' = d (k - 1) + 1, add (k' - 1) strides of those before them; where branches meet, the larger
 * one. With `all`, field is the size of the first image, the other numbers are 0. Nothing runs.
 * Errors: as forward's; SHAPE: no input is an image; VALUE: branches of different strides meet. */
DNN_API dnn_status dnn_module_receptive_field(dnn_module *module, const dnn_array *inputs, int32_t n_inputs,
                                              dnn_receptive_field *field);
DNN_API dnn_status dnn_description_release(dnn_description *description);
DNN_API dnn_status dnn_description_totals_get(const dnn_description *description, dnn_description_totals *totals);
DNN_API dnn_status dnn_description_step(const dnn_description *description, int64_t index, dnn_step_info *step);

/* The whole as a table in text, lines ended by '\n'; lent. NULL on a bad handle. */
DNN_API const char *dnn_description_text(const dnn_description *description);

/* ---- observing -------------------------------------------------------------------------------------------------- */

/* One step of a forward, after it ran. Arrays and text are lent for the call, and only to be read. Steps that only see
 * memory in another shape (flatten, reshape) are not shown. */
typedef struct dnn_observation {
    size_t size;
    const char *path;            /* of the layer: "layer1.0.conv1" */
    const char *type;            /* "conv2d"; the plan's own steps are "copy" */
    int64_t step;                /* its number in the list */
    const dnn_array *inputs;     /* what it read */
    const dnn_array *outputs;    /* what it wrote */
    const dnn_array *parameters; /* in the order of dnn_layer_add_parameter */
    int32_t n_inputs, n_outputs, n_parameters;
    int32_t training;            /* 1: the layer ran in training mode */
} dnn_observation;

/* Runs a forward, in the modes that the layers are in, and shows each step to see(user, …): where a NaN comes from,
 * which units are dead, what a layer makes of an image. Nothing is fused and no input overwritten, so numbers may
 * differ from those of an ordinary forward by rounding. The module stays as it was: running statistics, counters of
 * random numbers, the forward that ran last and its plans; the plan of this call goes with it.
 * `see` must not call back into the module. Another status of its than DNN_OK ends the forward, which returns it with
 * the host's reason. Errors besides: as dnn_module_forward_n's. */
DNN_API dnn_status dnn_module_observe(dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                                      dnn_status (*see)(void *user, const dnn_observation *observation), void *user);

/* ---- predicting -------------------------------------------------------------------------------------------------- */

/* Runs a module in evaluation mode, whatever mode it is in, without changing it: const is true. Make one predictor for
 * each thread; they share the weights, and each has memory of its own: an arena, and weights prepared for the kernels
 * (packed, transformed: one to four times the weights' bytes). The module stays alive with them, and must not change
 * its tree, its dtype or its weights while one runs.
 *
 * Weights may change between two runs, by whatever way: the next run sees it, and prepares those anew. Optimizers,
 * dnn_weights_load, dnn_tensor_copy, _set and _fill leave a note. Once dnn_tensor_data has been called for a weight,
 * the library cannot know when it is written to: each run then computes a hash of it, in about the time that it takes
 * to read it from memory (a few percent of a run). dnn_tensor_const_data is free of that. */
DNN_API dnn_status dnn_predictor_create(dnn_predictor **out, const dnn_module *module);

/* `*y` is lent until the next run of this predictor, or its release. */
DNN_API dnn_status dnn_predictor_run(dnn_predictor *predictor, const dnn_tensor *x, const dnn_tensor **y);
DNN_API dnn_status dnn_predictor_run_n(dnn_predictor *predictor, const dnn_tensor *const *inputs, int32_t n_inputs,
                                       const dnn_tensor **outputs, int32_t n_outputs);
DNN_API dnn_status dnn_predictor_release(dnn_predictor *predictor);

#ifdef __cplusplus
}
#endif

#endif
