/* libdnn: a layer of your own: a table of callbacks, equal in every right to the built-in ones (which use this very
 * table). examples/custom_layer.c is a worked example, docs/adding-a-layer.md explains it.
 *
 * A layer is: a state (its settings: plain bytes, copied), parameters and buffers (declared once, with names), and a
 * class: a shape rule, a forward and a backward. The table is copied; the functions and texts that it
 * names outlive the modules made of it.
 *
 * Threads: callbacks run in the thread that called the library. They may be called for several modules of one class at
 * once, and by several predictors for one module: they must not write to the state.
 *
 * Callbacks return DNN_OK, or fail with `return dnn_fail(DNN_ERROR_SHAPE, "message")`; the library puts the module's
 * path in front of the message. They must not call back into the module that they serve.
 */
#ifndef DNN_LAYER_H
#define DNN_LAYER_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most outputs, and the most kept arrays, of one layer. */
#define DNN_LAYER_MAX_OUTPUTS 4
#define DNN_LAYER_MAX_KEPT 4

/* What a layer may do to its output 0 on the way to memory, so that the layers that follow need no pass of their own.
 * In this order:
 *     AFFINE    y = y · scale + shift, with one value of each for each channel (the last axis)
 *     ADD       y = y + addend, which is shaped as y
 *     RELU      y = max(y, 0); NaN stays NaN */
typedef enum dnn_epilogue {
    DNN_EPILOGUE_AFFINE = 1,
    DNN_EPILOGUE_ADD = 2,
    DNN_EPILOGUE_RELU = 4,
    DNN_EPILOGUE_BACKWARD = 8 /* of a layer that takes an epilogue: its backward undoes ADD and RELU, too. Without it
                                 the library multiplies the gradient by ReLU's before it calls backward */
} dnn_epilogue;

/* The epilogue of one call. All data is of output 0's type. */
typedef struct dnn_layer_epilogue {
    size_t size;
    uint32_t parts;                   /* a sum of AFFINE, ADD, RELU. A shape rule is shown this field alone */
    const void *scale, *shift;        /* of AFFINE, [channels] each */
    const void *addend;               /* of ADD; not NULL in forward */
    void *addend_gradient;            /* of ADD, in a backward that undoes it: to be overwritten; NULL: not needed */
} dnn_layer_epilogue;

/* What one call of a layer is given. Arrays are lent for the call, dense, aligned to 16 bytes or more. */
typedef struct dnn_layer_call {
    size_t size;
    dnn_context *context;
    const char *path;              /* where in the tree; for messages, the library adds it by itself */
    int32_t training;              /* the mode that the layer is in */
    int32_t n_inputs, n_outputs, n_parameters, n_buffers, n_kept;
    const dnn_array *inputs;       /* in backward: data is NULL unless `backward_reads` asked for it */
    const dnn_array *outputs;      /* written by forward; in backward as inputs */
    const dnn_array *parameters;   /* in the order of their declaration */
    const dnn_array *buffers;      /* may be written by forward when training, and only then */
    const dnn_array *kept;         /* written by forward, read by backward, which may also write to it; data is NULL
                                      when no backward will come */
    void *work;                    /* scratch of the bytes asked for, aligned to 64; contents undefined */
    uint64_t seed, stream;         /* random numbers of this call: the same in forward and in its backward */
    const dnn_array *output_gradients;    /* backward only: dL/d output i */
    const dnn_array *input_gradients;     /* to be overwritten with dL/d input i; data NULL: nobody needs it */
    const dnn_array *parameter_gradients; /* dL/d parameter i to be ADDED; data NULL: frozen */
    const dnn_layer_epilogue *epilogue;   /* what is to be done to output 0 besides; NULL: nothing. Only where the shape
                                             rule said `takes` */
    uint32_t fresh;                       /* backward: bit i says that gradient i is to be overwritten, not added to: it
                                             counts as zero, but memory holds anything. Only for what `writes` names */
    const void *prepared;                 /* in predictors: what `prepare` wrote; NULL: nothing was prepared */
    int32_t repeated;                     /* 1: forward runs a second time, for the backward (`repeatable`): buffers are
                                             only to be read */
} dnn_layer_call;

/* What a shape rule says of a layer for given input shapes. */
typedef enum dnn_layer_flags {
    DNN_LAYER_VIEW = 1,    /* output 0 is input 0's memory under another shape; forward and backward are not called */
    DNN_LAYER_INPLACE = 2, /* output 0 may be input 0's memory, and gradient of input 0 that of output 0, if the plan
                              finds that nobody else needs them: element i is read before element i is written */
    DNN_LAYER_RANDOM = 4   /* uses seed and stream: each training forward gets a new stream */
} dnn_layer_flags;

/* Which places of an image (N, H, W, C) one place of the output depends on. */
typedef enum dnn_layer_sees {
    DNN_SEES_ALL = 0,    /* all of them, or the layer does not say */
    DNN_SEES_PLACE = 10, /* that place alone, of every input */
    DNN_SEES_WINDOW = 20 /* a window, `window` */
} dnn_layer_sees;

/* Output place i sees the input from i · stride - before on, `extent` places; height, width. */
typedef struct dnn_layer_window {
    int64_t extent[2], stride[2], before[2];
} dnn_layer_window;

typedef struct dnn_layer_spec {
    size_t size;
    uint32_t flags;
    int32_t n_outputs;
    int32_t n_kept;
    dnn_array outputs[DNN_LAYER_MAX_OUTPUTS]; /* dtype, rank, dims */
    dnn_array kept[DNN_LAYER_MAX_KEPT];       /* likewise: memory from forward to backward (winners, statistics) */
    uint32_t backward_reads;                  /* a sum of DNN_READS_INPUT(i), DNN_READS_OUTPUT(i) */
    int64_t forward_work, backward_work;      /* bytes of scratch */
    double flops;                             /* of the forward; a multiplication and an addition are two */
    uint32_t takes; /* a sum of dnn_epilogue: what forward can do to output 0 besides. The shape rule is asked again
                       with the epilogue that the plan made of it, and may then ask for more work or reads */
    uint32_t is;    /* AFFINE, ADD or RELU: the layer is nothing but that; one that goes before may do its work */
    uint32_t writes; /* bit i: backward heeds call->fresh for parameter i (i < 32); other gradients come cleared */
    int64_t prepared_bytes; /* of what `prepare` writes; 0: there is nothing to prepare */
    dnn_layer_sees sees;    /* for dnn_module_receptive_field; default: all */
    dnn_layer_window window;
} dnn_layer_spec;

#define DNN_READS_INPUT(i) (UINT32_C(1) << (i))
#define DNN_READS_OUTPUT(i) (UINT32_C(1) << (28 + (i)))
/* All inputs, for layers with many of them. */
#define DNN_READS_INPUTS UINT32_C(0x0fffffff)

typedef struct dnn_layer_class {
    size_t size;
    const char *type; /* a short name, "conv2d": shown in tables */

    /* Checks the input shapes (call->inputs, call->n_inputs; no data) and fills in `spec`, which comes zeroed. Must
     * depend on nothing but the state, the shapes of inputs and parameters, and the mode. */
    dnn_status (*shape)(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec);

    /* outputs = f(inputs, parameters). May be NULL only where every spec is a VIEW. */
    dnn_status (*forward)(const void *state, const dnn_layer_call *call);

    /* Gradients, as dnn_layer_call says. NULL: the layer cannot be trained through; a plan that needs it is refused. */
    dnn_status (*backward)(const void *state, const dnn_layer_call *call);

    /* Optional: what the layer is, in a few words ("3→64, 3×3"), into text[0..bytes). */
    void (*detail)(const void *state, char *text, size_t bytes);

    /* Optional: mixes the choices that forward made on its data (a ReLU's signs, a pool's winners) into *signature, so
     * that the gradient check can tell a kink from a wrong gradient. Called after a forward, with inputs, outputs and
     * kept in place; of a layer whose work another one did, with outputs alone. dnn_layer_mix() does the mixing. */
    void (*choices)(const void *state, const dnn_layer_call *call, uint64_t *signature);

    /* Optional: called once, with the copy of the state, when the module goes; not if dnn_layer_create fails. */
    void (*release)(void *state);

    /* Of a layer that is AFFINE: writes scale and shift, [channels] each, as its parameters and buffers are now. */
    dnn_status (*affine)(const void *state, const dnn_layer_call *call, void *scale, void *shift);

    /* Optional: writes to `prepared`, aligned to 64, what forward can compute from the parameters once for many runs
     * (weights packed, transformed). Called by predictors, before the first forward, and again when a parameter's
     * elements may have changed. call->work may be used. */
    dnn_status (*prepare)(const void *state, const dnn_layer_call *call, void *prepared);

    /* 1: forward may run twice before a backward: given the same inputs, parameters and stream it writes the same
     * outputs and kept arrays, bit for bit, whatever has happened to buffers in between, and with call->repeated it
     * leaves those alone. Where memory has a budget (dnn_module_set_memory) the plan may then forget what forward
     * wrote, and run it again. 0: it never does. */
    int32_t repeatable;
} dnn_layer_class;

/* A module of that class. `state` (may be NULL, with 0 bytes) is copied. Returns NULL on failure, as all
 * constructors. */
DNN_API dnn_module *dnn_layer_create(dnn_context *ctx, const dnn_layer_class *layer_class, const void *state,
                                     size_t state_bytes);

/* Declares the layer's next parameter, or buffer: float32, filled by `init` (NULL: zeros). Before the module's first
 * use. A failure is kept by the module, as containers do. */
DNN_API dnn_status dnn_layer_add_parameter(dnn_module *layer, const char *name, int32_t rank, const int64_t *dims,
                                           const dnn_init *init);
DNN_API dnn_status dnn_layer_add_buffer(dnn_module *layer, const char *name, int32_t rank, const int64_t *dims,
                                        const dnn_init *init);

/* Mixes `value` into a signature of choices; the order matters. */
DNN_API void dnn_layer_mix(uint64_t *signature, uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
