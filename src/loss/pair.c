/* Losses between y and a target of the same shape, number by number: MSE, L1, Huber. */
#include "loss/loss.h"

#include <math.h>

#include "loss/loss_class.h"

typedef struct {
    dnn_loss loss;
    double delta; /* Huber's */
} pair_loss;

dnn_status dnni_pair_shape(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, dnn_array *each) {
    (void)loss;
    *each = *y;
    if (target->dtype != y->dtype)
        return dnni_error(DNN_ERROR_DTYPE, "target is %s, y is %s: they must be of one type (dnn_tensor_cast converts)",
                          dnn_dtype_name(target->dtype), dnn_dtype_name(y->dtype));
    if (dnni_same_shape(target, y)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "target is %s, y is %s: nothing broadcasts%s", dnni_array_shape(target).text,
                      dnni_array_shape(y).text,
                      dnni_count(target) == dnni_count(y) ? ", dnn_tensor_reshape gives the target y's shape" : "");
}

static double run(dnnk_pair_loss kind, const dnn_loss *loss, const dnn_array *y, const dnn_array *target, double scale,
                  void *each, void *gradient) {
    return dnnk_pair_loss_run(dnni_loss_env(loss), dnni_type(y->dtype), kind, ((const pair_loss *)loss)->delta, scale,
                              dnni_count(y), y->data, target->data, each, gradient);
}

#define PAIR_CLASS(name, kind)                                                                                    \
    static double name##_run(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, double scale,     \
                             void *each, void *gradient) {                                                        \
        return run(kind, loss, y, target, scale, each, gradient);                                                 \
    }                                                                                                             \
    static const dnni_loss_class name##_class = {.type = #name, .shape = dnni_pair_shape, .run = name##_run};

PAIR_CLASS(mse, DNNK_MSE)
PAIR_CLASS(l1, DNNK_L1)
PAIR_CLASS(huber, DNNK_HUBER)

static dnn_status create(dnn_loss **out, dnn_context *ctx, const dnni_loss_class *loss_class, dnn_reduction reduction,
                         double delta) {
    pair_loss *p = dnni_loss_new(ctx, loss_class, sizeof *p, reduction);
    if (!p) return dnn_last_status();
    p->delta = delta;
    *out = &p->loss;
    return DNN_OK;
}

static dnn_status create_plain(dnn_loss **out, dnn_context *ctx, const dnni_loss_class *loss_class,
                               const dnn_pair_loss_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_pair_loss_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    return create(out, ctx, loss_class, d.reduction, 1);
}

dnn_status dnn_mse_create(dnn_loss **out, dnn_context *ctx, const dnn_pair_loss_desc *desc) {
    return create_plain(out, ctx, &mse_class, desc);
}

dnn_status dnn_l1_create(dnn_loss **out, dnn_context *ctx, const dnn_pair_loss_desc *desc) {
    return create_plain(out, ctx, &l1_class, desc);
}

dnn_status dnn_huber_create(dnn_loss **out, dnn_context *ctx, const dnn_huber_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_huber_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    double delta = d.delta == 0 ? 1 : d.delta;
    DNNI_REQUIRE(isfinite(delta) && delta > 0, "desc.delta is %g, it must be finite and above 0", delta);
    return create(out, ctx, &huber_class, d.reduction, delta);
}
