/* Every transform there is, for the generic tests: how it is made, and made so that it does nothing. */
#ifndef TEST_TRANSFORM_TABLE_H
#define TEST_TRANSFORM_TABLE_H

#include <dnn/transform.h>
#include <stdbool.h>

typedef struct transform_row {
    const char *name;
    dnn_transform *(*make)(dnn_context *ctx);
    dnn_transform *(*nothing)(dnn_context *ctx); /* settings under which the input comes out as it was; NULL: none */
    bool is_random;
    bool moves;       /* pixels, and targets with them */
    bool wants_float; /* refuses uint8 */
    bool wants_bytes; /* refuses floats in [0, 1] */
    bool wants_known; /* refuses floats of unknown range */
    bool wants_rgb;   /* refuses one channel */
    bool cuts;        /* moves pixels by whole pixels: boxes stay whole numbers */
    bool repeats;     /* shows pixels more than once: beyond the edges */
    double fill;      /* what is beyond the edges else */
} transform_row;

extern const transform_row transform_rows[];
extern const int transform_row_count;

#endif
