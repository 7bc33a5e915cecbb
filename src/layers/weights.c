#include "layers/weights.h"

#include <math.h>

const dnn_init *dnni_chosen_init(const dnn_init *chosen, const dnn_init *own) {
    if (!chosen) return own;
    bool has_kind = chosen->size >= offsetof(dnn_init, kind) + sizeof chosen->kind;
    return has_kind && chosen->kind == DNN_INIT_DEFAULT ? own : chosen;
}

void dnni_add_weight_and_bias(dnn_module *m, int32_t rank, const int64_t *dims, const dnn_init *weight_init,
                              const dnn_init *bias_init, bool no_bias) {
    double fan_in = 1;
    for (int32_t i = 1; i < rank; i++) fan_in *= (double)dims[i];
    double r = 1 / sqrt(fan_in);
    dnn_init own = {DNN_SIZED(dnn_init), .kind = DNN_INIT_UNIFORM, .a = -r, .b = r};
    dnn_layer_add_parameter(m, "weight", rank, dims, dnni_chosen_init(weight_init, &own));
    if (!no_bias) dnn_layer_add_parameter(m, "bias", 1, dims, dnni_chosen_init(bias_init, &own));
}

/* (x + b) · scale + shift = x · scale + (b · scale + shift) */
static bool scales_bias(const dnn_layer_call *call) {
    return call->epilogue && (call->epilogue->parts & DNN_EPILOGUE_AFFINE) && call->n_parameters > 1;
}

int64_t dnni_product_work(const dnn_layer_call *call, int64_t channels) {
    int64_t bytes = channels * dnn_dtype_size(call->inputs[0].dtype);
    return scales_bias(call) ? dnnk_round_up(bytes, DNNI_ALIGNMENT) : 0;
}

static const void *scaled_bias(const dnn_layer_call *call, int64_t channels) {
    const dnn_layer_epilogue *e = call->epilogue;
    dnn_dtype dtype = call->inputs[0].dtype;
    const void *bias = call->parameters[1].data;
    for (int64_t c = 0; c < channels; c++)
        dnni_store(dtype, call->work, c,
                   dnni_load(dtype, bias, c) * dnni_load(dtype, e->scale, c) + dnni_load(dtype, e->shift, c));
    return call->work;
}

dnnk_epilogue dnni_product_epilogue(const dnn_layer_call *call, int64_t channels) {
    const dnn_layer_epilogue *e = call->epilogue;
    dnnk_epilogue epilogue = {.bias = dnni_parameter_data(call, 1)};
    if (!e) return epilogue;
    epilogue.relu = (e->parts & DNN_EPILOGUE_RELU) != 0;
    epilogue.residual = e->addend;
    if (!(e->parts & DNN_EPILOGUE_AFFINE)) return epilogue;
    epilogue.scale = e->scale;
    epilogue.bias = scales_bias(call) ? scaled_bias(call, channels) : e->shift;
    return epilogue;
}
