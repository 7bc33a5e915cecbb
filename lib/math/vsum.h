/* Sums inside a body that are fast, exact enough and always the same: blocks of V_BLOCK terms, each taken by V_LANES
 * independent partial sums (which the compiler keeps in vector registers without being allowed to reorder anything)
 * that are folded in halves; the blocks' sums are added in double. So the rounding error is that of about
 * V_BLOCK / V_LANES + log2(V_LANES) additions in `real`, however long the sum. */
#ifndef DNNK_VSUM_H
#define DNNK_VSUM_H

#include "base/body.h"

#define V_LANES 32
#define V_BLOCK 1024

static inline double v_fold(real *lane) {
    for (int width = V_LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lane[l] += lane[l + width];
    return (double)lane[0];
}

/* Short rows would spend their time on folding: fewer than V_LANES terms are added one by one. */
#define V_SUM_SHORT(total, i, count, term)                                  \
    {                                                                       \
        real v_term[V_LANES], v_sum = 0;                                    \
        for (int64_t i = 0; i < (count); i++) v_term[i] = (term);           \
        for (int64_t i = 0; i < (count); i++) v_sum += v_term[i];           \
        (total) += (double)v_sum;                                           \
    }

#define V_SUM_LONG(total, i, count, term)                                   \
    for (int64_t v_block = 0; v_block < (count); v_block += V_BLOCK) {      \
        real v_lane[V_LANES] = {0};                                         \
        const int64_t v_end = dnnk_min((count), v_block + V_BLOCK);         \
        int64_t v_at = v_block;                                             \
        for (; v_at + V_LANES <= v_end; v_at += V_LANES)                    \
            for (int64_t v_l = 0; v_l < V_LANES; v_l++) {                   \
                const int64_t i = v_at + v_l;                               \
                v_lane[v_l] += (term);                                      \
            }                                                               \
        for (int64_t v_l = 0; v_at + v_l < v_end; v_l++) {                  \
            const int64_t i = v_at + v_l;                                   \
            v_lane[v_l] += (term);                                          \
        }                                                                   \
        (total) += v_fold(v_lane);                                          \
    }

/* total += the sum over i in [0, count) of `term`, an expression in i (any name) that may store to elements i of arrays
 * and does nothing else. `total` is a double. */
#define V_SUM(total, i, count, term)             \
    if ((count) < V_LANES)                       \
        V_SUM_SHORT(total, i, count, term)       \
    else                                         \
        V_SUM_LONG(total, i, count, term)

/* The maximum of x, -inf if count = 0. A NaN may be missed. */
static inline real v_max(int64_t count, const real *x) {
    real lane[V_LANES], max = -(real)INFINITY;
    int64_t i = 0;
    if (count >= V_LANES) {
        for (int l = 0; l < V_LANES; l++) lane[l] = max;
        for (; i + V_LANES <= count; i += V_LANES)
            for (int64_t l = 0; l < V_LANES; l++) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
        for (int width = V_LANES / 2; width > 0; width /= 2)
            for (int l = 0; l < width; l++) lane[l] = lane[l + width] > lane[l] ? lane[l + width] : lane[l];
        max = lane[0];
    }
    for (; i < count; i++) max = x[i] > max ? x[i] : max;
    return max;
}

#endif
