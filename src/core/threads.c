#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#endif
#include "core/threads.h"

#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#else
#define RELAX() ((void)0)
#endif

/* How long a thread looks for what it waits for before it sleeps: kernels of one step follow each other within
 * microseconds, waking a sleeper takes tens of them. No host notices. In nanoseconds, because a pause takes 40 cycles
 * on one processor and 140 on another. */
enum { PATIENCE = 50000, LOOKS = 32 };

typedef struct {
    dnni_threads *pool;
    pthread_t thread;
    int64_t lane;
} worker;

struct dnni_threads {
    pthread_mutex_t busy; /* held while a job runs */
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    _Atomic uint64_t job; /* counts jobs; a change is the call to work */
    _Atomic int64_t running;
    bool stopping;
    int64_t sleepers;
    void (*lane_main)(void *arg, int64_t lane);
    void *arg;
    int64_t lanes;
    int64_t workers, capacity;
    worker worker[];
};

static int64_t pool_bytes(int64_t workers) {
    return (int64_t)sizeof(dnni_threads) + workers * (int64_t)sizeof(worker);
}

static int64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool new_job(const dnni_threads *pool, uint64_t seen) {
    return atomic_load_explicit(&pool->job, memory_order_acquire) != seen;
}

static bool all_done(const dnni_threads *pool, uint64_t unused) {
    (void)unused;
    return atomic_load_explicit(&pool->running, memory_order_acquire) == 0;
}

/* Looks, for a while, whether `happened`. */
static bool look_out(const dnni_threads *pool, bool (*happened)(const dnni_threads *pool, uint64_t seen),
                     uint64_t seen) {
    int64_t until = nanoseconds() + PATIENCE;
    do {
        for (int i = 0; i < LOOKS; i++) {
            if (happened(pool, seen)) return true;
            RELAX();
        }
    } while (nanoseconds() < until);
    return false;
}

/* Waits for a job newer than `seen`. */
static uint64_t await_job(dnni_threads *pool, uint64_t seen) {
    if (look_out(pool, new_job, seen)) return atomic_load_explicit(&pool->job, memory_order_acquire);
    pthread_mutex_lock(&pool->lock);
    pool->sleepers++;
    while (!new_job(pool, seen)) pthread_cond_wait(&pool->wake, &pool->lock);
    pool->sleepers--;
    pthread_mutex_unlock(&pool->lock);
    return atomic_load_explicit(&pool->job, memory_order_acquire);
}

static void finish_lane(dnni_threads *pool) {
    if (atomic_fetch_sub_explicit(&pool->running, 1, memory_order_acq_rel) > 1) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *arg) {
    worker *self = arg;
    dnni_threads *pool = self->pool;
    uint64_t seen = 0;
    for (;;) {
        seen = await_job(pool, seen);
        if (pool->stopping) return NULL;
        if (self->lane < pool->lanes) pool->lane_main(pool->arg, self->lane);
        finish_lane(pool);
    }
}

/* Every worker answers every job, so that none can miss one and mistake a later one for it. */
static void announce(dnni_threads *pool) {
    atomic_store_explicit(&pool->running, pool->workers, memory_order_relaxed);
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add_explicit(&pool->job, 1, memory_order_release);
    if (pool->sleepers > 0) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void await_workers(dnni_threads *pool) {
    if (look_out(pool, all_done, 0)) return;
    pthread_mutex_lock(&pool->lock);
    while (!all_done(pool, 0)) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void dnni_threads_run(void *user, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes) {
    dnni_threads *pool = user;
    if (lanes <= 1 || pthread_mutex_trylock(&pool->busy) != 0) {
        for (int64_t lane = 0; lane < lanes; lane++) lane_main(arg, lane);
        return;
    }
    pool->lane_main = lane_main;
    pool->arg = arg;
    pool->lanes = lanes;
    announce(pool);
    lane_main(arg, 0);
    await_workers(pool);
    pthread_mutex_unlock(&pool->busy);
}

static bool start_worker(dnni_threads *pool, int64_t i) {
    pool->worker[i] = (worker){.pool = pool, .lane = i + 1};
    if (pthread_create(&pool->worker[i].thread, NULL, worker_main, &pool->worker[i]) != 0) return false;
    pool->workers++;
    return true;
}

dnni_threads *dnni_threads_start(dnn_context *ctx, int64_t lanes) {
    int64_t capacity = lanes - 1;
    dnni_threads *pool = dnni_alloc(ctx, 1, pool_bytes(capacity));
    if (!pool) return NULL;
    pool->capacity = capacity;
    pthread_mutex_init(&pool->busy, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (int64_t i = 0; i < capacity; i++) {
        if (start_worker(pool, i)) continue;
        dnni_threads_stop(ctx, pool);
        dnni_error(DNN_ERROR_THREAD, "thread %lld of %lld could not be started", (long long)i + 2, (long long)lanes);
        return NULL;
    }
    return pool;
}

void dnni_threads_stop(dnn_context *ctx, dnni_threads *pool) {
    if (!pool) return;
    pool->stopping = true;
    announce(pool);
    for (int64_t i = 0; i < pool->workers; i++) pthread_join(pool->worker[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->busy);
    dnni_free(ctx, pool, 1, pool_bytes(pool->capacity));
}

int32_t dnni_processors(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        if (count > 0) return count;
    }
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > 1024 ? 1024 : (int32_t)online;
}
