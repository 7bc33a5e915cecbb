/* libdnn: statistics: mean, deviation, minimum and maximum of a dataset's numbers, for standardising.
 *
 *     dnn_statistics_fit(&s, train, NULL);                    of the training part alone
 *     dnn_sequential_add(net, "standardize", dnn_standardize(ctx, s));
 *
 * So they are saved with the network's weights, and applied when it predicts.
 *
 * Threads: statistics do not change once they are made; any number of threads may read them.
 */
#ifndef DNN_STATISTICS_H
#define DNN_STATISTICS_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Over which numbers a statistic goes. */
typedef enum dnn_statistics_per {
    DNN_PER_CHANNEL = 0,  /* one for each place on the last axis: C of images (H, W, C), the columns of a table (D) */
    DNN_PER_ELEMENT = 10, /* one for each number of a sample */
    DNN_PER_DATASET = 20  /* one for all */
} dnn_statistics_per;

typedef struct dnn_statistics_desc {
    size_t size;
    dnn_statistics_per per; /* default: per channel */
    int32_t targets;        /* 1: of the targets, not of the inputs */
    int32_t skip_nan;       /* 1: numbers that are NaN or infinite are left out (a feature's count says how many are
                               left). Default: such a number is an error, with its sample */
    dnn_progress progress;
} dnn_statistics_desc;

/* Reads a dataset once, in parallel, as of epoch 0, and holds a few blocks of it at a time. Computed in double, by
 * blocks whose means and sums of squared deviations are combined in order (Chan, Golub and LeVeque 1983): as exact as
 * two passes, and the same bits for any number of threads. What lies in memory as bytes or float32 goes nearly as fast
 * as it can be read. `desc` may be NULL. Callbacks of the dataset run in the context's threads.
 * Errors: VALUE for a number that is not finite, and for a dataset without samples; what the dataset reports, with the
 * sample; what `progress` stops with; STATE: there are no targets; MEMORY. */
DNN_API dnn_status dnn_statistics_fit(dnn_statistics **out, dnn_dataset *dataset, const dnn_statistics_desc *desc);

/* Statistics known from elsewhere: mean and std of shape dims[rank], (C) say, finite, std at least 0; copied. NULL: all
 * 0, all 1 (a place for a file's numbers to be loaded into). Minimum and maximum are then infinite, counts 0. */
DNN_API dnn_status dnn_statistics_create(dnn_statistics **out, dnn_context *ctx, int32_t rank, const int64_t *dims,
                                         const double *mean, const double *std);

/* The statistics' shape: (C), a sample's, or () for one number; float64, data NULL. How many features that are (-1 on a
 * bad handle). */
DNN_API dnn_status dnn_statistics_shape(const dnn_statistics *statistics, dnn_array *shape);
DNN_API int64_t dnn_statistics_features(const dnn_statistics *statistics);

/* One number for each feature; lent, as long as the statistics live; NULL on a bad handle. The deviation is
 * sqrt(Σ (x - mean)² / count). */
DNN_API const double *dnn_statistics_mean(const dnn_statistics *statistics);
DNN_API const double *dnn_statistics_std(const dnn_statistics *statistics);
DNN_API const double *dnn_statistics_min(const dnn_statistics *statistics);
DNN_API const double *dnn_statistics_max(const dnn_statistics *statistics);
DNN_API const double *dnn_statistics_count(const dnn_statistics *statistics); /* whole numbers */

/* Writes them to a safetensors file with the float64 tensors mean, std, min, max and count, and reads them back, the
 * same bits. Errors: as weights.h has them. */
DNN_API dnn_status dnn_statistics_save(const dnn_statistics *statistics, const char *path);
DNN_API dnn_status dnn_statistics_load(dnn_statistics **out, dnn_context *ctx, const char *path);

DNN_API dnn_status dnn_statistics_retain(dnn_statistics *statistics);
DNN_API dnn_status dnn_statistics_release(dnn_statistics *statistics);

#ifdef __cplusplus
}
#endif

#endif
