/* Nearest neighbours, exactly, of all points at once. */
#ifndef DNNI_NEIGHBOURS_H
#define DNNI_NEIGHBOURS_H

#include <dnn/data.h>

#include "core/context.h"

/* n points of `dims` numbers each, one after another, all finite. */
typedef struct dnni_points {
    const float *x;
    int64_t n, dims;
} dnni_points;

/* The k nearest of each of n points, the nearest first; of equally near ones the one with the smaller number. Where
 * there are fewer, the places that are left have index -1 and an infinite distance. */
typedef struct dnni_neighbours {
    dnn_context *ctx; /* NULL: empty */
    int64_t n, k;
    int64_t *index;  /* [n, k] */
    float *distance; /* [n, k], Euclidean */
} dnni_neighbours;

/* Finds, for each query, its neighbours in `base`. A point is no neighbour of the one with its own number where
 * `other_numbers` is set: of itself, if base is the queries (the same pointer; half of the work is then enough), or of
 * its own mirror image.
 *
 * |q - b|² = |q|² + |b|² - 2 q·b, in tiles: the products by GEMM, in float32, from which each row takes its k nearest
 * as tiles pass by. The distances of those are then computed again, in double and without the difference of large
 * numbers. What tiles there are follows from n and dims: the same answer, bit for bit, on any number of threads. Points
 * far from the origin lose digits: centre them first. */
dnn_status dnni_neighbours_find(dnni_neighbours *out, dnn_context *ctx, dnni_points queries, dnni_points base,
                                int64_t k, bool other_numbers, const dnn_progress *progress);

void dnni_neighbours_free(dnni_neighbours *neighbours);

#endif
