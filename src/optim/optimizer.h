/* Optimizers as the library sees them. The common part walks over the parameters, keeps groups, state and norm; a class
 * is a rule: what a step does to segments of parameters. */
#ifndef DNNI_OPTIMIZER_H
#define DNNI_OPTIMIZER_H

#include <dnn/optimizer.h>

#include "core/tensor.h"
#include "graph/index.h"
#include "optim/optim.h"

/* The most tensors of state that a rule keeps for a parameter, as dnnk_segment has them. */
#define DNNI_MOST_STATES DNNK_OPTIM_STATES

/* A function of the host's: gradients cleared, forward, loss, backward. */
typedef dnn_status (*dnni_closure)(void *user, double *loss);

/* What a step takes for one group. */
typedef struct dnni_rates {
    double lr, weight_decay, grad_scale;
} dnni_rates;

typedef struct dnni_optimizer_class {
    /* A whole step, of rules that ask for the loss more than once; instead of `update`. Such a rule takes all
     * parameters as one: it has no groups, and does not clip. On failure parameters are as before. */
    dnn_status (*step)(dnn_optimizer *optimizer, const dnni_index *index, dnni_closure closure, void *user,
                       double *loss);
    /* Updates segments of one group and type. */
    void (*update)(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                   int64_t count);
    void (*destroy)(dnn_optimizer *optimizer); /* frees what the class has of its own; may be NULL */
} dnni_optimizer_class;

/* What the optimizer knows of one parameter. */
typedef struct dnni_slot {
    char *path;
    int64_t place; /* in the module's index */
    dnn_array array; /* dtype and shape at the beginning */
    int32_t group;
    int64_t rows; /* of the matrix that rules take it for; 0: none */
    int32_t n_states;
    dnn_tensor *steps; /* int64, scalar; NULL until the first step, as all of the state */
    dnn_tensor *state[DNNI_MOST_STATES];
} dnni_slot;

typedef struct dnni_group {
    char *pattern;
    double lr_factor, weight_decay;
} dnni_group;

/* Steps on more backwards than declared, and on none; the first of each is reported. */
typedef struct dnni_missteps {
    int64_t many, none;
    int32_t most; /* backwards that were added up in one step, and not declared */
} dnni_missteps;

/* The first field of every class's own struct. */
struct dnn_optimizer {
    dnni_object base;
    const dnni_optimizer_class *optimizer_class;
    dnn_module *module; /* held */
    int64_t index_size; /* parameters and buffers in its index at the beginning */
    double weight_decay;
    const char *state_names[DNNI_MOST_STATES];
    dnn_tensor *lr, *steps; /* float64 and int64, scalars */
    dnn_tensor *shared[DNNI_MOST_STATES]; /* state that is of all parameters together; NULL behind the last */
    const char *shared_names[DNNI_MOST_STATES];
    dnni_slot *slots;
    dnnk_segment *segments; /* room for all slots */
    int64_t n_slots;
    dnni_group *groups;
    int64_t n_groups, groups_capacity;
    double max_norm, norm; /* 0: not measured; as last measured */
    void *norm_work;
    int64_t norm_bytes;
    int32_t accumulation;
    dnni_missteps missteps;
};

/* What all descriptors have, with defaults in place. */
typedef struct dnni_optimizer_setup {
    double lr, weight_decay;
    int32_t n_states;
    const char *state_names[DNNI_MOST_STATES];
} dnni_optimizer_setup;

/* An optimizer of `bytes`, zeroed behind the common part; NULL on failure. Module and setup are checked here. */
void *dnni_optimizer_new(dnn_module *module, const dnni_optimizer_class *optimizer_class, int64_t bytes,
                         const dnni_optimizer_setup *setup);

static inline dnn_status dnni_check_optimizer(const dnn_optimizer *optimizer) {
    return dnni_check(optimizer, DNNI_OPTIMIZER, "optimizer");
}

static inline double dnni_optimizer_rate(const dnn_optimizer *optimizer) {
    return *(const double *)optimizer->lr->array.data;
}

static inline int64_t *dnni_steps(const dnn_tensor *steps) { return steps->array.data; }

/* The module's index, if the module is as it was when the optimizer was made. */
dnn_status dnni_optimizer_look(const dnn_optimizer *optimizer, const dnni_index **index);

/* Measures the gradients' norm, if that is asked for, and reports backwards that were forgotten. */
dnn_status dnni_optimizer_look_at_gradients(dnn_optimizer *optimizer, const dnni_index *index);

/* Makes a parameter's state, as zeros, if it has none yet and the rule keeps any. */
dnn_status dnni_slot_make_state(dnn_optimizer *optimizer, dnni_slot *slot);

/* Bytes that the state takes once all parameters that are not frozen were stepped; `index` is the module's. */
int64_t dnni_optimizer_state_bytes(const dnn_optimizer *optimizer, const dnni_index *index);

/* Group 0, when the optimizer is made. */
dnn_status dnni_optimizer_first_group(dnn_optimizer *optimizer);

/* Memory in which the norm of the largest tensor, and that of all gradients, can be summed: o->norm_work. */
dnn_status dnni_optimizer_norm_work(dnn_optimizer *optimizer);

/* A weight of the past, beta1 say: at least 0 and below 1. */
dnn_status dnni_check_beta(double beta, const char *name);

/* A rate, a decay: finite and at least 0. `name` is that of the field. */
dnn_status dnni_check_rate(double value, const char *name);

#endif
