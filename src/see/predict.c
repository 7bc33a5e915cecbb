#include "see/predict.h"

dnn_status dnni_predict_open(dnni_predict *p, dnn_module *module) {
    *p = (dnni_predict){.pool = {.ctx = dnni_context_of(module)}};
    p->n_outputs = module->layer_class ? 1 : (int32_t)dnnk_max(1, module->outputs.count);
    p->outputs = dnni_pool_alloc(&p->pool, p->n_outputs, sizeof *p->outputs);
    if (!p->outputs) return DNN_ERROR_MEMORY;
    return dnn_predictor_create(&p->predictor, module);
}

void dnni_predict_close(dnni_predict *p) {
    dnn_predictor_release(p->predictor);
    dnni_pool_free(&p->pool);
}

dnn_status dnni_predict_run(dnni_predict *p, const dnn_tensor *x, const dnn_tensor **y) {
    DNNI_TRY(dnn_predictor_run_n(p->predictor, &x, 1, p->outputs, p->n_outputs));
    *y = p->outputs[0];
    return DNN_OK;
}
