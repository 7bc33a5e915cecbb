/* The guide's page on compute, docs/guide/compute.md: memory before it is taken, less memory for more time, what a step
 * waits for, and whether a second thread is worth it.
 *
 *     compute [--quick] */
#include <dnn/dnn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TRY(call)                              \
    do {                                       \
        dnn_status status_ = (call);           \
        if (status_ != DNN_OK) return status_; \
    } while (0)

enum { BATCH = 64, SAMPLES = 1280, MOST_STEPS = 20, QUICK_STEPS = 4, ROUNDS = 5 };

static const dnn_array batch = {.dtype = DNN_F32, .rank = 4, .dims = {BATCH, 28, 28, 1}};

typedef struct {
    dnn_context *ctx;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *optimizer;
    dnn_dataset *data;
    dnn_loader *loader;
    double value;           /* of the loss in the last step */
    double waited, worked;  /* seconds, for data and in steps */
} run;

static double seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- a network, and data ---- */

static void add_block(dnn_module *net, dnn_context *ctx, int64_t in, int64_t out) {
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out, .kernel = {3},
                            .padding = 1, .no_bias = 1};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = out};
    dnn_sequential_add(net, NULL, dnn_conv2d(ctx, &conv));
    dnn_sequential_add(net, NULL, dnn_batch_norm(ctx, &norm));
    dnn_sequential_add(net, NULL, dnn_relu(ctx));
}

static dnn_status build(dnn_module **net, dnn_context *ctx) {
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    TRY(dnn_sequential_create(net, ctx));
    add_block(*net, ctx, 1, 16);
    add_block(*net, ctx, 16, 16);
    dnn_sequential_add(*net, NULL, dnn_max_pool2d(ctx, &pool));
    add_block(*net, ctx, 16, 32);
    add_block(*net, ctx, 32, 32);
    dnn_sequential_add(*net, NULL, dnn_adaptive_avg_pool2d(ctx, 1, 1));
    dnn_sequential_add(*net, NULL, dnn_flatten(ctx));
    dnn_sequential_add(*net, "last", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 32,
                                                                       .out_features = 10}));
    return dnn_module_error(*net);
}

static dnn_status begin(run *r, int32_t threads) {
    *r = (run){0};
    TRY(dnn_context_create(&r->ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = threads, .seed = 1}));
    TRY(build(&r->net, r->ctx));
    TRY(dnn_cross_entropy_create(&r->loss, r->ctx, NULL));
    TRY(dnn_sgd_create(&r->optimizer, r->net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = 0.05, .momentum = 0.9}));
    TRY(dnn_digits(&r->data, r->ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = SAMPLES}));
    dnn_loader_desc loader = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1};
    return dnn_loader_create(&r->loader, r->data, &loader);
}

static void end(run *r) {
    dnn_loader_release(r->loader);
    dnn_dataset_release(r->data);
    dnn_optimizer_release(r->optimizer);
    dnn_loss_release(r->loss);
    dnn_module_release(r->net);
    dnn_context_release(r->ctx);
}

/* ---- a step, and what it waits for ---- */

static dnn_status learn(run *r, const dnn_tensor *x, const dnn_tensor *target) {
    const dnn_tensor *y, *dy;
    TRY(dnn_optimizer_zero_grad(r->optimizer));
    TRY(dnn_module_forward(r->net, x, &y));
    TRY(dnn_loss_evaluate(r->loss, y, target, &r->value, &dy));
    TRY(dnn_module_backward(r->net, dy, NULL));
    return dnn_optimizer_step(r->optimizer);
}

static dnn_status steps(run *r, int count) {
    for (int i = 0; i < count; i++) {
        const dnn_tensor *x, *target;
        double asked = seconds();
        dnn_status status = dnn_loader_next(r->loader, &x, &target);
        if (status == DNN_END) status = dnn_loader_next(r->loader, &x, &target);
        TRY(status);
        double got = seconds();
        TRY(learn(r, x, target));
        r->waited += got - asked;
        r->worked += seconds() - got;
    }
    return DNN_OK;
}

/* ---- 1. memory, before it is taken ---- */

static dnn_status totals_of(dnn_module *net, dnn_description_totals *totals, int shown) {
    dnn_description *plan;
    TRY(dnn_module_describe(&plan, net, &batch, 1));
    if (shown) puts(dnn_description_text(plan));
    dnn_status status = dnn_description_totals_get(plan, totals);
    dnn_description_release(plan);
    return status;
}

static dnn_status within_a_budget(run *r, int count) {
    dnn_description_totals all = {DNN_SIZED(dnn_description_totals)}, less = {DNN_SIZED(dnn_description_totals)};
    TRY(totals_of(r->net, &all, 1));
    TRY(dnn_module_set_memory(r->net, all.arena_bytes * 3 / 4));
    TRY(totals_of(r->net, &less, 0));
    printf("arena %.1f MB instead of %.1f MB, for %.1f %% more work\n\n", (double)less.arena_bytes / 1e6,
           (double)all.arena_bytes / 1e6, 100 * less.recomputed_flops / (3 * all.flops));
    TRY(steps(r, count));
    return less.arena_bytes <= all.arena_bytes * 3 / 4 ? DNN_OK : dnn_fail(DNN_ERROR_STATE, "the budget is exceeded");
}

static dnn_status dearest_steps(dnn_module *net) {
    dnn_description *plan;
    dnn_description_totals totals = {DNN_SIZED(dnn_description_totals)};
    TRY(dnn_module_describe(&plan, net, &batch, 1));
    TRY(dnn_description_totals_get(plan, &totals));
    for (int64_t i = 0; i < totals.steps; i++) {
        dnn_step_info step = {DNN_SIZED(dnn_step_info)};
        TRY(dnn_description_step(plan, i, &step));
        if (step.flops >= 0.1 * totals.flops)
            printf("%-5s %s %s: %.0f %% of the work\n", step.path, step.type, step.detail,
                   100 * step.flops / totals.flops);
    }
    return dnn_description_release(plan);
}

/* ---- 2. the largest batch ---- */

static dnn_status largest_batch(run *r, int quick) {
    dnn_report *report;
    dnn_tune_batch_result found = {DNN_SIZED(dnn_tune_batch_result)};
    dnn_tune_batch_desc desc = {DNN_SIZED(dnn_tune_batch_desc), .budget = 100000000, .untimed = quick};
    TRY(dnn_tune_batch(&report, r->net, r->loss, r->optimizer, r->data, &desc, &found));
    puts(dnn_report_text(report));
    return dnn_report_release(report);
}

/* ---- 3. more threads ---- */

/* In turns, so that what else the machine does hits both; the best round counts. */
static dnn_status compare_threads(run *one, run *two, int count) {
    double best[2] = {1e9, 1e9};
    run *both[] = {one, two};
    for (int round = 0; round < ROUNDS; round++)
        for (int k = 0; k < 2; k++) {
            double start = seconds();
            TRY(steps(both[k], count));
            if (seconds() - start < best[k]) best[k] = seconds() - start;
        }
    printf("%d steps: %.0f ms on one thread, %.0f ms on two: %.2f times as fast\n", count, 1e3 * best[0], 1e3 * best[1],
           best[0] / best[1]);
    printf("loss %.9f and %.9f\n", one->value, two->value);
    printf("of its time, the second waited %.1f %% for data\n", 100 * two->waited / (two->waited + two->worked));
    return one->value == two->value ? DNN_OK : dnn_fail(DNN_ERROR_STATE, "the number of threads changed the result");
}

static dnn_status compute(run *one, run *two, int quick) {
    int count = quick ? QUICK_STEPS : MOST_STEPS;
    TRY(begin(one, 1));
    TRY(begin(two, 2));
    printf("%s\n\n", dnn_context_describe(two->ctx));
    TRY(steps(one, count)); /* the budget changes no bit, so both go on alike */
    TRY(within_a_budget(two, count));
    TRY(dnn_module_set_memory(two->net, 0));
    TRY(largest_batch(two, quick));
    TRY(dearest_steps(two->net));
    return compare_threads(one, two, count);
}

int main(int argc, char **argv) {
    run one = {0}, two = {0};
    int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    dnn_status status = compute(&one, &two, quick);
    if (status != DNN_OK) fprintf(stderr, "%s\n", dnn_last_error());
    end(&one);
    end(&two);
    return status != DNN_OK;
}
