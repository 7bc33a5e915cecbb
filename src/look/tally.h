/* The values of many samples of one shape, added up as they go by.
 *
 * Of each element of a sample: how many were finite, the least, the greatest, Σ d and Σ d² with d = x - first, in the
 * order of the samples; channels and the whole are put together from these at the end (Chan, Golub, LeVeque 1983).
 * What a lane adds up is cut by elements, so no sum depends on the number of lanes.
 *
 * Quantiles and histograms come from elements that are kept: of each channel one from each of `cells` stretches of
 * equal length, at a random place within it; all, where there are no more than that. */
#ifndef DNNI_LOOK_TALLY_H
#define DNNI_LOOK_TALLY_H

#include <dnn/look.h>

#include "core/tensor.h"

typedef struct dnni_tally {
    dnn_context *ctx;
    dnn_array item;
    int64_t samples;              /* in all: known before */
    int64_t seen;
    int64_t elements, channels;   /* of a sample; element j is of channel j mod channels */

    double *first, *sum, *squares, *low, *high; /* [elements] */
    int64_t *finite, *nans;                     /* [elements] */
    bool *broken;                               /* [elements]: there is a value that is no whole number */

    int64_t cells;     /* kept of each channel */
    int64_t next;      /* cell */
    double *kept;      /* [channels][cells]; sorted by dnni_tally_end, the finite ones in front */
    int64_t *sortable; /* [channels]: finite ones */
    double *all;       /* the kept ones of all channels, sorted likewise; the same as `kept` for one channel */
    int64_t all_sortable;
} dnni_tally;

/* An item of dtype NONE has no elements, and no channels. On failure dnni_tally_free is still due. */
dnn_status dnni_tally_begin(dnni_tally *tally, dnn_context *ctx, const dnn_array *item, int64_t samples);

/* The next n samples: rows of `batch`. */
void dnni_tally_take(dnni_tally *tally, const dnn_array *batch, int64_t n);

/* Sorts what was kept. */
dnn_status dnni_tally_end(dnni_tally *tally);
void dnni_tally_free(dnni_tally *tally);

/* Of one channel, or of all (-1). */
dnn_values dnni_tally_values(const dnni_tally *tally, int64_t channel);

/* What was kept, sorted, finite. */
const double *dnni_tally_kept(const dnni_tally *tally, int64_t channel, int64_t *n);

/* Whether element j had one value in all samples, which were at least two. */
bool dnni_tally_is_constant(const dnni_tally *tally, int64_t j);

#endif
