/* A checkpoint of 100 MB beside the same bytes written plainly, in turns: `checkpoint FOLDER [ROUNDS]`. Plainly is a
 * new file, one write after another, fsync, close: the rate at which the disk takes a file. A checkpoint is a sum over
 * all bytes, a temporary file, fsync, rename, and fsync of the folder. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, fsync */
#include <dnn/dnn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ROUNDS = 99, PIECE = 1 << 20 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int fail(const char *what) {
    fprintf(stderr, "checkpoint: %s\n", what);
    return 1;
}

static bool write_all(int file, const char *data, int64_t bytes) {
    while (bytes > 0) {
        ssize_t put = write(file, data, (size_t)(bytes < PIECE ? bytes : PIECE));
        if (put <= 0) return false;
        data += put;
        bytes -= put;
    }
    return true;
}

/* Seconds; negative: it failed. */
static double plain(const char *path, const char *data, int64_t bytes) {
    unlink(path);
    double start = now();
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    bool done = file >= 0 && write_all(file, data, bytes) && fsync(file) == 0;
    if (file >= 0 && close(file) != 0) done = false;
    return done ? now() - start : -1;
}

static double checkpoint(const char *path, const dnn_checkpoint_parts *parts) {
    double start = now();
    return dnn_checkpoint_write(path, parts) == DNN_OK ? now() - start : -1;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int report(double *plainly, double *saved, int rounds, int64_t bytes) {
    double ratios[MOST_ROUNDS];
    for (int i = 0; i < rounds; i++) ratios[i] = plainly[i] / saved[i];
    qsort(plainly, (size_t)rounds, sizeof *plainly, compare);
    qsort(saved, (size_t)rounds, sizeof *saved, compare);
    qsort(ratios, (size_t)rounds, sizeof *ratios, compare);
    printf("%.1f MB: plainly %.0f MB/s, as a checkpoint %.0f MB/s; share of the disk's rate %.2f (%.2f-%.2f), %d rounds\n",
           (double)bytes / 1e6, (double)bytes / 1e6 / plainly[rounds / 2], (double)bytes / 1e6 / saved[rounds / 2],
           ratios[rounds / 2], ratios[0], ratios[rounds - 1], rounds);
    return 0;
}

static int measure(const char *folder, int rounds, const dnn_checkpoint_parts *parts) {
    char plain_path[4096], path[4096];
    struct stat about;
    snprintf(plain_path, sizeof plain_path, "%s/bench-plain.bin", folder);
    snprintf(path, sizeof path, "%s/bench-checkpoint.safetensors", folder);
    double plainly[MOST_ROUNDS], saved[MOST_ROUNDS];
    if (checkpoint(path, parts) < 0) return fail(dnn_last_error());
    if (stat(path, &about) != 0) return fail("the checkpoint is not there");
    char *data = calloc((size_t)about.st_size, 1);
    if (!data) return fail("out of memory");
    for (int64_t i = 0; i < about.st_size; i++) data[i] = (char)(i * 7 + i / 4096);
    int failed = 0;
    for (int i = 0; i < rounds && !failed; i++) {
        plainly[i] = plain(plain_path, data, about.st_size);
        saved[i] = checkpoint(path, parts);
        if (plainly[i] < 0) failed = fail("a file cannot be written");
        else if (saved[i] < 0) failed = fail(dnn_last_error());
    }
    free(data);
    unlink(plain_path);
    unlink(path);
    return failed ? failed : report(plainly, saved, rounds, about.st_size);
}

/* 12.5 million parameters, and as many numbers of momentum, which are there after the first step. */
static dnn_status make(dnn_context **ctx, dnn_module **net, dnn_optimizer **optimizer) {
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 5000, .out_features = 2500};
    dnn_status status = dnn_context_create(ctx, NULL);
    if (status != DNN_OK) return status;
    *net = dnn_linear(*ctx, &linear);
    status = dnn_sgd_create(optimizer, *net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = 0.1, .momentum = 0.9});
    return status == DNN_OK ? dnn_optimizer_step(*optimizer) : status;
}

int main(int argc, char **argv) {
    int rounds = argc > 2 ? atoi(argv[2]) : 9;
    if (argc < 2 || rounds < 1 || rounds > MOST_ROUNDS) return fail("checkpoint FOLDER [ROUNDS]");
    dnn_context *ctx = NULL;
    dnn_module *net = NULL;
    dnn_optimizer *optimizer = NULL;
    int failed = make(&ctx, &net, &optimizer) == DNN_OK ? 0 : fail(dnn_last_error());
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = net, .optimizer = optimizer};
    if (!failed) failed = measure(argv[1], rounds, &parts);
    dnn_optimizer_release(optimizer);
    dnn_module_release(net);
    dnn_context_release(ctx);
    return failed;
}
