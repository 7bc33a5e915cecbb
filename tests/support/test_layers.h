/* Layers made for tests through layer.h: those that lean on every promise the plan makes (scratch and kept memory that
 * is overwritten whole, several outputs, work in place), and one that counts its calls and fails on order. */
#ifndef TEST_LAYERS_H
#define TEST_LAYERS_H

#include <dnn/dnn.h>
#include <stdbool.h>

/* What a probe has seen, and what it shall do. */
typedef struct probe_log {
    int forwards, backwards;
    int input_wanted, parameter_wanted; /* backwards that were asked for dx, for dw */
    int kept_given, trained;            /* forwards that were given memory to keep, that ran in training mode */
    int released;
    dnn_status fail_shape, fail_forward, fail_backward; /* DNN_OK: does not fail */
} probe_log;

/* y = w[0] · x, w one parameter "w" = 1 where `has_parameter`. Reads its input in backward then. */
dnn_module *test_probe(dnn_context *ctx, probe_log *log, bool has_parameter);

/* y0 = 2x, y1 = x²; y0 may lie over x, and dx over dy0. */
dnn_module *test_split(dnn_context *ctx);

/* a·b + c; may lie over a, and da over dy. */
dnn_module *test_multiply_add(dnn_context *ctx);

/* a[i] + b[n-1-i]; may lie over a, and da over dy: wrong if a and b were one array then. */
dnn_module *test_add_reversed(dnn_context *ctx);

/* x² · sign(x) by way of kept arrays (x itself, the signs as bytes) and scratch memory, which it fills whole. */
dnn_module *test_scratch(dnn_context *ctx);

/* exp(x / 8); in place, backward reads the output. */
dnn_module *test_exp(dnn_context *ctx);

/* x > 0 as int32: no gradient comes through, and there is no backward. */
dnn_module *test_signs(dnn_context *ctx);

/* x, in training plus the low bits of its stream: random, seen from outside. */
dnn_module *test_random(dnn_context *ctx);

/* No inputs: its parameter "w" of that size. */
dnn_module *test_constant(dnn_context *ctx, int64_t n);

#endif
