/* The guide's page on optimization, docs/guide/optimization.md: how far is my rate from divergence, which one to take, a
 * schedule for it, and an average of the weights.
 *
 *     optimization [--quick]
 *
 * A small convolutional network learns digits that are drawn by code. */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { SIZE = 16, CHANNELS = 8, BATCH = 32, HABIT = 0, CONSTANT = 1, SCHEDULED = 2, AVERAGED = 3, RUNS = 4 };

typedef struct {
    dnn_context *ctx;
    dnn_dataset *train, *test;
    dnn_loss *loss;
    int64_t epochs;
    double first, best; /* rates: by habit, and found */
} work;

/* The same starting values every time: a module takes its random numbers from the context's seed. */
static dnn_module *make_net(dnn_context *ctx) {
    dnn_module *net;
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 1, .out_channels = CHANNELS, .kernel = {3},
                            .padding = 1};
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    dnn_linear_desc out = {DNN_SIZED(dnn_linear_desc), .in_features = CHANNELS * SIZE * SIZE / 4, .out_features = 10};
    if (dnn_context_seed(ctx, 1) != DNN_OK || dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "conv", dnn_conv2d(ctx, &conv));
    dnn_sequential_add(net, "relu", dnn_relu(ctx));
    dnn_sequential_add(net, "pool", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(net, "flat", dnn_flatten(ctx));
    dnn_sequential_add(net, "out", dnn_linear(ctx, &out));
    return net;
}

/* ---- 1. and 2. which rate ---- */

static dnn_status show(work *w, dnn_report *report, const char *picture) {
    dnn_picture p = {DNN_SIZED(dnn_picture)};
    puts(dnn_report_text(report));
    if (picture) TRY(dnn_report_picture(report, 0, &p));
    if (picture) TRY(dnn_png_write(w->ctx, picture, p.image));
    return dnn_report_release(report);
}

static dnn_status find_rate(work *w, dnn_module *net, dnn_optimizer *opt) {
    dnn_loss *loss = w->loss;
    dnn_dataset *train = w->train;
    dnn_report *report;

    TRY(dnn_tune_divergence(&report, net, loss, opt, train, NULL, NULL));
    TRY(show(w, report, NULL));

    dnn_tune_range_result range = {DNN_SIZED(dnn_tune_range_result)};
    TRY(dnn_tune_range(&report, net, loss, opt, train, NULL, &range));
    TRY(show(w, report, "range.png"));
    if (isnan(range.valley)) return dnn_fail(DNN_ERROR_STATE, "there should be a valley");

    dnn_tune_sweep_result sweep = {DNN_SIZED(dnn_tune_sweep_result)};
    TRY(dnn_tune_sweep(&report, net, loss, opt, train, NULL, &sweep));
    TRY(show(w, report, "sweep.png"));
    w->best = sweep.best;
    return isnan(sweep.best) ? dnn_fail(DNN_ERROR_STATE, "a rate should have been found") : DNN_OK;
}

static dnn_status choose(work *w) {
    dnn_optimizer *opt;
    dnn_module *net = make_net(w->ctx);
    if (!net) return dnn_last_status();
    TRY(dnn_adam_create(&opt, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = w->first}));
    dnn_status status = find_rate(w, net, opt);
    dnn_optimizer_release(opt);
    dnn_module_release(net);
    return status;
}

/* ---- 3. a schedule, and an average of the weights ---- */

static dnn_status make_schedule(work *w, dnn_schedule **schedule, int which) {
    double epochs = (double)w->epochs;
    dnn_schedule_desc cosine = {DNN_SIZED(dnn_schedule_desc), .kind = DNN_SCHEDULE_COSINE, .lr = w->best,
                                .epochs = epochs, .warmup = 0.1 * epochs};
    dnn_schedule_desc constant = {DNN_SIZED(dnn_schedule_desc), .lr = which == HABIT ? w->first : w->best / 3};
    return dnn_schedule_create(schedule, w->ctx, which == SCHEDULED ? &cosine : &constant);
}

static dnn_status train_net(work *w, dnn_module *net, dnn_optimizer *opt, dnn_schedule *schedule,
                            dnn_average *average) {
    dnn_loader *loader;
    const dnn_tensor *x, *y, *target, *dy;
    dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1, .seed = 3};
    TRY(dnn_loader_create(&loader, w->train, &desc));
    double batches = (double)dnn_loader_batches(loader);
    for (int64_t epoch = 0; epoch < w->epochs; epoch++) {
        for (int64_t batch = 0; dnn_loader_next(loader, &x, &target) == DNN_OK; batch++) {
            TRY(dnn_schedule_apply(schedule, opt, (double)epoch + (double)batch / batches));
            TRY(dnn_optimizer_zero_grad(opt));
            TRY(dnn_module_forward(net, x, &y));
            TRY(dnn_loss_evaluate(w->loss, y, target, NULL, &dy));
            TRY(dnn_module_backward(net, dy, NULL));
            TRY(dnn_optimizer_step(opt));
            if (average) TRY(dnn_average_update(average));
        }
    }
    return dnn_loader_release(loader);
}

static dnn_status test_loss(work *w, dnn_module *net, double *loss) {
    dnn_tensor *x, *target;
    dnn_predictor *predictor;
    const dnn_tensor *y;
    TRY(dnn_dataset_get_range(&x, &target, w->test, 0, dnn_dataset_count(w->test)));
    TRY(dnn_predictor_create(&predictor, net));
    TRY(dnn_predictor_run(predictor, x, &y));
    TRY(dnn_loss_evaluate(w->loss, y, target, loss, NULL));
    dnn_predictor_release(predictor);
    dnn_tensor_release(target);
    return dnn_tensor_release(x);
}

static dnn_status train_once(work *w, int which, double *loss) {
    dnn_optimizer *opt;
    dnn_schedule *schedule;
    dnn_average *average = NULL;
    dnn_module *net = make_net(w->ctx);
    if (!net) return dnn_last_status();
    TRY(dnn_adam_create(&opt, net, NULL));
    TRY(make_schedule(w, &schedule, which));
    if (which == AVERAGED)
        TRY(dnn_average_create(&average, net, &(dnn_average_desc){DNN_SIZED(dnn_average_desc), .decay = 0.99}));
    TRY(train_net(w, net, opt, schedule, average));
    if (average) TRY(dnn_average_swap(average));
    TRY(test_loss(w, net, loss));
    dnn_average_release(average);
    dnn_schedule_release(schedule);
    dnn_optimizer_release(opt);
    return dnn_module_release(net);
}

static dnn_status compare(work *w) {
    static const char *const names[RUNS] = {"the first rate", "a third of the best", "the best, with a schedule",
                                            "a third of it, averaged"};
    double loss[RUNS];
    printf("loss on the test set after %lld epochs\n", (long long)w->epochs);
    for (int which = 0; which < RUNS; which++) {
        TRY(train_once(w, which, &loss[which]));
        printf("  %-30s %.3f\n", names[which], loss[which]);
    }
    return loss[CONSTANT] < loss[HABIT] ? DNN_OK : dnn_fail(DNN_ERROR_STATE, "the rate that was found should be better");
}

/* ---- */

static dnn_status run(dnn_context *ctx, int quick) {
    dnn_dataset *digits;
    work w = {.ctx = ctx, .epochs = quick ? 1 : 6, .first = 1e-5};
    dnn_digits_desc desc = {DNN_SIZED(dnn_digits_desc), .count = quick ? 1500 : 5000, .image_size = SIZE};
    dnn_split_desc split = {DNN_SIZED(dnn_split_desc), .fraction = 0.8, .seed = 1};
    TRY(dnn_digits(&digits, ctx, &desc));
    TRY(dnn_dataset_split(&w.train, &w.test, digits, &split));
    TRY(dnn_cross_entropy_create(&w.loss, ctx, NULL));
    TRY(choose(&w));
    TRY(compare(&w));
    dnn_loss_release(w.loss);
    dnn_dataset_release(w.test);
    dnn_dataset_release(w.train);
    return dnn_dataset_release(digits);
}

int main(int argc, char **argv) {
    dnn_context *ctx;
    int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    dnn_status status = dnn_context_create(&ctx, NULL);
    if (status == DNN_OK) status = run(ctx, quick);
    if (status != DNN_OK) fprintf(stderr, "%s\n", dnn_last_error());
    dnn_context_release(ctx);
    return status != DNN_OK;
}
