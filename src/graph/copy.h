/* Copies of a module's parameters, to be put in the place of its own and taken out again, with a runner of their own;
 * and what else a run of a module changes, noted and put back. While a copy is in, all that is done to the module is
 * done to the copy: its own values and gradients, its plans, and what it has lent stay as they are. */
#ifndef DNNI_COPY_H
#define DNNI_COPY_H

#include "graph/index.h"
#include "graph/runner.h"

typedef struct dnni_copy {
    const dnni_index *index;
    dnn_tensor **values, **gradients; /* in the index's order; while the copy is in, the module's own */
    dnni_runner **runners;            /* of the module, which has one from the start, and of those below it: likewise */
    bool is_in;
} dnni_copy;

/* In `dtype`, or each in its own: DNN_DTYPE_NONE. Gradients are zeros. The lists lie in the caller's pool.
 * On failure dnni_copy_free is still due, which takes the copy out, too. */
dnn_status dnni_copy_make(dnni_copy *copy, dnni_pool *pool, const dnni_index *index, dnn_dtype dtype);
void dnni_copy_free(dnni_copy *copy);

/* Cannot fail. What is in, or out, stays so. */
void dnni_copy_put_in(dnni_copy *copy);
void dnni_copy_take_out(dnni_copy *copy);

/* What a module is, besides its parameters' values and gradients. */
typedef struct dnni_module_note {
    dnn_module *module; /* NULL: nothing is noted */
    const dnni_index *index;
    int32_t gradient_flags;
    int64_t memory_budget;
    struct dnni_noted_module {
        uint64_t forwards;
        int32_t pending_backwards;
        bool training;
    } *modules;
    bool *frozen;
} dnni_module_note;

dnn_status dnni_module_note_make(dnni_module_note *note, dnni_pool *pool, dnn_module *module,
                                 const dnni_index *index);

/* What is noted becomes the module's, and the module's is noted. Nothing if nothing is. */
void dnni_module_note_exchange(dnni_module_note *note);

/* Makes parts of what is noted the module's, too: counters of random numbers, so that forwards draw the same
 * again; modes. */
void dnni_module_note_counters(const dnni_module_note *note);
void dnni_module_note_modes(const dnni_module_note *note);

#endif
