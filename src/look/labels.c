#include "look/labels.h"

/* Whole numbers beyond it are no classes, unless the dataset says so. */
enum { MOST_UNDECLARED = 1 << 16 };

#define LEAST_SHARE 0.1 /* of 1 / classes: below it a class is rare (practice: p_min < 0.1 / K) */

dnn_status dnni_labels_begin(dnni_labels *l, const dnn_dataset *dataset) {
    *l = (dnni_labels){.ctx = dnni_context_of(dataset), .whole = dnni_is_label(dataset->target.dtype)};
    l->declared = l->whole ? dataset->metadata.classes : 0;
    if (l->declared == 0) return DNN_OK;
    return dnni_grow(l->ctx, (void **)&l->counts, &l->capacity, l->declared, sizeof *l->counts);
}

void dnni_labels_free(dnni_labels *l) { dnni_free(l->ctx, l->counts, l->capacity, sizeof *l->counts); }

static int64_t label_at(const dnn_array *batch, int64_t i) {
    switch (batch->dtype) {
    case DNN_U8: return ((const unsigned char *)batch->data)[i];
    case DNN_I32: return ((const int32_t *)batch->data)[i];
    default: return ((const int64_t *)batch->data)[i];
    }
}

dnn_status dnni_labels_take(dnni_labels *l, const dnn_array *batch, int64_t elements) {
    int64_t limit = l->declared > 0 ? l->declared : MOST_UNDECLARED;
    for (int64_t i = 0; l->whole && i < elements; i++) {
        int64_t label = label_at(batch, i);
        l->total++;
        if (label < 0 || label >= limit) {
            l->outside++;
            continue;
        }
        DNNI_TRY(dnni_grow(l->ctx, (void **)&l->counts, &l->capacity, label + 1, sizeof *l->counts));
        l->counts[label]++;
        l->top = dnnk_max(l->top, label + 1);
    }
    return DNN_OK;
}

/* Whether class k is the fewest or the most so far. Of classes that nobody declared, those without a label are none. */
static void weigh(const dnni_labels *l, int64_t k, dnn_classes *c) {
    int64_t n = l->counts[k];
    c->empty += n == 0;
    if (n == 0 && l->declared == 0) return;
    if (c->least < 0 || n < l->counts[c->least]) c->least = k;
    if (c->most < 0 || n > l->counts[c->most]) c->most = k;
}

dnn_classes dnni_labels_classes(const dnni_labels *l) {
    dnn_classes c = {DNN_SIZED(dnn_classes), .counted = l->total, .outside = l->outside, .least = -1, .most = -1};
    bool are_classes = l->whole && (l->declared > 0 || (l->outside == 0 && l->total > 0));
    if (!are_classes) return (dnn_classes){DNN_SIZED(dnn_classes), .least = -1, .most = -1};
    c.classes = l->declared > 0 ? l->declared : l->top;
    for (int64_t k = 0; k < c.classes; k++) weigh(l, k, &c);
    if (l->total == 0) return c;
    c.least_share = (double)l->counts[c.least] / (double)l->total;
    c.most_share = (double)l->counts[c.most] / (double)l->total;
    int64_t present = l->declared > 0 ? c.classes : c.classes - c.empty;
    c.imbalanced = c.least_share < LEAST_SHARE / (double)present;
    return c;
}
