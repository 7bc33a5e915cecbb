/* What both attention layers share: key masks. */
#ifndef DNNI_LAYERS_ATTENTION_H
#define DNNI_LAYERS_ATTENTION_H

#include "attention/attention.h"
#include "layers/layer.h"

/* Between `least` and `least + 1` inputs, all of one real type but for the last, a key mask (N, keys), if it is
 * there. */
dnn_status dnni_expect_attention_inputs(const dnn_layer_call *call, int32_t least);
dnn_status dnni_expect_key_mask(const dnn_layer_call *call, int32_t input, int64_t batch, int64_t keys);

/* Writes the mask, if that input is there, into `a`. */
void dnni_set_key_mask(const dnn_layer_call *call, int32_t input, dnnk_attention *a);

/* dL/d mask, NULL where it is not wanted. In backward only. */
static inline void *dnni_mask_gradient(const dnn_layer_call *call, int32_t input) {
    return input < call->n_inputs && call->inputs[input].dtype != DNN_BOOL ? call->input_gradients[input].data : NULL;
}

/* Multiplications and additions of the scores and of the weighed values; half of them, if causal. */
double dnni_attention_flops(const dnnk_attention *a);

#endif
