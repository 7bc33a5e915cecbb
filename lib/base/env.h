/* The ground floor: what every kernel is handed besides its operands.
 *
 * Kernels know plain pointers, sizes and strides. They never allocate, never print, never fail except by the word
 * "not supported", and own no state. Two things come from above: where to run (lanes) and how (instruction set).
 *
 * Lanes. `run_lanes(pool, lane_main, arg, lanes)` calls lane_main(arg, lane) once for each lane in [0, lanes), on as
 * many threads as it likes, one thread included, in any order, and returns when all have returned. A lane number is
 * therefore never in use twice at once, so scratch memory can be cut by lane.
 *
 * Determinism. Work is cut into tasks by the size of the problem alone, never by the number of lanes. Which lane runs
 * a task is left to chance; what a task computes must not depend on it. Partial sums are combined in task order.
 */
#ifndef DNNK_ENV_H
#define DNNK_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum dnnk_type { DNNK_F32 = 0, DNNK_F64 = 1, DNNK_TYPES = 2 } dnnk_type;

/* Ordered: a machine that runs one runs all below it, on its own architecture. PORTABLE is plain C and the reference.
 * The first step is AVX2 on x86-64 and NEON on 64-bit Arm, where every compiler uses it in plain C too: there the step
 * is from our own GEMM kernel to BLIS's. */
typedef enum dnnk_isa { DNNK_PORTABLE = 0, DNNK_AVX2 = 1, DNNK_NEON = 1, DNNK_AVX512 = 2, DNNK_ISAS = 3 } dnnk_isa;

typedef struct dnnk_env {
    void (*run_lanes)(void *pool, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes);
    void *pool;
    int64_t lanes; /* at least 1 */
    dnnk_isa isa;
} dnnk_env;

/* A piece of work: task numbers run from 0 to tasks - 1; lane is for scratch memory only. */
typedef void dnnk_task(void *arg, int64_t task, int64_t lane);

/* Runs every task once and returns when all are done. One task, or one lane, runs in the caller's thread. */
void dnnk_parallel(const dnnk_env *env, int64_t tasks, dnnk_task *task, void *arg);

/* An environment that runs everything in the calling thread. */
dnnk_env dnnk_serial(dnnk_isa isa);

/* The best instruction set that this machine (and this build) runs. */
dnnk_isa dnnk_best_isa(void);

const char *dnnk_isa_name(dnnk_isa isa);

static inline int64_t dnnk_size(dnnk_type type) { return type == DNNK_F64 ? 8 : 4; }
static inline int64_t dnnk_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t dnnk_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t dnnk_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t dnnk_round_up(int64_t a, int64_t b) { return dnnk_ceil_div(a, b) * b; }

#endif
