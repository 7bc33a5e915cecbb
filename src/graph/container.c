#include <stdio.h>
#include <string.h>

#include "graph/module.h"

static dnn_status create(dnn_module **out, dnn_context *ctx, bool is_sequential) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_module *m = dnni_module_new(ctx);
    if (!m) return DNN_ERROR_MEMORY;
    m->is_sequential = is_sequential;
    *out = m;
    return DNN_OK;
}

static dnn_status append_value(dnn_context *ctx, dnni_values *list, dnn_value value) {
    DNNI_TRY(dnni_grow(ctx, (void **)&list->items, &list->capacity, list->count + 1, sizeof *list->items));
    list->items[list->count++] = value;
    return DNN_OK;
}

/* A sequential's input is value 0 from the start; its output is whatever came last. */
dnn_status dnn_sequential_create(dnn_module **out, dnn_context *ctx) {
    DNNI_TRY(create(out, ctx, true));
    dnn_module *m = *out;
    dnn_status status = append_value(ctx, &m->inputs, 0);
    if (status == DNN_OK) status = append_value(ctx, &m->outputs, 0);
    m->n_values = 1;
    if (status == DNN_OK) return DNN_OK;
    dnn_module_release(m);
    *out = NULL;
    return status;
}

dnn_status dnn_graph_create(dnn_module **out, dnn_context *ctx) { return create(out, ctx, false); }

/* ---- children ---- */

static int64_t find_child(const dnn_module *m, const dnn_module *child) {
    for (int64_t i = 0; i < m->n_children; i++)
        if (m->children[i].module == child) return i;
    return -1;
}

static dnn_status check_name(const dnn_module *m, const char *name) {
    DNNI_REQUIRE(dnni_is_name(name), "\"%.40s\" is no name: 1 to 63 letters, digits, '_' and '-'", name);
    for (int64_t i = 0; i < m->n_children; i++)
        DNNI_REQUIRE(strcmp(m->children[i].name, name) != 0, "there is a child \"%s\" already", name);
    return DNN_OK;
}

static dnn_status check_child(const dnn_module *m, const dnn_module *child) {
    DNNI_TRY(dnni_check_same_context(m, child, "container and child"));
    DNNI_REQUIRE(m != child, "a container cannot be its own child");
    DNNI_REQUIRE(child->height < DNNI_MAX_DEPTH, "containers nest up to %d deep", DNNI_MAX_DEPTH);
    return DNN_OK;
}

/* Takes over the caller's hold on the child only when it succeeds. */
static dnn_status append_child(dnn_module *m, const char *name, dnn_module *child) {
    dnn_context *ctx = m->base.ctx;
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)m->n_children);
    if (!name) name = number;
    DNNI_TRY(check_name(m, name));
    DNNI_TRY(check_child(m, child));
    DNNI_TRY(dnni_grow(ctx, (void **)&m->children, &m->children_capacity, m->n_children + 1, sizeof *m->children));
    char *copy = dnni_copy_string(ctx, name);
    if (!copy) return DNN_ERROR_MEMORY;
    m->children[m->n_children++] = (dnni_child){.name = copy, .module = child};
    if (m->height <= child->height) m->height = child->height + 1;
    child->handed_over = true;
    child->containers++;
    dnni_module_tree_changed(m);
    return DNN_OK;
}

/* ---- calls ---- */

static dnn_status copy_values(dnn_context *ctx, dnn_value **out, const dnn_value *values, int32_t n) {
    *out = dnni_alloc(ctx, n, sizeof **out);
    if (!*out) return DNN_ERROR_MEMORY;
    if (n > 0) memcpy(*out, values, (size_t)n * sizeof *values);
    return DNN_OK;
}

static dnn_status append_call(dnn_module *m, int64_t child, const dnn_value *inputs, int32_t n_inputs,
                              dnn_value *outputs, int32_t n_outputs) {
    dnn_context *ctx = m->base.ctx;
    DNNI_TRY(dnni_grow(ctx, (void **)&m->calls, &m->calls_capacity, m->n_calls + 1, sizeof *m->calls));
    for (int32_t i = 0; i < n_outputs; i++) outputs[i] = m->n_values + i;
    dnni_call call = {.child = child, .n_inputs = n_inputs, .n_outputs = n_outputs};
    dnn_status status = copy_values(ctx, &call.inputs, inputs, n_inputs);
    if (status == DNN_OK) status = copy_values(ctx, &call.outputs, outputs, n_outputs);
    if (status != DNN_OK) {
        dnni_free(ctx, call.inputs, n_inputs, sizeof *call.inputs);
        return status;
    }
    m->calls[m->n_calls++] = call;
    m->n_values += n_outputs;
    return DNN_OK;
}

static dnn_status check_open(const dnn_module *m, bool sequential) {
    DNNI_TRY(dnni_check_module(m, sequential ? "sequential" : "graph"));
    DNNI_REQUIRE(!m->layer_class && m->is_sequential == sequential, "the module is a %s, not a %s", dnni_module_type(m),
                 sequential ? "sequential" : "graph");
    if (m->handed_over)
        return dnni_error(DNN_ERROR_STATE, "the container was handed over to another one: it takes no more children");
    return DNN_OK;
}

/* The child's number; a new child is appended, and then the caller's hold on it is taken over. */
static dnn_status place_child(dnn_module *m, const char *name, dnn_module *child, int64_t *number, bool *taken) {
    *number = find_child(m, child);
    *taken = false;
    if (*number >= 0) {
        DNNI_REQUIRE(!name || strcmp(name, m->children[*number].name) == 0,
                     "the child \"%s\" is applied again as \"%.40s\"", m->children[*number].name, name);
        return DNN_OK;
    }
    DNNI_TRY(append_child(m, name, child));
    *number = m->n_children - 1;
    *taken = true;
    return DNN_OK;
}

/* A call that fails leaves the child in the tree, uncalled: the container's kept error forbids its use anyway. */
static dnn_status call_child(dnn_module *m, const char *name, dnn_module *child, const dnn_value *inputs,
                             int32_t n_inputs, dnn_value *outputs, int32_t n_outputs, bool *taken) {
    int64_t number;
    DNNI_REQUIRE(m->n_values <= INT32_MAX - n_outputs, "the graph has %d values, it takes no more", m->n_values);
    DNNI_TRY(place_child(m, name, child, &number, taken));
    return append_call(m, number, inputs, n_inputs, outputs, n_outputs);
}

/* Releases a child that could not be handed over; the last error stays. */
static dnn_status give_back(dnn_status status, dnn_module *child) {
    if (!dnni_is(child, DNNI_MODULE)) return status;
    dnni_saved_error saved;
    dnni_error_save(&saved);
    dnn_module_release(child);
    return dnni_error_restore(&saved);
}

/* Keeps the error; a child that was not taken over is given back, as handing over promises. What only follows from an
 * error kept before (a value of a failure) does not get another name in front. */
static dnn_status refuse(dnn_module *m, const char *name, dnn_module *child, bool taken) {
    if (name && dnni_is_name(name) && !m->error_kept) dnni_error_prefix(name);
    dnn_status status = dnni_module_keep_error(m);
    bool is_here = taken || m == child || find_child(m, child) >= 0;
    return is_here ? status : give_back(status, child);
}

/* A NULL child is the failure of its constructor, whose error is still the last one. */
static dnn_status check_handed(const dnn_module *child) {
    if (child) return dnni_check_module(child, "child");
    if (dnn_last_status() == DNN_OK) return dnni_error(DNN_ERROR_ARGUMENT, "child is NULL");
    return dnn_last_status();
}

dnn_status dnn_sequential_add(dnn_module *sequential, const char *name, dnn_module *child) {
    dnn_status status = dnni_check_module(sequential, "sequential");
    if (status != DNN_OK) return give_back(status, child);
    bool taken = false;
    dnn_module *m = sequential;
    status = check_handed(child);
    if (status == DNN_OK) status = check_open(m, true);
    if (status == DNN_OK) {
        dnn_value last = m->outputs.items[0], next;
        status = call_child(m, name, child, &last, 1, &next, 1, &taken);
        if (status == DNN_OK) m->outputs.items[0] = next;
    }
    return status == DNN_OK ? DNN_OK : refuse(m, name, child, taken);
}

/* ---- graphs ---- */

static dnn_status new_input(dnn_module *m, dnn_value *value) {
    DNNI_TRY(check_open(m, false));
    DNNI_REQUIRE(m->n_values < INT32_MAX, "the graph has %d values, it takes no more", m->n_values);
    DNNI_TRY(append_value(m->base.ctx, &m->inputs, m->n_values));
    *value = m->n_values++;
    return DNN_OK;
}

dnn_value dnn_graph_input(dnn_module *graph) {
    if (dnni_check_module(graph, "graph") != DNN_OK) return DNN_NO_VALUE;
    dnn_value value = DNN_NO_VALUE;
    if (new_input(graph, &value) == DNN_OK) return value;
    dnni_module_keep_error(graph);
    return DNN_NO_VALUE;
}

static dnn_status check_value(const dnn_module *m, dnn_value value) {
    if (value == DNN_NO_VALUE && m->error_kept) return dnni_error_restore(&m->error);
    DNNI_REQUIRE(value >= 0 && value < m->n_values, "%d is no value of this graph, which has %d", value, m->n_values);
    return DNN_OK;
}

static dnn_status check_values(const dnn_module *m, const dnn_value *values, int32_t n) {
    for (int32_t i = 0; i < n; i++) DNNI_TRY(check_value(m, values[i]));
    return DNN_OK;
}

static dnn_status check_counts(const dnn_value *inputs, int32_t n_inputs, const dnn_value *outputs, int32_t n_outputs) {
    DNNI_REQUIRE(n_inputs >= 0 && n_inputs < 65536 && n_outputs >= 1 && n_outputs < 65536,
                 "a child with %d inputs and %d outputs cannot be called", n_inputs, n_outputs);
    DNNI_REQUIRE((inputs || n_inputs == 0) && outputs, "%s is NULL", outputs ? "inputs" : "outputs");
    return DNN_OK;
}

dnn_status dnn_graph_call(dnn_module *graph, const char *name, dnn_module *child, const dnn_value *inputs,
                          int32_t n_inputs, dnn_value *outputs, int32_t n_outputs) {
    dnn_status status = dnni_check_module(graph, "graph");
    if (status != DNN_OK) return give_back(status, child);
    bool taken = false;
    status = check_counts(inputs, n_inputs, outputs, n_outputs);
    if (status == DNN_OK)
        for (int32_t i = 0; i < n_outputs; i++) outputs[i] = DNN_NO_VALUE;
    if (status == DNN_OK) status = check_handed(child);
    if (status == DNN_OK) status = check_open(graph, false);
    if (status == DNN_OK) status = check_values(graph, inputs, n_inputs);
    if (status == DNN_OK) status = call_child(graph, name, child, inputs, n_inputs, outputs, n_outputs, &taken);
    if (status == DNN_OK) return DNN_OK;
    if (outputs)
        for (int32_t i = 0; i < n_outputs; i++) outputs[i] = DNN_NO_VALUE;
    return refuse(graph, name, child, taken);
}

dnn_value dnn_graph_apply(dnn_module *graph, const char *name, dnn_module *child, dnn_value x) {
    dnn_value y = DNN_NO_VALUE;
    return dnn_graph_call(graph, name, child, &x, 1, &y, 1) == DNN_OK ? y : DNN_NO_VALUE;
}

dnn_value dnn_graph_apply2(dnn_module *graph, const char *name, dnn_module *child, dnn_value a, dnn_value b) {
    dnn_value inputs[2] = {a, b}, y = DNN_NO_VALUE;
    return dnn_graph_call(graph, name, child, inputs, 2, &y, 1) == DNN_OK ? y : DNN_NO_VALUE;
}

static dnn_status new_output(dnn_module *m, dnn_value value) {
    DNNI_TRY(check_open(m, false));
    DNNI_TRY(check_value(m, value));
    return append_value(m->base.ctx, &m->outputs, value);
}

dnn_status dnn_graph_output(dnn_module *graph, dnn_value value) {
    DNNI_TRY(dnni_check_module(graph, "graph"));
    return new_output(graph, value) == DNN_OK ? DNN_OK : dnni_module_keep_error(graph);
}
