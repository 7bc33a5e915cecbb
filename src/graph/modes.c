/* What is switched for a module and all below it: training or evaluation, frozen or not, float32 or float64. */
#include <string.h>

#include "graph/index.h"
#include "graph/runner.h"

static void set_training(dnn_module *m, bool training) {
    m->training = training;
    for (int64_t i = 0; i < m->n_children; i++) set_training(m->children[i].module, training);
}

dnn_status dnn_module_train(dnn_module *module) {
    DNNI_TRY(dnni_check_module(module, "module"));
    set_training(module, true);
    return DNN_OK;
}

dnn_status dnn_module_eval(dnn_module *module) {
    DNNI_TRY(dnni_check_module(module, "module"));
    set_training(module, false);
    return DNN_OK;
}

static bool all_in_mode(const dnn_module *m, bool training) {
    if (m->training != training) return false;
    for (int64_t i = 0; i < m->n_children; i++)
        if (!all_in_mode(m->children[i].module, training)) return false;
    return true;
}

bool dnni_module_any_training(const dnn_module *module) { return !all_in_mode(module, false); }

int32_t dnn_module_is_training(const dnn_module *module) {
    if (dnni_check_module(module, "module") != DNN_OK) return -1;
    return all_in_mode(module, module->training) ? module->training : -1;
}

static dnn_status set_frozen(dnn_module *module, const char *pattern, bool frozen) {
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_REQUIRE(pattern, "pattern is NULL");
    const dnni_index *index;
    DNNI_TRY(dnni_index_get(&index, module));
    int64_t matches = 0;
    const char *first = NULL;
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnni_index_parameter *p = &index->parameters[i];
        if (p->is_buffer) continue;
        if (!first) first = p->path;
        if (!dnni_path_matches(pattern, p->path)) continue;
        p->parameter->frozen = frozen;
        matches++;
    }
    return matches > 0 ? DNN_OK : dnni_no_path_matches(pattern, first);
}

dnn_status dnn_module_freeze(dnn_module *module, const char *pattern) { return set_frozen(module, pattern, true); }
dnn_status dnn_module_unfreeze(dnn_module *module, const char *pattern) { return set_frozen(module, pattern, false); }

dnn_status dnn_module_set_gradients(dnn_module *module, int32_t flags) {
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_REQUIRE((flags & ~(DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL)) == 0,
                 "flags is %d, which is no sum of dnn_gradients", flags);
    module->gradient_flags = flags;
    return DNN_OK;
}

dnn_status dnn_module_set_memory(dnn_module *module, int64_t bytes) {
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_REQUIRE(bytes >= 0 || bytes == DNN_MEMORY_LEAST,
                 "bytes is %lld: a number of bytes, 0 for no budget, or DNN_MEMORY_LEAST", (long long)bytes);
    if (module->memory_budget == bytes) return DNN_OK;
    module->memory_budget = bytes;
    dnni_runner_reset(module->runner);
    return DNN_OK;
}

/* ---- gradients ---- */

dnn_status dnn_module_zero_grad(dnn_module *module) {
    DNNI_TRY(dnni_check_module(module, "module"));
    const dnni_index *index;
    DNNI_TRY(dnni_index_get(&index, module));
    for (int64_t i = 0; i < index->n_parameters; i++) {
        dnn_tensor *gradient = index->parameters[i].parameter->gradient;
        if (gradient) dnni_tensor_clear(gradient);
    }
    for (int64_t i = 0; i < index->n_modules; i++) index->modules[i].module->pending_backwards = 0;
    return DNN_OK;
}

int32_t dnn_module_pending_backwards(const dnn_module *module) {
    return dnni_check_module(module, "module") == DNN_OK ? module->pending_backwards : -1;
}

/* ---- dtype ---- */

/* New tensors for one parameter. */
typedef struct conversion {
    dnn_tensor *value, *gradient;
} conversion;

static dnn_status convert(dnn_tensor **out, const dnn_tensor *tensor, dnn_dtype dtype) {
    if (!tensor) return DNN_OK;
    return dnn_tensor_cast(out, tensor, dtype, DNN_CAST_LOSSY, NULL);
}

static void swap(dnn_tensor **a, dnn_tensor **b) {
    dnn_tensor *t = *a;
    *a = *b;
    *b = t;
}

static dnn_status convert_all(const dnni_index *index, conversion *made, dnn_dtype dtype) {
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnni_parameter *p = index->parameters[i].parameter;
        if (!dnni_is_real(p->value->array.dtype)) continue;
        DNNI_TRY(convert(&made[i].value, p->value, dtype));
        DNNI_TRY(convert(&made[i].gradient, p->gradient, dtype));
    }
    return DNN_OK;
}

static void swap_in(const dnni_index *index, conversion *made) {
    for (int64_t i = 0; i < index->n_parameters; i++) {
        dnni_parameter *p = index->parameters[i].parameter;
        if (!made[i].value) continue;
        swap(&p->value, &made[i].value);
        swap(&p->gradient, &made[i].gradient);
        dnni_tensor_lend(p->value);
        if (p->gradient) dnni_tensor_lend(p->gradient);
    }
}

static void release_all(conversion *made, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        dnni_tensor_take_back(made[i].value);
        dnni_tensor_take_back(made[i].gradient);
    }
}

dnn_status dnn_module_to(dnn_module *module, dnn_dtype dtype) {
    DNNI_TRY(dnni_check_module(module, "module"));
    if (!dnni_is_real(dtype))
        return dnni_error(DNN_ERROR_DTYPE, "modules compute in float32 or float64, not %s", dnn_dtype_name(dtype));
    const dnni_index *index;
    DNNI_TRY(dnni_index_get(&index, module));
    dnn_context *ctx = module->base.ctx;
    conversion *made = dnni_alloc(ctx, index->n_parameters, sizeof *made);
    if (!made) return DNN_ERROR_MEMORY;
    dnn_status status = convert_all(index, made, dtype);
    if (status == DNN_OK) swap_in(index, made);
    release_all(made, index->n_parameters);
    dnni_free(ctx, made, index->n_parameters, sizeof *made);
    if (status == DNN_OK) dnni_runner_reset(module->runner);
    return status;
}

static bool find_dtype(const dnn_module *m, dnn_dtype *dtype) {
    for (int64_t i = 0; i < m->parameters.count; i++) {
        *dtype = m->parameters.items[i].value->array.dtype;
        return true;
    }
    for (int64_t i = 0; i < m->n_children; i++)
        if (find_dtype(m->children[i].module, dtype)) return true;
    return false;
}

dnn_dtype dnni_module_dtype(const dnn_module *module) {
    dnn_dtype dtype = DNN_F32;
    find_dtype(module, &dtype);
    return dtype;
}

/* ---- signature ---- */

static void mix_parameters(uint64_t *signature, const dnni_parameters *list) {
    dnn_layer_mix(signature, (uint64_t)list->count);
    for (int64_t i = 0; i < list->count; i++) {
        const dnni_parameter *p = &list->items[i];
        dnn_layer_mix(signature, (uint64_t)p->value->array.dtype * 2 + (p->frozen ? 1 : 0));
    }
}

static void mix_module(uint64_t *signature, const dnn_module *m, dnni_use use) {
    uint64_t training = m->training && use != DNNI_TO_PREDICT;
    uint64_t what = (m->error_kept ? 4 : 0) + training * 2 + (m->layer_class ? 1 : 0);
    dnn_layer_mix(signature, (uint64_t)m->n_children * 8 + what);
    dnn_layer_mix(signature, (uint64_t)m->n_calls + ((uint64_t)m->outputs.count << 32));
    mix_parameters(signature, &m->parameters);
    mix_parameters(signature, &m->buffers);
    for (int64_t i = 0; i < m->n_children; i++) mix_module(signature, m->children[i].module, use);
}

uint64_t dnni_module_signature(const dnn_module *module, dnni_use use) {
    uint64_t signature = (uint64_t)module->gradient_flags + 16 * (uint64_t)use;
    dnn_layer_mix(&signature, (uint64_t)module->memory_budget);
    mix_module(&signature, module, use);
    return signature;
}
