#ifndef DNNK_CONV_REFERENCE_H
#define DNNK_CONV_REFERENCE_H

#include "base/tables.h"
#include "conv/conv.h"

typedef struct dnnk_conv_ref_table {
    void (*forward)(const dnnk_conv *c, const void *x, const void *w, const dnnk_epilogue *epilogue, void *y);
    void (*backward_data)(const dnnk_conv *c, const void *dy, const void *w, void *dx);              /* accumulates */
    void (*backward_weights)(const dnnk_conv *c, const void *x, const void *dy, void *dw, void *db); /* accumulates */
} dnnk_conv_ref_table;

DNNK_DECLARE_TABLES(conv_ref)

#endif
