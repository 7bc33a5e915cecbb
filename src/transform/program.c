#include "transform/program.h"

#include <stdio.h>
#include <string.h>

/* ---- making ---- */

enum { MOST_STEPS = 4096 }; /* shared containers could make more of a few lines than anybody wants */

static int64_t aligned(int64_t bytes) { return (bytes + DNNI_ALIGNMENT - 1) / DNNI_ALIGNMENT * DNNI_ALIGNMENT; }

static void at_least(int64_t *most, int64_t bytes) {
    if (bytes > *most) *most = bytes;
}

/* The places are as large as the largest that passes through. */
static dnn_status measure(dnni_program *program, const dnni_spec *spec) {
    const int64_t limit = INT64_C(1) << 48;
    dnn_array checked;
    DNNI_TRY(dnni_make_array(&checked, spec->input.dtype, spec->input.rank, spec->input.dims));
    at_least(&program->input_bytes, aligned(dnni_bytes(&spec->input)));
    if (spec->target.dtype != DNN_DTYPE_NONE) {
        DNNI_TRY(dnni_make_array(&checked, spec->target.dtype, spec->target.rank, spec->target.dims));
        at_least(&program->target_bytes, aligned(dnni_bytes(&spec->target)));
    }
    at_least(&program->work_bytes, aligned(spec->work_bytes));
    if (program->input_bytes > limit || program->target_bytes > limit || program->work_bytes > limit)
        return dnni_out_of_memory();
    return DNN_OK;
}

static dnni_step *new_step(dnn_context *ctx, dnni_program *program, const dnn_transform *op, int64_t position) {
    if (program->count >= MOST_STEPS) {
        dnni_error(DNN_ERROR_UNSUPPORTED, "the transform has more than %d steps", (int)MOST_STEPS);
        return NULL;
    }
    if (dnni_grow(ctx, (void **)&program->steps, &program->capacity, program->count + 1, sizeof *program->steps) !=
        DNN_OK)
        return NULL;
    dnni_step *step = &program->steps[program->count++];
    *step = (dnni_step){.op = op, .position = position};
    return step;
}

static dnn_status compile_operation(dnn_context *ctx, dnni_program *program, const dnn_transform *op,
                                    int64_t position, dnni_spec *spec) {
    dnni_step *step = new_step(ctx, program, op, position);
    if (!step) return dnn_last_status();
    step->in = *spec;
    spec->work_bytes = 0;
    dnn_status status = op->class->shape(op->state, spec);
    if (status == DNN_OK) status = measure(program, spec);
    step->out = *spec;
    if (status == DNN_OK) return DNN_OK;
    char name[64];
    snprintf(name, sizeof name, "transform %lld, %s", (long long)position, op->class->type);
    dnni_error_prefix(name);
    return status;
}

static bool same_spec(const dnni_spec *a, const dnni_spec *b) {
    return a->input.dtype == b->input.dtype && dnni_same_shape(&a->input, &b->input) && a->low == b->low &&
           a->high == b->high;
}

static dnn_status expect_same(const dnn_transform *t, const dnni_spec *a, const dnni_spec *b) {
    if (same_spec(a, b)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE,
                      "what a %s gives would depend on chance: %s %s in [%g, %g], or %s %s in [%g, %g]", t->class->type,
                      dnn_dtype_name(a->input.dtype), dnni_array_shape(&a->input).text, a->low, a->high,
                      dnn_dtype_name(b->input.dtype), dnni_array_shape(&b->input).text, b->low, b->high);
}

static dnn_status compile(dnn_context *ctx, dnni_program *program, const dnn_transform *t, dnni_spec *spec);

/* A guard, then the child; afterwards the guard knows how far it leads. */
static dnn_status compile_guarded(dnn_context *ctx, dnni_program *program, const dnn_transform *t, int64_t position,
                                  int64_t child, dnni_spec *spec) {
    int64_t guard = program->count;
    if (!new_step(ctx, program, t, position)) return dnn_last_status();
    DNNI_TRY(compile(ctx, program, t->children[child], spec));
    program->steps[guard].is_guard = true;
    program->steps[guard].child = child;
    program->steps[guard].children = t->n_children; /* as it is now: what is added later is not in this program */
    program->steps[guard].skip = program->count - guard - 1;
    return DNN_OK;
}

static dnn_status compile_container(dnn_context *ctx, dnni_program *program, const dnn_transform *t, int64_t position,
                                    dnni_spec *spec) {
    const dnni_spec before = *spec;
    dnni_spec first = before;
    for (int64_t i = 0; i < t->n_children; i++) {
        if (t->class->alternatives) *spec = before;
        if (!t->class->runs) DNNI_TRY(compile(ctx, program, t->children[i], spec));
        else DNNI_TRY(compile_guarded(ctx, program, t, position, i, spec));
        if (i == 0) first = *spec;
        if (t->class->alternatives) DNNI_TRY(expect_same(t, &first, spec));
    }
    if (t->class->runs && !t->class->alternatives) DNNI_TRY(expect_same(t, &before, spec));
    DNNI_REQUIRE(!t->class->alternatives || t->n_children > 0, "a %s has nothing to choose from", t->class->type);
    return DNN_OK;
}

static dnn_status compile(dnn_context *ctx, dnni_program *program, const dnn_transform *t, dnni_spec *spec) {
    int64_t position = program->positions++;
    if (t->class->is_container) return compile_container(ctx, program, t, position, spec);
    return compile_operation(ctx, program, t, position, spec);
}

dnn_status dnni_program_make(dnn_context *ctx, dnni_program *program, const dnn_transform *transform,
                             dnni_spec *spec) {
    DNNI_TRY(measure(program, spec));
    return compile(ctx, program, transform, spec);
}

void dnni_program_free(dnn_context *ctx, dnni_program *program) {
    dnni_free(ctx, program->steps, program->capacity, sizeof *program->steps);
}

/* ---- running ---- */

int64_t dnni_program_scratch(const dnni_program *program) {
    return 2 * program->input_bytes + 2 * program->target_bytes + program->work_bytes;
}

/* Two places for input and target each, which change their roles; then the work. */
typedef struct {
    char *input[2], *target[2], *work;
    int input_at, target_at; /* where the sample is */
} places;

static places cut(const dnni_program *program, void *scratch) {
    char *p = scratch, *targets = p + 2 * program->input_bytes;
    return (places){{p, p + program->input_bytes}, {targets, targets + program->target_bytes},
                    targets + 2 * program->target_bytes, 0, 0};
}

void dnni_program_places(const dnni_program *program, void *scratch, void **input, void **target) {
    places p = cut(program, scratch);
    *input = p.input[0];
    *target = p.target[0];
}

static dnni_draws draws_of(const dnni_step *step, uint64_t key) {
    return (dnni_draws){.seed = key, .stream = (uint64_t)step->position};
}

/* A guard that leads past its child. */
static bool passes_by(const dnni_step *step, uint64_t key) {
    if (!step->is_guard) return false;
    dnni_draws draws = draws_of(step, key);
    return !step->op->class->runs(step->op->state, &draws, step->child, step->children);
}

static void draw(const dnni_step *step, dnni_draws *draws, dnni_drawn *drawn) {
    if (step->op->class->draw) step->op->class->draw(step->op->state, &step->in, &step->out, draws, drawn);
}

static dnn_array at(const dnn_array *shape, void *data) {
    dnn_array a = *shape;
    a.data = data;
    return a;
}

static void move_target(const dnni_step *step, const dnni_move *move, const dnni_targets *targets, places *p) {
    if (step->in.kind == DNN_TARGET_BOXES) {
        dnn_array boxes = at(&step->in.target, p->target[p->target_at]);
        dnni_move_boxes(move, &step->out.input, targets->min_visible, &boxes);
    } else if (step->in.kind == DNN_TARGET_MASK) {
        dnn_array from = at(&step->in.target, p->target[p->target_at]);
        dnn_array to = at(&step->out.target, p->target[1 - p->target_at]);
        dnni_move_mask(move, &from, &to, targets->mask_fill);
        p->target_at = 1 - p->target_at;
    }
}

static void move(const dnni_step *step, const dnni_drawn *drawn, const dnni_targets *targets, places *p) {
    const dnn_array *out = &step->out.input;
    if (dnni_move_is_nothing(&drawn->move, out->dims[0], out->dims[1]) && dnni_same_shape(&step->in.input, out)) return;
    dnn_array from = at(&step->in.input, p->input[p->input_at]), to = at(out, p->input[1 - p->input_at]);
    dnni_move_image(&drawn->move, &from, &to, p->work);
    p->input_at = 1 - p->input_at;
    move_target(step, &drawn->move, targets, p);
}

static void apply(const dnni_step *step, const dnni_drawn *drawn, const dnni_draws *draws, places *p) {
    const dnni_transform_class *class = step->op->class;
    int to = class->in_place ? p->input_at : 1 - p->input_at;
    dnni_sample sample = {at(&step->in.input, p->input[p->input_at]), at(&step->out.input, p->input[to]),
                          step->in.low, step->in.high, p->work, *draws, false};
    class->apply(step->op->state, drawn, &sample);
    if (!sample.unchanged) p->input_at = to;
}

static void run_step(const dnni_step *step, uint64_t key, const dnni_targets *targets, places *p) {
    dnni_draws draws = draws_of(step, key);
    dnni_drawn drawn;
    draw(step, &draws, &drawn);
    if (step->op->class->moves) move(step, &drawn, targets, p);
    else apply(step, &drawn, &draws, p);
}

static void copy(const dnn_array *to, const void *from) {
    int64_t bytes = to->data ? dnni_bytes(to) : 0;
    if (bytes > 0) memcpy(to->data, from, (size_t)bytes);
}

void dnni_program_run(const dnni_program *program, const dnni_targets *targets, uint64_t key, void *scratch,
                      const dnn_array *input, const dnn_array *target) {
    places p = cut(program, scratch);
    for (int64_t i = 0; i < program->count; i++) {
        const dnni_step *step = &program->steps[i];
        if (passes_by(step, key)) i += step->skip;
        else if (!step->is_guard) run_step(step, key, targets, &p);
    }
    copy(input, p.input[p.input_at]);
    if (target->dtype != DNN_DTYPE_NONE) copy(target, p.target[p.target_at]);
}

/* ---- saying ---- */

void dnni_program_say(const dnni_program *program, uint64_t key, dnni_text *text) {
    for (int64_t i = 0; i < program->count; i++) {
        const dnni_step *step = &program->steps[i];
        if (passes_by(step, key)) i += step->skip;
        if (step->is_guard || !step->op->class->say) continue;
        dnni_draws draws = draws_of(step, key);
        dnni_drawn drawn;
        draw(step, &draws, &drawn);
        size_t before = text->length;
        if (before > 0) dnni_text_add(text, ", ");
        size_t start = text->length;
        step->op->class->say(step->op->state, &step->in, &drawn, text);
        if (text->length > start) continue;
        text->length = before; /* it had nothing to say */
        if (before < text->bytes) text->text[before] = 0;
    }
}
