#include "loss/loss.h"

#include <math.h>

#include "loss/loss_class.h"

typedef struct {
    dnn_loss loss;
    dnni_loss_weights class_weights;
    double label_smoothing;
    bool has_ignore_index;
    int64_t ignore_index;
} cross_entropy;

static const cross_entropy *of(const dnn_loss *loss) { return (const cross_entropy *)loss; }

/* ---- shapes ---- */

/* y's shape without its last axis: one number for each row. */
static dnn_array rows_of(const dnn_array *y) { return dnni_array(y->dtype, y->rank - 1, y->dims); }

static dnn_status check_labels(const dnn_array *y, const dnn_array *target) {
    dnn_array rows = rows_of(y);
    if (dnni_same_shape(target, &rows)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "target is %s %s, y is %s: class numbers have shape %s%s",
                      dnn_dtype_name(target->dtype), dnni_array_shape(target).text, dnni_array_shape(y).text,
                      dnni_array_shape(&rows).text,
                      dnni_same_shape(target, y) ? ", distributions over the classes have y's shape and type" : "");
}

static dnn_status check_distributions(const dnn_array *y, const dnn_array *target) {
    if (target->dtype == y->dtype && dnni_same_shape(target, y)) return DNN_OK;
    dnn_array rows = rows_of(y);
    return dnni_error(target->dtype == y->dtype ? DNN_ERROR_SHAPE : DNN_ERROR_DTYPE,
                      "target is %s %s, y is %s %s: class numbers are uint8, int32 or int64 %s, distributions %s %s",
                      dnn_dtype_name(target->dtype), dnni_array_shape(target).text, dnn_dtype_name(y->dtype),
                      dnni_array_shape(y).text, dnni_array_shape(&rows).text, dnn_dtype_name(y->dtype),
                      dnni_array_shape(y).text);
}

static dnn_status shape(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, dnn_array *each) {
    if (y->rank == 0) return dnni_error(DNN_ERROR_SHAPE, "y is a scalar, cross-entropy takes logits [N,…,classes]");
    int64_t weights = of(loss)->class_weights.count, classes = y->dims[y->rank - 1];
    if (weights > 0 && weights != classes)
        return dnni_error(DNN_ERROR_SHAPE, "y has %lld classes (shape %s), the loss has %lld class weights",
                          (long long)classes, dnni_array_shape(y).text, (long long)weights);
    DNNI_TRY(dnni_is_label(target->dtype) ? check_labels(y, target) : check_distributions(y, target));
    *each = rows_of(y);
    return DNN_OK;
}

/* ---- running ---- */

static dnnk_target_type target_type(dnn_dtype dtype) {
    switch (dtype) {
    case DNN_U8: return DNNK_TARGET_U8;
    case DNN_I32: return DNNK_TARGET_I32;
    case DNN_I64: return DNNK_TARGET_I64;
    default: return DNNK_TARGET_SOFT;
    }
}

static dnnk_cross_entropy kernel_of(const dnn_loss *loss, const dnn_array *y, const dnn_array *target) {
    const cross_entropy *c = of(loss);
    return (dnnk_cross_entropy){
        .rows = dnni_product(y->dims, 0, y->rank - 1),
        .classes = y->dims[y->rank - 1],
        .target_type = target_type(target->dtype),
        .targets = target->data,
        .class_weights = dnni_loss_weights_of(&c->class_weights, y->dtype),
        .label_smoothing = c->label_smoothing,
        .has_ignore_index = c->has_ignore_index,
        .ignore_index = c->ignore_index,
    };
}

static dnn_status values(const dnn_loss *loss, const dnn_array *y, const dnn_array *target) {
    dnnk_cross_entropy kernel = kernel_of(loss, y, target);
    int64_t row = dnnk_cross_entropy_bad_row(&kernel);
    if (row < 0) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "target%s is %.0f: y has %lld classes, numbered from 0%s",
                      target->rank ? dnni_element(target, row).text : "", dnni_load(target->dtype, target->data, row),
                      (long long)kernel.classes,
                      of(loss)->has_ignore_index ? "" : "; rows to be left out need desc.has_ignore_index");
}

static double divisor(const dnn_loss *loss, const dnn_array *y, const dnn_array *target) {
    dnnk_cross_entropy kernel = kernel_of(loss, y, target);
    return dnnk_cross_entropy_weight(dnni_type(y->dtype), &kernel);
}

static double run(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, double scale, void *each,
                  void *gradient) {
    dnnk_cross_entropy kernel = kernel_of(loss, y, target);
    return dnnk_cross_entropy_run(dnni_loss_env(loss), dnni_type(y->dtype), &kernel, scale, y->data, each, gradient);
}

static void release(dnn_loss *loss) {
    dnni_loss_weights_free(&((cross_entropy *)loss)->class_weights, loss->base.ctx);
}

static const dnni_loss_class cross_entropy_class = {
    .type = "cross_entropy",
    .shape = shape,
    .values = values,
    .divisor = divisor,
    .run = run,
    .release = release,
};

dnn_status dnn_cross_entropy_create(dnn_loss **out, dnn_context *ctx, const dnn_cross_entropy_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_cross_entropy_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_REQUIRE(d.label_smoothing >= 0 && d.label_smoothing <= 1, "desc.label_smoothing is %g, it may be 0 to 1",
                 d.label_smoothing);
    cross_entropy *c = dnni_loss_new(ctx, &cross_entropy_class, sizeof *c, d.reduction);
    if (!c) return dnn_last_status();
    c->label_smoothing = d.label_smoothing;
    c->has_ignore_index = d.has_ignore_index != 0;
    c->ignore_index = d.ignore_index;
    dnn_status status =
        dnni_loss_weights_copy(&c->class_weights, ctx, d.class_weights, d.n_class_weights, "class_weights");
    if (status == DNN_OK) *out = &c->loss;
    else dnn_loss_release(&c->loss);
    return status;
}
