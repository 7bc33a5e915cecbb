#include "graph/index.h"

#include <stdio.h>
#include <string.h>

static _Atomic uint64_t visits; /* numbers every walk of the process */

uint64_t dnni_next_visit(void) { return atomic_fetch_add(&visits, 1) + 1; }

/* A walk over the tree, parents first, each module once. */
typedef struct walk {
    dnni_index *index;
    uint64_t visit;
    int64_t modules, parameters; /* counted, or filled in so far */
    bool fill;
} walk;

static char *join(dnni_pool *pool, const char *path, const char *name) {
    size_t bytes = strlen(path) + strlen(name) + 2;
    char *joined = dnni_pool_alloc(pool, (int64_t)bytes, 1);
    if (joined) snprintf(joined, bytes, "%s%s%s", path, *path ? "." : "", name);
    return joined;
}

static dnn_status list_parameters(walk *w, dnn_module *m, const char *path, dnni_parameters *list, bool is_buffer) {
    for (int64_t i = 0; i < list->count; i++, w->parameters++) {
        if (!w->fill) continue;
        char *joined = join(&w->index->pool, path, list->items[i].name);
        if (!joined) return DNN_ERROR_MEMORY;
        w->index->parameters[w->parameters] = (dnni_index_parameter){joined, m, &list->items[i], is_buffer};
    }
    return DNN_OK;
}

static dnn_status visit(walk *w, dnn_module *m, char *path);

static dnn_status visit_children(walk *w, dnn_module *m, const char *path) {
    for (int64_t i = 0; i < m->n_children; i++) {
        char *joined = w->fill ? join(&w->index->pool, path, m->children[i].name) : m->children[i].name;
        if (!joined) return DNN_ERROR_MEMORY;
        DNNI_TRY(visit(w, m->children[i].module, joined));
    }
    return DNN_OK;
}

static dnn_status visit(walk *w, dnn_module *m, char *path) {
    if (m->visit == w->visit) return DNN_OK;
    m->visit = w->visit;
    if (w->fill) w->index->modules[w->modules] = (dnni_index_module){path, m};
    w->modules++;
    DNNI_TRY(list_parameters(w, m, path, &m->parameters, false));
    DNNI_TRY(list_parameters(w, m, path, &m->buffers, true));
    return visit_children(w, m, path);
}

static dnn_status walk_tree(dnni_index *index, dnn_module *root, bool fill, int64_t *modules, int64_t *parameters) {
    walk w = {.index = index, .visit = dnni_next_visit(), .fill = fill};
    char *path = fill ? dnni_pool_string(&index->pool, "") : NULL;
    if (fill && !path) return DNN_ERROR_MEMORY;
    DNNI_TRY(visit(&w, root, path));
    *modules = w.modules;
    *parameters = w.parameters;
    return DNN_OK;
}

static dnn_status build(dnni_index *index, dnn_module *root) {
    int64_t modules, parameters;
    DNNI_TRY(walk_tree(index, root, false, &modules, &parameters));
    index->modules = dnni_pool_alloc(&index->pool, modules, sizeof *index->modules);
    index->parameters = dnni_pool_alloc(&index->pool, parameters, sizeof *index->parameters);
    if (!index->modules || !index->parameters) return DNN_ERROR_MEMORY;
    DNNI_TRY(walk_tree(index, root, true, &index->n_modules, &index->n_parameters));
    return DNN_OK;
}

/* Trees only grow, so their size tells whether an index still holds. */
static int64_t tree_size(const dnn_module *m) {
    int64_t size = 1 + m->parameters.count + m->buffers.count;
    for (int64_t i = 0; i < m->n_children; i++) size += tree_size(m->children[i].module);
    return size;
}

dnn_status dnni_index_get(const dnni_index **out, dnn_module *module) {
    int64_t size = tree_size(module);
    if (module->index && module->index->tree_size != size) {
        dnni_index_free(module->index);
        module->index = NULL;
    }
    if (!module->index) {
        dnn_context *ctx = module->base.ctx;
        dnni_index *index = dnni_alloc(ctx, 1, sizeof *index);
        if (!index) return DNN_ERROR_MEMORY;
        index->pool.ctx = ctx;
        index->tree_size = size;
        dnn_status status = build(index, module);
        if (status != DNN_OK) {
            dnni_index_free(index);
            return status;
        }
        module->index = index;
    }
    *out = module->index;
    return DNN_OK;
}

void dnni_index_free(dnni_index *index) {
    if (!index) return;
    dnn_context *ctx = index->pool.ctx;
    dnni_pool_free(&index->pool);
    dnni_free(ctx, index, 1, sizeof *index);
}

/* On a mismatch after a '*', that star takes one character more. */
bool dnni_path_matches(const char *pattern, const char *path) {
    const char *star = NULL, *mark = NULL;
    while (*path) {
        if (*pattern == '*') {
            star = pattern++;
            mark = path;
        } else if (*pattern == '?' || *pattern == *path) {
            pattern++;
            path++;
        } else if (star) {
            pattern = star + 1;
            path = ++mark;
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}

dnn_status dnni_no_path_matches(const char *pattern, const char *example) {
    if (!example) return dnni_error(DNN_ERROR_NOT_FOUND, "no parameter matches \"%.200s\" (there are none)", pattern);
    return dnni_error(DNN_ERROR_NOT_FOUND, "no parameter matches \"%.200s\" (the first there is: \"%.200s\")", pattern,
                      example);
}

/* ---- the public walk ---- */

static dnn_status indexed(const dnni_index **out, dnn_module *module) {
    DNNI_TRY(dnni_check_module(module, "module"));
    return dnni_index_get(out, module);
}

int64_t dnn_module_parameter_count(dnn_module *module) {
    const dnni_index *index;
    return indexed(&index, module) == DNN_OK ? index->n_parameters : -1;
}

static dnn_status give_parameter(const dnni_index_parameter *p, dnn_parameter *out) {
    dnn_parameter full = {.path = p->path,
                          .value = p->parameter->value,
                          .gradient = p->parameter->gradient,
                          .is_buffer = p->is_buffer,
                          .is_frozen = p->parameter->frozen,
                          .owner = p->owner};
    return dnni_give(out, &full, sizeof full, "parameter");
}

dnn_status dnn_module_parameter_at(dnn_module *module, int64_t i, dnn_parameter *parameter) {
    const dnni_index *index;
    DNNI_TRY(indexed(&index, module));
    if (i < 0 || i >= index->n_parameters)
        return dnni_error(DNN_ERROR_NOT_FOUND, "there is no parameter %lld, the module has %lld", (long long)i,
                          (long long)index->n_parameters);
    return give_parameter(&index->parameters[i], parameter);
}

dnn_status dnn_module_parameter(dnn_module *module, const char *path, dnn_parameter *parameter) {
    const dnni_index *index;
    DNNI_REQUIRE(path, "path is NULL");
    DNNI_TRY(indexed(&index, module));
    for (int64_t i = 0; i < index->n_parameters; i++)
        if (strcmp(index->parameters[i].path, path) == 0) return give_parameter(&index->parameters[i], parameter);
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no parameter \"%.200s\"", path);
}

int64_t dnn_module_count(dnn_module *module) {
    const dnni_index *index;
    return indexed(&index, module) == DNN_OK ? index->n_modules : -1;
}

dnn_status dnn_module_at(dnn_module *module, int64_t i, dnn_module_info *info) {
    const dnni_index *index;
    DNNI_TRY(indexed(&index, module));
    if (i < 0 || i >= index->n_modules)
        return dnni_error(DNN_ERROR_NOT_FOUND, "there is no module %lld, the tree has %lld", (long long)i,
                          (long long)index->n_modules);
    const dnni_index_module *m = &index->modules[i];
    dnn_module_info full = {.path = m->path,
                            .type = dnni_module_type(m->module),
                            .module = m->module,
                            .is_training = dnn_module_is_training(m->module)};
    return dnni_give(info, &full, sizeof full, "info");
}

static dnn_status find(dnn_module **out, dnn_module *module, const char *path) {
    const dnni_index *index;
    DNNI_REQUIRE(path, "path is NULL");
    DNNI_TRY(indexed(&index, module));
    for (int64_t i = 0; i < index->n_modules; i++) {
        if (strcmp(index->modules[i].path, path) != 0) continue;
        *out = index->modules[i].module;
        return DNN_OK;
    }
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no module \"%.200s\"", path);
}

dnn_module *dnn_module_find(dnn_module *module, const char *path) {
    dnn_module *found = NULL;
    return find(&found, module, path) == DNN_OK ? found : NULL;
}
