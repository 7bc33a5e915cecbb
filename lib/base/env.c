#include "base/env.h"

#include <stdatomic.h>

typedef struct {
    dnnk_task *task;
    void *arg;
    int64_t tasks;
    _Atomic int64_t next;
} work;

/* Each lane takes the next task that nobody has taken, until none is left. */
static void drain(void *arg, int64_t lane) {
    work *w = arg;
    for (;;) {
        int64_t t = atomic_fetch_add_explicit(&w->next, 1, memory_order_relaxed);
        if (t >= w->tasks) return;
        w->task(w->arg, t, lane);
    }
}

void dnnk_parallel(const dnnk_env *env, int64_t tasks, dnnk_task *task, void *arg) {
    int64_t lanes = dnnk_min(env->lanes, tasks);
    if (lanes <= 1 || !env->run_lanes) {
        for (int64_t t = 0; t < tasks; t++) task(arg, t, 0);
        return;
    }
    work w = {.task = task, .arg = arg, .tasks = tasks, .next = 0};
    env->run_lanes(env->pool, drain, &w, lanes);
}

dnnk_env dnnk_serial(dnnk_isa isa) { return (dnnk_env){.run_lanes = NULL, .pool = NULL, .lanes = 1, .isa = isa}; }

dnnk_isa dnnk_best_isa(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return DNNK_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return DNNK_AVX2;
    return DNNK_PORTABLE;
#elif defined(__aarch64__)
    return DNNK_NEON;
#else
    return DNNK_PORTABLE;
#endif
}

const char *dnnk_isa_name(dnnk_isa isa) {
#if defined(__aarch64__)
    static const char *const names[DNNK_ISAS] = {"portable", "neon", "avx512"};
#else
    static const char *const names[DNNK_ISAS] = {"portable", "avx2", "avx512"};
#endif
    return isa >= 0 && isa < DNNK_ISAS ? names[isa] : "unknown";
}
