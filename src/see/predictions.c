/* Metrics of single samples, and samples beside what the module makes of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "see/cells.h"
#include "see/predict.h"

enum { AT_ONCE = 64, MOST_ROWS = 32, QUARTILES = 5, COLUMNS = 6, CAPTION = 320 };

/* ---- a metric of each sample ---- */

static dnn_status measure(dnn_metrics *metrics, dnn_tensor *y, dnn_tensor *target, int64_t i, const char *name,
                          double *value) {
    dnn_tensor *one = NULL, *its_target = NULL;
    dnn_status status = dnn_metrics_reset(metrics);
    if (status == DNN_OK) status = dnn_tensor_slice(&one, y, i, 1);
    if (status == DNN_OK) status = dnn_tensor_slice(&its_target, target, i, 1);
    if (status == DNN_OK) status = dnn_metrics_add(metrics, one, its_target);
    if (status == DNN_OK) status = dnn_metrics_get(metrics, name, value);
    dnn_tensor_release(its_target);
    dnn_tensor_release(one);
    return status;
}

static dnn_status measure_batch(double *values, dnni_predict *p, dnn_metrics *metrics, dnn_dataset *dataset,
                                int64_t first, int64_t n, const char *name) {
    dnn_tensor *x, *target;
    const dnn_tensor *y;
    DNNI_TRY(dnn_dataset_get_range(&x, &target, dataset, first, n));
    dnn_status status = dnni_predict_run(p, x, &y);
    for (int64_t i = 0; status == DNN_OK && i < n; i++)
        status = measure(metrics, (dnn_tensor *)y, target, i, name, &values[first + i]);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return status;
}

dnn_status dnn_sample_metric(double *values, dnn_module *module, dnn_dataset *dataset, const dnn_metrics_desc *desc,
                             const char *name) {
    DNNI_REQUIRE(values && name, "%s is NULL", values ? "name" : "values");
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_TRY(dnni_check_same_context(module, dataset, "the module and the dataset"));
    if (!dnni_has_targets(dataset)) return dnni_error(DNN_ERROR_VALUE, "the dataset has no targets to compare with");
    dnni_predict p = {.predictor = NULL};
    dnn_metrics *metrics = NULL;
    dnn_status status = dnn_metrics_create(&metrics, dnni_context_of(module), desc);
    if (status == DNN_OK) status = dnni_predict_open(&p, module);
    for (int64_t first = 0; status == DNN_OK && first < dataset->count; first += AT_ONCE)
        status = measure_batch(values, &p, metrics, dataset, first, dnnk_min(AT_ONCE, dataset->count - first), name);
    dnni_predict_close(&p);
    dnn_metrics_release(metrics);
    return status;
}

/* ---- the sheet ---- */

typedef struct {
    const dnn_predictions_desc *d;
    dnn_dataset *dataset;
    dnni_predict predict;
    dnni_cells cells;
    int64_t indices[MOST_ROWS], n;
    bool quartiles;
    dnn_tensor *x, *targets; /* of those samples */
} predictions;

static dnn_status choose(predictions *s) {
    const dnn_predictions_desc *d = s->d;
    int64_t count = s->dataset->count;
    s->quartiles = !d->indices && d->values && count > 0;
    s->n = s->quartiles ? QUARTILES : d->indices ? d->n_indices : count;
    if (s->n < 1 || s->n > MOST_ROWS)
        return dnni_error(DNN_ERROR_ARGUMENT,
                          "%lld samples for a sheet of 1 to %d: give desc.indices, or desc.values of which to take the "
                          "quartiles",
                          (long long)s->n, MOST_ROWS);
    if (s->quartiles) return dnn_quartiles(dnni_context_of(s->dataset), d->values, count, s->indices);
    for (int64_t i = 0; i < s->n; i++) s->indices[i] = d->indices ? d->indices[i] : i;
    return dnni_check_indices(s->dataset, s->indices, s->n);
}

static const char *row_name(const predictions *s, int64_t row) {
    static const char *const names[QUARTILES] = {"minimum", "lower quartile", "median", "upper quartile", "maximum"};
    return s->quartiles ? names[row] : "";
}

/* "median: loss 0.12", "target 7", "sample 512", each in a line of its own. */
static void write_caption(const predictions *s, int64_t row, const dnn_array *target, char text[CAPTION]) {
    char words[CAPTION / 3];
    int64_t index = s->indices[row];
    size_t used = (size_t)snprintf(text, CAPTION, "%s%s", row_name(s, row), s->quartiles ? "\n" : "");
    if (s->d->values)
        used += (size_t)snprintf(text + used, CAPTION - used, "%.40s %s\n", s->d->name ? s->d->name : "value",
                                 dnni_real(s->d->values[index], 3).text);
    dnni_target_text(s->dataset, target, words, sizeof words);
    if (*words) used += (size_t)snprintf(text + used, CAPTION - used, "target %s\n", words);
    if (used < CAPTION) snprintf(text + used, CAPTION - used, "sample %lld", (long long)index);
}

static dnn_status draw_row(predictions *s, int64_t row, int64_t columns, const dnn_array *y) {
    char text[CAPTION];
    dnn_array input = dnni_sample_of(&s->x->array, row), output = dnni_sample_of(y, row);
    dnn_array target = {.dtype = DNN_DTYPE_NONE};
    if (s->targets) target = dnni_sample_of(&s->targets->array, row);
    write_caption(s, row, &target, text);
    DNNI_TRY(dnni_draw_input(&s->cells, row * columns, &input, text));
    if (columns == 3) DNNI_TRY(dnni_draw_target(&s->cells, row * columns + 1, &output, &target, "target"));
    return dnni_draw_output(&s->cells, row * columns + columns - 1, &output, &target, "output");
}

static dnn_status draw(dnn_tensor **out, predictions *s, dnn_module *module) {
    const dnn_tensor *y;
    DNNI_TRY(choose(s));
    DNNI_TRY(dnn_dataset_get(&s->x, &s->targets, s->dataset, s->indices, s->n));
    DNNI_TRY(dnni_predict_open(&s->predict, module));
    DNNI_TRY(dnni_predict_run(&s->predict, s->x, &y));
    const dnn_array *a = &y->array;
    if (a->rank < 1 || a->dims[0] != s->n || !dnni_is_real(a->dtype))
        return dnni_error(DNN_ERROR_SHAPE, "the module's output is %s %s for %lld samples",
                          dnn_dtype_name(a->dtype), dnni_array_shape(a).text, (long long)s->n);
    dnn_array output = dnni_sample_of(a, 0), target = s->dataset->target;
    int64_t columns = dnni_has_targets(s->dataset) &&
                      dnni_has_target_cell(dnni_answer_of(s->dataset, &output, &target)) ? 3 : 2;
    DNNI_TRY(dnni_cells_open(&s->cells, s->dataset, s->n * columns));
    s->cells.probabilities = s->d->probabilities != 0;
    for (int64_t row = 0; row < s->n; row++) DNNI_TRY(draw_row(s, row, columns, a));
    return dnni_cells_sheet(out, &s->cells, COLUMNS, s->d->title); /* which is two or three samples side by side */
}

dnn_status dnn_sheet_predictions(dnn_tensor **out, dnn_module *module, dnn_dataset *dataset,
                                 const dnn_predictions_desc *desc) {
    dnn_predictions_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_TRY(dnni_check_same_context(module, dataset, "the module and the dataset"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    predictions s = {.d = &d, .dataset = dataset};
    dnn_status status = draw(out, &s, module);
    dnni_cells_close(&s.cells);
    dnni_predict_close(&s.predict);
    dnn_tensor_release(s.targets);
    dnn_tensor_release(s.x);
    return status;
}
