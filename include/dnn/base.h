/* libdnn: what every other header stands on: how functions are exported, the handles, element types, arrays.
 *
 * Conventions that hold in all headers
 *
 *   Handles   are opaque pointers. `T **out` comes first; what comes back through it is the caller's, to be given back
 *             with dnn_T_release(). A pointer that a function lends belongs to its owner: the header says until when.
 *             dnn_T_release(NULL) does nothing and is DNN_OK. A handle that was released is recognised for some time,
 *             and refused (DNN_ERROR_HANDLE): a help for finding mistakes, not to be relied on.
 *   Status    Every call that can fail returns a dnn_status, or NULL where it returns a handle; dnn_last_error() then
 *             has one line in the calling thread: what was wrong, where, with which shapes. Unless its comment says
 *             otherwise, a failed call changes nothing: outputs are set to NULL or left alone, objects stay as they
 *             were, and may be used again.
 *   Structs   that the caller fills in are descriptors: they begin with their size in bytes, so that they can grow. Use
 *             DNN_SIZED(type) as the first initialiser (in C++: dnn::desc, dnn.hpp). A field left zero takes the
 *             default that its comment names; where zero itself is meant and is not the default, write DNN_ZERO. They,
 *             and what they point to, are only read during the call, unless a field says more.
 *   Threads   An object is used by one thread at a time unless its header says more. Different objects of one context
 *             may be made, used and released by different threads at the same time.
 *   Processes After fork() the child has none of the library's threads: it must not use or release what was made before
 *             (calls may wait for ever), but can make a context of its own. Before dlclose(), release everything.
 *   Layout    Tensors are dense, row major. Images are (N, H, W, C), sequences (N, T, C). Sizes are int64_t.
 *   Host      Nothing here aborts, exits, prints, touches the environment, the locale, signals or the floating-point
 *             mode. Memory comes from the context's allocator.
 */
#ifndef DNN_BASE_H
#define DNN_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define DNN_API __attribute__((visibility("default")))
#else
#define DNN_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The version that this header belongs to. Until 1.0 the minor number is part of the SONAME: 0.1.x programs run with
 * any 0.1.y library. See docs/abi.md. */
#define DNN_VERSION_MAJOR 0
#define DNN_VERSION_MINOR 1
#define DNN_VERSION_PATCH 0
#define DNN_VERSION_NUMBER (DNN_VERSION_MAJOR * 10000 + DNN_VERSION_MINOR * 100 + DNN_VERSION_PATCH)

/* The version of the library that is loaded: its number as DNN_VERSION_NUMBER, and its text ("0.1.0"; static). */
DNN_API int32_t dnn_version(void);
DNN_API const char *dnn_version_string(void);

/* The handles. */
typedef struct dnn_context dnn_context;         /* context.h: memory, log, threads, seed */
typedef struct dnn_tensor dnn_tensor;           /* tensor.h: a dense array of one element type */
typedef struct dnn_module dnn_module;           /* module.h: a layer, or a tree of layers, with parameters */
typedef struct dnn_predictor dnn_predictor;     /* module.h: runs a const module, one for each thread */
typedef struct dnn_description dnn_description; /* module.h: what a module is and costs, for given input shapes */
typedef struct dnn_loss dnn_loss;               /* loss.h */
typedef struct dnn_optimizer dnn_optimizer;     /* optimizer.h */
typedef struct dnn_dataset dnn_dataset;         /* data.h */
typedef struct dnn_loader dnn_loader;           /* data.h */
typedef struct dnn_transform dnn_transform;     /* transform.h: what happens to each sample on its way */
typedef struct dnn_statistics dnn_statistics;   /* statistics.h */

/* First initialiser of a descriptor: `&(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 4}`. */
#define DNN_SIZED(type) .size = sizeof(type)

/* The number zero, meant: for fields of type double whose default is something else. (Negative zero: as a number it is
 * zero, yet it can be told from a field that was left out.) */
#define DNN_ZERO (-0.0)

/* The most axes that a tensor has. */
#define DNN_MAX_RANK 8

/* Element types. The numbers are pinned. float32 and float64 compute; u8, i32, i64 and bool are for data, labels and
 * masks; bf16 and f16 store (cast them to compute). */
typedef enum dnn_dtype {
    DNN_DTYPE_NONE = 0,
    DNN_F32 = 10, /* IEEE 754 binary32 */
    DNN_F64 = 11, /* IEEE 754 binary64 */
    DNN_BF16 = 20, /* the upper half of a binary32 */
    DNN_F16 = 21,  /* IEEE 754 binary16 */
    DNN_U8 = 30,
    DNN_I32 = 31,
    DNN_I64 = 32,
    DNN_BOOL = 40 /* one byte, 0 or 1 */
} dnn_dtype;

/* A dtype's name ("float32", as NumPy has it), and its size in bytes; "none" and 0 for a number that is no dtype. */
DNN_API const char *dnn_dtype_name(dnn_dtype dtype);
DNN_API int64_t dnn_dtype_size(dnn_dtype dtype);

/* A dense array described in place: how layers see their operands, and how shapes are handed over (data is then
 * ignored and may be NULL). This struct is pinned: it will not grow. Rank 0 is a scalar; a size of 0 is allowed. */
typedef struct dnn_array {
    void *data;
    dnn_dtype dtype;
    int32_t rank;
    int64_t dims[DNN_MAX_RANK];
} dnn_array;

#ifdef __cplusplus
}
#endif

#endif
