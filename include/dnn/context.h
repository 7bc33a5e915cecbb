/* libdnn: the context: memory, log, threads, seed. All other objects are made in one; two contexts never meet.
 *
 * Threads: several threads may make objects in one context at once. Which of them draws which random numbers is then
 * left to chance: for runs that repeat, make modules in one thread. dnn_context_seed is for a time when no other thread
 * uses the context. */
#ifndef DNN_CONTEXT_H
#define DNN_CONTEXT_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where memory comes from. `allocate` returns `bytes` > 0 bytes aligned to `alignment` (a power of two, at most 4096),
 * or NULL; their contents do not matter. `release` takes back what it gave (never NULL), with the same size. Both may
 * be called by several threads at once, and must not call back into the library. Default: aligned memory from the C
 * library. */
typedef struct dnn_allocator {
    void *(*allocate)(void *user, size_t bytes, size_t alignment);
    void (*release)(void *user, void *memory, size_t bytes);
    void *user;
} dnn_allocator;

typedef enum dnn_log_level { DNN_LOG_DEBUG = 10, DNN_LOG_INFO = 20, DNN_LOG_WARNING = 30 } dnn_log_level;

/* Where the library's remarks go: one line, without a newline, lent for the call. May be called by any thread that uses
 * the context. It must not call back into the library. Default: nowhere. */
typedef struct dnn_log_sink {
    void (*write)(void *user, dnn_log_level level, const char *line);
    void *user;
} dnn_log_sink;

/* Where work runs: a parallel-for. `run` calls lane_main(arg, lane) once for each lane in [0, lanes), on any threads
 * and in any order, also one after another, and returns when all have returned. `lanes` is at most the context's
 * thread count. It may be called by several threads at once. Default: a pool of the context's own, which sleeps when
 * idle, and runs a second caller's work in that caller's thread. examples/executor.c adapts a host's pool. */
typedef struct dnn_executor {
    void (*run)(void *user, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes);
    void *user;
} dnn_executor;

/* The instruction set that kernels are chosen from. AUTO: the best that this machine runs. The others are an upper
 * limit, for tests and comparisons; PORTABLE is plain C. */
typedef enum dnn_isa {
    DNN_ISA_AUTO = 0,
    DNN_ISA_PORTABLE = 10,
    DNN_ISA_AVX2 = 20,   /* with FMA */
    DNN_ISA_AVX512 = 30, /* F, DQ, BW, VL */
    DNN_ISA_NEON = 40    /* 64-bit Arm */
} dnn_isa;

typedef struct dnn_context_desc {
    size_t size;
    dnn_allocator allocator; /* default: the C library's; both functions, or neither */
    dnn_log_sink log;        /* default: none */
    dnn_executor executor;   /* default: a pool of the context's own */
    int32_t threads;         /* lanes that work is spread over; default: the processors that this process may run on
                                (its affinity; a container's quota of processor time is not looked at). Results do
                                not depend on it, bit for bit. At most 1024 */
    dnn_isa isa;             /* default: DNN_ISA_AUTO */
    uint64_t seed;           /* of all randomness in this context; default: 0, a seed like any other */
    int32_t no_winograd;     /* 1: float32 convolutions never use Winograd's algorithm, which is faster for 3×3 kernels
                                and rounds 5 to 10 times more coarsely (docs/performance.md). Default: where it is
                                faster */
} dnn_context_desc;

/* Makes a context. `desc` may be NULL: all defaults. Functions and `user` pointers in it are used until the context is
 * freed. Threads of the default pool start here.
 * Errors: DNN_ERROR_ARGUMENT, DNN_ERROR_MEMORY, DNN_ERROR_THREAD; DNN_ERROR_UNSUPPORTED for an instruction set that
 * this machine or this build does not run. */
DNN_API dnn_status dnn_context_create(dnn_context **out, const dnn_context_desc *desc);

/* Gives the caller's hold on the context back. Objects made in it keep it alive; the last one to go frees it, and its
 * threads end then. */
DNN_API dnn_status dnn_context_release(dnn_context *ctx);

/* One line, lent until the context is freed: version, instruction set, GEMM kernels, threads. NULL on a bad handle. */
DNN_API const char *dnn_context_describe(const dnn_context *ctx);

/* The number of lanes that work is spread over; 0 on a bad handle. */
DNN_API int32_t dnn_context_threads(const dnn_context *ctx);

/* Sets the seed, and starts the numbering of random streams anew: what is made from here on draws the same numbers as
 * in a fresh context with that seed. Objects that exist keep their streams. */
DNN_API dnn_status dnn_context_seed(dnn_context *ctx, uint64_t seed);

#ifdef __cplusplus
}
#endif

#endif
