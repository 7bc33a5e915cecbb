/* A fixed set of samples over training: a row for each, a column for each look at them. */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "see/cells.h"
#include "see/predict.h"

enum { DEFAULT_ROWS = 8, MOST_ROWS = 64, MOST_SHOWN = 64, CAPTION = 256 };

typedef struct {
    char *label;
    dnn_tensor *outputs; /* (rows, …), a copy */
} column;

struct dnn_strip {
    dnni_object base;
    dnni_pool pool;
    dnn_dataset *dataset; /* held */
    char *title;
    bool probabilities;
    int64_t n;
    dnn_tensor *x, *targets; /* of the samples; targets: NULL without */
    column *columns;
    int64_t n_columns, capacity;
};

static void destroy(void *object) {
    dnn_strip *s = object;
    for (int64_t i = 0; i < s->n_columns; i++) dnn_tensor_release(s->columns[i].outputs);
    dnni_free(s->base.ctx, s->columns, s->capacity, sizeof *s->columns);
    dnn_tensor_release(s->x);
    dnn_tensor_release(s->targets);
    dnn_dataset_release(s->dataset);
    dnni_pool_free(&s->pool);
}

static dnn_status fill(dnn_strip *s, dnn_dataset *dataset, const dnn_strip_desc *d) {
    int64_t indices[MOST_ROWS];
    s->pool.ctx = s->base.ctx;
    s->probabilities = d->probabilities != 0;
    if (d->title && !(s->title = dnni_pool_clean(&s->pool, d->title, false))) return DNN_ERROR_MEMORY;
    s->n = d->indices ? d->n_indices : dnnk_min(dataset->count, d->n_indices ? d->n_indices : DEFAULT_ROWS);
    if (dataset->count == 0) return dnni_error(DNN_ERROR_VALUE, "the dataset has no samples");
    DNNI_REQUIRE(s->n >= 1 && s->n <= MOST_ROWS, "desc.n_indices is %lld, it may be 1 to %d", (long long)d->n_indices,
                 MOST_ROWS);
    for (int64_t i = 0; i < s->n; i++) indices[i] = d->indices ? d->indices[i] : i;
    DNNI_TRY(dnni_check_indices(dataset, indices, s->n));
    DNNI_TRY(dnn_dataset_get(&s->x, &s->targets, dataset, indices, s->n));
    DNNI_TRY(dnn_dataset_retain(dataset));
    s->dataset = dataset;
    return DNN_OK;
}

dnn_status dnn_strip_create(dnn_strip **out, dnn_dataset *dataset, const dnn_strip_desc *desc) {
    dnn_strip_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    dnn_strip *s = dnni_object_new(dnni_context_of(dataset), DNNI_STRIP, sizeof *s, destroy);
    if (!s) return DNN_ERROR_MEMORY;
    dnn_status status = fill(s, dataset, &d);
    if (status == DNN_OK) *out = s;
    else dnni_object_release(s, DNNI_STRIP, "strip");
    return status;
}

dnn_status dnn_strip_release(dnn_strip *strip) { return dnni_object_release(strip, DNNI_STRIP, "strip"); }

/* ---- adding ---- */

/* A later look gives what the first one gave, or it is another module. */
static dnn_status check_output(const dnn_strip *s, const dnn_array *y) {
    if (y->rank < 1 || y->dims[0] != s->n || !dnni_is_real(y->dtype))
        return dnni_error(DNN_ERROR_SHAPE, "the module's output is %s %s for %lld samples", dnn_dtype_name(y->dtype),
                          dnni_array_shape(y).text, (long long)s->n);
    if (s->n_columns == 0 || dnni_same_shape(y, &s->columns[0].outputs->array)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "the module's output is %s; the first column had %s", dnni_array_shape(y).text,
                      dnni_array_shape(&s->columns[0].outputs->array).text);
}

static dnn_status look(dnn_strip *s, dnn_module *module, column *c) {
    dnni_predict p;
    const dnn_tensor *y;
    dnn_status status = dnni_predict_open(&p, module);
    if (status == DNN_OK) status = dnni_predict_run(&p, s->x, &y);
    if (status == DNN_OK) status = check_output(s, &y->array);
    if (status == DNN_OK) status = dnn_tensor_clone(&c->outputs, y);
    dnni_predict_close(&p);
    return status;
}

dnn_status dnn_strip_add(dnn_strip *strip, dnn_module *module, const char *label) {
    column c = {.label = NULL};
    DNNI_TRY(dnni_check(strip, DNNI_STRIP, "strip"));
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_same_context(strip, module, "the strip and the module"));
    DNNI_REQUIRE(label, "label is NULL");
    DNNI_TRY(dnni_grow(strip->base.ctx, (void **)&strip->columns, &strip->capacity, strip->n_columns + 1,
                       sizeof *strip->columns));
    DNNI_TRY(look(strip, module, &c));
    c.label = dnni_pool_clean(&strip->pool, label, false);
    if (!c.label) {
        dnn_tensor_release(c.outputs);
        return DNN_ERROR_MEMORY;
    }
    strip->columns[strip->n_columns++] = c;
    return DNN_OK;
}

/* ---- the picture ---- */

typedef struct {
    const dnn_strip *strip;
    dnni_cells cells;
    int64_t shown, before; /* columns of outputs; those before them: input, perhaps target */
} picture;

/* Which look stands in place i: the first, the last, and others evenly between. */
static int64_t look_at(const picture *p, int64_t i) {
    int64_t n = p->strip->n_columns;
    return p->shown < 2 ? i : i * (n - 1) / (p->shown - 1);
}

static dnn_status draw_row(picture *p, int64_t row) {
    const dnn_strip *s = p->strip;
    char text[CAPTION], words[CAPTION / 2];
    dnn_array input = dnni_sample_of(&s->x->array, row), target = {.dtype = DNN_DTYPE_NONE};
    int64_t at = row * (p->before + p->shown);
    if (s->targets) target = dnni_sample_of(&s->targets->array, row);
    dnni_target_text(s->dataset, &target, words, sizeof words);
    snprintf(text, sizeof text, "%s%s", *words ? "target\n" : "input", words);
    DNNI_TRY(dnni_draw_input(&p->cells, at, &input, text));
    for (int64_t i = 0; i < p->shown; i++) {
        const column *c = &s->columns[look_at(p, i)];
        dnn_array output = dnni_sample_of(&c->outputs->array, row);
        if (i == 0 && p->before == 2) DNNI_TRY(dnni_draw_target(&p->cells, at + 1, &output, &target, "target"));
        DNNI_TRY(dnni_draw_output(&p->cells, at + p->before + i, &output, &target, c->label));
    }
    return DNN_OK;
}

static dnn_status draw(dnn_tensor **out, picture *p) {
    const dnn_strip *s = p->strip;
    p->shown = dnnk_min(s->n_columns, MOST_SHOWN);
    p->before = 1;
    if (s->n_columns > 0 && s->targets) {
        dnn_array output = dnni_sample_of(&s->columns[0].outputs->array, 0);
        dnn_array target = dnni_sample_of(&s->targets->array, 0);
        if (dnni_has_target_cell(dnni_answer_of(s->dataset, &output, &target))) p->before = 2;
    }
    DNNI_TRY(dnni_cells_open(&p->cells, s->dataset, s->n * (p->before + p->shown)));
    p->cells.probabilities = s->probabilities;
    for (int64_t row = 0; row < s->n; row++) DNNI_TRY(draw_row(p, row));
    return dnni_cells_sheet(out, &p->cells, p->before + p->shown, s->title);
}

dnn_status dnn_strip_picture(dnn_tensor **out, const dnn_strip *strip) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(strip, DNNI_STRIP, "strip"));
    picture p = {.strip = strip};
    dnn_status status = draw(out, &p);
    dnni_cells_close(&p.cells);
    return status;
}
