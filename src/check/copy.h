/* The module under check computes on copies of its parameters: they are put in the place of its own, and taken out
 * again. What else a run of a module changes is noted here, and put back. */
#ifndef DNNI_CHECK_COPY_H
#define DNNI_CHECK_COPY_H

#include "graph/index.h"
#include "graph/runner.h"

/* Copies in one dtype, and a runner for them. */
typedef struct check_copy {
    dnn_context *ctx;
    const dnni_index *index;
    dnn_dtype dtype;
    dnni_runner *runner;
    int32_t n_inputs;
    dnn_tensor **inputs;              /* those that are no float: the caller's */
    dnn_tensor **values, **gradients; /* in the index's order; while the copy is in, the module's own */
    bool is_in;
} check_copy;

/* On failure dnni_gradcheck_free_copy is still due. */
dnn_status dnni_gradcheck_make_copy(check_copy *copy, dnni_pool *pool, dnn_module *module, const dnni_index *index,
                                    const dnn_tensor *const *inputs, int32_t n_inputs, dnn_dtype dtype);
void dnni_gradcheck_free_copy(check_copy *copy);

/* Cannot fail. Taking a copy out that is not in does nothing. */
void dnni_gradcheck_put_in(check_copy *copy);
void dnni_gradcheck_take_out(check_copy *copy);

/* What a module is, besides its parameters' values and gradients. */
typedef struct check_state {
    dnn_module *module;
    const dnni_index *index;
    int32_t gradient_flags;
    struct check_module_state {
        uint64_t forwards;
        int32_t pending_backwards;
        bool training;
    } *modules;
    bool *frozen;
} check_state;

dnn_status dnni_gradcheck_note_state(check_state *state, dnni_pool *pool, dnn_module *module, const dnni_index *index);
void dnni_gradcheck_restore_state(const check_state *state);

/* The counters of random numbers alone: so that each forward draws the same. */
void dnni_gradcheck_restore_counters(const check_state *state);

#endif
