#include "audit/audit.h"

#include <string.h>

enum { DEFAULT_NEIGHBOURS = 10, MOST_NEIGHBOURS = 100, DEFAULT_SAMPLES = 20000, SMALLEST_PICTURE = 8 };

/* ---- options ---- */

static dnn_status check_options(const dnn_audit_desc *o) {
    DNNI_REQUIRE(o->k >= 0 && o->k <= MOST_NEIGHBOURS, "options.k is %lld, it is to be 1 to %d", (long long)o->k,
                 MOST_NEIGHBOURS);
    DNNI_REQUIRE(o->max_samples >= 0 && o->max_samples <= INT32_MAX, "options.max_samples is %lld",
                 (long long)o->max_samples);
    DNNI_REQUIRE(o->classes >= 0 && o->classes <= INT32_MAX, "options.classes is %lld", (long long)o->classes);
    bool declared = o->low != 0 || o->high != 0;
    DNNI_REQUIRE(!declared || (o->low < o->high && isfinite(o->high - o->low)),
                 "options.low and .high, %g and %g, are no range", o->low, o->high);
    DNNI_REQUIRE(o->skip >= 0 && o->skip < 8, "options.skip is %d", o->skip);
    return DNN_OK;
}

static void fill_options(dnn_audit_desc *o, dnn_dataset *train) {
    if (!o->train_name) o->train_name = "train";
    if (!o->test_name) o->test_name = "test";
    if (o->k == 0) o->k = DEFAULT_NEIGHBOURS;
    if (o->max_samples == 0) o->max_samples = DEFAULT_SAMPLES;
    if (o->classes == 0) o->classes = dnn_dataset_classes(train);
    if (o->low == 0 && o->high == 0) dnn_dataset_range(train, &o->low, &o->high);
}

static dnn_status check_sets(const dnn_dataset *train, const dnn_dataset *test) {
    DNNI_TRY(dnni_check_dataset(train, "train"));
    DNNI_REQUIRE(train->count <= INT32_MAX, "train has %lld samples", (long long)train->count);
    if (!test) return DNN_OK;
    DNNI_TRY(dnni_check_dataset(test, "test"));
    DNNI_TRY(dnni_check_same_context(train, test, "train and test"));
    DNNI_REQUIRE(test->count <= INT32_MAX - train->count, "test has %lld samples", (long long)test->count);
    if (train->input.dtype != test->input.dtype)
        return dnni_error(DNN_ERROR_DTYPE, "inputs are %s in train, %s in test", dnn_dtype_name(train->input.dtype),
                          dnn_dtype_name(test->input.dtype));
    if (!dnni_same_shape(&train->input, &test->input))
        return dnni_error(DNN_ERROR_SHAPE, "inputs have shape %s in train, %s in test",
                          dnni_array_shape(&train->input).text, dnni_array_shape(&test->input).text);
    if (!dnni_same_shape(&train->target, &test->target) || dnni_has_targets(train) != dnni_has_targets(test))
        return dnni_error(DNN_ERROR_SHAPE, "targets have shape %s in train, %s in test",
                          dnni_array_shape(&train->target).text, dnni_array_shape(&test->target).text);
    return DNN_OK;
}

static dnn_status check_extras(const dnn_audit_desc *o, dnn_dataset *train) {
    if (o->features) {
        DNNI_TRY(dnni_check(o->features, DNNI_MODULE, "options.features"));
        DNNI_TRY(dnni_check_same_context(train, o->features, "train and options.features"));
    }
    if (!o->probabilities) return DNN_OK;
    DNNI_TRY(dnni_check_tensor(o->probabilities, "options.probabilities"));
    const dnn_array *p = &o->probabilities->array;
    if (!dnni_is_real(p->dtype))
        return dnni_error(DNN_ERROR_DTYPE, "options.probabilities are %s, float32 or float64 is needed",
                          dnn_dtype_name(p->dtype));
    if (p->rank == 2 && p->dims[0] == train->count && p->dims[1] > 0) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "options.probabilities have shape %s, [%lld, classes] is needed",
                      dnni_array_shape(p).text, (long long)train->count);
}

/* ---- what the inputs and targets are ---- */

static void see_inputs(dnni_audit *a) {
    const dnn_array *x = &a->set[0].dataset->input;
    a->dims = dnni_count(x);
    bool picture = x->rank == 3 && x->dims[0] >= SMALLEST_PICTURE && x->dims[1] >= SMALLEST_PICTURE &&
                   x->dims[2] >= 1 && x->dims[2] <= 4;
    if (picture) {
        a->height = x->dims[0];
        a->width = x->dims[1];
        a->channels = x->dims[2];
    }
    bool codes =
        x->dtype == DNN_I32 || x->dtype == DNN_I64 || x->dtype == DNN_BOOL; /* distances between them say nothing */
    a->cosine = a->options.features != NULL;
    a->pointed = a->dims > 0 && (a->cosine || picture || !codes);
    a->searched = a->pointed && !(a->options.skip & DNN_AUDIT_NO_NEIGHBOURS);
}

static dnni_target_kind kind_of_targets(const dnn_dataset *dataset) {
    const dnn_array *t = &dataset->target;
    if (!dnni_has_targets(dataset) || dnni_count(t) == 0) return DNNI_TARGET_NONE;
    if (dnni_count(t) > 1) return DNNI_TARGET_OTHER;
    return dnni_is_label(t->dtype) || t->dtype == DNN_BOOL ? DNNI_TARGET_CLASS : DNNI_TARGET_NUMBER;
}

/* The scale of pictures: what is declared, if samples keep to it and use it; else what they use. Looked at are a few,
 * and of their extremes the middle ones, since some may be on another scale. */
enum { PILOTS = 128 };

static dnn_status look_at_pilots(dnni_audit *a, dnn_dataset *dataset, double *low, double *high) {
    int64_t n = dnnk_min(PILOTS, dataset->count), indices[PILOTS];
    double lows[PILOTS], highs[PILOTS];
    dnn_tensor *x;
    for (int64_t i = 0; i < n; i++) indices[i] = i * (dataset->count / n);
    DNNI_TRY(dnn_dataset_get(&x, NULL, dataset, indices, n));
    for (int64_t i = 0; i < n; i++) {
        lows[i] = INFINITY;
        highs[i] = -INFINITY;
        for (int64_t j = 0; j < a->dims; j++) {
            double value = dnni_load(x->array.dtype, x->array.data, i * a->dims + j);
            if (!isfinite(value)) continue;
            lows[i] = fmin(lows[i], value);
            highs[i] = fmax(highs[i], value);
        }
    }
    dnn_tensor_release(x);
    dnni_sort_reals(lows, n);
    dnni_sort_reals(highs, n);
    *low = lows[n / 4];
    *high = highs[n - 1 - n / 4];
    return DNN_OK;
}

static dnn_status find_scale(dnni_audit *a) {
    dnn_dataset *train = a->set[0].dataset;
    a->low = a->options.low;
    a->high = a->options.high;
    if (a->low == a->high && train->input.dtype == DNN_U8) a->high = 255;
    if (!dnni_is_picture(a) || train->count == 0) return DNN_OK;
    double low, high, span = a->high - a->low;
    DNNI_TRY(look_at_pilots(a, train, &low, &high));
    bool kept = span > 0 && low >= a->low - span / 4 && high <= a->high + span / 4 && high - low > span / 4;
    if (!kept) {
        a->low = low;
        a->high = high;
    }
    if (!(a->high > a->low)) a->high = a->low + 1;
    return DNN_OK;
}

/* ---- the tests, in order ---- */

typedef struct {
    dnn_status (*of_set)(dnni_audit *, dnni_set *);
    dnn_status (*of_all)(dnni_audit *);
    bool across;  /* needs a test set */
    bool training; /* of the training set alone */
} audit_test;

/* Before points are scaled, and after neighbours were found. */
static const audit_test early_tests[] = {
    {.of_all = dnni_audit_layout},     {.of_set = dnni_audit_values},
    {.of_set = dnni_audit_range},      {.of_set = dnni_audit_scale},
    {.of_all = dnni_audit_scale_across, .across = true},
    {.of_set = dnni_audit_dimensions}, {.of_set = dnni_audit_labels},
    {.of_all = dnni_audit_proportions, .across = true},
    {.of_set = dnni_audit_order, .training = true},
    {.of_set = dnni_audit_pictures},   {.of_set = dnni_audit_leak, .training = true},
    {.of_all = dnni_audit_shift, .across = true},
    {.of_all = dnni_audit_duplicates},
};
static const audit_test late_tests[] = {
    {.of_all = dnni_audit_near},      {.of_all = dnni_audit_orientation},
    {.of_set = dnni_audit_variants},  {.of_set = dnni_audit_outliers},
    {.of_set = dnni_audit_step},      {.of_all = dnni_audit_step_across, .across = true},
    {.of_set = dnni_audit_label_errors},
};

/* A test's memory goes when it is done. */
static dnn_status run_test(dnni_audit *a, const audit_test *t, dnni_set *set) {
    dnni_pool kept = a->pool;
    a->pool = (dnni_pool){.ctx = a->ctx};
    dnn_status status = set ? t->of_set(a, set) : t->of_all(a);
    dnni_pool_free(&a->pool);
    a->pool = kept;
    return status;
}

static dnn_status run_tests(dnni_audit *a, const audit_test *tests, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (tests[i].across && a->sets < 2) continue;
        if (tests[i].of_all) DNNI_TRY(run_test(a, &tests[i], NULL));
        for (int32_t k = 0; tests[i].of_set && k < (tests[i].training ? 1 : a->sets); k++)
            if (a->set[k].n > 0) DNNI_TRY(run_test(a, &tests[i], &a->set[k]));
    }
    return DNN_OK;
}

static dnn_status find_neighbours(dnni_audit *a, dnni_set *s) {
    dnni_points points = dnni_points_of(a, s);
    DNNI_TRY(dnni_audit_search(a, &s->near, points, points, a->options.k, true));
    return dnni_audit_usual_distance(a, &s->near, &s->nearest);
}

static dnn_status tell_figures(dnni_audit *a) {
    for (int32_t k = 0; k < a->sets; k++) {
        char name[80];
        snprintf(name, sizeof name, "samples of %.60s", a->set[k].name);
        DNNI_TRY(dnn_report_add_figure(a->report, name, (double)a->set[k].n, ""));
        if (a->set[k].kept < a->set[k].n && a->searched) {
            snprintf(name, sizeof name, "neighbours searched among, in %.40s", a->set[k].name);
            DNNI_TRY(dnn_report_add_figure(a->report, name, (double)a->set[k].kept, "drawn at random: max_samples"));
        }
    }
    return a->classes ? dnn_report_add_figure(a->report, "classes", (double)a->classes, "") : DNN_OK;
}

static dnn_status run(dnni_audit *a) {
    see_inputs(a);
    a->kind = kind_of_targets(a->set[0].dataset);
    DNNI_TRY(find_scale(a));
    for (int32_t k = 0; k < a->sets; k++) DNNI_TRY(dnni_audit_survey(a, &a->set[k]));
    DNNI_TRY(dnni_audit_classes(a));
    if (a->options.probabilities && a->classes != a->options.probabilities->array.dims[1])
        return dnni_error(DNN_ERROR_SHAPE, "options.probabilities have shape %s, there are %lld classes",
                          dnni_array_shape(&a->options.probabilities->array).text, (long long)a->classes);
    DNNI_TRY(tell_figures(a));
    DNNI_TRY(run_tests(a, early_tests, sizeof early_tests / sizeof *early_tests));
    if (!a->pointed || a->point_dims == 0) return DNN_OK;
    dnni_audit_scale_points(a);
    for (int32_t k = 0; a->searched && k < a->sets; k++) DNNI_TRY(find_neighbours(a, &a->set[k]));
    return run_tests(a, late_tests, sizeof late_tests / sizeof *late_tests);
}

static dnn_status audit(dnn_report **out, const dnn_audit_desc *o, dnn_dataset *train, dnn_dataset *test) {
    dnn_context *ctx = dnni_context_of(train);
    dnni_audit a = {.ctx = ctx, .options = *o, .pool = {.ctx = ctx}, .sets = test ? 2 : 1};
    a.set[0] = (dnni_set){.name = o->train_name, .dataset = train, .n = train->count};
    if (test) a.set[1] = (dnni_set){.name = o->test_name, .dataset = test, .n = test->count};
    DNNI_TRY(dnni_report_new(&a.report, ctx, test ? "audit of %s and %s" : "audit of %s", o->train_name, o->test_name));
    dnn_status status = run(&a);
    for (int32_t k = 0; k < 2; k++) dnni_neighbours_free(&a.set[k].near);
    dnni_pool_free(&a.pool);
    if (status == DNN_OK) *out = a.report;
    else dnn_report_release(a.report);
    return status;
}

dnn_status dnn_audit(dnn_report **out, dnn_dataset *train, dnn_dataset *test, const dnn_audit_desc *options) {
    dnn_audit_desc o;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(check_sets(train, test));
    DNNI_TRY(DNNI_READ_DESC(o, options, true));
    DNNI_TRY(check_options(&o));
    DNNI_TRY(check_extras(&o, train));
    fill_options(&o, train);
    return audit(out, &o, train, test);
}
