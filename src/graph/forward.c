/* The public calls that run a module: they check what comes in; the runner does the work. */
#include "graph/runner.h"

dnn_status dnni_check_tensors(const dnn_module *module, const dnn_tensor *const *tensors, int32_t n, bool null_allowed,
                              const char *name) {
    DNNI_REQUIRE(n >= 0 && n < 65536 && (tensors || n == 0), "%s: %d tensors at %s", name, n,
                 tensors ? "an array" : "NULL");
    for (int32_t i = 0; i < n; i++) {
        if (!tensors[i] && null_allowed) continue;
        DNNI_TRY(dnni_check_tensor(tensors[i], name));
        DNNI_TRY(dnni_check_same_context(module, tensors[i], "module and tensor"));
    }
    return DNN_OK;
}

static dnn_status own_runner(dnn_module *module) {
    if (module->error_kept) return dnni_error_restore(&module->error);
    if (!module->runner) module->runner = dnni_runner_new(module->base.ctx, DNNI_TO_RUN);
    return module->runner ? DNN_OK : DNN_ERROR_MEMORY;
}

static void clear(const dnn_tensor **tensors, int32_t n) {
    for (int32_t i = 0; tensors && i < n; i++) tensors[i] = NULL;
}

dnn_status dnn_module_forward_n(dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                                const dnn_tensor **outputs, int32_t n_outputs) {
    DNNI_REQUIRE(outputs, "there is no room for outputs: the pointer is NULL");
    DNNI_REQUIRE(n_outputs >= 1 && n_outputs < 65536, "n_outputs is %d, it must be at least 1", n_outputs);
    clear(outputs, n_outputs);
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_tensors(module, inputs, n_inputs, false, "input"));
    DNNI_TRY(own_runner(module));
    return dnni_runner_forward(module->runner, module, inputs, n_inputs, outputs, n_outputs);
}

dnn_status dnn_module_forward(dnn_module *module, const dnn_tensor *x, const dnn_tensor **y) {
    return dnn_module_forward_n(module, &x, 1, y, 1);
}

dnn_status dnn_module_backward_n(dnn_module *module, const dnn_tensor *const *output_gradients, int32_t n_outputs,
                                 const dnn_tensor **input_gradients, int32_t n_inputs) {
    clear(input_gradients, n_inputs);
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_tensors(module, output_gradients, n_outputs, true, "dy"));
    return dnni_runner_backward(module->runner, module, output_gradients, n_outputs, input_gradients, n_inputs);
}

dnn_status dnn_module_backward(dnn_module *module, const dnn_tensor *dy, const dnn_tensor **dx) {
    return dnn_module_backward_n(module, &dy, 1, dx, dx ? 1 : 0);
}

/* ---- predictors ---- */

struct dnn_predictor {
    dnni_object base;
    dnn_module *module; /* held; never written to */
    dnni_runner *runner;
};

static void destroy_predictor(void *object) {
    dnn_predictor *p = object;
    dnni_runner_free(p->runner);
    dnn_module_release(p->module);
}

dnn_status dnn_predictor_create(dnn_predictor **out, const dnn_module *module) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_module_usable(module));
    dnn_context *ctx = dnni_context_of(module);
    dnn_predictor *p = dnni_object_new(ctx, DNNI_PREDICTOR, sizeof *p, destroy_predictor);
    if (!p) return DNN_ERROR_MEMORY;
    p->runner = dnni_runner_new(ctx, DNNI_TO_PREDICT);
    if (!p->runner) {
        dnni_object_release(p, DNNI_PREDICTOR, "predictor");
        return DNN_ERROR_MEMORY;
    }
    p->module = (dnn_module *)module;
    dnn_module_retain(p->module);
    *out = p;
    return DNN_OK;
}

dnn_status dnn_predictor_run_n(dnn_predictor *predictor, const dnn_tensor *const *inputs, int32_t n_inputs,
                               const dnn_tensor **outputs, int32_t n_outputs) {
    DNNI_REQUIRE(outputs, "there is no room for outputs: the pointer is NULL");
    DNNI_REQUIRE(n_outputs >= 1 && n_outputs < 65536, "n_outputs is %d, it must be at least 1", n_outputs);
    clear(outputs, n_outputs);
    DNNI_TRY(dnni_check(predictor, DNNI_PREDICTOR, "predictor"));
    DNNI_TRY(dnni_check_tensors(predictor->module, inputs, n_inputs, false, "input"));
    return dnni_runner_forward(predictor->runner, predictor->module, inputs, n_inputs, outputs, n_outputs);
}

dnn_status dnn_predictor_run(dnn_predictor *predictor, const dnn_tensor *x, const dnn_tensor **y) {
    return dnn_predictor_run_n(predictor, &x, 1, y, 1);
}

dnn_status dnn_predictor_release(dnn_predictor *predictor) {
    return dnni_object_release(predictor, DNNI_PREDICTOR, "predictor");
}
