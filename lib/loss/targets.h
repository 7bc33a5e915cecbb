/* Class numbers of whatever integer type. */
#ifndef DNNK_TARGETS_H
#define DNNK_TARGETS_H

#include "loss/loss.h"

static inline int64_t target_class(const dnnk_cross_entropy *loss, int64_t row) {
    switch (loss->target_type) {
    case DNNK_TARGET_U8: return ((const uint8_t *)loss->targets)[row];
    case DNNK_TARGET_I32: return ((const int32_t *)loss->targets)[row];
    default: return ((const int64_t *)loss->targets)[row];
    }
}

static inline bool target_ignored(const dnnk_cross_entropy *loss, int64_t target) {
    return loss->has_ignore_index && target == loss->ignore_index;
}

#endif
