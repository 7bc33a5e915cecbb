/* Losses as the library sees them: an object that has a class, and the tensors that it lends. */
#ifndef DNNI_LOSS_CLASS_H
#define DNNI_LOSS_CLASS_H

#include <dnn/loss.h>

#include "core/tensor.h"

/* What makes a loss. Arrays have passed `shape` when the other functions see them. */
typedef struct dnni_loss_class {
    const char *type; /* "cross_entropy": stands in front of messages */

    /* Checks y, float32 or float64, and target against each other; sets *each to the type and shape of the elements'
     * losses. */
    dnn_status (*shape)(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, dnn_array *each);

    /* Checks the target's values. NULL: all will do. */
    dnn_status (*values)(const dnn_loss *loss, const dnn_array *y, const dnn_array *target);

    /* What the mean divides the sum by. NULL: the number of elements. */
    double (*divisor)(const dnn_loss *loss, const dnn_array *y, const dnn_array *target);

    /* The sum of the elements' losses. `each` receives them, `gradient` scale · d(sum)/dy; either may be NULL. */
    double (*run)(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, double scale, void *each,
                  void *gradient);

    /* Frees what a loss of this class owns besides. May be NULL. */
    void (*release)(dnn_loss *loss);
} dnni_loss_class;

/* The first field of every class's own struct. */
struct dnn_loss {
    dnni_object base;
    const dnni_loss_class *loss_class;
    dnn_reduction reduction;
    bool evaluated;
    dnn_tensor *gradient, *each; /* lent; NULL until they are first needed */
};

/* A loss of `bytes`, zeroed behind the common part; NULL on failure. `ctx` and `reduction` are checked here. */
void *dnni_loss_new(dnn_context *ctx, const dnni_loss_class *loss_class, int64_t bytes, dnn_reduction reduction);

/* What a loss has lent, put aside while it is evaluated on somebody else's behalf: exchanged with what he was lent. */
typedef struct dnni_loss_aside {
    dnn_tensor *gradient, *each;
    bool evaluated;
} dnni_loss_aside;
void dnni_loss_exchange(dnn_loss *loss, dnni_loss_aside *aside);
void dnni_loss_aside_free(dnni_loss_aside *aside);

/* Numbers from a descriptor, kept in both types that compute. */
typedef struct dnni_loss_weights {
    double *f64;
    float *f32;
    int64_t count;
} dnni_loss_weights;

/* Copies them, checked to be finite and not negative. `name` is that of the field. */
dnn_status dnni_loss_weights_copy(dnni_loss_weights *to, dnn_context *ctx, const double *from, int64_t count,
                                  const char *name);
void dnni_loss_weights_free(dnni_loss_weights *weights, dnn_context *ctx);

/* NULL if there are none. */
static inline const void *dnni_loss_weights_of(const dnni_loss_weights *weights, dnn_dtype dtype) {
    if (weights->count == 0) return NULL;
    return dtype == DNN_F64 ? (const void *)weights->f64 : (const void *)weights->f32;
}

/* The shape rule of losses between y and a target of the same dtype and shape; *each is of that shape. */
dnn_status dnni_pair_shape(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, dnn_array *each);

static inline const dnnk_env *dnni_loss_env(const dnn_loss *loss) { return dnni_env(loss->base.ctx); }

#endif
