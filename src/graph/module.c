#include "graph/module.h"

#include <string.h>

#include "graph/index.h"
#include "graph/runner.h"

/* ---- freeing ---- */

static void free_parameters(dnn_context *ctx, dnni_parameters *list) {
    for (int64_t i = 0; i < list->count; i++) {
        dnni_free_string(ctx, list->items[i].name);
        dnni_tensor_take_back(list->items[i].value);
        dnni_tensor_take_back(list->items[i].gradient);
    }
    dnni_free(ctx, list->items, list->capacity, sizeof *list->items);
}

static void free_call(dnn_context *ctx, dnni_call *call) {
    dnni_free(ctx, call->inputs, call->n_inputs, sizeof *call->inputs);
    dnni_free(ctx, call->outputs, call->n_outputs, sizeof *call->outputs);
}

static void free_container(dnn_context *ctx, dnn_module *m) {
    for (int64_t i = 0; i < m->n_children; i++) {
        dnni_free_string(ctx, m->children[i].name);
        m->children[i].module->containers--;
        dnn_module_release(m->children[i].module);
    }
    for (int64_t i = 0; i < m->n_calls; i++) free_call(ctx, &m->calls[i]);
    dnni_free(ctx, m->children, m->children_capacity, sizeof *m->children);
    dnni_free(ctx, m->calls, m->calls_capacity, sizeof *m->calls);
    dnni_free(ctx, m->inputs.items, m->inputs.capacity, sizeof *m->inputs.items);
    dnni_free(ctx, m->outputs.items, m->outputs.capacity, sizeof *m->outputs.items);
}

static void destroy_module(void *object) {
    dnn_module *m = object;
    dnn_context *ctx = m->base.ctx;
    dnni_runner_free(m->runner);
    dnni_index_free(m->index);
    free_parameters(ctx, &m->parameters);
    free_parameters(ctx, &m->buffers);
    free_container(ctx, m);
    if (m->layer_class && m->layer_class->release) m->layer_class->release(m->state);
    dnni_free(ctx, m->state, m->state_bytes, 1);
}

dnn_module *dnni_module_new(dnn_context *ctx) {
    dnn_module *m = dnni_object_new(ctx, DNNI_MODULE, sizeof *m, destroy_module);
    if (!m) return NULL;
    m->training = true;
    m->height = 1;
    return m;
}

dnn_status dnn_module_retain(dnn_module *module) { return dnni_object_retain(module, DNNI_MODULE, "module"); }

/* A module that was handed over and is released all the same would leave its container with nothing. */
dnn_status dnn_module_release(dnn_module *module) {
    if (dnni_is(module, DNNI_MODULE) && module->containers >= module->base.holders)
        return dnni_error(DNN_ERROR_HANDLE, "the %s was handed over: its container releases it",
                          dnni_module_type(module));
    return dnni_object_release(module, DNNI_MODULE, "module");
}

/* ---- errors that are kept ---- */

dnn_status dnni_module_keep_error(dnn_module *module) {
    if (!module->error_kept) dnni_error_save(&module->error);
    module->error_kept = true;
    return dnn_last_status();
}

dnn_status dnni_module_usable(const dnn_module *module) {
    if (module->error_kept) return dnni_error_restore(&module->error);
    for (int64_t i = 0; i < module->n_children; i++) {
        dnn_status status = dnni_module_usable(module->children[i].module);
        if (status == DNN_OK) continue;
        dnni_error_prefix(module->children[i].name);
        return status;
    }
    return DNN_OK;
}

dnn_status dnn_module_error(dnn_module *module) {
    DNNI_TRY(dnni_check_module(module, "module"));
    return dnni_module_usable(module);
}

const char *dnni_module_type(const dnn_module *module) {
    if (module->layer_class) return module->layer_class->type;
    return module->is_sequential ? "sequential" : "graph";
}

void dnni_module_tree_changed(dnn_module *module) {
    dnni_index_free(module->index);
    module->index = NULL;
}

/* ---- layers ---- */

static dnn_status check_class(const dnn_layer_class *c) {
    DNNI_REQUIRE(c->type && *c->type, "layer_class.type is missing: a short name");
    DNNI_REQUIRE(c->shape, "layer_class.shape is NULL: every layer has a shape rule");
    return DNN_OK;
}

static dnn_status set_state(dnn_module *m, const void *state, size_t bytes) {
    if (bytes == 0) return DNN_OK;
    m->state = dnni_alloc(m->base.ctx, (int64_t)bytes, 1);
    if (!m->state) return DNN_ERROR_MEMORY;
    m->state_bytes = (int64_t)bytes;
    memcpy(m->state, state, bytes);
    return DNN_OK;
}

static dnn_status create_layer(dnn_module **out, dnn_context *ctx, const dnn_layer_class *layer_class,
                               const void *state, size_t bytes) {
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_layer_class own_class;
    DNNI_TRY(dnni_read_desc(&own_class, sizeof own_class, layer_class, false, "layer_class"));
    DNNI_TRY(check_class(&own_class));
    DNNI_REQUIRE(state || bytes == 0, "state is NULL, state_bytes is not 0");
    DNNI_REQUIRE(bytes < (size_t)1 << 30, "state_bytes is %zu", bytes);
    dnn_module *m = dnni_module_new(ctx);
    if (!m) return DNN_ERROR_MEMORY;
    dnn_status status = set_state(m, state, bytes);
    if (status == DNN_OK) {
        m->own_class = own_class;
        m->seed = ctx->seed;
        m->stream = dnni_context_stream(ctx);
        m->layer_class = &m->own_class;
        *out = m;
    } else {
        dnn_module_release(m);
    }
    return status;
}

dnn_module *dnn_layer_create(dnn_context *ctx, const dnn_layer_class *layer_class, const void *state,
                             size_t state_bytes) {
    dnn_module *m = NULL;
    return create_layer(&m, ctx, layer_class, state, state_bytes) == DNN_OK ? m : NULL;
}

/* Those of the C locale, whatever the host's is. */
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* The part of a path: letters, digits, '_' and '-'. */
bool dnni_is_name(const char *name) {
    if (!name || !*name) return false;
    for (const char *c = name; *c; c++)
        if (!(is_letter(*c) || (*c >= '0' && *c <= '9') || *c == '_' || *c == '-')) return false;
    return strlen(name) < 64;
}

static bool name_taken(const dnni_parameters *list, const char *name) {
    for (int64_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0) return true;
    return false;
}

static dnn_status check_new_parameter(const dnn_module *m, const char *name) {
    DNNI_REQUIRE(m->layer_class, "a %s has no parameters of its own", dnni_module_type(m));
    DNNI_REQUIRE(dnni_is_name(name), "\"%.40s\" is no name: 1 to 63 letters, digits, '_' and '-'", name ? name : "");
    DNNI_REQUIRE(!name_taken(&m->parameters, name) && !name_taken(&m->buffers, name),
                 "there is a parameter \"%s\" already", name);
    return DNN_OK;
}

static dnn_status fill(dnn_module *m, dnni_parameter *p, const dnn_init *init) {
    if (!init) return DNN_OK;
    dnn_init i;
    DNNI_TRY(dnni_read_desc(&i, sizeof i, init, false, "init"));
    DNNI_TRY(dnni_init_check(&i));
    p->init = i;
    dnn_context *ctx = m->base.ctx;
    return dnni_init_fill(&p->value->array, &i, dnni_env(ctx), ctx->seed, dnni_context_stream(ctx));
}

static dnn_status make_parameter(dnn_module *m, dnni_parameter *p, const char *name, const dnn_array *array,
                                 const dnn_init *init, bool is_buffer) {
    dnn_context *ctx = m->base.ctx;
    if (!(p->name = dnni_copy_string(ctx, name))) return DNN_ERROR_MEMORY;
    DNNI_TRY(dnni_tensor_like(&p->value, ctx, array));
    if (!is_buffer) DNNI_TRY(dnni_tensor_like(&p->gradient, ctx, array));
    dnni_tensor_lend(p->value);
    if (p->gradient) dnni_tensor_lend(p->gradient);
    return fill(m, p, init);
}

static dnn_status append_parameter(dnn_module *m, const char *name, int32_t rank, const int64_t *dims,
                                   const dnn_init *init, bool is_buffer) {
    dnni_parameters *list = is_buffer ? &m->buffers : &m->parameters;
    dnn_context *ctx = m->base.ctx;
    DNNI_TRY(check_new_parameter(m, name));
    dnn_array array;
    DNNI_TRY(dnni_make_array(&array, DNN_F32, rank, dims));
    DNNI_TRY(dnni_grow(ctx, (void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items));
    dnni_parameter *p = &list->items[list->count];
    dnn_status status = make_parameter(m, p, name, &array, init, is_buffer);
    if (status == DNN_OK) {
        list->count++;
        dnni_module_tree_changed(m);
        return DNN_OK;
    }
    dnni_free_string(ctx, p->name);
    dnni_tensor_take_back(p->value);
    dnni_tensor_take_back(p->gradient);
    *p = (dnni_parameter){0};
    return status;
}

static dnn_status add(dnn_module *layer, const char *name, int32_t rank, const int64_t *dims, const dnn_init *init,
                      bool is_buffer) {
    DNNI_TRY(dnni_check_module(layer, "layer"));
    dnn_status status = append_parameter(layer, name, rank, dims, init, is_buffer);
    return status == DNN_OK ? DNN_OK : dnni_module_keep_error(layer);
}

dnn_status dnn_layer_add_parameter(dnn_module *layer, const char *name, int32_t rank, const int64_t *dims,
                                   const dnn_init *init) {
    return add(layer, name, rank, dims, init, false);
}

dnn_status dnn_layer_add_buffer(dnn_module *layer, const char *name, int32_t rank, const int64_t *dims,
                                const dnn_init *init) {
    return add(layer, name, rank, dims, init, true);
}

static void note_given(dnni_parameters *list, const char *name, int64_t first, int64_t count) {
    for (int64_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, name) != 0) continue;
        list->items[i].given_first = first;
        list->items[i].n_given = count;
    }
}

void dnni_module_gave(dnn_module *layer, const char *name, int64_t first, int64_t count) {
    note_given(&layer->parameters, name, first, count);
    note_given(&layer->buffers, name, first, count);
}

/* Mixing as in MurmurHash3's finaliser: every bit of the value reaches every bit of the signature. */
void dnn_layer_mix(uint64_t *signature, uint64_t value) {
    if (!signature) return;
    uint64_t h = *signature ^ (value + UINT64_C(0x9e3779b97f4a7c15) + (*signature << 6) + (*signature >> 2));
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    *signature = h;
}
