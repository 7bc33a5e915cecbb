#include "check/copy.h"

static dnn_status copy_input(dnn_tensor **out, const dnn_tensor *input, dnn_dtype dtype) {
    if (!dnni_is_real(input->array.dtype)) return dnn_tensor_clone(out, input);
    return dnn_tensor_cast(out, input, dtype, DNN_CAST_LOSSY, NULL);
}

dnn_status dnni_gradcheck_make_copy(check_copy *c, dnni_pool *pool, const dnni_index *index,
                                    const dnn_tensor *const *inputs, int32_t n_inputs, dnn_dtype dtype) {
    *c = (check_copy){.n_inputs = 0};
    c->inputs = dnni_pool_alloc(pool, n_inputs, sizeof *c->inputs);
    if (!c->inputs) return DNN_ERROR_MEMORY;
    c->n_inputs = n_inputs;
    for (int32_t i = 0; i < n_inputs; i++) DNNI_TRY(copy_input(&c->inputs[i], inputs[i], dtype));
    return dnni_copy_make(&c->module, pool, index, dtype);
}

void dnni_gradcheck_free_copy(check_copy *c) {
    dnni_copy_free(&c->module);
    for (int32_t i = 0; i < c->n_inputs; i++) dnn_tensor_release(c->inputs[i]);
    *c = (check_copy){0};
}
