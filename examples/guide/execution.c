/* The guide's page on execution, docs/guide/execution.md: a run that is written down, stopped, resumed, and compared with
 * another one.
 *
 *     execution [--quick] [FOLDER]
 *
 * Without a folder the runs go into one in /tmp, which is removed at the end. */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw, isatty */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { TRAIN = 4000, QUICK_TRAIN = 800, TEST = 400, BATCH = 40, PIXELS = 28 * 28, EPOCHS = 5, SAVE_EVERY = 15 };

typedef struct {
    dnn_context *ctx;
    dnn_dataset *train, *test;
    dnn_loss *loss;
    int argc;
    char **argv;
} work;

typedef struct {
    dnn_run *run;
    dnn_module *net;
    dnn_optimizer *opt;
    dnn_loader *loader;
    dnn_checkpoint_parts parts;
    int64_t first, last; /* steps: done before, and to be done in all */
} training;

/* ---- what is trained ---- */

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

static dnn_status make_net(const work *w, training *t, double lr) {
    TRY(dnn_context_seed(w->ctx, 1));
    TRY(dnn_sequential_create(&t->net, w->ctx));
    dnn_sequential_add(t->net, "flatten", dnn_flatten(w->ctx));
    dnn_sequential_add(t->net, "hidden", linear(w->ctx, PIXELS, 32));
    dnn_sequential_add(t->net, "relu", dnn_relu(w->ctx));
    dnn_sequential_add(t->net, "out", linear(w->ctx, 32, 10));
    TRY(dnn_module_error(t->net));
    TRY(dnn_adam_create(&t->opt, t->net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = lr}));
    dnn_loader_desc loader = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1};
    return dnn_loader_create(&t->loader, w->train, &loader);
}

/* ---- what is written down ---- */

static dnn_status describe(const work *w, training *t, double lr) {
    dnn_description *description;
    dnn_array batch = {.dtype = DNN_F32, .rank = 4, .dims = {BATCH, 28, 28, 1}};
    TRY(dnn_run_set_number(t->run, "lr", lr));
    TRY(dnn_run_set_number(t->run, "batch", BATCH));
    TRY(dnn_run_set_text(t->run, "optimizer", "adam"));
    TRY(dnn_run_set_data(t->run, "train", w->train, NULL));
    TRY(dnn_module_describe(&description, t->net, &batch, 1));
    TRY(dnn_run_set_model(t->run, description));
    return dnn_description_release(description);
}

static dnn_status begin(const work *w, training *t, const char *folder, double lr) {
    TRY(make_net(w, t, lr));
    TRY(dnn_run_create(&t->run, w->ctx, folder, &(dnn_run_desc){DNN_SIZED(dnn_run_desc), .mode = DNN_RUN_CONTINUE,
                                                                .argc = w->argc,
                                                                .argv = (const char *const *)w->argv}));
    TRY(describe(w, t, lr));
    t->parts = (dnn_checkpoint_parts){DNN_SIZED(dnn_checkpoint_parts), .module = t->net, .optimizer = t->opt,
                                      .loader = t->loader};
    dnn_status found = dnn_checkpoint_resume(folder, &t->parts, NULL);
    if (found != DNN_ERROR_NOT_FOUND) TRY(found); /* NOT_FOUND: this is the beginning */
    t->first = dnn_optimizer_steps(t->opt);
    t->last = EPOCHS * dnn_loader_batches(t->loader);
    return DNN_OK;
}

static void end(training *t) {
    dnn_run_release(t->run); /* first: it says that the run has stopped, unless it was ended */
    dnn_loader_release(t->loader);
    dnn_optimizer_release(t->opt);
    dnn_module_release(t->net);
}

/* ---- a bar, for people ---- */

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void show(const training *t, int64_t done, double began, double loss) {
    struct winsize window = {.ws_col = 80};
    char line[4 * 500];
    if (!isatty(STDOUT_FILENO)) return;
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
    dnn_bar bar = {DNN_SIZED(dnn_bar), .done = done, .total = t->last, .first = t->first,
                   .seconds = seconds() - began, .unit = "images", .units_per_step = BATCH, .has_loss = 1,
                   .loss = loss, .width = window.ws_col < 20 ? 20 : window.ws_col > 500 ? 500 : window.ws_col};
    if (dnn_bar_line(line, sizeof line, &bar) == DNN_OK) printf("\r%s%s", line, done == t->last ? "\n" : "");
    fflush(stdout);
}

/* ---- the loop ---- */

static dnn_status step(const work *w, training *t, double *loss) {
    const dnn_tensor *x, *target, *y, *dy;
    dnn_status status = dnn_loader_next(t->loader, &x, &target);
    if (status == DNN_END) status = dnn_loader_next(t->loader, &x, &target); /* the next epoch */
    TRY(status);
    TRY(dnn_optimizer_zero_grad(t->opt));
    TRY(dnn_module_forward(t->net, x, &y));
    TRY(dnn_loss_evaluate(w->loss, y, target, loss, &dy));
    TRY(dnn_module_backward(t->net, dy, NULL));
    return dnn_optimizer_step(t->opt);
}

static dnn_status test(const work *w, training *t, int64_t done) {
    dnn_tensor *x, *target;
    const dnn_tensor *y;
    dnn_predictor *predictor;
    double loss;
    TRY(dnn_dataset_get_range(&x, &target, w->test, 0, TEST));
    TRY(dnn_predictor_create(&predictor, t->net));
    TRY(dnn_predictor_run(predictor, x, &y));
    TRY(dnn_loss_evaluate(w->loss, y, target, &loss, NULL));
    TRY(dnn_run_add_scalar(t->run, "loss/test", done, loss));
    dnn_predictor_release(predictor);
    dnn_tensor_release(target);
    return dnn_tensor_release(x);
}

/* Up to so many steps in all. */
static dnn_status train(const work *w, training *t, const char *folder, int64_t until) {
    double loss, began = seconds();
    for (int64_t done = t->first + 1; done <= until; done++) {
        TRY(step(w, t, &loss));
        TRY(dnn_run_add_scalar(t->run, "loss/train", done, loss));
        if (done % SAVE_EVERY == 0 || done == t->last) {
            TRY(test(w, t, done));
            TRY(dnn_checkpoint_save(folder, &t->parts, NULL));
        }
        show(t, done, began, loss);
    }
    return DNN_OK;
}

/* `share` of the way; the whole is an end. */
static dnn_status run(const work *w, const char *folder, double lr, double share) {
    training t = {.run = NULL};
    dnn_status status = begin(w, &t, folder, lr);
    int64_t until = (int64_t)(share * (double)t.last);
    if (status == DNN_OK) printf("%s: from step %lld to %lld\n", strrchr(folder, '/') + 1, (long long)t.first, (long long)until);
    if (status == DNN_OK) status = train(w, &t, folder, until);
    if (t.run && (status != DNN_OK || share == 1)) {
        dnn_status ended = dnn_run_end(t.run, status);
        if (status == DNN_OK) status = ended;
    }
    if (status == DNN_OK && share == 1) status = dnn_run_write_html(w->ctx, NULL, folder, NULL);
    end(&t);
    return status;
}

/* ---- two runs ---- */

static dnn_status compare(const work *w, const char *a, const char *b) {
    dnn_report *report;
    TRY(dnn_run_compare(&report, w->ctx, a, b));
    puts(dnn_report_text(report));
    dnn_status status = dnn_report_find(report, "one-change", NULL);
    dnn_report_release(report);
    return status;
}

static dnn_status make_data(work *w, int64_t count) {
    dnn_dataset *digits;
    dnn_split_desc split = {DNN_SIZED(dnn_split_desc), .count = count};
    TRY(dnn_digits(&digits, w->ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = count + TEST}));
    TRY(dnn_dataset_split(&w->train, &w->test, digits, &split));
    TRY(dnn_dataset_release(digits));
    return dnn_cross_entropy_create(&w->loss, w->ctx, NULL);
}

static dnn_status story(work *w, const char *folder, int64_t count) {
    char slow[4000], fast[4000];
    snprintf(slow, sizeof slow, "%s/lr-0.001", folder);
    snprintf(fast, sizeof fast, "%s/lr-0.01", folder);
    TRY(make_data(w, count));
    TRY(run(w, slow, 0.001, 0.5)); /* somebody needs the machine */
    TRY(run(w, slow, 0.001, 1));   /* the same command, on the next day */
    TRY(run(w, fast, 0.01, 1));
    return compare(w, slow, fast);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where) {
    (void)about, (void)kind, (void)where;
    return remove(path);
}

int main(int argc, char **argv) {
    char temporary[] = "/tmp/execution-XXXXXX";
    int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    const char *folder = argc > quick + 1 ? argv[argc - 1] : mkdtemp(temporary);
    work w = {.argc = argc, .argv = argv};
    if (!folder || dnn_context_create(&w.ctx, NULL) != DNN_OK) return 1;
    dnn_status status = story(&w, folder, quick ? QUICK_TRAIN : TRAIN);
    if (status != DNN_OK) fprintf(stderr, "%s\n", dnn_last_error());
    dnn_loss_release(w.loss);
    dnn_dataset_release(w.test);
    dnn_dataset_release(w.train);
    dnn_context_release(w.ctx);
    if (folder == temporary) nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return status != DNN_OK;
}
