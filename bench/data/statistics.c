/* Mean and variance, fitted to a dataset in memory, beside a plain read of the same bytes by as many threads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/context.h"
#include "data.h"

enum { SIDE = 32, CHANNELS = 3, TASK = 1 << 20 };

typedef struct {
    dnn_context *ctx;
    dnn_dataset *dataset;
    dnn_statistics_per per;
    const uint64_t *words;
    int64_t count;
    uint64_t sums[4096];
} fit;

/* ---- the plain read ---- */

static void read_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    fit *f = arg;
    int64_t first = task * TASK, last = dnnk_min(first + TASK, f->count);
    uint64_t sum[8] = {0};
    for (int64_t i = first; i + 8 <= last; i += 8)
        for (int k = 0; k < 8; k++) sum[k] += f->words[i + k];
    for (int k = 0; k < 8; k++) f->sums[task] += sum[k];
}

static void read_call(void *arg) {
    fit *f = arg;
    dnnk_parallel(dnni_env(f->ctx), dnnk_ceil_div(f->count, TASK), read_task, f);
}

/* ---- the fit ---- */

static void fit_call(void *arg) {
    fit *f = arg;
    dnn_statistics *s;
    dnn_statistics_desc desc = {DNN_SIZED(dnn_statistics_desc), .per = f->per};
    bench_ok(dnn_statistics_fit(&s, f->dataset, &desc));
    dnn_statistics_release(s);
}

static void measure(dnn_context *ctx, dnn_dtype dtype, int64_t n) {
    fit f = {.ctx = ctx};
    dnn_tensor *x;
    const int64_t dims[4] = {n, SIDE, SIDE, CHANNELS};
    bench_ok(dnn_tensor_create(&x, ctx, dtype, 4, dims));
    int64_t bytes = dnn_tensor_count(x) * dnn_dtype_size(dtype);
    memset(dnn_tensor_data(x), 0x3e, (size_t)bytes);
    bench_ok(dnn_dataset_from_tensors(&f.dataset, x, NULL));
    f.words = dnn_tensor_const_data(x);
    f.count = bytes / 8;
    double reading = bench_fastest(read_call, &f);
    static const char *const names[2] = {"channel", "element"};
    for (int k = 0; k < 2; k++) {
        f.per = k ? DNN_PER_ELEMENT : DNN_PER_CHANNEL;
        double fitting = bench_fastest(fit_call, &f);
        printf("statistics per %s of %s: %.1f GB/s, %.2f of a plain read (%.1f GB/s)\n", names[k],
               dnn_dtype_name(dtype), (double)bytes / fitting * 1e-9, reading / fitting, (double)bytes / reading * 1e-9);
    }
    dnn_dataset_release(f.dataset);
    dnn_tensor_release(x);
}

void bench_statistics(dnn_context *ctx) {
    measure(ctx, DNN_U8, 160000);
    measure(ctx, DNN_F32, 40000);
    measure(ctx, DNN_F64, 20000);
}
