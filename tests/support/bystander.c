#include "support/bystander.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "graph/index.h"
#include "loss/loss_class.h"
#include "optim/optimizer.h"
#include "support/running.h"

/* ---- in the middle of a loop ---- */

#define TRY(call)                                   \
    do {                                            \
        dnn_status status_ = (call);                \
        if (status_ != DNN_OK) return status_;      \
    } while (0)

static void count_remark(void *user, dnn_log_level level, const char *line) {
    (void)level;
    (void)line;
    (*(int64_t *)user)++;
}

static dnn_status make_net(bystander *b) {
    dnn_context *ctx = b->ctx;
    dnn_linear_desc in = {DNN_SIZED(dnn_linear_desc), .in_features = BYSTANDER_FEATURES, .out_features = 8};
    dnn_linear_desc out = {DNN_SIZED(dnn_linear_desc), .in_features = 8, .out_features = BYSTANDER_CLASSES};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = 8};
    TRY(dnn_sequential_create(&b->net, ctx));
    dnn_sequential_add(b->net, "in", b->first = dnn_linear(ctx, &in));
    dnn_sequential_add(b->net, "norm", dnn_batch_norm(ctx, &norm));
    dnn_sequential_add(b->net, "relu", dnn_relu(ctx));
    dnn_sequential_add(b->net, "drop", dnn_dropout(ctx, 0.3));
    dnn_sequential_add(b->net, "out", dnn_linear(ctx, &out));
    return dnn_module_error(b->net);
}

/* Sample i is of class i mod 3, whose feature (and one more) is large. */
static dnn_status make_data(bystander *b) {
    dnn_tensor *x = NULL, *t = NULL;
    dnn_status status = dnn_tensor_create(&x, b->ctx, DNN_F32, DIMS(BYSTANDER_SAMPLES, BYSTANDER_FEATURES));
    if (status == DNN_OK) status = dnn_tensor_create(&t, b->ctx, DNN_I64, DIMS(BYSTANDER_SAMPLES));
    for (int64_t i = 0; status == DNN_OK && i < BYSTANDER_SAMPLES; i++) {
        for (int64_t k = 0; k < BYSTANDER_FEATURES; k++)
            tensor_put(x, i * BYSTANDER_FEATURES + k, (double)((i * 7 + k * 5) % 11) / 11 + 2 * (k == i % 3));
        tensor_put(t, i, (double)(i % BYSTANDER_CLASSES));
    }
    if (status == DNN_OK) status = dnn_dataset_from_tensors(&b->data, x, t);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return status == DNN_OK ? dnn_dataset_get_range(&b->x, &b->target, b->data, 0, BYSTANDER_BATCH) : status;
}

static dnn_status make_optimizer(bystander *b) {
    dnn_adam_desc adam = {DNN_SIZED(dnn_adam_desc), .lr = 0.02, .weight_decay = 0.01};
    TRY(dnn_adamw_create(&b->opt, b->net, &adam));
    TRY(dnn_optimizer_group(b->opt, "*.bias", &(dnn_group_desc){DNN_SIZED(dnn_group_desc), .weight_decay = DNN_ZERO}));
    TRY(dnn_optimizer_clip_norm(b->opt, 0.5));
    return dnn_cross_entropy_create(&b->loss, b->ctx, NULL);
}

static dnn_status forward(bystander *b) {
    TRY(dnn_module_forward(b->net, b->x, &b->y));
    return dnn_loss_evaluate(b->loss, b->y, b->target, NULL, &b->dy);
}

static dnn_status work(bystander *b) {
    for (int i = 0; i < 3; i++) {
        TRY(dnn_optimizer_zero_grad(b->opt));
        TRY(forward(b));
        TRY(dnn_module_backward(b->net, b->dy, NULL));
        if (i < 2) TRY(dnn_optimizer_step(b->opt));
    }
    TRY(dnn_optimizer_set_accumulation(b->opt, 2));
    TRY(dnn_module_freeze(b->net, "norm.weight"));
    TRY(dnn_module_forward(b->first, b->x, &b->first_y));
    return forward(b);
}

dnn_status bystander_start(bystander *b, const dnn_allocator *allocator, int32_t threads) {
    *b = (bystander){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .seed = 7, .threads = threads};
    if (allocator) desc.allocator = *allocator;
    desc.log = (dnn_log_sink){.write = count_remark, .user = &b->remarks};
    TRY(dnn_context_create(&b->ctx, &desc));
    TRY(make_net(b));
    TRY(make_data(b));
    TRY(make_optimizer(b));
    return work(b);
}

void bystander_end(bystander *b) {
    dnn_tensor_release(b->x);
    dnn_tensor_release(b->target);
    dnn_dataset_release(b->data);
    dnn_loss_release(b->loss);
    dnn_optimizer_release(b->opt);
    dnn_module_release(b->net);
    dnn_context_release(b->ctx);
}

/* ---- what is his ---- */

/* FNV-1a. */
static void mix(uint64_t *h, const void *bytes, int64_t n) {
    for (int64_t i = 0; i < n; i++) *h = (*h ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
}

#define MIX(h, value)                                    \
    do {                                                 \
        __typeof__(value) mixed_ = (value);              \
        mix(h, &mixed_, (int64_t)sizeof mixed_);         \
    } while (0)

static void mix_tensor(uint64_t *h, const dnn_tensor *t) {
    MIX(h, (uintptr_t)t);
    if (!t) return;
    MIX(h, (uintptr_t)t->array.data);
    MIX(h, (int)t->storage->zero);
    MIX(h, (uint64_t)t->storage->version);
    mix(h, t->array.data, dnni_bytes(&t->array));
}

static void mix_module(uint64_t *h, const dnni_index *index) {
    for (int64_t i = 0; i < index->n_modules; i++) {
        const dnn_module *m = index->modules[i].module;
        MIX(h, (int)m->training);
        MIX(h, m->forwards);
        MIX(h, m->pending_backwards);
        MIX(h, (uintptr_t)m->runner);
        MIX(h, m->gradient_flags);
        MIX(h, m->memory_budget);
    }
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnni_parameter *p = index->parameters[i].parameter;
        mix_tensor(h, p->value);
        mix_tensor(h, p->gradient);
        MIX(h, (int)p->frozen);
    }
}

static void mix_optimizer(uint64_t *h, const dnn_optimizer *o) {
    for (int64_t i = 0; i < o->n_slots; i++) {
        mix_tensor(h, o->slots[i].steps);
        for (int32_t k = 0; k < DNNI_MOST_STATES; k++) mix_tensor(h, o->slots[i].state[k]);
    }
    for (int64_t i = 0; i < o->n_groups; i++) {
        MIX(h, o->groups[i].lr_factor);
        MIX(h, o->groups[i].weight_decay);
    }
    for (int32_t k = 0; k < DNNI_MOST_STATES; k++) mix_tensor(h, o->shared[k]);
    mix_tensor(h, o->lr);
    mix_tensor(h, o->steps);
    MIX(h, o->weight_decay);
    MIX(h, o->max_norm);
    MIX(h, o->norm);
    MIX(h, o->accumulation);
    MIX(h, o->missteps.many * 2 + o->missteps.none);
}

uint64_t bystander_bits(const bystander *b) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const dnni_index *index;
    if (dnni_index_get(&index, b->net) != DNN_OK) return 0;
    mix_module(&h, index);
    mix_optimizer(&h, b->opt);
    mix_tensor(&h, b->loss->gradient);
    mix_tensor(&h, b->loss->each);
    MIX(&h, (int)b->loss->evaluated);
    mix_tensor(&h, b->x);
    mix_tensor(&h, b->y);
    mix_tensor(&h, b->dy);
    mix_tensor(&h, b->first_y);
    MIX(&h, (uint64_t)b->ctx->next_stream);
    MIX(&h, b->remarks);
    return h;
}

uint64_t bystander_goes_on(bystander *b) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const dnni_index *index;
    assert_int_equal(dnn_module_backward(b->net, b->dy, NULL), DNN_OK);
    assert_int_equal(dnn_module_pending_backwards(b->net), 2);
    assert_int_equal(dnn_optimizer_step(b->opt), DNN_OK);
    assert_int_equal(dnn_module_forward(b->net, b->x, &b->y), DNN_OK);
    assert_int_equal(dnni_index_get(&index, b->net), DNN_OK);
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnn_array *a = &index->parameters[i].parameter->value->array;
        mix(&h, a->data, dnni_bytes(a));
    }
    mix(&h, b->y->array.data, dnni_bytes(&b->y->array));
    return h;
}
