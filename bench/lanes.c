#include "lanes.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct {
    lanes *pool;
    int64_t lane;
    pthread_t thread;
} worker;

struct lanes {
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    int64_t count, running, wanted, round;
    bool stop;
    void (*lane_main)(void *arg, int64_t lane);
    void *arg;
    worker workers[];
};

static void *work(void *arg) {
    worker *w = arg;
    lanes *p = w->pool;
    int64_t seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->round == seen && !p->stop) pthread_cond_wait(&p->start, &p->lock);
        if (p->stop) break;
        seen = p->round;
        if (w->lane >= p->wanted) continue;
        pthread_mutex_unlock(&p->lock);
        p->lane_main(p->arg, w->lane);
        pthread_mutex_lock(&p->lock);
        if (--p->running == 0) pthread_cond_signal(&p->done);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void run_lanes(void *pool, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t count) {
    lanes *p = pool;
    pthread_mutex_lock(&p->lock);
    p->lane_main = lane_main, p->arg = arg, p->wanted = count, p->running = count - 1;
    p->round++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    lane_main(arg, 0);
    pthread_mutex_lock(&p->lock);
    while (p->running > 0) pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

lanes *lanes_create(int64_t count) {
    lanes *p = calloc(1, sizeof *p + (size_t)count * sizeof(worker));
    if (!p) return NULL;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->done, NULL);
    for (p->count = 1; p->count < count; p->count++) {
        worker *w = &p->workers[p->count];
        *w = (worker){.pool = p, .lane = p->count};
        if (pthread_create(&w->thread, NULL, work, w) == 0) continue;
        lanes_release(p);
        return NULL;
    }
    return p;
}

void lanes_release(lanes *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    for (int64_t i = 1; i < p->count; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->start);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

dnnk_env lanes_env(lanes *pool, dnnk_isa isa) {
    dnnk_env env = dnnk_serial(isa);
    if (!pool) return env;
    env.run_lanes = run_lanes, env.pool = pool, env.lanes = pool->count;
    return env;
}
