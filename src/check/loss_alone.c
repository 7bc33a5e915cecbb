#include "check/loss_alone.h"

#include <math.h>
#include <string.h>

#include "graph/index.h"

static dnn_status copy_target(dnn_tensor **out, const dnn_tensor *target) {
    if (dnni_is_real(target->array.dtype)) return dnn_tensor_cast(out, target, DNN_F64, DNN_CAST_LOSSY, NULL);
    return dnn_tensor_clone(out, target);
}

dnn_status dnni_gradcheck_begin_loss(check_loss_run *run, dnn_loss *loss, const dnn_tensor *target) {
    DNNI_TRY(copy_target(&run->target, target));
    run->loss = loss;
    dnni_loss_exchange(loss, &run->aside);
    return DNN_OK;
}

void dnni_gradcheck_end_loss(check_loss_run *run) {
    dnn_tensor_release(run->target);
    if (run->loss) {
        dnni_loss_exchange(run->loss, &run->aside);
        dnni_loss_aside_free(&run->aside);
    }
    *run = (check_loss_run){0};
}

static dnn_status observe(check_problem *p, double *y, uint64_t *choices) {
    (void)choices;
    const check_loss_alone *a = p->self;
    return dnn_loss_evaluate(a->run->loss, a->y, a->run->target, y, NULL);
}

static dnn_status differentiate(check_problem *p) {
    const check_loss_alone *a = p->self;
    const dnn_tensor *dy;
    p->evaluations++;
    DNNI_TRY(dnn_loss_evaluate(a->run->loss, a->y, a->run->target, NULL, &dy));
    p->tensors[0].gradient = dy->array.data;
    return DNN_OK;
}

static dnn_status fill_tensor(check_tensor *t, dnni_pool *pool, dnn_tensor *y, const char *only) {
    *t = (check_tensor){.path = "loss.y", .array = y->array, .count = dnni_count(&y->array)};
    t->float32_error = (double)NAN;
    t->selected = !only || dnni_path_matches(only, t->path);
    t->home = dnni_pool_alloc(pool, t->count, sizeof(double));
    t->analytic = dnni_pool_alloc(pool, t->count, sizeof(double));
    if (!t->home || !t->analytic) return DNN_ERROR_MEMORY;
    if (t->count > 0) memcpy(t->home, y->array.data, (size_t)t->count * sizeof(double));
    return DNN_OK;
}

dnn_status dnni_gradcheck_open_loss(check_loss_alone *a, dnni_pool *pool, check_loss_run *run, const dnn_tensor *y,
                                    const dnn_check_desc *options) {
    *a = (check_loss_alone){.run = run};
    a->problem = (check_problem){.ctx = pool->ctx,
                                 .pool = pool,
                                 .tensors = &a->tensor,
                                 .n_tensors = 1,
                                 .tolerance = options->tolerance,
                                 .seed = options->seed,
                                 .observe = observe,
                                 .differentiate = differentiate,
                                 .self = a};
    DNNI_TRY(dnn_tensor_cast(&a->y, y, DNN_F64, DNN_CAST_LOSSY, NULL));
    DNNI_TRY(fill_tensor(&a->tensor, pool, a->y, options->only));
    DNNI_TRY(dnni_gradcheck_make_room(&a->problem, 1));
    a->problem.weights[0] = 1;
    return DNN_OK;
}

void dnni_gradcheck_close_loss(check_loss_alone *a) {
    dnn_tensor_release(a->y);
    a->y = NULL;
}
