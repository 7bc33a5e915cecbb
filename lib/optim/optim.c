#include "optim/optim.h"

typedef struct {
    dnnk_optim_rule *update;
    dnnk_optim_sum *sum;
    const void *rule;
    const dnnk_segment *segments;
    int64_t count;
    double *partial; /* one for each chunk */
} job;

static int64_t chunks_in(int64_t elements) { return dnnk_ceil_div(elements, DNNK_OPTIM_CHUNK); }

static int64_t number_chunks(dnnk_segment *segments, int64_t count) {
    int64_t chunks = 0;
    for (int64_t i = 0; i < count; i++) {
        segments[i].chunk = chunks;
        chunks += chunks_in(segments[i].count);
    }
    return chunks;
}

/* The last segment that starts at or before the chunk: empty ones start where their successor does. */
static const dnnk_segment *segment_of(const job *j, int64_t chunk) {
    int64_t low = 0, high = j->count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (j->segments[middle].chunk <= chunk)
            low = middle;
        else
            high = middle;
    }
    return j->segments + low;
}

static int64_t begin_of(const dnnk_segment *s, int64_t chunk) { return (chunk - s->chunk) * DNNK_OPTIM_CHUNK; }

static int64_t end_of(const dnnk_segment *s, int64_t chunk) { return dnnk_min(s->count, begin_of(s, chunk + 1)); }

static void update_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_segment *s = segment_of(j, task);
    j->update(j->rule, s, begin_of(s, task), end_of(s, task));
}

static void sum_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_segment *s = segment_of(j, task);
    j->partial[task] = j->sum(j->rule, s, begin_of(s, task), end_of(s, task));
}

/* Many small tensors are many chunks but little work: those stay in the calling thread. */
static dnnk_env lanes_for(const dnnk_env *env, const dnnk_segment *segments, int64_t count) {
    int64_t elements = 0;
    for (int64_t i = 0; i < count; i++) elements += segments[i].count;
    dnnk_env chosen = *env;
    if (elements <= 2 * DNNK_OPTIM_CHUNK) chosen.lanes = 1;
    return chosen;
}

static int64_t run(const dnnk_env *env, job *j, dnnk_segment *segments, dnnk_task *task) {
    int64_t chunks = number_chunks(segments, j->count);
    dnnk_env chosen = lanes_for(env, segments, j->count);
    dnnk_parallel(&chosen, chunks, task, j);
    return chunks;
}

void dnnk_optim_update(const dnnk_env *env, dnnk_type type, dnnk_optim_kind kind, const void *rule,
                       dnnk_segment *segments, int64_t count) {
    job j = {.update = dnnk_optim_kernels(env->isa, type)->update[kind], .rule = rule, .segments = segments,
             .count = count};
    run(env, &j, segments, update_task);
}

int64_t dnnk_optim_norm_workspace(const dnnk_segment *segments, int64_t count) {
    int64_t chunks = 0;
    for (int64_t i = 0; i < count; i++) chunks += chunks_in(segments[i].count);
    return chunks * (int64_t)sizeof(double);
}

/* The chunks' sums, added in their order. */
static double sum_of(const dnnk_env *env, job *j, dnnk_segment *segments) {
    int64_t chunks = run(env, j, segments, sum_task);
    double sum = 0;
    for (int64_t i = 0; i < chunks; i++) sum += j->partial[i];
    return sum;
}

double dnnk_optim_squared_norm(const dnnk_env *env, dnnk_type type, dnnk_segment *segments, int64_t count, void *work) {
    job j = {.sum = dnnk_optim_kernels(env->isa, type)->squared_norm, .segments = segments, .count = count,
             .partial = work};
    return sum_of(env, &j, segments);
}

double dnnk_optim_lamb_norm(const dnnk_env *env, dnnk_type type, const dnnk_lamb *rule, dnnk_segment *segment,
                            void *work) {
    job j = {.sum = dnnk_optim_kernels(env->isa, type)->lamb_norm, .rule = rule, .segments = segment, .count = 1,
             .partial = work};
    return sum_of(env, &j, segment);
}
