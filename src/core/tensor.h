/* Tensors as the library sees them. */
#ifndef DNNI_TENSOR_H
#define DNNI_TENSOR_H

#include <dnn/tensor.h>

#include "core/context.h"
#include "core/dtype.h"

/* Memory that tensors share: views, the arena of a module, the caller's own. */
typedef struct dnni_storage {
    _Atomic int32_t holders;
    dnn_context *ctx; /* held */
    void *data;
    int64_t bytes;
    void (*release)(void *user); /* for memory of the caller's; otherwise data is ours */
    void *user;
    _Atomic uint64_t version; /* a number of the context's that no other storage, and no earlier content, has had */
    _Atomic bool exposed;     /* its address was handed out for writing: it may change at any time, unseen */
    _Atomic bool seen;        /* its address was handed out, if only for reading */
    _Atomic bool zero;        /* its elements count as zeros, whatever is in memory: see dnni_tensor_clear */
} dnni_storage;

/* New memory, zeroed if asked for. NULL on failure. */
dnni_storage *dnni_storage_new(dnn_context *ctx, int64_t bytes, bool zeroed);
void dnni_storage_new_version(dnni_storage *storage);
void dnni_storage_hold(dnni_storage *storage);
void dnni_storage_drop(dnni_storage *storage); /* NULL is fine */

struct dnn_tensor {
    dnni_object base;
    bool lent; /* one hold is an owner's, which nobody else may give back */
    dnn_array array;
    dnni_storage *storage;
};

/* An owner that lends its tensor keeps its hold until it takes the tensor back: a borrower's dnn_tensor_release that
 * goes with no retain of his is then an error. Taking back releases the owner's hold; NULL is fine. */
static inline void dnni_tensor_lend(dnn_tensor *tensor) { tensor->lent = true; }
void dnni_tensor_take_back(dnn_tensor *tensor);

/* Whoever writes to the elements of a tensor that may be a parameter's value says so here. */
void dnni_tensor_written(dnn_tensor *tensor);

/* A number that changes when the elements may have changed. Of memory that the host can write to behind our back it is
 * a hash of all its bytes: any change of one word changes it, others do but for one chance in 2^64. */
uint64_t dnni_tensor_contents(const dnn_tensor *tensor);

/* A tensor over `array`, whose data lies in `storage`, which it holds. */
dnn_status dnni_tensor_over(dnn_tensor **out, dnn_context *ctx, const dnn_array *array, dnni_storage *storage);

/* A tensor of that array's dtype and shape; zeroed. */
dnn_status dnni_tensor_like(dnn_tensor **out, dnn_context *ctx, const dnn_array *array);

/* Makes the elements zeros; in memory only when somebody wants to see them, if nobody but the owner holds the tensor,
 * or has had its address. Until then who writes all elements need neither read nor clear them first. */
void dnni_tensor_clear(dnn_tensor *tensor);

/* Whether the elements wait to be cleared; if so, the caller is to write them all. */
bool dnni_tensor_take_cleared(dnn_tensor *tensor);

/* Clears the elements now if they wait for it. Due before `array.data` of what may be a gradient is read. */
void dnni_tensor_settle(const dnn_tensor *tensor);

/* What comes in from the host: its elements may be looked at from here on. */
static inline dnn_status dnni_check_tensor(const dnn_tensor *tensor, const char *name) {
    dnn_status status = dnni_check(tensor, DNNI_TENSOR, name);
    if (status == DNN_OK) dnni_tensor_settle(tensor);
    return status;
}

/* Converts elements between dtypes, lossily; returns how many lost their value, and the first such index. */
int64_t dnni_convert(const dnn_array *from, const dnn_array *to, int64_t *first_lost);

/* Checks an initialiser and fills `array` with numbers of the stream. */
dnn_status dnni_init_check(const dnn_init *init);
dnn_status dnni_init_fill(const dnn_array *array, const dnn_init *init, const dnnk_env *env, uint64_t seed,
                          uint64_t stream);

#endif
