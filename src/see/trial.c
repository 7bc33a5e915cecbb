#include "see/trial.h"

#include <math.h>
#include <string.h>

/* ---- opening ---- */

static void set_modes(const dnni_trial *t) {
    for (int64_t i = 0; i < t->index->n_modules; i++) t->index->modules[i].module->training = false;
    for (int64_t i = 0; i < t->index->n_parameters; i++) t->index->parameters[i].parameter->frozen = true;
    t->module->gradient_flags = DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL;
}

dnn_status dnni_trial_open(dnni_trial *t, dnn_module *module) {
    *t = (dnni_trial){.ctx = dnni_context_of(module), .module = module, .step = -1};
    t->pool.ctx = t->ctx;
    DNNI_TRY(dnni_module_usable(module));
    DNNI_TRY(dnni_index_get(&t->index, module));
    DNNI_TRY(dnni_module_note_make(&t->note, &t->pool, module, t->index));
    t->runner = dnni_runner_new(t->ctx, DNNI_TO_OBSERVE);
    if (!t->runner) return DNN_ERROR_MEMORY;
    t->n_outputs = module->layer_class ? 1 : (int32_t)module->outputs.count;
    t->outputs = dnni_pool_alloc(&t->pool, dnnk_max(1, t->n_outputs), sizeof *t->outputs);
    if (!t->outputs) return DNN_ERROR_MEMORY;
    set_modes(t);
    return DNN_OK;
}

void dnni_trial_close(dnni_trial *t) {
    dnni_runner_free(t->runner);
    dnn_tensor_release(t->dy);
    dnni_module_note_exchange(&t->note);
    dnni_pool_free(&t->pool);
}

/* ---- running ---- */

static dnn_status see(void *user, const dnn_observation *o) {
    dnni_trial *t = user;
    if (!t->layer || strcmp(o->path, t->layer) != 0 || strcmp(o->type, "copy") == 0) return DNN_OK;
    t->step = o->step;
    return t->seen ? t->seen(t, &o->outputs[0]) : DNN_OK;
}

static dnn_status turn(void *user, int64_t step, const dnn_array *output_gradients) {
    dnni_trial *t = user;
    if (!t->layer || step != t->step || !output_gradients[0].data) return DNN_OK;
    t->turned = true;
    return t->turn ? t->turn(t, &output_gradients[0]) : DNN_OK;
}

static dnn_status module_of(const dnni_trial *t, const char *path, const dnn_module **found) {
    for (int64_t i = 0; i < t->index->n_modules; i++) {
        *found = t->index->modules[i].module;
        if (strcmp(t->index->modules[i].path, path) == 0) return DNN_OK;
    }
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no layer \"%.200s\"", path);
}

dnn_status dnni_trial_look_at(dnni_trial *t, const char *layer) {
    const dnn_module *found = NULL;
    DNNI_TRY(module_of(t, layer, &found));
    if (!found->layer_class)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "\"%.200s\" is a container: name a layer in it", layer);
    t->layer = layer;
    t->step = -1;
    return DNN_OK;
}

dnn_status dnni_trial_never_ran(const dnni_trial *t) {
    return dnni_error(DNN_ERROR_UNSUPPORTED,
                      "%.200s does not run by itself: it is not used, or only sees what another layer gave in another "
                      "shape; take the layer before it",
                      t->layer);
}

static dnn_status make_dy(dnni_trial *t) {
    const dnn_array *y = &t->outputs[0]->array;
    if (!t->dy) return dnni_tensor_like(&t->dy, t->ctx, y);
    if (dnni_bytes(y) > 0) memset(t->dy->array.data, 0, (size_t)dnni_bytes(y));
    return DNN_OK;
}

dnn_status dnni_trial_forward(dnni_trial *t, const dnn_tensor *x) {
    dnni_runner_watch(t->runner, &(dnni_watch){.see = see, .turn = turn, .user = t});
    DNNI_TRY(dnni_runner_forward(t->runner, t->module, &x, 1, t->outputs, t->n_outputs));
    if (t->layer && t->step < 0) return dnni_trial_never_ran(t);
    return make_dy(t);
}

dnn_status dnni_trial_backward(dnni_trial *t, const dnn_tensor **dx) {
    dnni_pool pool = {.ctx = t->ctx};
    const dnn_tensor **dys = dnni_pool_alloc(&pool, t->n_outputs, sizeof *dys);
    if (!dys) return DNN_ERROR_MEMORY;
    dys[0] = t->dy;
    t->turned = false;
    dnn_status status = dnni_runner_backward(t->runner, t->module, dys, t->n_outputs, dx, dx ? 1 : 0);
    dnni_pool_free(&pool);
    if (status == DNN_OK && t->layer && !t->turned)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "%.200s: no gradient comes by, from the first output to the input",
                          t->layer);
    return status;
}

/* ---- the last map ---- */

static dnn_status note_map(void *user, const dnn_observation *o) {
    dnni_trial *t = user;
    const dnn_array *a = &o->outputs[0];
    bool is_map = a->rank == 4 && dnni_is_real(a->dtype) && a->dims[1] * a->dims[2] > 1;
    if (is_map && strcmp(o->type, "copy") != 0) t->last_map = o->path;
    return DNN_OK;
}

dnn_status dnni_trial_last_map(dnni_trial *t, const dnn_tensor *x, const char **layer) {
    t->last_map = "";
    dnni_runner_watch(t->runner, &(dnni_watch){.see = note_map, .user = t});
    DNNI_TRY(dnni_runner_forward(t->runner, t->module, &x, 1, t->outputs, t->n_outputs));
    *layer = dnni_pool_string(&t->pool, t->last_map);
    return *layer ? DNN_OK : DNN_ERROR_MEMORY;
}

/* ---- images and scores ---- */

dnn_status dnni_check_images(const dnn_module *module, const dnn_tensor *images, const char *name) {
    DNNI_TRY(dnni_check_tensor(images, name));
    const dnn_array *a = &images->array;
    if (module) DNNI_TRY(dnni_check_same_context(module, images, "the module and the images"));
    if (a->rank != 4 || dnni_count(a) == 0)
        return dnni_error(DNN_ERROR_SHAPE, "%s is %s; images (N, H, W, C), each at least 1, are needed", name,
                          dnni_array_shape(a).text);
    if (module && !dnni_is_real(a->dtype))
        return dnni_error(DNN_ERROR_DTYPE, "%s is %s: gradients and means need float32 or float64", name,
                          dnn_dtype_name(a->dtype));
    return DNN_OK;
}

dnn_status dnni_check_scores(const dnn_array *y, int64_t n) {
    if (y->rank >= 2 && y->dims[0] == n && dnni_count(y) > 0 && dnni_is_real(y->dtype)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "the output is %s %s: scores (%lld, …, classes) are needed",
                      dnn_dtype_name(y->dtype), dnni_array_shape(y).text, (long long)n);
}

double dnni_class_score(const dnn_array *y, int64_t sample, int64_t c) {
    double sum = 0;
    int64_t places = dnni_places(y), last = dnni_last(y);
    for (int64_t p = 0; p < places; p++) sum += dnni_load(y->dtype, y->data, (sample * places + p) * last + c);
    return sum;
}

static int64_t largest(const dnn_array *y, int64_t sample) {
    int64_t best = 0;
    for (int64_t c = 1; c < dnni_last(y); c++)
        if (dnni_class_score(y, sample, c) > dnni_class_score(y, sample, best)) best = c;
    return best;
}

dnn_status dnni_choose_classes(int64_t *chosen, const dnn_array *y, int64_t n, const int64_t *classes,
                               int64_t n_classes) {
    DNNI_REQUIRE(!classes || n_classes == n || n_classes == 1,
                 "desc.n_classes is %lld for %lld images: one for each, or one for all", (long long)n_classes,
                 (long long)n);
    DNNI_TRY(dnni_check_scores(y, n));
    for (int64_t i = 0; i < n; i++) {
        chosen[i] = classes ? classes[n_classes == 1 ? 0 : i] : largest(y, i);
        if (chosen[i] < 0 || chosen[i] >= dnni_last(y))
            return dnni_error(DNN_ERROR_VALUE, "class %lld is none of the module's %lld", (long long)chosen[i],
                              (long long)dnni_last(y));
    }
    return DNN_OK;
}
