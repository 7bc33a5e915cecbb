/* Parameters before the first step: frozen ones, those that no gradient reaches, units that start as twins. */
#include "preflight/first.h"
#include "preflight/names.h"
#include "rng/rng.h"

#define MOVED 0.05 /* of a parameter's root mean square */
#define STREAM_MOVE (UINT64_C(0xf1) << 56) /* + the parameter's number */

/* ---- frozen ---- */

dnn_status dnni_first_look_at_frozen(first_loss *l) {
    const char *meant = l->flight->d.frozen;
    dnn_report *r = l->flight->report;
    preflight_names list = {.n = 0};
    int64_t trainable = 0;
    for (int64_t i = 0; i < l->clone.index->n_parameters; i++) {
        const dnni_index_parameter *p = &l->clone.index->parameters[i];
        trainable += !p->is_buffer && !p->parameter->frozen;
        if (p->is_buffer || !p->parameter->frozen || (meant && dnni_path_matches(meant, p->path))) continue;
        dnni_names_add(&list, p->path);
    }
    if (list.n == 0) return DNN_OK;
    dnni_names_end(&list);
    DNNI_TRY(dnni_report_add(r, trainable ? DNN_SEVERITY_WARNING : DNN_SEVERITY_ERROR, "frozen-parameters",
                             "%s frozen: %s will not learn.", trainable ? "Parameters are" : "All parameters are",
                             list.text));
    return dnni_report_action(r, "unfreeze them (dnn_module_unfreeze), or name in desc.frozen what is meant to be");
}

/* ---- gradients ---- */

static const dnn_array *gradient_of(const first_loss *l, int64_t i) {
    dnn_tensor *gradient = l->clone.index->parameters[i].parameter->gradient;
    dnni_tensor_settle(gradient);
    return &gradient->array;
}

static dnn_status differentiate(const first_loss *l, const dnn_tensor *x, const dnn_tensor *target) {
    const dnn_tensor *y, *dy;
    dnn_module *module = l->flight->module;
    DNNI_TRY(dnn_module_zero_grad(module));
    DNNI_TRY(dnn_module_forward(module, x, &y));
    DNNI_TRY(dnn_loss_evaluate(l->flight->loss, y, target, NULL, &dy));
    return dnn_module_backward(module, dy, NULL);
}

static void move_tensor(dnn_tensor *value, uint64_t seed, int64_t number) {
    const dnn_array *a = &value->array;
    int64_t n = dnni_count(a);
    double sum = 0;
    for (int64_t k = 0; k < n; k++) sum += pow(dnni_load(a->dtype, a->data, k), 2);
    double size = sum > 0 ? sqrt(sum / (double)n) : 1;
    for (int64_t k = 0; k < n; k++) {
        double step = dnnk_random_normal(seed, STREAM_MOVE + (uint64_t)number, (uint64_t)k);
        dnni_store(a->dtype, a->data, k, dnni_load(a->dtype, a->data, k) + MOVED * size * step);
    }
    dnni_tensor_written(value);
}

static void move_parameters(const first_loss *l) {
    for (int64_t i = 0; i < l->clone.index->n_parameters; i++) {
        const dnni_index_parameter *p = &l->clone.index->parameters[i];
        if (!p->is_buffer && dnni_is_real(p->parameter->value->array.dtype))
            move_tensor(p->parameter->value, l->flight->d.seed, i);
    }
}

static bool is_zero(const dnn_array *a) {
    for (int64_t i = 0, n = dnni_count(a); i < n; i++)
        if (dnni_load(a->dtype, a->data, i) != 0) return false;
    return true;
}

static bool is_one_value(const dnn_array *a) {
    double first = dnni_count(a) > 0 ? dnni_load(a->dtype, a->data, 0) : 0;
    for (int64_t i = 1, n = dnni_count(a); i < n; i++)
        if (dnni_load(a->dtype, a->data, i) != first) return false;
    return true;
}

static bool rows_are_equal(const dnn_array *a) {
    int64_t row = dnni_count(a) / a->dims[0];
    for (int64_t i = row, n = dnni_count(a); i < n; i++)
        if (dnni_load(a->dtype, a->data, i) != dnni_load(a->dtype, a->data, i - row)) return false;
    return true;
}

/* Weights of one value whose gradient is the same for all units: they stay the same for ever. */
static bool stays_symmetric(const dnn_array *value, const dnn_array *gradient) {
    if (value->rank < 2 || dnni_count(value) < 2 || !is_one_value(value)) return false;
    return is_zero(gradient) || (value->dims[0] > 1 && rows_are_equal(gradient));
}

static bool is_trained(const dnni_index_parameter *p) {
    return !p->is_buffer && !p->parameter->frozen && dnni_count(&p->parameter->value->array) > 0;
}

static dnn_status say_symmetric(first_loss *l, preflight_names *list) {
    dnn_report *r = l->flight->report;
    if (list->n == 0) return DNN_OK;
    dnni_names_end(list);
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "all-zero-weights",
                             "The weights of %s all have one value: its units compute the same, and get the same "
                             "gradient.",
                             list->text));
    DNNI_TRY(dnni_report_how(r, "the gradient over a batch of %lld is zero, or the same for each unit",
                             (long long)l->flight->batch));
    return dnni_report_action(r, "start with random weights, as layers do by themselves (dnn_tensor_fill with a kind "
                                 "of Kaiming's or Xavier's)");
}

static dnn_status say_unreached(first_loss *l, preflight_names *list, int64_t trained) {
    dnn_report *r = l->flight->report;
    if (list->n == 0) return DNN_OK;
    dnni_names_end(list);
    if (list->n == trained) {
        DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "constant-loss", "The loss depends on no parameter."));
        DNNI_TRY(dnni_report_how(r, "all gradients over a batch of %lld are 0, also with the weights moved a little",
                                 (long long)l->flight->batch));
        return dnni_report_action(r, "look for what cuts the way back: an output of constants, units that are all "
                                     "dead, a loss that saturates");
    }
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "parameters-without-gradient", "No gradient reaches %s.",
                             list->text));
    DNNI_TRY(dnni_report_how(r, "exactly 0 over a batch of %lld, also with all weights moved by a twentieth of their "
                                "size",
                             (long long)l->flight->batch));
    return dnni_report_action(r, "look for a branch that leads nowhere, a factor of 0, or units that are all dead");
}

/* Starting values of 0 further on (a last norm's scale) hide what lies before: so a gradient counts as 0 only if it is
 * with the weights moved, too. */
static void note_zeros(const first_loss *l, bool *zero, bool before) {
    for (int64_t i = 0; i < l->clone.index->n_parameters; i++)
        if (is_trained(&l->clone.index->parameters[i]))
            zero[i] = (before || zero[i]) && is_zero(gradient_of(l, i));
}

static dnn_status look(first_loss *l, const dnn_tensor *x, const dnn_tensor *target) {
    const dnni_index *index = l->clone.index;
    preflight_names symmetric = {.n = 0}, unreached = {.n = 0};
    int64_t trained = 0;
    bool *zero = dnni_pool_alloc(&l->clone.pool, index->n_parameters, sizeof *zero);
    if (!zero) return DNN_ERROR_MEMORY;
    DNNI_TRY(differentiate(l, x, target));
    note_zeros(l, zero, true);
    for (int64_t i = 0; i < index->n_parameters; i++) {
        if (!is_trained(&index->parameters[i])) continue;
        trained++;
        const dnn_array *value = &index->parameters[i].parameter->value->array;
        if (stays_symmetric(value, gradient_of(l, i))) dnni_names_add(&symmetric, index->parameters[i].path);
    }
    move_parameters(l);
    DNNI_TRY(differentiate(l, x, target));
    note_zeros(l, zero, false);
    for (int64_t i = 0; i < index->n_parameters; i++)
        if (zero[i]) dnni_names_add(&unreached, index->parameters[i].path);
    DNNI_TRY(say_symmetric(l, &symmetric));
    return say_unreached(l, &unreached, trained);
}

dnn_status dnni_first_look_at_gradients(first_loss *l) {
    dnn_tensor *x, *target;
    DNNI_TRY(dnni_preflight_batch(l->flight, 0, &x, &target));
    dnn_status status = look(l, x, target);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return status;
}
