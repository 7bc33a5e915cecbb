/* The guide's page on tuning, docs/guide/tuning.md: which rate, how wide, how much dropout? Random search, in which trials
 * that lose are stopped early.
 *
 *     tuning [--quick] [--folder FOLDER]
 *
 * With a folder the search can be stopped and gone on with, by several processes at the same time, and leaves
 * FOLDER/report.html. */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <stdio.h>
#include <string.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { TRAIN = 2000, QUICK_TRAIN = 500, VALIDATION = 500, BATCH = 50, PIXELS = 28 * 28 };

/* What all trials share. */
typedef struct {
    dnn_context *ctx;
    dnn_dataset *train, *validation;
    dnn_loss *loss;
    const char *folder; /* NULL: none */
    int quick;
} work;

/* What a trial makes of its own. */
typedef struct {
    dnn_module *net;
    dnn_optimizer *opt;
    dnn_loader *train, *validation;
} run;

static dnn_status make_data(work *w) {
    dnn_dataset *digits;
    int64_t train = w->quick ? QUICK_TRAIN : TRAIN;
    dnn_digits_desc desc = {DNN_SIZED(dnn_digits_desc), .count = train + VALIDATION};
    TRY(dnn_digits(&digits, w->ctx, &desc));
    dnn_split_desc split = {DNN_SIZED(dnn_split_desc), .fraction = (double)train / (double)(train + VALIDATION)};
    TRY(dnn_dataset_split(&w->train, &w->validation, digits, &split));
    dnn_dataset_release(digits);
    return dnn_cross_entropy_create(&w->loss, w->ctx, NULL);
}

/* ---- the search ---- */

static dnn_status make_search(const work *w, dnn_search **search) {
    TRY(dnn_search_create(search, w->ctx, &(dnn_search_desc){DNN_SIZED(dnn_search_desc), .folder = w->folder,
                                                             .trials = w->quick ? 14 : 60, .seed = 1,
                                                             .min_steps = 1, .max_steps = w->quick ? 4 : 16}));
    TRY(dnn_search_log_uniform(*search, "lr", 1e-5, 1));
    TRY(dnn_search_log_integer(*search, "width", 4, 256));
    return dnn_search_uniform(*search, "dropout", 0, 0.5);
}

/* ---- a trial ---- */

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

static dnn_status begin(const work *w, const dnn_search *search, int64_t trial, run *r) {
    double lr = dnn_search_value(search, trial, "lr"), dropout = dnn_search_value(search, trial, "dropout");
    int64_t width = (int64_t)dnn_search_value(search, trial, "width");
    TRY(dnn_sequential_create(&r->net, w->ctx));
    dnn_sequential_add(r->net, "flatten", dnn_flatten(w->ctx));
    dnn_sequential_add(r->net, "hidden", linear(w->ctx, PIXELS, width));
    dnn_sequential_add(r->net, "relu", dnn_relu(w->ctx));
    dnn_sequential_add(r->net, "dropout", dnn_dropout(w->ctx, dropout));
    dnn_sequential_add(r->net, "out", linear(w->ctx, width, 10));
    TRY(dnn_module_error(r->net));
    TRY(dnn_adam_create(&r->opt, r->net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = lr}));
    dnn_loader_desc loader = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1};
    TRY(dnn_loader_create(&r->train, w->train, &loader));
    loader.shuffle = 0;
    return dnn_loader_create(&r->validation, w->validation, &loader);
}

static void end(run *r) {
    dnn_loader_release(r->validation);
    dnn_loader_release(r->train);
    dnn_optimizer_release(r->opt);
    dnn_module_release(r->net);
}

static dnn_status train_epoch(const work *w, run *r) {
    const dnn_tensor *x, *target, *y, *dy;
    dnn_status status;
    double value;
    TRY(dnn_module_train(r->net));
    while ((status = dnn_loader_next(r->train, &x, &target)) == DNN_OK) {
        TRY(dnn_optimizer_zero_grad(r->opt));
        TRY(dnn_module_forward(r->net, x, &y));
        TRY(dnn_loss_evaluate(w->loss, y, target, &value, &dy));
        TRY(dnn_module_backward(r->net, dy, NULL));
        TRY(dnn_optimizer_step(r->opt));
    }
    return status == DNN_END ? DNN_OK : status;
}

static dnn_status validate(const work *w, run *r, double *mean) {
    const dnn_tensor *x, *target, *y;
    dnn_status status;
    double value, sum = 0;
    TRY(dnn_module_eval(r->net));
    while ((status = dnn_loader_next(r->validation, &x, &target)) == DNN_OK) {
        TRY(dnn_module_forward(r->net, x, &y));
        TRY(dnn_loss_evaluate(w->loss, y, target, &value, NULL));
        sum += value;
    }
    *mean = sum / (double)dnn_loader_batches(r->validation);
    return status == DNN_END ? DNN_OK : status;
}

static dnn_status train(const work *w, dnn_search *search, int64_t trial, run *r) {
    double value = 0;
    int64_t epoch = 0;
    TRY(begin(w, search, trial, r));
    for (int32_t go_on = 1; go_on;) {
        TRY(train_epoch(w, r));
        TRY(validate(w, r, &value));
        TRY(dnn_search_tell(search, trial, ++epoch, value, &go_on));
    }
    printf("trial %2lld: %2lld epochs, loss %.3f\n", (long long)trial, (long long)epoch, value);
    return DNN_OK;
}

static dnn_status run_trials(const work *w, dnn_search *search) {
    dnn_status status;
    int64_t trial;
    while ((status = dnn_search_next(search, &trial)) == DNN_OK) {
        run r = {NULL, NULL, NULL, NULL};
        status = train(w, search, trial, &r);
        end(&r);
        TRY(status);
    }
    return status == DNN_END ? DNN_OK : status;
}

/* ---- what came out ---- */

static dnn_status tell(const work *w, dnn_search *search) {
    dnn_report *report;
    char path[1024];
    TRY(dnn_search_report(&report, search));
    puts(dnn_report_text(report));
    snprintf(path, sizeof path, "%s/report.html", w->folder ? w->folder : ".");
    if (w->folder) TRY(dnn_report_write_html(w->ctx, path, report, NULL));
    return dnn_report_release(report);
}

static dnn_status tune(work *w) {
    dnn_search *search;
    TRY(make_data(w));
    TRY(make_search(w, &search));
    TRY(run_trials(w, search));
    TRY(tell(w, search));
    dnn_search_release(search);
    dnn_loss_release(w->loss);
    dnn_dataset_release(w->validation);
    return dnn_dataset_release(w->train);
}

int main(int argc, char **argv) {
    work w = {NULL, NULL, NULL, NULL, NULL, 0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) w.quick = 1;
        else if (strcmp(argv[i], "--folder") == 0 && i + 1 < argc) w.folder = argv[++i];
        else return fprintf(stderr, "tuning [--quick] [--folder FOLDER]\n"), 2;
    }
    dnn_status status = dnn_context_create(&w.ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 1});
    if (status == DNN_OK) status = tune(&w);
    if (status != DNN_OK) fprintf(stderr, "%s\n", dnn_last_error());
    dnn_context_release(w.ctx);
    return status == DNN_OK ? 0 : 1;
}
