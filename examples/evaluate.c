/* A process of its own that evaluates the checkpoints of a run: all metrics for each, the best of them, and what it
 * does well and badly. Training then waits for nobody, and may be on another machine.
 *
 *     evaluate --train FOLDER                    trains a CNN on digits drawn by code, and saves checkpoints
 *     evaluate [--watch] [--best METRIC] FOLDER  evaluates what is there; with --watch, what comes, too
 *
 * The best by METRIC ("accuracy"; any name of dnn/metrics.h) is kept as FOLDER-best.safetensors, weights alone,
 * whatever the training removes; FOLDER-best.html is a page on it: its classes, what it confuses, its samples at the
 * minimum, the quartiles and the maximum of their loss.
 * (Not in the folder: only one process at a time writes there, and that is the training.)
 * --watch ends when nothing new has come for --patience seconds (600). */
#define _DEFAULT_SOURCE /* mkdtemp, fork, usleep, under -std=c11 */
#include <dirent.h>
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { CLASSES = 10, BATCH = 50, MOST_CHECKPOINTS = 4096, METRICS = 6, POLL_MS = 200 };

static const char *const metric_names[METRICS] = {"loss", "accuracy", "top_k", "f1", "auc", "calibration_error"};

typedef struct {
    const char *folder, *best;
    int watch, train, quick;
    double patience; /* seconds */
    int64_t count;   /* samples to train on; a quarter of them to test with */
    pid_t trainer;   /* the process that is waited for, with --quick; otherwise 0 */
} options;

/* ---- the network that the run is about ---- */

static dnn_module *conv(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {3}, .padding = 1});
}

static dnn_status build(dnn_module **net, dnn_context *ctx) {
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    dnn_linear_desc fc = {DNN_SIZED(dnn_linear_desc), .in_features = 7 * 7 * 16, .out_features = CLASSES};
    TRY(dnn_sequential_create(net, ctx));
    dnn_sequential_add(*net, "conv1", conv(ctx, 1, 8));
    dnn_sequential_add(*net, "relu1", dnn_relu(ctx));
    dnn_sequential_add(*net, "pool1", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(*net, "conv2", conv(ctx, 8, 16));
    dnn_sequential_add(*net, "relu2", dnn_relu(ctx));
    dnn_sequential_add(*net, "pool2", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(*net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(*net, "fc", dnn_linear(ctx, &fc));
    return dnn_module_error(*net);
}

/* Digits `first` and on: other ones to test with than to train on. */
static dnn_status open_digits(dnn_dataset **out, dnn_context *ctx, int64_t first, int64_t count) {
    return dnn_digits(out, ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .first = first, .count = count});
}

/* ---- training, in a process of its own ---- */

static dnn_status train_step(const dnn_checkpoint_parts *parts, dnn_loss *loss) {
    const dnn_tensor *x, *target, *y, *dy;
    dnn_status status = dnn_loader_next(parts->loader, &x, &target);
    if (status != DNN_OK) return status; /* DNN_END, too */
    TRY(dnn_optimizer_zero_grad(parts->optimizer));
    TRY(dnn_module_forward(parts->module, x, &y));
    TRY(dnn_loss_evaluate(loss, y, target, NULL, &dy));
    TRY(dnn_module_backward(parts->module, dy, NULL));
    return dnn_optimizer_step(parts->optimizer);
}

static dnn_status train(dnn_context *ctx, const options *o) {
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts)};
    dnn_dataset *digits;
    dnn_loss *loss;
    int64_t epochs = 5, step = 0;
    TRY(open_digits(&digits, ctx, 0, o->count));
    TRY(build(&parts.module, ctx));
    TRY(dnn_cross_entropy_create(&loss, ctx, NULL));
    TRY(dnn_adam_create(&parts.optimizer, parts.module, NULL));
    TRY(dnn_loader_create(&parts.loader, digits,
                          &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1}));
    for (int64_t epoch = 0, every = o->count / BATCH / 2; epoch < epochs;) {
        dnn_status status = train_step(&parts, loss);
        if (status == DNN_END) epoch++;
        else TRY(status);
        if (status == DNN_OK && ++step % every == 0) TRY(dnn_checkpoint_save(o->folder, &parts, NULL));
    }
    dnn_loader_release(parts.loader);
    dnn_optimizer_release(parts.optimizer);
    dnn_loss_release(loss);
    dnn_module_release(parts.module);
    return dnn_dataset_release(digits);
}

/* ---- evaluating one checkpoint ---- */

typedef struct {
    const options *o;
    dnn_context *ctx;
    dnn_module *net;
    dnn_dataset *test;
    dnn_metrics *metrics;
    int64_t seen[MOST_CHECKPOINTS], n_seen;
    int64_t best_number;
    double best, history[MOST_CHECKPOINTS]; /* of the metric that decides */
} evaluation;

static dnn_status measure(evaluation *e) {
    dnn_predictor *predictor;
    dnn_loader *loader;
    const dnn_tensor *x, *target, *y;
    dnn_status status;
    TRY(dnn_metrics_reset(e->metrics));
    TRY(dnn_predictor_create(&predictor, e->net));
    TRY(dnn_loader_create(&loader, e->test, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = BATCH}));
    while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) {
        TRY(dnn_predictor_run(predictor, x, &y));
        TRY(dnn_metrics_add(e->metrics, y, target));
    }
    dnn_loader_release(loader);
    dnn_predictor_release(predictor);
    return status == DNN_END ? DNN_OK : status;
}

/* Of these the smaller value is the better one. */
static int is_better(const char *metric, double value, double best) {
    int less = strcmp(metric, "loss") == 0 || strcmp(metric, "calibration_error") == 0;
    return isnan(best) || (less ? value < best : value > best);
}

static dnn_status print_row(evaluation *e, int64_t number) {
    printf("%10lld", (long long)number);
    for (int i = 0; i < METRICS; i++) {
        double value;
        TRY(dnn_metrics_get(e->metrics, metric_names[i], &value));
        printf("  %17.4f", value);
    }
    printf("\n");
    fflush(stdout);
    return DNN_OK;
}

static dnn_status keep_if_best(evaluation *e, int64_t number) {
    char path[4096];
    double value;
    TRY(dnn_metrics_get(e->metrics, e->o->best, &value));
    e->history[e->n_seen - 1] = value;
    if (!is_better(e->o->best, value, e->best)) return DNN_OK;
    e->best = value;
    e->best_number = number;
    snprintf(path, sizeof path, "%s-best.safetensors", e->o->folder);
    return dnn_weights_save(e->net, path, NULL);
}

/* A checkpoint that training has just removed, or that is damaged, is no reason to stop. */
static dnn_status evaluate(evaluation *e, int64_t number) {
    char path[4096];
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = e->net}; /* the weights are all we need */
    e->seen[e->n_seen++] = number;
    e->history[e->n_seen - 1] = NAN;
    snprintf(path, sizeof path, "%s/checkpoint-%012lld.safetensors", e->o->folder, (long long)number);
    dnn_status status = dnn_checkpoint_read(path, &parts);
    if (status == DNN_ERROR_NOT_FOUND || status == DNN_ERROR_FORMAT || status == DNN_ERROR_IO) {
        printf("%10lld  left out: %s\n", (long long)number, dnn_last_error());
        return DNN_OK;
    }
    TRY(status);
    TRY(measure(e));
    TRY(print_row(e, number));
    return keep_if_best(e, number);
}

/* ---- the folder ---- */

static int is_seen(const evaluation *e, int64_t number) {
    for (int64_t i = 0; i < e->n_seen; i++)
        if (e->seen[i] == number) return 1;
    return 0;
}

/* The smallest number that has not been looked at; -1: none. */
static int64_t next_checkpoint(const evaluation *e) {
    DIR *folder = opendir(e->o->folder);
    const struct dirent *entry;
    int64_t next = -1;
    while (folder && (entry = readdir(folder))) {
        char rest[16];
        long long number;
        if (sscanf(entry->d_name, "checkpoint-%12lld.%15s", &number, rest) != 2 || strcmp(rest, "safetensors") != 0)
            continue;
        if (!is_seen(e, number) && (next < 0 || number < next)) next = number;
    }
    if (folder) closedir(folder);
    return e->n_seen < MOST_CHECKPOINTS ? next : -1;
}

/* When nothing more will come: then one last look is due. */
static int is_over(const options *o, double waited) {
    siginfo_t about = {.si_pid = 0};
    if (!o->watch) return 1;
    if (!o->trainer) return waited >= o->patience;
    return waitid(P_PID, (id_t)o->trainer, &about, WEXITED | WNOHANG | WNOWAIT) != 0 || about.si_pid != 0;
}

static dnn_status evaluate_folder(evaluation *e) {
    double waited = 0;
    int over = 0;
    printf("checkpoint");
    for (int i = 0; i < METRICS; i++) printf("  %17s", metric_names[i]);
    printf("\n");
    for (;;) {
        int64_t number = next_checkpoint(e);
        if (number >= 0) {
            TRY(evaluate(e, number));
            waited = 0;
        } else if (over) {
            return DNN_OK;
        } else if (!(over = is_over(e->o, waited))) {
            usleep(POLL_MS * 1000);
            waited += POLL_MS / 1000.0;
        }
    }
}

/* ---- what was found ---- */

static dnn_status show_curve(const evaluation *e) {
    char text[8192], title[128];
    double numbers[MOST_CHECKPOINTS];
    snprintf(title, sizeof title, "%.60s by checkpoint", e->o->best);
    for (int64_t i = 0; i < e->n_seen; i++) numbers[i] = (double)e->seen[i];
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .title = title, .x_label = "step", .height = 10};
    dnn_series curve = {.x = numbers, .y = e->history, .count = e->n_seen};
    if (dnn_plot_text(e->ctx, &curve, 1, &d, text, sizeof text) < 0) return DNN_ERROR_MEMORY;
    printf("\n%s", text);
    return DNN_OK;
}

/* The loss of each sample by itself; those at its minimum, quartiles and maximum as a picture. */
static dnn_status add_samples(evaluation *e, dnn_report *report) {
    dnn_tensor *sheet;
    dnn_metrics_desc classes = {DNN_SIZED(dnn_metrics_desc), .classes = CLASSES};
    double *losses = malloc((size_t)dnn_dataset_count(e->test) * sizeof *losses);
    if (!losses) return dnn_fail(DNN_ERROR_MEMORY, "no memory for the losses");
    TRY(dnn_sample_metric(losses, e->net, e->test, &classes, "loss"));
    TRY(dnn_sheet_predictions(&sheet, e->net, e->test,
                              &(dnn_predictions_desc){DNN_SIZED(dnn_predictions_desc), .values = losses, .name = "loss",
                                                      .title = "easy, usual, hard"}));
    free(losses);
    TRY(dnn_report_add_picture(report, "samples", sheet));
    return dnn_tensor_release(sheet);
}

static dnn_status show_best(evaluation *e) {
    char path[4096];
    dnn_report *report;
    if (isnan(e->best)) return dnn_fail(DNN_ERROR_NOT_FOUND, "there is no whole checkpoint in the folder");
    TRY(show_curve(e));
    printf("\nbest by %s: checkpoint %lld, %.4f\n", e->o->best, (long long)e->best_number, e->best);
    snprintf(path, sizeof path, "%s-best.safetensors", e->o->folder);
    TRY(dnn_weights_load(e->net, path, NULL));
    TRY(measure(e));
    TRY(dnn_metrics_report(&report, e->metrics));
    puts(dnn_report_text(report));
    TRY(add_samples(e, report));
    snprintf(path, sizeof path, "%s-best.html", e->o->folder);
    TRY(dnn_report_write_html(e->ctx, path, report, "the best checkpoint"));
    printf("with pictures: %s\n", path);
    return dnn_report_release(report);
}

static dnn_status evaluate_run(dnn_context *ctx, const options *o, evaluation *e) {
    dnn_metrics_desc classes = {DNN_SIZED(dnn_metrics_desc), .classes = CLASSES, .k = 3, .auc = 1};
    *e = (evaluation){.o = o, .ctx = ctx, .best = NAN, .best_number = -1};
    TRY(open_digits(&e->test, ctx, o->count, o->count / 4));
    TRY(build(&e->net, ctx));
    TRY(dnn_metrics_create(&e->metrics, ctx, &classes));
    TRY(evaluate_folder(e));
    TRY(show_best(e));
    dnn_metrics_release(e->metrics);
    dnn_module_release(e->net);
    return dnn_dataset_release(e->test);
}

/* ---- the program ---- */

static evaluation found;

static int run(const options *o) {
    dnn_context *ctx;
    dnn_status status = dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 1});
    if (status == DNN_OK) status = o->train ? train(ctx, o) : evaluate_run(ctx, o, &found);
    if (status != DNN_OK) {
        fprintf(stderr, "%s\n", dnn_last_error());
        return 1;
    }
    dnn_context_release(ctx);
    return 0;
}

static void remove_folder(const char *path) {
    DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        char file[4096];
        snprintf(file, sizeof file, "%.2000s/%.255s", path, entry->d_name);
        if (entry->d_name[0] != '.') remove(file);
    }
    if (folder) closedir(folder);
    rmdir(path);
    for (int i = 0; i < 2; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%.4000s-best.%s", path, i ? "html" : "safetensors");
        remove(file);
    }
}

/* Two processes, as in earnest: one trains, the other watches. */
static int quick(void) {
    char folder[] = "/tmp/evaluate-XXXXXX";
    int status = 1;
    if (!mkdtemp(folder)) return 1;
    options o = {.folder = folder, .best = "accuracy", .quick = 1, .count = 800};
    pid_t child = fork();
    if (child < 0) return 1;
    o.train = child == 0;
    if (child == 0) _exit(run(&o));
    o.watch = 1;
    o.trainer = child;
    int failed = run(&o);
    waitpid(child, &status, 0);
    remove_folder(folder);
    if (failed || status != 0) return 1;
    return found.n_seen < 1 || found.best < 0.6;
}

/* "run/" is "run": names are made by appending. */
static char *trimmed(char *path) {
    for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--) path[n - 1] = '\0';
    return path;
}

static int read_options(options *o, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) o->quick = 1;
        else if (strcmp(argv[i], "--train") == 0) o->train = 1;
        else if (strcmp(argv[i], "--watch") == 0) o->watch = 1;
        else if (strcmp(argv[i], "--best") == 0 && i + 1 < argc) o->best = argv[++i];
        else if (strcmp(argv[i], "--patience") == 0 && i + 1 < argc) o->patience = atof(argv[++i]);
        else if (argv[i][0] != '-' && !o->folder) o->folder = trimmed(argv[i]);
        else return 0;
    }
    return o->quick || o->folder;
}

int main(int argc, char **argv) {
    options o = {.best = "accuracy", .patience = 600, .count = 8000};
    if (!read_options(&o, argc, argv)) {
        fprintf(stderr, "usage: evaluate --train FOLDER\n"
                        "       evaluate [--watch] [--patience SECONDS] [--best METRIC] FOLDER\n");
        return 2;
    }
    return o.quick ? quick() : run(&o);
}
