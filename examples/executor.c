/* libdnn on the host's threads: an adapter from a host's own pool to dnn_executor. The library then starts no thread, and
 * the result is the same, bit for bit, as with its own pool or with one thread. */
#include <dnn/dnn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define TRY(call)                                                \
    do {                                                         \
        if ((call) != DNN_OK) {                                  \
            fprintf(stderr, "%s\n", dnn_last_error());           \
            return 1;                                            \
        }                                                        \
    } while (0)

/* ---- a host's pool, as small as one can be: it runs "job(arg, i) for i in [0, n)" ---- */

enum { WORKERS = 3 };

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*job)(void *arg, int64_t i);
    void *arg;
    int64_t next, n, unfinished;
    int stopping;
    pthread_t threads[WORKERS];
    long jobs; /* how many came in */
} host_pool;

/* Runs one item, if there is one left; the lock is held on entry and on return. */
static int run_one(host_pool *pool) {
    if (pool->next >= pool->n) return 0;
    int64_t i = pool->next++;
    pthread_mutex_unlock(&pool->lock);
    pool->job(pool->arg, i);
    pthread_mutex_lock(&pool->lock);
    if (--pool->unfinished == 0) pthread_cond_broadcast(&pool->changed);
    return 1;
}

static void *host_worker(void *user) {
    host_pool *pool = user;
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping)
        if (!run_one(pool)) pthread_cond_wait(&pool->changed, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void host_parallel_for(host_pool *pool, void (*job)(void *arg, int64_t i), void *arg, int64_t n) {
    pthread_mutex_lock(&pool->lock);
    pool->job = job;
    pool->arg = arg;
    pool->next = 0;
    pool->n = pool->unfinished = n;
    pool->jobs++;
    pthread_cond_broadcast(&pool->changed);
    while (run_one(pool)) continue;
    while (pool->unfinished > 0) pthread_cond_wait(&pool->changed, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void host_start(host_pool *pool) {
    memset(pool, 0, sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    for (int i = 0; i < WORKERS; i++) pthread_create(&pool->threads[i], NULL, host_worker, pool);
}

static void host_stop(host_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->stopping = 1;
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < WORKERS; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
}

/* ---- the adapter: all there is to write ---- */

static void run_lanes(void *user, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes) {
    host_parallel_for(user, lane_main, arg, lanes);
}

/* ---- the same short training in any context; the last loss, which must not depend on where it ran ---- */

static int train(const dnn_context_desc *desc, double *value) {
    dnn_context *ctx;
    TRY(dnn_context_create(&ctx, desc));
    printf("%s\n", dnn_context_describe(ctx));
    dnn_module *net;
    TRY(dnn_sequential_create(&net, ctx));
    dnn_sequential_add(net, "in", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 64, .out_features = 256}));
    dnn_sequential_add(net, "relu", dnn_relu(ctx));
    dnn_sequential_add(net, "out", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 256, .out_features = 10}));
    TRY(dnn_module_error(net));
    dnn_tensor *x, *target;
    TRY(dnn_tensor_create(&x, ctx, DNN_F32, 2, (int64_t[]){128, 64}));
    TRY(dnn_tensor_fill(x, &(dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1}));
    TRY(dnn_tensor_create(&target, ctx, DNN_I64, 1, (int64_t[]){128}));
    for (int64_t i = 0; i < 128; i++) TRY(dnn_tensor_set(target, 1, &i, (double)(i % 10)));
    dnn_loss *loss;
    dnn_optimizer *opt;
    TRY(dnn_cross_entropy_create(&loss, ctx, NULL));
    TRY(dnn_sgd_create(&opt, net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = 0.1, .momentum = 0.9}));
    for (int step = 0; step < 50; step++) {
        const dnn_tensor *y, *dy;
        TRY(dnn_optimizer_zero_grad(opt));
        TRY(dnn_module_forward(net, x, &y));
        TRY(dnn_loss_evaluate(loss, y, target, value, &dy));
        TRY(dnn_module_backward(net, dy, NULL));
        TRY(dnn_optimizer_step(opt));
    }
    dnn_optimizer_release(opt);
    dnn_loss_release(loss);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    dnn_module_release(net);
    dnn_context_release(ctx);
    return 0;
}

int main(void) {
    host_pool pool;
    host_start(&pool);
    double one = 0, own = 0, hosts = 0;
    dnn_context_desc single = {DNN_SIZED(dnn_context_desc), .threads = 1};
    dnn_context_desc library = {DNN_SIZED(dnn_context_desc), .threads = 2};
    dnn_context_desc host = {DNN_SIZED(dnn_context_desc), .threads = 1 + WORKERS, .executor = {run_lanes, &pool}};
    int failed = train(&single, &one) || train(&library, &own) || train(&host, &hosts);
    long jobs = pool.jobs;
    host_stop(&pool);
    printf("loss %.17g, %.17g, %.17g; the host's pool ran %ld jobs\n", one, own, hosts, jobs);
    return failed || one != own || one != hosts || jobs == 0;
}
