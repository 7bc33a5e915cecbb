#include "loss/loss.h"

#include "loss/loss_class.h"

typedef struct {
    dnn_loss loss;
    dnni_loss_weights pos_weight;
} bce;

static const bce *of(const dnn_loss *loss) { return (const bce *)loss; }

static dnn_status shape(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, dnn_array *each) {
    DNNI_TRY(dnni_pair_shape(loss, y, target, each));
    int64_t weights = of(loss)->pos_weight.count;
    if (weights <= 1 || (y->rank > 0 && y->dims[y->rank - 1] == weights)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE,
                      "the loss has %lld positive weights, one for each place on y's last axis; y is %s",
                      (long long)weights, dnni_array_shape(y).text);
}

static double run(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, double scale, void *each,
                  void *gradient) {
    const dnni_loss_weights *w = &of(loss)->pos_weight;
    int64_t count = dnni_count(y), cols = w->count;
    if (cols == 0)
        return dnnk_pair_loss_run(dnni_loss_env(loss), dnni_type(y->dtype), DNNK_BCE_LOGITS, 0, scale, count, y->data,
                                  target->data, each, gradient);
    return dnnk_bce_logits_run(dnni_loss_env(loss), dnni_type(y->dtype), scale, count / cols, cols, y->data,
                               target->data, dnni_loss_weights_of(w, y->dtype), each, gradient);
}

static void release(dnn_loss *loss) { dnni_loss_weights_free(&((bce *)loss)->pos_weight, loss->base.ctx); }

static const dnni_loss_class bce_class = {.type = "bce_with_logits", .shape = shape, .run = run, .release = release};

dnn_status dnn_bce_with_logits_create(dnn_loss **out, dnn_context *ctx, const dnn_bce_with_logits_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_bce_with_logits_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    bce *b = dnni_loss_new(ctx, &bce_class, sizeof *b, d.reduction);
    if (!b) return dnn_last_status();
    dnn_status status = dnni_loss_weights_copy(&b->pos_weight, ctx, d.pos_weight, d.n_pos_weight, "pos_weight");
    if (status == DNN_OK) *out = &b->loss;
    else dnn_loss_release(&b->loss);
    return status;
}
