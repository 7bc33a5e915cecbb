#include "onednn.h"

bool onednn_start(int64_t threads) {
    (void)threads;
    return false;
}

onednn_conv *onednn_conv_create(const dnnk_conv *c, int direction) {
    (void)c, (void)direction;
    return NULL;
}

void onednn_conv_run(void *conv) { (void)conv; }

void onednn_conv_release(onednn_conv *conv) { (void)conv; }
