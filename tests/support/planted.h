/* Layers with one fault each, made through layer.h, for the test of the gradient check: what it does not find here, it
 * would not find in a user's layer. Bug 0 of every kind is none. */
#ifndef TEST_PLANTED_H
#define TEST_PLANTED_H

#include "support/layer_table.h"

typedef struct planted_bug {
    const char *name;
    dnn_module *(*make)(dnn_context *ctx, int bug);
    int bug;
    int32_t n_inputs;
    case_input inputs[2];
    const char *hint; /* what the check's hint must contain; NULL: any, or none */
} planted_bug;

/* With bug 0: layers without a fault. */
extern const planted_bug planted_bugs[];
extern const int planted_bug_count;

#endif
