/* Preflight: each mistake that it names, made on purpose; none in runs that are right. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/flights.h"

enum { WARN = DNN_SEVERITY_WARNING, ERR = DNN_SEVERITY_ERROR, NOTE = DNN_SEVERITY_NOTE };

static dnn_module *mlp(void) { return FLIGHT_CHAIN(flight_dense(4, 16), dnn_relu(data_ctx), flight_dense(16, 3)); }

static flight good(void) {
    dnn_module *net = mlp();
    return (flight){net, flight_cross_entropy(), flight_adam(net, 0.01), flight_blobs(600, 4, 3, 1)};
}

/* Another network than the good one's. */
static void exchange(flight *f, dnn_module *net) {
    dnn_optimizer_release(f->opt);
    dnn_module_release(f->net);
    f->net = net;
    f->opt = flight_adam(net, 0.01);
}

static void exchange_data(flight *f, dnn_dataset *data) {
    dnn_dataset_release(f->data);
    f->data = data;
}

static void exchange_loss(flight *f, dnn_loss *loss) {
    dnn_loss_release(f->loss);
    f->loss = loss;
}

/* ---- the mistakes ---- */

static void none(flight *f, dnn_preflight_desc *d) { (void)f, (void)d; }
static void hot_logits(flight *f, dnn_preflight_desc *d) {
    (void)d;
    dnn_tensor *w = value_of(f->net, "l2.weight");
    for (int64_t i = 0; i < dnn_tensor_count(w); i++) tensor_put(w, i, 20 * tensor_at(w, i));
}
static void far_targets(flight *f, dnn_preflight_desc *d) {
    (void)d;
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 16), dnn_tanh(data_ctx), flight_dense(16, 1)));
    exchange_loss(f, flight_squares());
    exchange_data(f, flight_curve(300, 4, 50, 1));
}
static void regression(flight *f, dnn_preflight_desc *d) {
    far_targets(f, d);
    exchange_data(f, flight_curve(300, 4, 0, 1));
}
static void infinite(flight *f, dnn_preflight_desc *d) {
    (void)d;
    flight_set(f->net, "l2.bias", (double)INFINITY);
}
/* In one sample of 600, which the first batch need not have. */
static void one_nan(flight *f, dnn_preflight_desc *d) {
    dnn_tensor *x, *t;
    (void)d;
    OK(dnn_dataset_get_range(&x, &t, f->data, 0, 600));
    tensor_put(x, 4 * 311 + 2, (double)NAN);
    exchange_data(f, flight_dataset(x, t));
}
static void trained(flight *f, dnn_preflight_desc *d) {
    (void)d;
    const dnn_tensor *y, *dy;
    dnn_tensor *x, *t;
    OK(dnn_dataset_get_range(&x, &t, f->data, 0, 256));
    for (int i = 0; i < 200; i++) {
        OK(dnn_optimizer_zero_grad(f->opt));
        OK(dnn_module_forward(f->net, x, &y));
        OK(dnn_loss_evaluate(f->loss, y, t, NULL, &dy));
        OK(dnn_module_backward(f->net, dy, NULL));
        OK(dnn_optimizer_step(f->opt));
    }
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}
static void summed(flight *f, dnn_preflight_desc *d) {
    (void)d;
    dnn_loss *loss;
    OK(dnn_cross_entropy_create(&loss, data_ctx, &(dnn_cross_entropy_desc){DNN_SIZED(dnn_cross_entropy_desc),
                                                                           .reduction = DNN_REDUCTION_SUM}));
    exchange_loss(f, loss);
}
static void softmax_twice(flight *f, dnn_preflight_desc *d) {
    (void)d;
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 16), dnn_relu(data_ctx), flight_dense(16, 3), dnn_softmax(data_ctx, -1)));
}
static void log_softmax_twice(flight *f, dnn_preflight_desc *d) {
    (void)d;
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 16), dnn_relu(data_ctx), flight_dense(16, 3),
                             dnn_log_softmax(data_ctx, -1)));
}
static void sigmoid_twice(flight *f, dnn_preflight_desc *d) {
    (void)d;
    dnn_loss *loss;
    OK(dnn_bce_with_logits_create(&loss, data_ctx, NULL));
    exchange_loss(f, loss);
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 16), dnn_relu(data_ctx), flight_dense(16, 1), dnn_sigmoid(data_ctx)));
    exchange_data(f, flight_curve(300, 4, 0.5, 1));
}
static void too_few_outputs(flight *f, dnn_preflight_desc *d) {
    (void)d;
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 16), dnn_relu(data_ctx), flight_dense(16, 2)));
}
static void too_many_outputs(flight *f, dnn_preflight_desc *d) {
    (void)d;
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 16), dnn_relu(data_ctx), flight_dense(16, 5)));
}
static void declare_four(flight *f, dnn_preflight_desc *d) {
    (void)d;
    dnn_dataset *view;
    OK(dnn_dataset_with_metadata(&view, f->data, &(dnn_metadata_desc){DNN_SIZED(dnn_metadata_desc), .classes = 4}));
    exchange_data(f, view);
}
static void cast_label(flight *f, dnn_preflight_desc *d) {
    (void)d;
    dnn_tensor *x, *t, *u8;
    OK(dnn_dataset_get_range(&x, &t, f->data, 0, 300));
    tensor_put(t, 17, 255);
    OK(dnn_tensor_cast(&u8, t, DNN_U8, DNN_CAST_EXACT, NULL));
    dnn_tensor_release(t);
    exchange_data(f, flight_dataset(x, u8));
}
static void wrong_target_shape(flight *f, dnn_preflight_desc *d) {
    regression(f, d);
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 8), dnn_tanh(data_ctx), flight_dense(8, 2)));
}
static void wrong_input_shape(flight *f, dnn_preflight_desc *d) {
    (void)d;
    exchange(f, FLIGHT_CHAIN(flight_dense(5, 8), dnn_tanh(data_ctx), flight_dense(8, 3)));
}
static void all_zero(flight *f, dnn_preflight_desc *d) {
    (void)d;
    flight_set(f->net, "l0.weight", 0);
    flight_set(f->net, "l0.bias", 0);
    flight_set(f->net, "l2.weight", 0);
}
static void constant_hidden(flight *f, dnn_preflight_desc *d) {
    (void)d;
    flight_set(f->net, "l0.weight", 0.1);
    flight_set(f->net, "l0.bias", 0);
    flight_set(f->net, "l2.weight", 0.1);
}
static void zero_head(flight *f, dnn_preflight_desc *d) {
    (void)d;
    flight_set(f->net, "l2.weight", 0);
    flight_set(f->net, "l2.bias", 0);
}
static void dead(flight *f, dnn_preflight_desc *d) {
    (void)d;
    flight_set(f->net, "l0.bias", -100);
}
static void few_dead(flight *f, dnn_preflight_desc *d) {
    (void)d;
    for (int64_t i = 0; i < 3; i++) tensor_put(value_of(f->net, "l0.bias"), i, -100);
    exchange_data(f, flight_blobs(1100, 4, 3, 1));
}
static void few_dead_of_few(flight *f, dnn_preflight_desc *d) {
    few_dead(f, d);
    exchange_data(f, flight_blobs(600, 4, 3, 1));
}
/* Small and positive outputs, as an untrained network may well have: no sigmoid. */
static void yes_or_no(flight *f, dnn_preflight_desc *d) {
    (void)d;
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 16), dnn_tanh(data_ctx), flight_dense(16, 1)));
    flight_set(f->net, "l2.weight", 0.01);
    flight_set(f->net, "l2.bias", 0.5);
    dnn_loss *loss;
    OK(dnn_bce_with_logits_create(&loss, data_ctx, NULL));
    exchange_loss(f, loss);
    dnn_tensor *x, *t, *labels;
    OK(dnn_dataset_get_range(&x, &labels, f->data, 0, 300));
    t = tensor_of(data_ctx, DNN_F32, DIMS(300, 1), NULL);
    for (int64_t i = 0; i < 300; i++) tensor_put(t, i, tensor_at(labels, i) > 0);
    dnn_tensor_release(labels);
    exchange_data(f, flight_dataset(x, t));
}
static void frozen(flight *f, dnn_preflight_desc *d) {
    (void)d;
    OK(dnn_module_freeze(f->net, "l0.*"));
}
static void frozen_on_purpose(flight *f, dnn_preflight_desc *d) {
    frozen(f, d);
    d->frozen = "l0.*";
}
static void all_frozen(flight *f, dnn_preflight_desc *d) {
    (void)d;
    OK(dnn_module_freeze(f->net, "*"));
}
/* What goes through a factor of 0 that stays 0: a window beyond the features that are used. */
static void side_branch(flight *f, dnn_preflight_desc *d) {
    (void)d;
    dnn_module *graph;
    OK(dnn_graph_create(&graph, data_ctx));
    dnn_value x = dnn_graph_input(graph);
    dnn_graph_apply(graph, "aside", flight_dense(4, 8), x);
    OK(dnn_graph_output(graph, dnn_graph_apply(graph, "main", flight_dense(4, 3), x)));
    exchange(f, graph);
}

static dnn_statistics *statistics;
static void scaled(flight *f, double offset, double factor) {
    dnn_tensor *x, *t;
    OK(dnn_dataset_get_range(&x, &t, f->data, 0, 600));
    for (int64_t i = 0; i < dnn_tensor_count(x); i++) tensor_put(x, i, offset + factor * tensor_at(x, i));
    exchange_data(f, flight_dataset(x, t));
}
static void not_standardized(flight *f, dnn_preflight_desc *d) {
    scaled(f, 10, 4);
    OK(dnn_statistics_fit(&statistics, f->data, NULL));
    d->statistics = statistics;
}
static void standardized(flight *f, dnn_preflight_desc *d) {
    not_standardized(f, d);
    exchange(f, FLIGHT_CHAIN(dnn_standardize(data_ctx, statistics), flight_dense(4, 16), dnn_relu(data_ctx),
                             flight_dense(16, 3)));
}
static dnn_dataset *validation;
static void other_scale(flight *f, dnn_preflight_desc *d) {
    validation = f->data;
    OK(dnn_dataset_retain(validation));
    scaled(f, 0, 10);
    d->validation = validation;
}
static void same_scale(flight *f, dnn_preflight_desc *d) {
    d->validation = validation = flight_blobs(100, 4, 3, 2);
    (void)f;
}
static void wide_range(flight *f, dnn_preflight_desc *d) {
    (void)f;
    d->low = -1000;
    d->high = 1000;
}
static void not_augmented(flight *f, dnn_preflight_desc *d) {
    (void)f;
    d->augments = 1;
}
static void augmented(flight *f, dnn_preflight_desc *d) {
    dnn_dataset *view;
    OK(dnn_dataset_mix(&view, f->data, &(dnn_mix_desc){DNN_SIZED(dnn_mix_desc), .mixup = 0.4, .classes = 3}));
    exchange_data(f, view);
    d->augments = 1;
}
static void small_budget(flight *f, dnn_preflight_desc *d) {
    (void)f;
    d->memory_budget = 1000;
}
/* A deep network; four fifths of its activations' memory is there. */
static void tight_budget(flight *f, dnn_preflight_desc *d) {
    dnn_module *layers[33];
    dnn_description *plan;
    dnn_array x = {.dtype = DNN_F32, .rank = 2, .dims = {64, 4}};
    dnn_description_totals totals = {DNN_SIZED(dnn_description_totals)};
    for (int i = 0; i < 32; i++) layers[i] = i % 2 ? dnn_tanh(data_ctx) : flight_dense(i ? 32 : 4, 32);
    layers[32] = flight_dense(32, 3);
    exchange(f, flight_chain(layers, 33));
    OK(dnn_module_describe(&plan, f->net, &x, 1));
    OK(dnn_description_totals_get(plan, &totals));
    dnn_description_release(plan);
    d->batch_size = 64;
    d->memory_budget = 2 * totals.parameter_bytes + 3 * 64 * 24 + totals.arena_bytes * 4 / 5; /* Adam's, a loader's */
}
static void large_budget(flight *f, dnn_preflight_desc *d) {
    (void)f;
    d->memory_budget = 100000000;
}

/* A layer whose backward is wrong by a factor. */
static dnn_status double_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    return DNN_OK;
}
static int64_t elements(const dnn_array *a) { return a->dims[0] * a->dims[1]; }
static double get(const dnn_array *a, int64_t i) {
    return a->dtype == DNN_F64 ? ((const double *)a->data)[i] : (double)((const float *)a->data)[i];
}
static void put(const dnn_array *a, int64_t i, double v) {
    if (a->dtype == DNN_F64) ((double *)a->data)[i] = v;
    else ((float *)a->data)[i] = (float)v;
}
static dnn_status double_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < elements(call->inputs); i++) put(call->outputs, i, 2 * get(call->inputs, i));
    return DNN_OK;
}
static dnn_status wrong_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    if (!call->input_gradients[0].data) return DNN_OK;
    for (int64_t i = 0; i < elements(call->inputs); i++)
        put(call->input_gradients, i, 1.5 * get(call->output_gradients, i));
    return DNN_OK;
}
static const dnn_layer_class wrong_class = {DNN_SIZED(dnn_layer_class), .type = "wrong", .shape = double_shape,
                                            .forward = double_forward, .backward = wrong_backward};
static void wrong_layer(flight *f, dnn_preflight_desc *d) {
    (void)d;
    exchange(f, FLIGHT_CHAIN(flight_dense(4, 16), dnn_layer_create(data_ctx, &wrong_class, NULL, 0), dnn_tanh(data_ctx),
                             flight_dense(16, 3)));
}

typedef struct mistake {
    void (*make)(flight *f, dnn_preflight_desc *d);
    const char *name; /* of the finding; "!…": there is none of that name */
    int severity;
    const char *words;
} mistake;

static const mistake mistakes[] = {
    {none, "!first-loss-high", 0, ""},
    {hot_logits, "first-loss-high", WARN, "; ln 3 = 1.099."},
    {far_targets, "first-loss-high", WARN, "standardise the targets"},
    {regression, "!first-loss-high", 0, ""},
    {infinite, "first-loss-high", ERR, "not-finite-parameter"},
    {one_nan, "first-loss-high", ERR, "The first loss is not a number."},
    {one_nan, "not-finite-input", ERR, "input 0 of the module"},
    {trained, "first-loss-off", NOTE, "ln 3 = 1.099"},
    {summed, "loss-sum-for-mean", WARN, "64 samples at a time"},
    {none, "!loss-sum-for-mean", 0, ""},
    {softmax_twice, "softmax-before-loss", ERR, "softmax is done twice"},
    {log_softmax_twice, "softmax-before-loss", NOTE, "log-softmax"},
    {none, "!softmax-before-loss", 0, ""},
    {sigmoid_twice, "sigmoid-before-loss", ERR, "sigmoid is done twice"},
    {too_few_outputs, "wrong-class-count", ERR, "The module has 2 outputs, the data 3 classes."},
    {too_many_outputs, "wrong-class-count", WARN, "The module has 5 outputs, the data 3 classes."},
    {declare_four, "wrong-class-count", ERR, "The module has 3 outputs, the data 4 classes."},
    {none, "!wrong-class-count", 0, ""},
    {cast_label, "labels-out-of-range", ERR, "A label is 255"},
    {wrong_target_shape, "loss-does-not-fit", ERR, "target"},
    {wrong_input_shape, "does-not-run", ERR, "l0: "},
    {all_zero, "all-zero-weights", ERR, "l0.weight"},
    {constant_hidden, "all-zero-weights", ERR, "l0.weight"},
    {zero_head, "!all-zero-weights", 0, ""},
    {zero_head, "!parameters-without-gradient", 0, ""},
    {dead, "dead-units", ERR, "16 of the 16 units of l1 are 0"},
    {few_dead, "dead-units", WARN, "of the 16 units of l1"},
    {few_dead_of_few, "!dead-units", 0, ""},
    {yes_or_no, "!sigmoid-before-loss", 0, ""},
    {none, "!dead-units", 0, ""},
    {frozen, "frozen-parameters", WARN, "l0.weight, l0.bias will not learn"},
    {frozen_on_purpose, "!frozen-parameters", 0, ""},
    {all_frozen, "frozen-parameters", ERR, "All parameters are frozen"},
    {side_branch, "parameters-without-gradient", ERR, "No gradient reaches aside.weight, aside.bias."},
    {dead, "parameters-without-gradient", ERR, "l0.weight"},
    {not_standardized, "statistics-not-applied", ERR, "not standardised by them"},
    {standardized, "!statistics-not-applied", 0, ""},
    {other_scale, "statistics-not-applied", ERR, "validation set"},
    {same_scale, "!statistics-not-applied", 0, ""},
    {wide_range, "range-declared-wrong", WARN, "-1000 to 1000"},
    {not_augmented, "same-every-epoch", ERR, "epochs 0 and 1"},
    {augmented, "!same-every-epoch", 0, ""},
    {small_budget, "memory", ERR, "may take 0.0009537 MiB"},
    {small_budget, "memory", ERR, "take smaller batches: computing activations again (dnn_module_set_memory) saves 0 MiB"},
    {tight_budget, "memory", ERR, "has activations computed again, for less than"},
    {large_budget, "!memory", 0, ""},
    {wrong_layer, "gradient-wrong", ERR, "The backward of l1 is not"},
    {none, "!gradient-wrong", 0, ""},
};

static void check(const mistake *m) {
    dnn_preflight_desc d = {DNN_SIZED(dnn_preflight_desc)};
    dnn_report *report;
    flight f = good();
    m->make(&f, &d);
    OK(dnn_preflight(&report, f.net, f.loss, f.opt, f.data, &d));
    if (*m->name == '!') flight_expect_none(report, m->name + 1);
    else flight_expect(report, m->name, (dnn_severity)m->severity, m->words);
    dnn_report_release(report);
    flight_end(&f);
    dnn_statistics_release(statistics);
    dnn_dataset_release(validation);
    statistics = NULL;
    validation = NULL;
}

static void test_mistakes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) check(&mistakes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_mistakes, data_setup, data_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
