/* Layers that have a weight and a bias, perhaps. */
#ifndef DNNI_LAYERS_WEIGHTS_H
#define DNNI_LAYERS_WEIGHTS_H

#include "gemm/gemm.h"
#include "layers/layer.h"

/* What the caller chose, or the layer's own where there is no choice (NULL, or DNN_INIT_DEFAULT). */
const dnn_init *dnni_chosen_init(const dnn_init *chosen, const dnn_init *own);

/* Declares weight, of that shape (out, …, in), and, unless `no_bias`, bias (out). Their own starting values are
 * PyTorch's for linear layers and convolutions: U(-r, r), r = 1/√fan_in, fan_in = product of dims[1..]. It is Kaiming
 * uniform with a = √5, whose gain is √(2/(1+5)), and the same bound for the bias. A failure is kept by the module. */
void dnni_add_weight_and_bias(dnn_module *m, int32_t rank, const int64_t *dims, const dnn_init *weight_init,
                              const dnn_init *bias_init, bool no_bias);

/* Parameter i, and its gradient; NULL where the layer was made without it, or it is frozen. */
static inline const void *dnni_parameter_data(const dnn_layer_call *call, int32_t i) {
    return i < call->n_parameters ? call->parameters[i].data : NULL;
}
static inline void *dnni_parameter_gradient(const dnn_layer_call *call, int32_t i) {
    return i < call->n_parameters ? call->parameter_gradients[i].data : NULL;
}

/* What layers made of a product with weights (bias: parameter 1) can do on the way to memory. */
#define DNNI_PRODUCT_TAKES (DNN_EPILOGUE_AFFINE | DNN_EPILOGUE_ADD | DNN_EPILOGUE_RELU)

/* Scratch for what the kernel is told: the bias, scaled and shifted, of `channels`. It comes first in `work`. */
int64_t dnni_product_work(const dnn_layer_call *call, int64_t channels);

/* What the kernel is told. */
dnnk_epilogue dnni_product_epilogue(const dnn_layer_call *call, int64_t channels);

#endif
