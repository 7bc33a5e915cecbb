/* Metrics as the library sees them: counts and sums of classes, or of numbers. */
#ifndef DNNI_METRICS_H
#define DNNI_METRICS_H

#include <dnn/metrics.h>

#include "core/tensor.h"

/* Of rows whose confidence is in one bin. */
typedef struct dnni_bin {
    double rows, right, confidence;
} dnni_bin;

struct dnn_metrics {
    dnni_object base;
    dnn_metrics_desc desc; /* with defaults in place; names: NULL */
    char **names;          /* of the classes; NULL: their numbers */
    int64_t count, not_finite;

    /* classes */
    dnn_tensor *confusion; /* lent */
    double loss;           /* the sum */
    int64_t losses;        /* rows that are in it */
    int64_t in_top_k;
    dnni_bin *bins;
    double *row;         /* room for one row of probabilities */
    float *scores;       /* (rows, score_width()), if asked for */
    int32_t *labels;     /* of those rows */
    int64_t n_scores, scores_capacity, labels_capacity;

    /* numbers: sums over elements */
    double squares, absolutes, errors, largest;
    double target_mean, target_squares; /* Welford's: Σ (target - mean)² */
};

static inline bool dnni_of_classes(const dnn_metrics *m) { return m->desc.classes > 0; }

/* Scores that are kept of a row. */
static inline int64_t dnni_score_width(const dnn_metrics *m) { return m->desc.classes == 2 ? 1 : m->desc.classes; }

dnn_status dnni_classes_add(dnn_metrics *m, const dnn_array *y, const dnn_array *target);
dnn_status dnni_numbers_add(dnn_metrics *m, const dnn_array *y, const dnn_array *target);

/* NOT_FOUND if this kind has no such metric. */
dnn_status dnni_classes_get(dnn_metrics *m, const char *name, double *value);
dnn_status dnni_numbers_get(const dnn_metrics *m, const char *name, double *value);

/* One class's precision, recall, f1 or iou; false if there is no such name. */
bool dnni_class_get(const dnn_metrics *m, const char *name, int64_t class, double *value);

/* The area under the curve of one class against the rest; NaN if one of the two is empty. */
dnn_status dnni_auc(dnn_metrics *m, int64_t class, double *value);

#endif
