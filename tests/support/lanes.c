#include "support/lanes.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct {
    void (*lane_main)(void *arg, int64_t lane);
    void *arg;
    int64_t lane;
} start;

static void *thread_main(void *arg) {
    start *s = arg;
    s->lane_main(s->arg, s->lane);
    return NULL;
}

static void run_lanes(void *pool, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes) {
    (void)pool;
    pthread_t thread[TEST_LANES_MAX];
    start s[TEST_LANES_MAX];
    for (int64_t i = 0; i < lanes; i++) {
        s[i] = (start){.lane_main = lane_main, .arg = arg, .lane = i};
        if (i > 0 && pthread_create(&thread[i], NULL, thread_main, &s[i]) != 0) abort();
    }
    lane_main(arg, 0);
    for (int64_t i = 1; i < lanes; i++) pthread_join(thread[i], NULL);
}

dnnk_env test_lanes(int64_t lanes, dnnk_isa isa) {
    dnnk_env env = dnnk_serial(isa);
    env.run_lanes = run_lanes;
    env.lanes = lanes;
    return env;
}
