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
