/* oneDNN's convolutions, for comparison. Where it was not found when the bench was built, there are none. */
#ifndef BENCH_ONEDNN_H
#define BENCH_ONEDNN_H

#include "conv/conv.h"

typedef struct onednn_conv onednn_conv;

/* Once, before all else; false: there is no oneDNN, or not one whose threads can be set. */
bool onednn_start(int64_t threads);

/* Direction 0: forward, 1: gradient of the data, 2: of the weights. All tensors in the layouts that oneDNN likes best, so
 * nothing is reordered; its choice of the algorithm. NULL: it cannot. */
onednn_conv *onednn_conv_create(const dnnk_conv *c, int direction);
void onednn_conv_run(void *conv);
void onednn_conv_release(onednn_conv *conv);

#endif
