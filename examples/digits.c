/* The demo: a small CNN learns digits that are drawn by code. Before training it looks at the network, checks its gradients
 * and its first loss; afterwards it is tried on digits it has not seen, and leaves pictures to look at.
 *
 *     digits [--quick] [--out FOLDER]
 *
 * If DNN_DATA_DIR names a folder with mnist/t10k-*.gz, it also says how the network does on people's handwriting, which
 * it has never seen: the gap between a simulation and the world. */
#define _DEFAULT_SOURCE /* isatty and mkdir, under -std=c11 */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRY(call)                                                \
    do {                                                         \
        if ((call) != DNN_OK) {                                  \
            fprintf(stderr, "%s\n", dnn_last_error());           \
            return 1;                                            \
        }                                                        \
    } while (0)

enum { BATCH = 64, TRAIN = 20000, QUICK_TRAIN = 6400, TEST = 2000, EPOCHS = 5, QUICK_EPOCHS = 1, CURVE = 4096 };

typedef struct {
    dnn_context *ctx;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_dataset *train, *test;
    const char *folder;
    int quick;
    double curve[CURVE]; /* the loss of each step */
    int steps;
} demo;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the network ---- */

static dnn_module *conv(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {3}, .padding = 1});
}

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

static int build(demo *d) {
    dnn_context *ctx = d->ctx;
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    TRY(dnn_sequential_create(&d->net, ctx));
    dnn_sequential_add(d->net, "conv1", conv(ctx, 1, 16));
    dnn_sequential_add(d->net, "relu1", dnn_relu(ctx));
    dnn_sequential_add(d->net, "pool1", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(d->net, "conv2", conv(ctx, 16, 32));
    dnn_sequential_add(d->net, "relu2", dnn_relu(ctx));
    dnn_sequential_add(d->net, "pool2", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(d->net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(d->net, "fc1", linear(ctx, 7 * 7 * 32, 128));
    dnn_sequential_add(d->net, "relu3", dnn_relu(ctx));
    dnn_sequential_add(d->net, "dropout", dnn_dropout(ctx, 0.25));
    dnn_sequential_add(d->net, "fc2", linear(ctx, 128, 10));
    TRY(dnn_module_error(d->net));
    TRY(dnn_cross_entropy_create(&d->loss, ctx, NULL));
    TRY(dnn_adam_create(&d->opt, d->net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 1e-3}));
    return 0;
}

/* ---- before training ---- */

/* The plan is printed before anything is allocated for it. */
static int describe(demo *d) {
    dnn_array shape = {.dtype = DNN_F32, .rank = 4, .dims = {BATCH, 28, 28, 1}};
    dnn_description *description;
    TRY(dnn_module_describe(&description, d->net, &shape, 1));
    printf("%s\n", dnn_description_text(description));
    dnn_description_release(description);
    return 0;
}

/* An untrained network guesses: with ten classes its loss is near ln 10. */
static int check_first_loss(demo *d) {
    dnn_tensor *x, *target;
    const dnn_tensor *y;
    double value;
    TRY(dnn_dataset_get_range(&x, &target, d->train, 0, 256));
    TRY(dnn_module_eval(d->net));
    TRY(dnn_module_forward(d->net, x, &y));
    TRY(dnn_loss_evaluate(d->loss, y, target, &value, NULL));
    int fine = value < log(10) + 0.5;
    printf("check: first loss %.3f, ln 10 = %.3f: %s\n", value, log(10), fine ? "fine" : "too high");
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return fine ? 0 : 1;
}

static int check_gradients(demo *d) {
    dnn_tensor *x, *target;
    TRY(dnn_dataset_get_range(&x, &target, d->train, 0, 2));
    dnn_check_report *report;
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .mode = DNN_CHECK_SAMPLED, .loss = d->loss, .target = target};
    TRY(dnn_check_gradients(&report, d->net, (const dnn_tensor *[]){x}, 1, &options));
    dnn_check_figures figures = {DNN_SIZED(dnn_check_figures)};
    TRY(dnn_check_report_figures(report, &figures));
    printf("check: gradients %s: %lld derivatives in float64, the worst differs by %.1e\n",
           dnn_check_verdict_name(figures.verdict), (long long)figures.checked, figures.worst_error);
    int fine = figures.verdict == DNN_CHECK_PASS;
    if (!fine) printf("%s\n", dnn_check_report_text(report));
    dnn_check_report_release(report);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return fine ? 0 : 1;
}

/* ---- training ---- */

/* On a terminal only: a bar that is drawn over itself. */
static void progress(int epoch, int64_t batch, int64_t batches, double loss, double started) {
    if (!isatty(STDOUT_FILENO)) return;
    enum { WIDTH = 30 };
    char bar[WIDTH + 1] = "";
    int64_t full = batch * WIDTH / batches;
    for (int i = 0; i < WIDTH; i++) bar[i] = i < full ? '#' : '.';
    double rate = (double)(batch * BATCH) / (seconds() - started);
    printf("\repoch %d [%s] %5.0f images/s  loss %.3f ", epoch + 1, bar, rate, loss);
    if (batch == batches) printf("\r\033[K");
    fflush(stdout);
}

static int train_step(demo *d, const dnn_tensor *x, const dnn_tensor *target, double *value) {
    const dnn_tensor *y, *dy;
    TRY(dnn_optimizer_zero_grad(d->opt));
    TRY(dnn_module_forward(d->net, x, &y));
    TRY(dnn_loss_evaluate(d->loss, y, target, value, &dy));
    TRY(dnn_module_backward(d->net, dy, NULL));
    TRY(dnn_optimizer_step(d->opt));
    return 0;
}

/* Constant at first, then falling: the last epochs settle. */
static double rate(const demo *d, int epoch) {
    static const double rates[EPOCHS] = {1e-3, 1e-3, 1e-3, 3e-4, 1e-4};
    return d->quick ? 2e-3 : rates[epoch];
}

static int train_epoch(demo *d, dnn_loader *loader, int epoch) {
    const dnn_tensor *x, *target;
    double sum = 0, smooth = 0, started = seconds();
    int64_t batch = 0, batches = dnn_loader_batches(loader);
    dnn_status status;
    TRY(dnn_module_train(d->net));
    TRY(dnn_optimizer_set_lr(d->opt, rate(d, epoch)));
    while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) {
        double value;
        if (train_step(d, x, target, &value)) return 1;
        if (d->steps < CURVE) d->curve[d->steps++] = value;
        sum += value;
        smooth = batch == 0 ? value : 0.95 * smooth + 0.05 * value;
        progress(epoch, ++batch, batches, smooth, started);
    }
    if (status != DNN_END) TRY(status);
    printf("epoch %d: loss %.4f, %.1f s\n", epoch + 1, sum / (double)batch, seconds() - started);
    return 0;
}

static int train(demo *d) {
    dnn_loader *loader;
    dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1};
    TRY(dnn_loader_create(&loader, d->train, &desc));
    int failed = 0;
    for (int epoch = 0; epoch < (d->quick ? QUICK_EPOCHS : EPOCHS) && !failed; epoch++)
        failed = train_epoch(d, loader, epoch);
    dnn_loader_release(loader);
    return failed;
}

/* ---- after training ---- */

/* The class with the largest logit, for each row. */
static void guess(const dnn_tensor *y, int64_t *classes) {
    const float *logits = dnn_tensor_const_data(y);
    int64_t rows = dnn_tensor_dim(y, 0), columns = dnn_tensor_dim(y, 1);
    for (int64_t r = 0; r < rows; r++) {
        classes[r] = 0;
        for (int64_t c = 1; c < columns; c++)
            if (logits[r * columns + c] > logits[r * columns + classes[r]]) classes[r] = c;
    }
}

/* The share of right guesses over a whole dataset. */
static int accuracy(demo *d, dnn_dataset *dataset, double *share) {
    dnn_loader *loader;
    TRY(dnn_loader_create(&loader, dataset, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = 200}));
    TRY(dnn_module_eval(d->net));
    const dnn_tensor *x, *target, *y;
    int64_t right = 0, classes[200];
    dnn_status status;
    while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) {
        TRY(dnn_module_forward(d->net, x, &y));
        guess(y, classes);
        const int64_t *labels = dnn_tensor_const_data(target);
        for (int64_t i = 0; i < dnn_tensor_dim(target, 0); i++) right += classes[i] == labels[i];
    }
    if (status != DNN_END) TRY(status);
    *share = (double)right / (double)dnn_dataset_count(dataset);
    dnn_loader_release(loader);
    return 0;
}

static int try_real_digits(demo *d) {
    const char *data = getenv("DNN_DATA_DIR");
    if (!data) return 0;
    char images[1024], labels[1024];
    snprintf(images, sizeof images, "%s/mnist/t10k-images-idx3-ubyte.gz", data);
    snprintf(labels, sizeof labels, "%s/mnist/t10k-labels-idx1-ubyte.gz", data);
    if (access(images, R_OK) != 0) return 0;
    dnn_dataset *real;
    double share;
    TRY(dnn_idx_dataset(&real, d->ctx, images, labels, NULL));
    if (accuracy(d, real, &share)) return 1;
    printf("people's handwriting (MNIST, %lld images, never seen): %.2f %% right\n",
           (long long)dnn_dataset_count(real), 100 * share);
    dnn_dataset_release(real);
    return 0;
}

/* ---- pictures ---- */

/* Writes a picture and gives it back. */
static int keep(const demo *d, const char *name, const char *what, dnn_tensor *picture) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.png", d->folder, name);
    TRY(dnn_png_write(d->ctx, path, picture));
    printf("%s: %s\n", path, what);
    dnn_tensor_release(picture);
    return 0;
}

/* What the network is given: the first digits of the training set. */
static int picture_of_data(const demo *d) {
    dnn_tensor *x, *target, *sheet;
    TRY(dnn_dataset_get_range(&x, &target, d->train, 0, 60));
    dnn_sheet_desc look = {DNN_SIZED(dnn_sheet_desc), .title = "training digits, drawn by code", .columns = 10};
    TRY(dnn_sheet_create(&sheet, d->ctx, x, &look));
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return keep(d, "digits", "what it learns from", sheet);
}

static int picture_of_loss(const demo *d) {
    static double smooth[CURVE];
    for (int i = 0; i < d->steps; i++) smooth[i] = i == 0 ? d->curve[0] : 0.95 * smooth[i - 1] + 0.05 * d->curve[i];
    dnn_series lines[] = {{.y = d->curve, .count = d->steps, .label = "each step", .colour = 0xb0c4de},
                          {.y = smooth, .count = d->steps, .label = "smoothed", .colour = 0x1f4e9c}};
    dnn_plot_desc look = {DNN_SIZED(dnn_plot_desc), .title = "training loss", .x_label = "step",
                          .y_label = "cross-entropy", .y_log = 1};
    dnn_tensor *plot;
    TRY(dnn_plot_lines(&plot, d->ctx, lines, 2, &look));
    return keep(d, "loss", "the loss of each step", plot);
}

static int picture_of_filters(const demo *d) {
    dnn_parameter weight = {DNN_SIZED(dnn_parameter)};
    TRY(dnn_module_parameter(d->net, "conv1.weight", &weight));
    dnn_sheet_desc look = {DNN_SIZED(dnn_sheet_desc), .title = "filters of conv1", .columns = 8, .zoom = 16};
    dnn_tensor *sheet;
    TRY(dnn_sheet_filters(&sheet, d->ctx, weight.value, &look));
    return keep(d, "filters", "what the first layer looks for", sheet);
}

/* The test digits that it takes for others. */
static int find_mistakes(const demo *d, int64_t *places, char (*captions)[16], int64_t most, int64_t *found) {
    dnn_tensor *x, *target;
    const dnn_tensor *y;
    static int64_t classes[TEST];
    TRY(dnn_dataset_get_range(&x, &target, d->test, 0, TEST));
    TRY(dnn_module_eval(d->net));
    TRY(dnn_module_forward(d->net, x, &y));
    guess(y, classes);
    const int64_t *labels = dnn_tensor_const_data(target);
    for (int64_t i = 0; i < TEST && *found < most; i++) {
        if (classes[i] == labels[i]) continue;
        snprintf(captions[*found], sizeof captions[0], "%d, not %d", (int)labels[i], (int)classes[i]);
        places[(*found)++] = i;
    }
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return 0;
}

static int picture_of_mistakes(const demo *d) {
    enum { MOST = 24 };
    int64_t places[MOST], found = 0;
    char captions[MOST][16];
    const char *lines[MOST];
    if (find_mistakes(d, places, captions, MOST, &found) || found == 0) return found != 0;
    for (int i = 0; i < MOST; i++) lines[i] = captions[i];
    dnn_tensor *x, *target, *sheet;
    TRY(dnn_dataset_get(&x, &target, d->test, places, found));
    dnn_sheet_desc look = {DNN_SIZED(dnn_sheet_desc), .title = "mistakes", .captions = lines, .columns = 6, .zoom = 3};
    TRY(dnn_sheet_create(&sheet, d->ctx, x, &look));
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    return keep(d, "mistakes", "what it still gets wrong", sheet);
}

static int keep_pictures(const demo *d) {
    return picture_of_data(d) || picture_of_loss(d) || picture_of_filters(d) || picture_of_mistakes(d);
}


static int keep_weights(const demo *d) {
    char path[1024];
    snprintf(path, sizeof path, "%s/digits.safetensors", d->folder);
    TRY(dnn_weights_save(d->net, path, NULL));
    printf("%s: the weights\n", path);
    return 0;
}

/* ---- */

static int run(demo *d) {
    printf("%s\n\n", dnn_context_describe(d->ctx));
    int64_t count = d->quick ? QUICK_TRAIN : TRAIN;
    TRY(dnn_digits(&d->train, d->ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = count}));
    TRY(dnn_digits(&d->test, d->ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .first = TRAIN, .count = TEST}));
    if (build(d) || describe(d) || check_first_loss(d) || check_gradients(d)) return 1;
    double started = seconds(), share;
    if (train(d) || accuracy(d, d->test, &share)) return 1;
    printf("%d digits that it has not seen: %.2f %% right, after %.1f s\n", TEST, 100 * share, seconds() - started);
    if (try_real_digits(d) || keep_pictures(d) || keep_weights(d)) return 1;
    return share >= (d->quick ? 0.8 : 0.98) ? 0 : 1;
}

static void release(demo *d) {
    dnn_dataset_release(d->test);
    dnn_dataset_release(d->train);
    dnn_optimizer_release(d->opt);
    dnn_loss_release(d->loss);
    dnn_module_release(d->net);
    dnn_context_release(d->ctx);
}

int main(int argc, char **argv) {
    static demo d = {.folder = "demo-output"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) d.quick = 1;
        else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc) d.folder = argv[++i];
        else {
            fprintf(stderr, "usage: digits [--quick] [--out FOLDER]\n");
            return 2;
        }
    }
    mkdir(d.folder, 0777); /* if it cannot be made, the first picture says so */
    TRY(dnn_context_create(&d.ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 1}));
    int failed = run(&d);
    release(&d);
    return failed;
}
