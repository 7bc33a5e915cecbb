/* The module under check computes on copies of its parameters and inputs. */
#ifndef DNNI_CHECK_COPY_H
#define DNNI_CHECK_COPY_H

#include "graph/copy.h"

/* Copies in one dtype. */
typedef struct check_copy {
    int32_t n_inputs;
    dnn_tensor **inputs; /* those that are no float: the caller's */
    dnni_copy module;
} check_copy;

/* On failure dnni_gradcheck_free_copy is still due. */
dnn_status dnni_gradcheck_make_copy(check_copy *copy, dnni_pool *pool, const dnni_index *index,
                                    const dnn_tensor *const *inputs, int32_t n_inputs, dnn_dtype dtype);
void dnni_gradcheck_free_copy(check_copy *copy);

#endif
