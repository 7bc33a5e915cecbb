#include "loss/loss_class.h"

#include <math.h>

/* ---- making ---- */

static void destroy_loss(void *object) {
    dnn_loss *loss = object;
    if (loss->loss_class->release) loss->loss_class->release(loss);
    dnni_tensor_take_back(loss->gradient);
    dnni_tensor_take_back(loss->each);
}

static dnn_status check_reduction(dnn_reduction reduction) {
    DNNI_REQUIRE(reduction == DNN_REDUCTION_MEAN || reduction == DNN_REDUCTION_SUM || reduction == DNN_REDUCTION_NONE,
                 "desc.reduction is %d, which is no reduction", (int)reduction);
    return DNN_OK;
}

void *dnni_loss_new(dnn_context *ctx, const dnni_loss_class *loss_class, int64_t bytes, dnn_reduction reduction) {
    if (dnni_context_check(ctx, "ctx") != DNN_OK || check_reduction(reduction) != DNN_OK) return NULL;
    dnn_loss *loss = dnni_object_new(ctx, DNNI_LOSS, bytes, destroy_loss);
    if (!loss) return NULL;
    loss->loss_class = loss_class;
    loss->reduction = reduction;
    return loss;
}

dnn_status dnn_loss_release(dnn_loss *loss) { return dnni_object_release(loss, DNNI_LOSS, "loss"); }

dnn_status dnni_loss_weights_copy(dnni_loss_weights *to, dnn_context *ctx, const double *from, int64_t count,
                                  const char *name) {
    DNNI_REQUIRE(count >= 0 && !from == (count == 0), "desc.%s is %s, desc.n_%s is %lld", name, from ? "given" : "NULL",
                 name, (long long)count);
    if (count == 0) return DNN_OK;
    for (int64_t i = 0; i < count; i++)
        DNNI_REQUIRE(isfinite(from[i]) && from[i] >= 0, "desc.%s[%lld] is %g: it must be finite and not negative", name,
                     (long long)i, from[i]);
    double *f64 = dnni_alloc(ctx, count, sizeof *f64);
    float *f32 = f64 ? dnni_alloc(ctx, count, sizeof *f32) : NULL;
    if (!f32) {
        dnni_free(ctx, f64, count, sizeof *f64);
        return DNN_ERROR_MEMORY;
    }
    for (int64_t i = 0; i < count; i++) f32[i] = (float)(f64[i] = from[i]);
    *to = (dnni_loss_weights){f64, f32, count};
    return DNN_OK;
}

void dnni_loss_weights_free(dnni_loss_weights *weights, dnn_context *ctx) {
    dnni_free(ctx, weights->f64, weights->count, sizeof *weights->f64);
    dnni_free(ctx, weights->f32, weights->count, sizeof *weights->f32);
}

/* ---- on behalf of others ---- */

void dnni_loss_exchange(dnn_loss *loss, dnni_loss_aside *aside) {
    dnni_loss_aside own = {loss->gradient, loss->each, loss->evaluated};
    loss->gradient = aside->gradient;
    loss->each = aside->each;
    loss->evaluated = aside->evaluated;
    *aside = own;
}

void dnni_loss_aside_free(dnni_loss_aside *aside) {
    dnni_tensor_take_back(aside->gradient);
    dnni_tensor_take_back(aside->each);
    *aside = (dnni_loss_aside){0};
}

/* ---- evaluating ---- */

static dnn_status check_operands(const dnn_loss *loss, const dnn_tensor *y, const dnn_tensor *target) {
    DNNI_TRY(dnni_check(loss, DNNI_LOSS, "loss"));
    DNNI_TRY(dnni_check_tensor(y, "y"));
    DNNI_TRY(dnni_check_tensor(target, "target"));
    DNNI_TRY(dnni_check_same_context(loss, y, "the loss and y"));
    DNNI_TRY(dnni_check_same_context(loss, target, "the loss and target"));
    if (dnni_is_real(y->array.dtype)) return DNN_OK;
    return dnni_error(DNN_ERROR_DTYPE, "y is %s, a loss takes float32 or float64", dnn_dtype_name(y->array.dtype));
}

static bool held_by_loss_alone(const dnn_tensor *t) {
    return atomic_load(&t->base.holders) == 1 && atomic_load(&t->storage->holders) == 1;
}

/* Gives the lent tensor *slot a new dtype and shape: in the memory that it has, where that is large enough and nobody
 * else holds on to it. So the smaller last batch of an epoch allocates nothing. */
static dnn_status fit(dnn_tensor **slot, dnn_context *ctx, const dnn_array *shape) {
    dnn_tensor *t = *slot;
    if (t && t->array.dtype == shape->dtype && dnni_same_shape(&t->array, shape)) return DNN_OK;
    if (t && t->storage->bytes >= dnni_bytes(shape) && held_by_loss_alone(t)) {
        t->array = *shape;
        t->array.data = t->storage->data;
        return DNN_OK;
    }
    dnn_tensor *fresh;
    DNNI_TRY(dnni_tensor_like(&fresh, ctx, shape));
    dnni_tensor_lend(fresh);
    dnni_tensor_take_back(t);
    *slot = fresh;
    return DNN_OK;
}

static double divisor_of(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, const dnn_array *each) {
    if (loss->reduction != DNN_REDUCTION_MEAN) return 1;
    return loss->loss_class->divisor ? loss->loss_class->divisor(loss, y, target) : (double)dnni_count(each);
}

/* Runs the class, with its operands checked and room made. A divisor of 0 makes the value NaN, and the gradient 0. */
static double run(dnn_loss *loss, const dnn_array *y, const dnn_array *target, const dnn_array *each, bool wants_dy) {
    double divisor = divisor_of(loss, y, target, each), scale = divisor > 0 ? 1 / divisor : 0;
    void *values = loss->reduction == DNN_REDUCTION_NONE ? loss->each->array.data : NULL;
    void *gradient = wants_dy ? loss->gradient->array.data : NULL;
    double sum = loss->loss_class->run(loss, y, target, scale, values, gradient);
    return divisor > 0 ? sum / divisor : (double)NAN;
}

static dnn_status check_fit(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, dnn_array *each) {
    const dnni_loss_class *c = loss->loss_class;
    dnn_status status = c->shape(loss, y, target, each);
    if (status == DNN_OK && c->values) status = c->values(loss, y, target);
    if (status != DNN_OK) dnni_error_prefix(c->type);
    return status;
}

dnn_status dnn_loss_evaluate(dnn_loss *loss, const dnn_tensor *y, const dnn_tensor *target, double *value,
                             const dnn_tensor **dy) {
    if (dy) *dy = NULL;
    DNNI_TRY(check_operands(loss, y, target));
    dnn_array each;
    DNNI_TRY(check_fit(loss, &y->array, &target->array, &each));
    if (loss->reduction == DNN_REDUCTION_NONE) DNNI_TRY(fit(&loss->each, loss->base.ctx, &each));
    if (dy) DNNI_TRY(fit(&loss->gradient, loss->base.ctx, &y->array));
    double result = run(loss, &y->array, &target->array, &each, dy != NULL);
    loss->evaluated = true;
    if (value) *value = result;
    if (dy) *dy = loss->gradient;
    return DNN_OK;
}

dnn_status dnn_loss_values(dnn_loss *loss, const dnn_tensor **values) {
    DNNI_REQUIRE(values, "values is NULL");
    *values = NULL;
    DNNI_TRY(dnni_check(loss, DNNI_LOSS, "loss"));
    if (loss->reduction != DNN_REDUCTION_NONE)
        return dnni_error(DNN_ERROR_STATE, "this loss keeps no values: create it with DNN_REDUCTION_NONE");
    if (!loss->evaluated) return dnni_error(DNN_ERROR_STATE, "this loss has not been evaluated");
    *values = loss->each;
    return DNN_OK;
}
