/* The plan: what runs when a module meets inputs of given shapes. A flat list of steps in the order of execution; every
 * operand is a value (its number), every value lives in a buffer, every buffer has a place in one arena.
 *
 *     expand    the tree becomes steps; shape rules give the shapes of all values           expand.c
 *     fuse      steps that others can do on the way are handed to them                      fuse.c
 *     gradient  which steps run backward, where gradients go, where they meet               gradient.c
 *     recompute which steps run again in the backward, so that memory suffices              recompute.c, again.c
 *     place     how long each value lives, what may share memory, where it lies             place.c
 *     bind      addresses of one arena are written into the steps                           bind.c
 *     run       forward: the list down; backward: the list up                               run.c
 *
 * Time, for lifetimes, of n steps: the forward of step i is at time i. Then the backward of each step, the last one's
 * first, has n + 1 moments: n for what runs again for it, in the order of the list, and one for itself. */
#ifndef DNNI_PLAN_H
#define DNNI_PLAN_H

#include "graph/runner.h"

enum { PLAN_NONE = -1 };

/* A value: a tensor that flows through the plan. Views are values of their own that share a root. */
typedef struct plan_value {
    dnn_array array;  /* without data */
    int32_t root;     /* the value whose memory this is: itself, or through views another one */
    int32_t producer; /* its step; PLAN_NONE for an input of the plan */
    /* of roots only: */
    int32_t consumers;      /* uses as an input of a step that is no view, and as an output of the plan */
    int64_t last_use;       /* time; where its step runs again: by those who read what the forward made */
    int64_t last_use_again; /* by those who read what its step makes again */
    bool needs_gradient;    /* a trainable parameter, or an input that wants one, lies before it */
    bool is_output;
    int32_t buffer;         /* its memory */
    int32_t buffer_again;   /* when its step has run again; PLAN_NONE: it runs once */
    int32_t gradient;       /* buffer of dL/d value; PLAN_NONE: there is none */
} plan_value;

/* A piece of memory, alive from time `first` to `last`. */
typedef struct plan_buffer {
    int64_t bytes;
    int64_t first, last;
    int32_t external; /* >= 0: not in the arena, but the plan's external array of that number: its inputs, then the
                         gradients of its outputs, all handed in when it runs */
    bool zeroed;      /* cleared when backward begins */
    int64_t offset;
} plan_buffer;

/* Where the backward of a step leaves one of its input gradients. */
typedef struct plan_gradient {
    int32_t buffer; /* PLAN_NONE: nobody needs it */
    int32_t add_to; /* PLAN_NONE, or the buffer that it is added to: the value's gradient was begun by a later step */
} plan_gradient;

/* A guest is a step whose work its host does: the step before it, or before other guests of that host. It has neither
 * inputs nor outputs nor kept arrays any more. Its output is the host's output 0; its other input, if it has one, is
 * the host's last, behind those of the host's layer. */
typedef struct plan_step {
    dnn_module *module; /* a layer; NULL for the plan's own copies */
    const dnn_layer_class *layer_class;
    const char *path;
    int32_t n_inputs, n_outputs, n_kept;
    int32_t n_layer_inputs;    /* n_inputs without the epilogue's addend */
    int32_t *inputs, *outputs; /* values */
    bool is_guest;
    int32_t n_guests;            /* they follow in the list */
    dnn_layer_epilogue epilogue; /* of a host: what its guests would do */
    int32_t affine;              /* buffer of the epilogue's scale and shift */
    int32_t arriving;            /* buffer of the gradient that arrives at output 0, where ReLU's is taken off it before
                                    the layer is called; PLAN_NONE: the layer takes it as it comes */
    dnn_array arrived;           /* the same, bound */
    dnn_layer_spec spec;       /* what its shape rule said; spec.kept are the shapes of what is kept */
    int32_t kept[DNN_LAYER_MAX_KEPT]; /* buffers that the backward sees; PLAN_NONE where none will come */
    int32_t kept_first[DNN_LAYER_MAX_KEPT]; /* those that the forward writes: others, if the step runs again */
    int32_t forward_work, again_work, backward_work;
    bool forgets;      /* what it made is not kept for the backward */
    int32_t again_for; /* so it runs again, before the backward of that step; PLAN_NONE: nobody asks for it */
    bool is_view;
    bool backward; /* runs in the backward */
    plan_gradient *input_gradients;
    int32_t output_gradients[DNN_LAYER_MAX_OUTPUTS]; /* buffers */
    int64_t prepared_at;     /* where its prepared bytes lie */
    bool is_prepared;
    uint64_t prepared_from;  /* the contents of the parameters then */
    dnn_layer_call forward_call, again_call, backward_call; /* what the layer is given, bound to an arena */
    dnn_array *arrays;                          /* those that the calls point to */
} plan_step;

/* An array in some step whose data is handed in when the plan runs. */
typedef struct plan_patch {
    dnn_array *array;
    int32_t external;
} plan_patch;

typedef struct dnni_plan {
    dnni_pool pool;
    dnn_context *ctx;
    /* what it was made for */
    uint64_t signature;
    dnn_array *input_shapes;
    int32_t n_inputs;
    bool keeps; /* a backward may follow */
    bool trains; /* in training mode, as a whole or in part */
    dnni_use use;
    /* the list */
    plan_step *steps;
    int64_t n_steps, steps_capacity;
    plan_value *values;
    int64_t n_values, values_capacity;
    plan_buffer *buffers;
    int64_t n_buffers, buffers_capacity;
    int64_t n_gradient_buffers; /* the first of them, which do not depend on what runs again */
    int32_t *outputs; /* values */
    int32_t n_outputs;
    int32_t *again; /* steps that run again, in the order in which they do */
    int64_t n_again, *again_scratch;
    plan_buffer **by_size, **by_offset; /* room for placing */
    int64_t by_size_capacity, by_offset_capacity;
    int64_t arena_bytes;
    int64_t arena_bytes_without; /* if nothing ran again */
    int64_t prepared_bytes; /* of all steps; predictors only */
    /* bound to an arena */
    dnni_storage *arena; /* held */
    dnn_tensor **output_tensors, **input_gradient_tensors;
    plan_patch *patches;
    int64_t n_patches, patches_capacity;
    uint64_t last_run; /* for the cache: the least recent goes first */
} dnni_plan;

/* Compiles a plan of `module` for inputs of these shapes. Allocates the plan, no arena. */
dnn_status dnni_plan_make(dnni_plan **out, dnn_module *module, const dnn_array *inputs, int32_t n_inputs,
                          dnni_use use);
void dnni_plan_free(dnni_plan *plan);

/* A caller's input shapes: OK if arrays like that can be. */
dnn_status dnni_check_input_shapes(const dnn_array *inputs, int32_t n);

/* The passes, in this order. */
dnn_status dnni_plan_expand(dnni_plan *plan, dnn_module *module);
dnn_status dnni_plan_fuse(dnni_plan *plan);
dnn_status dnni_plan_gradients(dnni_plan *plan, const dnn_module *module);
dnn_status dnni_plan_recompute(dnni_plan *plan, int64_t budget); /* bytes of the arena, or the least that can be; 0:
                                                                   nothing runs again */
dnn_status dnni_plan_place(dnni_plan *plan);
dnn_status dnni_plan_bind(dnni_plan *plan, dnni_storage *arena);
void dnni_plan_unbind(dnni_plan *plan);

/* Gives the plan prepared_bytes at `memory`, in which nothing is prepared yet; they must stay until the next call. */
void dnni_plan_give_prepared(dnni_plan *plan, void *memory);

/* Runs the list down or up. Handed in: the data of the inputs; of the gradients of the outputs. */
dnn_status dnni_plan_forward(dnni_plan *plan, void *const *inputs, const dnni_watch *watch);
dnn_status dnni_plan_backward(dnni_plan *plan, void *const *output_gradients, const dnni_watch *watch);

/* Asks the shape rule of a step, and checks what it says. Once more when the step becomes a host. */
dnn_status dnni_plan_ask_shape(dnni_plan *plan, plan_step *step);

/* A new buffer; returns PLAN_NONE on failure. */
int32_t dnni_plan_buffer(dnni_plan *plan, int64_t bytes, int64_t first, int64_t last);

/* From which steps forget: which of them run again, and when. To be done before buffers are made; can be repeated. */
dnn_status dnni_plan_order_again(dnni_plan *plan);

/* The two halves of placing, which recompute tries with one and another set of steps that run again: the buffers, with
 * the time in which each lives; where they lie, and so arena_bytes. */
dnn_status dnni_plan_make_buffers(dnni_plan *plan);
dnn_status dnni_plan_lay_out(dnni_plan *plan);

static inline plan_value *plan_root(const dnni_plan *plan, int32_t value) {
    return &plan->values[plan->values[value].root];
}
static inline bool plan_runs_again(const plan_step *step) { return step->again_for != PLAN_NONE; }
static inline bool plan_made_again(const dnni_plan *plan, const plan_value *root) {
    return root->producer != PLAN_NONE && plan_runs_again(&plan->steps[root->producer]);
}

/* What the backward, and steps that run again, see of a value. */
static inline int32_t plan_late_buffer(const plan_value *root) {
    return root->buffer_again != PLAN_NONE ? root->buffer_again : root->buffer;
}

/* When the moments begin that belong to the backward of a step; that of step -1 is the end. */
static inline int64_t plan_turn(const dnni_plan *plan, int64_t step) {
    return plan->n_steps + (plan->n_steps - 1 - step) * (plan->n_steps + 1);
}
static inline int64_t plan_end(const dnni_plan *plan) { return plan_turn(plan, -1); }
static inline int64_t plan_backward_time(const dnni_plan *plan, int64_t step) {
    return plan_turn(plan, step) + plan->n_steps;
}
static inline int64_t plan_again_time(const dnni_plan *plan, int64_t step) {
    return plan_turn(plan, plan->steps[step].again_for) + step;
}

/* Makes room in an array that lives in the plan's pool; the old one is left behind there. */
dnn_status dnni_plan_grow(dnni_plan *plan, void **array, int64_t *capacity, int64_t needed, int64_t size);

/* The parameters of the step's layer, its buffers, its state. */
static inline const dnni_parameters *plan_parameters(const plan_step *step) {
    static const dnni_parameters none = {0};
    return step->module ? &step->module->parameters : &none;
}
static inline const dnni_parameters *plan_layer_buffers(const plan_step *step) {
    static const dnni_parameters none = {0};
    return step->module ? &step->module->buffers : &none;
}
static inline const void *plan_state(const plan_step *step) { return step->module ? step->module->state : NULL; }
static inline bool plan_training(const dnni_plan *plan, const plan_step *step) {
    return plan->use != DNNI_TO_PREDICT && step->module && step->module->training;
}

/* Whether the step prepares something from its parameters. */
static inline bool plan_prepares(const dnni_plan *plan, const plan_step *step) {
    return plan->use == DNNI_TO_PREDICT && !step->is_view && !step->is_guest && step->layer_class->prepare &&
           step->spec.prepared_bytes > 0;
}

/* One number for each channel of output 0, with room to align the next. */
static inline int64_t plan_affine_bytes(const plan_step *step) {
    const dnn_array *y = &step->spec.outputs[0];
    int64_t channels = y->rank > 0 ? y->dims[y->rank - 1] : 1;
    return dnnk_round_up(channels * dnn_dtype_size(y->dtype), DNNI_ALIGNMENT);
}

/* Whether the step's backward reads its input k, its output k. */
static inline bool plan_reads_input(const plan_step *step, int32_t k) {
    if (k >= step->n_layer_inputs) return false;
    if (k >= 28) return (step->spec.backward_reads & DNN_READS_INPUTS) == DNN_READS_INPUTS;
    return (step->spec.backward_reads & DNN_READS_INPUT(k)) != 0;
}
static inline bool plan_reads_output(const plan_step *step, int32_t k) {
    return (step->spec.backward_reads & DNN_READS_OUTPUT(k)) != 0;
}

#endif
