/* The audit: the nearest neighbours of 10,000 points of 3,072 values, and the whole of it on CIFAR's pictures. */
#include <stdio.h>
#include <stdlib.h>

#include "audit/neighbours.h"
#include "data.h"
#include "rng/rng.h"
#ifdef BENCH_HAS_IO
#include <dnn/io.h>
#endif

enum { N = 10000, DIMS = 3072, K = 10 };

static void measure_neighbours(dnn_context *ctx) {
    static const dnn_progress nobody;
    float *x = dnni_alloc_raw(ctx, (int64_t)N * DIMS, sizeof *x);
    dnni_points points = {x, N, DIMS};
    dnni_neighbours found;
    if (!x) exit(1);
    dnnk_fill_normal(dnni_env(ctx), DNNK_F32, 1, 1, 0, 1, (int64_t)N * DIMS, x);
    double start = bench_now();
    bench_ok(dnni_neighbours_find(&found, ctx, points, points, K, true, &nobody));
    double seconds = bench_now() - start;
    printf("nearest neighbours, %d x %d, k = %d: %.2f s, %.0f GFLOP/s\n", N, DIMS, K, seconds,
           (double)N * N * DIMS / seconds * 1e-9); /* half of the pairs, at two operations a value */
    dnni_neighbours_free(&found);
    dnni_free(ctx, x, (int64_t)N * DIMS, sizeof *x);
}

#ifdef BENCH_HAS_IO
static dnn_dataset *open_file(dnn_context *ctx, const char *name) {
    const char *folder = getenv("DNN_DATA_DIR"), *paths[1];
    char path[1024];
    dnn_dataset *dataset = NULL;
    snprintf(path, sizeof path, "%s/cifar10/%s", folder ? folder : ".", name);
    paths[0] = path;
    return folder && dnn_cifar_dataset(&dataset, ctx, paths, 1, NULL) == DNN_OK ? dataset : NULL;
}

static void measure_audit(dnn_context *ctx) {
    dnn_dataset *train = open_file(ctx, "data_batch_1.bin"), *test = open_file(ctx, "test_batch.bin");
    dnn_report *report;
    double start = bench_now();
    if (!train || !test) {
        printf("audit: DNN_DATA_DIR has no cifar10\n");
    } else {
        bench_ok(dnn_audit(&report, train, test, NULL));
        printf("audit of CIFAR-10, %lld + %lld pictures: %.2f s\n", (long long)dnn_dataset_count(train),
               (long long)dnn_dataset_count(test), bench_now() - start);
        dnn_report_release(report);
    }
    dnn_dataset_release(test);
    dnn_dataset_release(train);
}
#endif

void bench_audit(dnn_context *ctx) {
    measure_neighbours(ctx);
#ifdef BENCH_HAS_IO
    measure_audit(ctx);
#endif
}
