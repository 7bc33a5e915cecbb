/* The guide's page on models, docs/guide/model.md: what is this network, what should its first loss be, can it learn one
 * sample by heart, and does it use its input. First with a mistake in it, then without.
 *
 *     model [--quick]
 *
 * A small convolutional network, and digits that are drawn by code. */
#include <dnn/dnn.h>
#include <stdio.h>
#include <string.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { SIZE = 16, CHANNELS = 8, BATCH = 32, CLASSES = 10 };

typedef struct {
    dnn_context *ctx;
    dnn_dataset *train, *test;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
} run;

/* The same starting values every time: a module takes its random numbers from the context's seed. */
static dnn_status make_net(run *r, int with_softmax) {
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 1, .out_channels = CHANNELS, .kernel = {3},
                            .padding = 1, .no_bias = 1};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = CHANNELS};
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    dnn_linear_desc out = {DNN_SIZED(dnn_linear_desc), .in_features = CHANNELS * SIZE * SIZE / 4,
                           .out_features = CLASSES};
    TRY(dnn_context_seed(r->ctx, 1));
    TRY(dnn_sequential_create(&r->net, r->ctx));
    dnn_sequential_add(r->net, "conv", dnn_conv2d(r->ctx, &conv));
    dnn_sequential_add(r->net, "norm", dnn_batch_norm(r->ctx, &norm));
    dnn_sequential_add(r->net, "relu", dnn_relu(r->ctx));
    dnn_sequential_add(r->net, "pool", dnn_max_pool2d(r->ctx, &pool));
    dnn_sequential_add(r->net, "flat", dnn_flatten(r->ctx));
    dnn_sequential_add(r->net, "out", dnn_linear(r->ctx, &out));
    if (with_softmax) dnn_sequential_add(r->net, "softmax", dnn_softmax(r->ctx, -1));
    TRY(dnn_module_error(r->net));
    return dnn_adam_create(&r->opt, r->net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 1e-3});
}

static void end_net(run *r) {
    dnn_optimizer_release(r->opt);
    dnn_module_release(r->net);
}

static dnn_status show(dnn_report *report, const char *wanted) {
    puts(dnn_report_text(report));
    dnn_status found = wanted ? dnn_report_find(report, wanted, NULL) : DNN_OK;
    if (!wanted && dnn_report_worst(report) >= DNN_SEVERITY_ERROR)
        found = dnn_fail(DNN_ERROR_STATE, "there should be no error in this report");
    dnn_report_release(report);
    return found;
}

/* ---- 1. what it is ---- */

static dnn_status walk(run *r) {
    dnn_module *net = r->net;
    dnn_report *report;
    dnn_description *description;

    dnn_array shape = {.dtype = DNN_F32, .rank = 4, .dims = {BATCH, SIZE, SIZE, 1}};
    TRY(dnn_module_describe(&description, net, &shape, 1));
    puts(dnn_description_text(description));
    dnn_description_release(description);

    TRY(dnn_probe(&report, net, &shape, 1, NULL));
    return show(report, NULL);
}

/* ---- 2. the first loss, of a network with a mistake ---- */

static dnn_status find_mistake(run *r) {
    dnn_report *report;
    TRY(make_net(r, 1));
    dnn_module *net = r->net;
    dnn_loss *loss = r->loss;
    dnn_dataset *train = r->train;

    TRY(dnn_preflight_first_loss(&report, net, loss, train, NULL));
    dnn_status status = show(report, "softmax-before-loss");
    end_net(r);
    return status;
}

/* ---- 3. one sample, a batch, a small set; what comes for nothing ---- */

static dnn_status experiment(run *r) {
    dnn_module *net = r->net;
    dnn_loss *loss = r->loss;
    dnn_optimizer *opt = r->opt;
    dnn_dataset *train = r->train;
    dnn_report *report;

    TRY(dnn_preflight_overfit(&report, net, loss, opt, train, NULL));
    TRY(show(report, NULL));

    TRY(dnn_preflight_baselines(&report, net, loss, opt, train, NULL));
    return show(report, NULL);
}

/* ---- 4. all of it, and the rehearsal ---- */

static dnn_status keep_log(void *user, int64_t step, double loss) {
    (void)user;
    return step > 2 || printf("step %lld  loss %.3f\n", (long long)step, loss) > 0
               ? DNN_OK
               : dnn_fail(DNN_ERROR_IO, "the log cannot be written");
}

static dnn_status rehearse(run *r, int quick) {
    dnn_module *net = r->net;
    dnn_loss *loss = r->loss;
    dnn_optimizer *opt = r->opt;
    dnn_dataset *train = r->train, *test = r->test;
    dnn_report *report;

    dnn_preflight_desc plan = {DNN_SIZED(dnn_preflight_desc), .validation = test, .batch_size = BATCH,
                               .epochs = 20, .folder = "model-run", .log = keep_log};
    if (quick) plan.skip = DNN_PREFLIGHT_NO_OVERFIT | DNN_PREFLIGHT_NO_BASELINES; /* both were done above */
    TRY(dnn_preflight(&report, net, loss, opt, train, &plan));
    if (dnn_report_worst(report) >= DNN_SEVERITY_ERROR) puts("not yet");
    return show(report, NULL);
}

static dnn_status work(run *r, int quick) {
    dnn_digits_desc digits = {DNN_SIZED(dnn_digits_desc), .count = quick ? 1000 : 10000, .image_size = SIZE};
    TRY(dnn_digits(&r->train, r->ctx, &digits));
    digits.first = digits.count;
    digits.count = 200;
    TRY(dnn_digits(&r->test, r->ctx, &digits));
    TRY(dnn_cross_entropy_create(&r->loss, r->ctx, NULL));
    TRY(find_mistake(r));
    TRY(make_net(r, 0));
    TRY(walk(r));
    TRY(experiment(r));
    TRY(rehearse(r, quick));
    end_net(r);
    return DNN_OK;
}

int main(int argc, char **argv) {
    run r = {.ctx = NULL};
    int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    dnn_status status = dnn_context_create(&r.ctx, NULL);
    if (status == DNN_OK) status = work(&r, quick);
    if (status != DNN_OK) fprintf(stderr, "%s\n", dnn_last_error());
    dnn_loss_release(r.loss);
    dnn_dataset_release(r.test);
    dnn_dataset_release(r.train);
    dnn_context_release(r.ctx);
    return status != DNN_OK;
}
