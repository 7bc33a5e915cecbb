/* Samples and predictions as cells of one size, for a sheet: pictures, maps of classes, bars of classes, curves. */
#ifndef DNNI_SEE_CELLS_H
#define DNNI_SEE_CELLS_H

#include <dnn/see.h>

#include "inspect/canvas.h"
#include "look/thumbs.h"

/* What a module's output is, beside the target of the dataset. */
typedef enum dnni_answer {
    DNNI_CLASSES,   /* scores (K) for a class */
    DNNI_CLASS_MAP, /* scores (H, W, K) for a map of classes (H, W) */
    DNNI_IMAGE,     /* (H, W, C), (H, W) */
    DNNI_NUMBERS    /* anything else */
} dnni_answer;

typedef struct dnni_cells {
    dnni_pool pool;
    dnn_dataset *dataset;
    bool probabilities; /* scores are; otherwise logits */
    int64_t n;
    dnn_tensor *pixels; /* u8 (n, height, width, 3) */
    const char **captions;
    uint32_t *frames;
    unsigned char *blank;
    int64_t height, width;
} dnni_cells;

/* n empty cells, as large as the dataset's inputs want it. On failure dnni_cells_close is still due. */
dnn_status dnni_cells_open(dnni_cells *cells, dnn_dataset *dataset, int64_t n);
void dnni_cells_close(dnni_cells *cells);

/* They become a sheet. */
dnn_status dnni_cells_sheet(dnn_tensor **out, const dnni_cells *cells, int64_t columns, const char *title);

/* `output` and `target` are of one sample; a target of dtype NONE is none. */
dnni_answer dnni_answer_of(const dnn_dataset *dataset, const dnn_array *output, const dnn_array *target);

/* Whether the target is a picture beside the input: it then has a cell of its own. */
static inline bool dnni_has_target_cell(dnni_answer answer) {
    return answer == DNNI_CLASS_MAP || answer == DNNI_IMAGE;
}

/* Each draws cell `at` of one sample, with the caption; the output's has what it says as another line. */
dnn_status dnni_draw_input(dnni_cells *cells, int64_t at, const dnn_array *input, const char *caption);
dnn_status dnni_draw_target(dnni_cells *cells, int64_t at, const dnn_array *output, const dnn_array *target,
                            const char *caption);
dnn_status dnni_draw_output(dnni_cells *cells, int64_t at, const dnn_array *output, const dnn_array *target,
                            const char *caption);

/* Numbers as bars or a curve; the target, which may be NULL, as lines across the bars, or a pale curve. */
void dnni_draw_numbers(const dnni_canvas *canvas, const dnn_array *numbers, const dnn_array *target);

/* Sample i of a batch. */
dnn_array dnni_sample_of(const dnn_array *batch, int64_t i);

#endif
