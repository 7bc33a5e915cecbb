/* Speed of the data room.
 *
 *     data [threads [part...]]     all parts, or those named
 *
 * Parts that want real data look for it in the folder that DNN_DATA_DIR names, and say so if it is not there. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    void (*run)(dnn_context *ctx);
} parts[] = {
    {"shuffle", bench_shuffle},
    {"augment", bench_augment},
    {"statistics", bench_statistics},
    {"folder", bench_folder},
    {"audit", bench_audit},
};

enum { PARTS = sizeof parts / sizeof *parts };

double bench_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_fastest(void (*call)(void *arg), void *arg) {
    double best = INFINITY, begin = bench_now();
    for (int64_t runs = 0; runs < 4 || bench_now() - begin < 1; runs++) {
        double start = bench_now();
        call(arg);
        best = fmin(best, bench_now() - start);
    }
    return best;
}

void bench_ok(dnn_status status) {
    if (status == DNN_OK) return;
    fprintf(stderr, "%s\n", dnn_last_error());
    exit(1);
}

static int wanted(int argc, char **argv, const char *name) {
    if (argc <= 2) return 1;
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return 1;
    return 0;
}

int main(int argc, char **argv) {
    dnn_context *ctx;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = argc > 1 ? atoi(argv[1]) : 1};
    bench_ok(dnn_context_create(&ctx, &desc));
    for (int i = 0; i < PARTS; i++)
        if (wanted(argc, argv, parts[i].name)) parts[i].run(ctx);
    dnn_context_release(ctx);
    return 0;
}
