/* libdnn: tensors: dense, row-major arrays of one element type.
 *
 * Threads: reading one tensor from several threads at once is fine, and so are retain and release; writing is not. */
#ifndef DNN_TENSOR_H
#define DNN_TENSOR_H

#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A new tensor of zeros, of shape dims[0..rank). Rank 0 is a scalar (dims may be NULL); sizes may be 0, not negative.
 * Data is aligned to 64 bytes. Errors: ARGUMENT, DTYPE, SHAPE (more bytes than can be addressed: 2^52), MEMORY. */
DNN_API dnn_status dnn_tensor_create(dnn_tensor **out, dnn_context *ctx, dnn_dtype dtype, int32_t rank,
                                     const int64_t *dims);

/* A tensor over the caller's memory, without a copy. `data` has the dense size in bytes of that shape, is aligned to
 * the element size, and must outlive the tensor, all views of it, and whatever retains it (a module its input, a
 * dataset its tensors). `release`, which may be NULL, is called with `user` when the last of them goes, in the thread
 * that lets it go (not if this call fails). */
DNN_API dnn_status dnn_tensor_wrap(dnn_tensor **out, dnn_context *ctx, dnn_dtype dtype, int32_t rank,
                                   const int64_t *dims, void *data, void (*release)(void *user), void *user);

/* A view of elements first ≤ i < first + count along axis 0: the same memory, shape (count, dims[1..]). The view keeps
 * the memory alive, and can be written through. Errors: SHAPE if rank is 0 or the range is outside. */
DNN_API dnn_status dnn_tensor_slice(dnn_tensor **out, dnn_tensor *tensor, int64_t first, int64_t count);

/* A view with another shape and the same number of elements. One size may be -1: it is computed. Errors: SHAPE. */
DNN_API dnn_status dnn_tensor_reshape(dnn_tensor **out, dnn_tensor *tensor, int32_t rank, const int64_t *dims);

/* A new tensor with a copy of the elements. */
DNN_API dnn_status dnn_tensor_clone(dnn_tensor **out, const dnn_tensor *tensor);

/* Copies the elements of `source` to `target`: same dtype and shape, memory that does not overlap partly. They may be
 * of two contexts. */
DNN_API dnn_status dnn_tensor_copy(dnn_tensor *target, const dnn_tensor *source);

/* What a cast may lose. Rounding a float to a narrower float is never counted as a loss, overflow to infinity is. */
typedef enum dnn_cast {
    DNN_CAST_EXACT = 0,     /* every value must survive: a fraction, a sign or a range lost is an error, with the
                               count */
    DNN_CAST_LOSSY = 10     /* values are rounded toward zero and clamped to the target's range; NaN becomes 0 */
} dnn_cast;

/* A new tensor with the elements converted to `dtype`. Under DNN_CAST_EXACT a value that does not survive is
 * DNN_ERROR_VALUE, and the message has how many and the first: "37 of 1000 float32 values do not fit uint8, the first,
 * element 12, is -1".
 * `lost`, which may be NULL, is set to that count in both modes. */
DNN_API dnn_status dnn_tensor_cast(dnn_tensor **out, const dnn_tensor *tensor, dnn_dtype dtype, dnn_cast mode,
                                   int64_t *lost);

/* Holds on to a tensor: a further release is then due. Lent tensors too may be retained; their contents may still be
 * overwritten by their owner. */
DNN_API dnn_status dnn_tensor_retain(dnn_tensor *tensor);
DNN_API dnn_status dnn_tensor_release(dnn_tensor *tensor);

/* Questions. On a bad handle: DNN_DTYPE_NONE, -1, NULL. `dnn_tensor_dim` takes axes from the end as negative numbers
 * (-1 is the last), and answers -1 for an axis that is not there. `dnn_tensor_data` is for reading and writing by the
 * owner; NULL for a tensor without elements is possible. */
DNN_API dnn_dtype dnn_tensor_dtype(const dnn_tensor *tensor);
DNN_API int32_t dnn_tensor_rank(const dnn_tensor *tensor);
DNN_API int64_t dnn_tensor_dim(const dnn_tensor *tensor, int32_t axis);
DNN_API const int64_t *dnn_tensor_dims(const dnn_tensor *tensor);
DNN_API int64_t dnn_tensor_count(const dnn_tensor *tensor); /* elements */
DNN_API int64_t dnn_tensor_bytes(const dnn_tensor *tensor);
DNN_API void *dnn_tensor_data(dnn_tensor *tensor);
DNN_API const void *dnn_tensor_const_data(const dnn_tensor *tensor);

/* One element as a double, by its multi-index (`rank` numbers; 0 and NULL for a scalar). For tests and small things.
 * Errors: SHAPE if the index is outside or of another rank. */
DNN_API dnn_status dnn_tensor_get(const dnn_tensor *tensor, int32_t rank, const int64_t *index, double *value);
DNN_API dnn_status dnn_tensor_set(dnn_tensor *tensor, int32_t rank, const int64_t *index, double value);

/* How to fill a tensor with starting values. Fans are read off the shape (out, …, in), as our weights have it:
 * fan_in = product of dims[1..], fan_out = dims[0] · product of dims[1..rank-1). */
typedef enum dnn_init_kind {
    DNN_INIT_DEFAULT = 0,          /* what the layer that owns the parameter takes (PyTorch's default); else zeros */
    DNN_INIT_CONSTANT = 10,        /* a */
    DNN_INIT_UNIFORM = 20,         /* U(a, b) */
    DNN_INIT_NORMAL = 21,          /* N(a, b²): mean a, standard deviation b */
    DNN_INIT_KAIMING_UNIFORM = 30, /* U(-r, r), r = gain·√(3/fan); He et al. 2015 */
    DNN_INIT_KAIMING_NORMAL = 31,  /* N(0, gain²/fan) */
    DNN_INIT_XAVIER_UNIFORM = 40,  /* U(-r, r), r = gain·√(6/(fan_in+fan_out)); Glorot & Bengio 2010 */
    DNN_INIT_XAVIER_NORMAL = 41    /* N(0, 2·gain²/(fan_in+fan_out)) */
} dnn_init_kind;

typedef enum dnn_fan { DNN_FAN_IN = 0, DNN_FAN_OUT = 10 } dnn_fan;

typedef struct dnn_init {
    size_t size;
    dnn_init_kind kind;
    dnn_fan fan;       /* Kaiming's; default DNN_FAN_IN */
    double a, b;       /* as the kind says; for CONSTANT, UNIFORM and NORMAL they are taken as they are */
    double gain;       /* Kaiming's, default √2 (for ReLU); Xavier's, default 1 */
} dnn_init;

/* Fills a float32 or float64 tensor. Element i is a function of the context's seed, of how many random streams the
 * context has given out before, and of i: the same program draws the same numbers on any number of threads. */
DNN_API dnn_status dnn_tensor_fill(dnn_tensor *tensor, const dnn_init *init);

#ifdef __cplusplus
}
#endif

#endif
