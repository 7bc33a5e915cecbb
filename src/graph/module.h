/* Modules as the library sees them: a layer (a class, a state, parameters) or a container (children, and calls that
 * say which child takes which values). A sequential container is a graph whose calls form a chain. */
#ifndef DNNI_MODULE_H
#define DNNI_MODULE_H

#include <dnn/layer.h>

#include "core/tensor.h"

/* Containers nest this deep at most, so that walking a tree cannot exhaust the stack. */
#define DNNI_MAX_DEPTH 64

/* A parameter or a buffer of a layer. */
typedef struct dnni_parameter {
    char *name;
    dnn_tensor *value;
    dnn_tensor *gradient; /* NULL for a buffer */
    bool frozen;
    dnn_init init;               /* the starting values that were declared; zeroed: zeros */
    int64_t given_first, n_given; /* elements that its maker wrote after that: see dnni_module_gave */
} dnni_parameter;

typedef struct dnni_parameters {
    dnni_parameter *items;
    int64_t count, capacity;
} dnni_parameters;

typedef struct dnni_child {
    char *name;
    dnn_module *module;
} dnni_child;

/* One application of a child: inputs[] and outputs[] are the container's value numbers. */
typedef struct dnni_call {
    int64_t child;
    dnn_value *inputs, *outputs;
    int32_t n_inputs, n_outputs;
} dnni_call;

typedef struct dnni_values {
    dnn_value *items;
    int64_t count, capacity;
} dnni_values;

typedef struct dnni_runner dnni_runner;
typedef struct dnni_index dnni_index;

struct dnn_module {
    dnni_object base;
    bool training;
    bool handed_over; /* to a container */
    _Atomic int32_t containers; /* that hold it now */
    bool error_kept;
    int32_t height; /* containers below each other, this one included */
    int32_t gradient_flags;
    int64_t memory_budget; /* bytes of the arena, for runs that start here; 0: none; DNN_MEMORY_LEAST */
    int32_t pending_backwards;
    uint64_t visit; /* the last walk that came by */
    dnni_saved_error error;

    /* a layer */
    const dnn_layer_class *layer_class; /* `own_class`; NULL: a container */
    dnn_layer_class own_class;          /* a copy: the host's may be of another version, and shorter */
    void *state;
    int64_t state_bytes;
    dnni_parameters parameters, buffers;
    uint64_t seed, stream, forwards; /* random numbers: those of the context at birth, and how often it drew */

    /* a container */
    bool is_sequential;
    dnni_child *children;
    int64_t n_children, children_capacity;
    dnni_call *calls;
    int64_t n_calls, calls_capacity;
    int32_t n_values; /* inputs and outputs of calls, numbered as they come */
    dnni_values inputs, outputs;

    /* made when first needed */
    dnni_runner *runner; /* plans, for runs that start here */
    dnni_index *index;   /* paths of all below, for walks that start here */
};

static inline dnn_status dnni_check_module(const dnn_module *module, const char *name) {
    return dnni_check(module, DNNI_MODULE, name);
}

/* A module that is neither layer nor container yet. NULL on failure. */
dnn_module *dnni_module_new(dnn_context *ctx);

/* Whether `name` may be one part of a path. */
bool dnni_is_name(const char *name);

const char *dnni_module_type(const dnn_module *module);

/* Keeps the last error as the module's, if it is the first; returns its status. */
dnn_status dnni_module_keep_error(dnn_module *module);

/* OK, or the first error kept by the module or below (then the last error). */
dnn_status dnni_module_usable(const dnn_module *module);

/* Elements first … first + count - 1 of a layer's parameter or buffer were written by its maker, behind its declared
 * starting values: they stay as they are when those are drawn anew. */
void dnni_module_gave(dnn_module *layer, const char *name, int64_t first, int64_t count);

/* Forgets what depends on the tree. */
void dnni_module_tree_changed(dnn_module *module);

/* What a plan is for. A predictor reads the module and keeps nothing; a plan to be observed does step by step what
 * others fuse, and overwrites no input, so that each step can be looked at. An experiment with the module, perhaps in
 * float64, comes as near to its budget of memory as it can; the module itself keeps to it, or does not run. */
typedef enum dnni_use { DNNI_TO_RUN, DNNI_TO_PREDICT, DNNI_TO_OBSERVE, DNNI_TO_TRY } dnni_use;

/* A number that changes when the plans of this module no longer hold: tree, modes, dtypes, what is frozen. */
uint64_t dnni_module_signature(const dnn_module *module, dnni_use use);

/* The dtype that the parameters below have: F32 if there is none. */
dnn_dtype dnni_module_dtype(const dnn_module *module);

bool dnni_module_any_training(const dnn_module *module);

#endif
