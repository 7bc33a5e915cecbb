/* Baselines: what is learnt in a short training, beside what comes without the network, or without its input. */
#include "audit/neighbours.h"
#include "preflight/lesson.h"

#define MOST_FLOPS 1.5e11 /* of one training: two seconds */
#define BETTER 0.98       /* of a loss: own choice */
#define THE_SAME 1e-6     /* relative */

enum { LEAST_STEPS = 20, MOST_STEPS = 200, ENOUGH_SAMPLES = 40, SHARE_OF_EXAM = 5, MOST_EXAM = 256 };

typedef struct baselines {
    preflight *flight;
    dnni_clone clone;
    preflight_set train, exam;
    int64_t steps;
    double constant;              /* losses of the exam: of the best constant output, */
    double trained, zeroed, last; /* after training; on inputs of zeros; of the last layer alone */
    double trained_on_zeros;      /* of the trained network, where inputs are zeros: does it look at them? */
    double neighbour;             /* share that is right, or squared error; NaN: not done */
} baselines;

/* ---- sets ---- */

static dnn_status take_validation(baselines *b) {
    preflight *f = b->flight;
    dnn_dataset *set = f->d.validation;
    int64_t indices[MOST_EXAM], n = dnnk_min(dnnk_min(set->count, MOST_EXAM), f->n);
    for (int64_t i = 0; i < n; i++) indices[i] = i * set->count / n;
    b->exam.n = n;
    return dnn_dataset_get(&b->exam.x, &b->exam.target, set, indices, n);
}

/* A fifth is kept for the exam; of very few samples, the exam is what was trained on. */
static dnn_status take_sets(baselines *b) {
    preflight *f = b->flight;
    preflight_set all = {f->x, f->target, f->n};
    if (f->d.validation && f->d.validation->count > 0) {
        DNNI_TRY(dnni_set_slice(&b->train, &all, 0, f->n));
        return take_validation(b);
    }
    int64_t n = f->n < ENOUGH_SAMPLES ? 0 : dnnk_min(f->n / SHARE_OF_EXAM, MOST_EXAM);
    DNNI_TRY(dnni_set_slice(&b->train, &all, 0, f->n - n));
    return dnni_set_slice(&b->exam, &all, n ? f->n - n : 0, n ? n : f->n);
}

/* The same targets, with inputs of zeros. */
static dnn_status zero(const preflight *f, const preflight_set *set, preflight_set *out) {
    *out = (preflight_set){.n = set->n};
    DNNI_TRY(dnni_tensor_like(&out->x, f->ctx, &set->x->array));
    dnn_status status = dnn_tensor_retain(set->target);
    if (status == DNN_OK) out->target = set->target;
    return status;
}

/* ---- trainings ---- */

static dnn_status learn(baselines *b, const preflight_set *train, const preflight_set *exam, double *loss) {
    preflight *f = b->flight;
    preflight_lesson lesson = {.flight = f, .clone = &b->clone, .set = train, .exam = exam, .steps = b->steps,
                               .batch = dnnk_min(f->batch, train->n), .rate = f->rate};
    DNNI_TRY(dnni_lesson_take(&lesson));
    *loss = lesson.best;
    return DNN_OK;
}

static dnn_status learn_zeros(baselines *b) {
    preflight_set train = {.n = 0}, exam = {.n = 0};
    dnn_status status = zero(b->flight, &b->train, &train);
    if (status == DNN_OK) status = zero(b->flight, &b->exam, &exam);
    if (status == DNN_OK) status = learn(b, &train, &exam, &b->zeroed);
    dnni_set_free(&exam);
    dnni_set_free(&train);
    return status;
}

/* The network as training has left it: the loss of the exam with its inputs, and with zeros. */
static dnn_status cover_inputs(baselines *b, double *with) {
    preflight_set exam;
    preflight_lesson lesson = {.flight = b->flight, .clone = &b->clone, .batch = dnnk_min(b->flight->batch, b->exam.n)};
    DNNI_TRY(dnni_lesson_examine(&lesson, &b->exam, with));
    dnn_status status = zero(b->flight, &b->exam, &exam);
    if (status == DNN_OK) status = dnni_lesson_examine(&lesson, &exam, &b->trained_on_zeros);
    dnni_set_free(&exam);
    return status;
}

/* All but the last layer that has parameters is frozen: random features. */
static dnn_status learn_last(baselines *b) {
    const dnni_index *index = b->clone.index;
    const dnn_module *last = NULL;
    b->last = (double)NAN;
    for (int64_t i = 0; i < index->n_parameters; i++)
        if (!index->parameters[i].is_buffer && !index->parameters[i].parameter->frozen)
            last = index->parameters[i].owner;
    if (!last) return DNN_OK;
    for (int64_t i = 0; i < index->n_parameters; i++)
        if (index->parameters[i].owner != last) index->parameters[i].parameter->frozen = true;
    return learn(b, &b->train, &b->exam, &b->last);
}

/* ---- the nearest neighbour ---- */

static void compare_targets(const baselines *b, const int64_t *nearest, double *value) {
    const dnn_array *from = &b->train.target->array, *to = &b->exam.target->array;
    int64_t each = dnni_count(to) / b->exam.n;
    bool labels = dnni_is_label(to->dtype);
    *value = 0;
    for (int64_t i = 0; i < b->exam.n; i++)
        for (int64_t k = 0; k < each; k++) {
            double d = dnni_load(to->dtype, to->data, i * each + k) -
                       dnni_load(from->dtype, from->data, nearest[i] * each + k);
            *value += labels ? d == 0 : d * d;
        }
    *value /= (double)(b->exam.n * each);
}

static dnn_status copy_points(baselines *b, const preflight_set *set, dnni_points *out) {
    const dnn_array *a = &set->x->array;
    int64_t n = dnni_count(a);
    float *x = dnni_pool_alloc(&b->clone.pool, n, sizeof *x);
    if (!x) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        double v = dnni_load(a->dtype, a->data, i);
        x[i] = isfinite(v) ? (float)v : 0;
    }
    *out = (dnni_points){.x = x, .n = set->n, .dims = n / set->n};
    return DNN_OK;
}

static dnn_status ask_neighbours(baselines *b) {
    dnni_points train, exam;
    dnni_neighbours found = {.ctx = NULL};
    b->neighbour = (double)NAN;
    if (dnni_count(&b->exam.target->array) == 0 || dnni_count(&b->exam.x->array) == 0) return DNN_OK;
    DNNI_TRY(copy_points(b, &b->train, &train));
    DNNI_TRY(copy_points(b, &b->exam, &exam));
    DNNI_TRY(dnni_neighbours_find(&found, b->flight->ctx, exam, train, 1, false, &(dnn_progress){.step = NULL}));
    compare_targets(b, found.index, &b->neighbour);
    dnni_neighbours_free(&found);
    return DNN_OK;
}

/* ---- what it says ---- */

static dnn_status ask_constant(baselines *b) {
    preflight *f = b->flight;
    preflight_set part;
    preflight_shares shares;
    const dnn_tensor *y;
    double ignored;
    int64_t batch = dnnk_min(f->batch, b->exam.n), batches = b->exam.n / batch;
    b->constant = 0;
    for (int64_t i = 0; i < batches; i++) {
        double value;
        DNNI_TRY(dnni_set_slice(&part, &b->exam, i * batch, batch));
        dnn_status status = i ? DNN_OK : dnni_clone_evaluate(&b->clone, part.x, part.target, &ignored, &y);
        if (status == DNN_OK && i == 0) status = dnni_preflight_shares(f, &y->array, b->train.target, &shares);
        if (status == DNN_OK)
            status = dnni_preflight_constant_loss(f, &shares, &y->array, part.target, true, &value);
        dnni_set_free(&part);
        DNNI_TRY(status);
        b->constant += value / (double)batches;
    }
    return DNN_OK;
}

static dnn_status add_figures(const baselines *b) {
    dnn_report *r = b->flight->report;
    char note[64];
    snprintf(note, sizeof note, "loss on samples apart, after %lld steps", (long long)b->steps);
    DNNI_TRY(dnn_report_add_figure(r, "baseline: constant output", b->constant, "the classes' shares, or the mean"));
    DNNI_TRY(dnn_report_add_figure(r, "baseline: zeroed input", b->zeroed, note));
    if (!isnan(b->last))
        DNNI_TRY(dnn_report_add_figure(r, "baseline: random features", b->last, "the last layer trained alone"));
    if (!isnan(b->neighbour))
        DNNI_TRY(dnn_report_add_figure(r, "baseline: nearest neighbour", b->neighbour,
                                       dnni_is_label(b->exam.target->array.dtype) ? "share that is right"
                                                                                  : "squared error"));
    return dnn_report_add_figure(r, "short training", b->trained, note);
}

static dnn_status say_ignores(const baselines *b, bool deaf) {
    dnn_report *r = b->flight->report;
    if (deaf)
        DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "ignores-input",
                                 "What the trained network says does not depend on its input."));
    else
        DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_WARNING, "ignores-input",
                                 "With inputs of zeros the network learns as much: it does not use its input."));
    DNNI_TRY(dnni_report_how(r, "after %lld steps the loss is %s, with inputs of zeros %s, of a constant output %s",
                             (long long)b->steps, dnni_real(b->trained, 4).text, dnni_real(b->zeroed, 4).text,
                             dnni_real(b->constant, 4).text));
    return dnni_report_action(r, deaf ? "look for what cuts the input off: dead units, a factor of 0, a branch that "
                                        "leads nowhere"
                                      : "check that inputs and targets go together (dnn_audit), and the rate");
}

static dnn_status say_no_better(const baselines *b) {
    dnn_report *r = b->flight->report;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_WARNING, "no-better-than-prior",
                             "After %lld steps the network is no better than a constant output: %s against %s.",
                             (long long)b->steps, dnni_real(b->trained, 4).text, dnni_real(b->constant, 4).text));
    DNNI_TRY(dnni_report_how(r, "on %lld samples apart, at %s times the optimizer's rate; with inputs of zeros %s",
                             (long long)b->exam.n, dnni_real(b->flight->rate, 3).text, dnni_real(b->zeroed, 4).text));
    return dnni_report_action(r, "check that inputs and targets go together (dnn_audit), and the rate; it may only "
                                 "need longer");
}

static dnn_status judge(const baselines *b, double with_inputs) {
    bool deaf = fabs(with_inputs - b->trained_on_zeros) <= THE_SAME * fabs(with_inputs);
    DNNI_TRY(add_figures(b));
    if (deaf) return say_ignores(b, true);
    if (!(b->trained < BETTER * b->constant)) return say_no_better(b);
    return b->trained < BETTER * b->zeroed ? DNN_OK : say_ignores(b, false);
}

/* ---- the whole ---- */

/* The validation set may have labels, or shapes, that the training set has not. */
static dnn_status check_exam(baselines *b, bool *taken) {
    preflight *f = b->flight;
    preflight_lesson lesson = {.flight = f, .clone = &b->clone, .batch = dnnk_min(f->batch, b->exam.n)};
    double ignored;
    dnn_status status = dnni_lesson_examine(&lesson, &b->exam, &ignored);
    *taken = status == DNN_OK;
    if (*taken) return DNN_OK;
    DNNI_TRY(status == DNN_ERROR_VALUE
                 ? dnni_preflight_refused(f, status, "labels-out-of-range",
                                          "A label of the validation set is no class.",
                                          "number both sets' classes by one list, from 0 on")
                 : dnni_preflight_refused(f, status, "loss-does-not-fit",
                                          "The loss does not take the validation set's targets.",
                                          "give both sets targets of one shape and type"));
    return dnni_report_set(f->report, "validation");
}

static dnn_status compare(baselines *b) {
    double with_inputs;
    bool taken;
    DNNI_TRY(take_sets(b));
    DNNI_TRY(check_exam(b, &taken));
    if (!taken) return DNN_OK;
    DNNI_TRY(ask_constant(b));
    DNNI_TRY(ask_neighbours(b));
    DNNI_TRY(learn(b, &b->train, &b->exam, &b->trained));
    DNNI_TRY(cover_inputs(b, &with_inputs));
    DNNI_TRY(learn_zeros(b));
    DNNI_TRY(learn_last(b));
    return judge(b, with_inputs);
}

dnn_status dnni_preflight_baselines(preflight *f) {
    baselines b = {.flight = f};
    double most = MOST_FLOPS / (preflight_step_flops(f, f->batch) + 1);
    b.steps = most < MOST_STEPS ? (int64_t)most : MOST_STEPS;
    if (b.steps < LEAST_STEPS) return dnni_preflight_too_large(f, "The comparison with baselines");
    dnn_status status = dnni_clone_open(&b.clone, &(dnni_clone_desc){.module = f->module, .optimizer = f->optimizer,
                                                                     .loss = f->loss});
    if (status == DNN_OK) {
        f->module->gradient_flags = DNN_GRADIENTS_DEFAULT;
        status = compare(&b);
    }
    dnni_set_free(&b.train);
    dnni_set_free(&b.exam);
    dnni_clone_close(&b.clone);
    return status;
}
