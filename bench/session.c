#define _POSIX_C_SOURCE 200809L /* posix_memalign */
#include "session.h"

#include <stdlib.h>

#define TRY(call)                                 \
    do {                                          \
        dnn_status status_ = (call);              \
        if (status_ != DNN_OK) return status_;    \
    } while (0)

static void *allocate(void *user, size_t bytes, size_t alignment) {
    atomic_fetch_add((_Atomic int64_t *)user, 1);
    void *memory = NULL;
    return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, bytes) == 0 ? memory : NULL;
}

static void release(void *user, void *memory, size_t bytes) {
    (void)user, (void)bytes;
    free(memory);
}

/* A number from 0 … 2³² - 1 for each i: Weyl's sequence, scrambled (Steele, Lea and Flood 2014). */
static uint64_t scrambled(uint64_t i) {
    uint64_t z = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) >> 32;
}

/* Real numbers in [-1, 1), or numbers below `classes`. */
static void fill(dnn_tensor *tensor, int64_t classes, uint64_t seed) {
    int64_t n = dnn_tensor_count(tensor);
    void *data = dnn_tensor_data(tensor);
    for (int64_t i = 0; i < n; i++) {
        uint64_t number = scrambled(seed + (uint64_t)i);
        if (dnn_tensor_dtype(tensor) == DNN_F32) ((float *)data)[i] = (float)((double)number / 2147483648.0 - 1);
        else ((int64_t *)data)[i] = (int64_t)(number % (uint64_t)classes);
    }
}

static dnn_status example(session *s, dnn_tensor **out, const dnn_array *shape, uint64_t seed) {
    TRY(dnn_tensor_create(out, s->ctx, shape->dtype, shape->rank, shape->dims));
    fill(*out, s->network->classes, seed);
    return DNN_OK;
}

dnn_status session_open(session *s, const network *chosen, int32_t threads) {
    *s = (session){.network = chosen};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = threads, .seed = 1};
    desc.allocator = (dnn_allocator){allocate, release, &s->allocations};
    TRY(dnn_context_create(&s->ctx, &desc));
    s->net = chosen->build(s->ctx);
    if (!s->net) return dnn_last_status();
    TRY(dnn_module_error(s->net));
    TRY(dnn_cross_entropy_create(&s->loss, s->ctx, NULL));
    TRY(chosen->optimizer(&s->optimizer, s->net));
    TRY(dnn_predictor_create(&s->predictor, s->net));
    TRY(example(s, &s->input, &chosen->input, 0));
    return example(s, &s->target, &chosen->target, UINT64_C(1) << 32);
}

void session_close(session *s) {
    dnn_tensor_release(s->target);
    dnn_tensor_release(s->input);
    dnn_predictor_release(s->predictor);
    dnn_monitor_release(s->monitor);
    dnn_optimizer_release(s->optimizer);
    dnn_loss_release(s->loss);
    dnn_module_release(s->net);
    dnn_context_release(s->ctx);
}

dnn_status session_watch(session *s, bool watched) {
    dnn_monitor_release(s->monitor);
    s->monitor = NULL;
    return watched ? dnn_monitor_create(&s->monitor, s->net, s->optimizer, NULL) : DNN_OK;
}

dnn_status session_train(session *s) {
    const dnn_tensor *y, *dy, *x = s->input;
    TRY(dnn_optimizer_zero_grad(s->optimizer));
    TRY(dnn_module_forward(s->net, s->input, &y));
    TRY(dnn_loss_evaluate(s->loss, y, s->target, &s->value, &dy));
    TRY(dnn_module_backward(s->net, dy, NULL));
    if (s->monitor) TRY(dnn_monitor_step_n(s->monitor, s->value, &x, 1));
    return dnn_optimizer_step(s->optimizer);
}

dnn_status session_predict(session *s, const dnn_tensor **y) { return dnn_predictor_run(s->predictor, s->input, y); }
